// Flows in words: ovs-ofctl's syntax, with tables and registers by their names.
import { readFileSync } from 'node:fs'
import { printFlow } from 'node-openflow/flow'
import { type Bridge, bridges, type FlowEntry, type Pipeline, type Table } from '#compiler'
import { nameRegisters } from './register-text.ts'

/** What prints the flows of a bridge. */
export interface FlowText {
  /** The whole flow on one line. */
  print(bridge: Bridge, flow: FlowEntry['flow']): string
  /** Its match and its actions, apart. */
  parts(bridge: Bridge, flow: FlowEntry['flow']): { readonly match: string; readonly actions: string }
  tableAt(bridge: Bridge, number: number): Table | undefined
  nameOf(bridge: Bridge, number: number): string
}

/** Prints the flows of a pipeline. */
export const flowText = (pipeline: Pipeline): FlowText => {
  const perBridge = Object.fromEntries(
    bridges.map(bridge => {
      const tables = new Map(pipeline.tables.filter(t => t.bridge === bridge).map(table => [table.number, table]))
      const names = { tables: Object.fromEntries([...tables].map(([number, { name }]) => [number, name])) }
      return [bridge, { tables, names }]
    }),
  )
  const named = nameRegisters(pipeline)
  const print = (bridge: Bridge, flow: FlowEntry['flow']) =>
    named(bridge, flow.table, printFlow(flow, { names: perBridge[bridge]!.names }))
  const tableAt = (bridge: Bridge, number: number) => perBridge[bridge]!.tables.get(number)
  return {
    print,
    parts: (bridge, flow) => {
      // The names of tables need no quotes, being ours.
      const text = print(bridge, flow).replaceAll('"', '')
      const [head = '', actions = ''] = text.split(' actions=')
      return { match: /priority=\d+,?(.*)$/.exec(head)?.[1] ?? '', actions }
    },
    tableAt,
    nameOf: (bridge, number) => tableAt(bridge, number)?.name ?? `table ${number}`,
  }
}

const documents = new Map<string, { readonly file: string; readonly description: string }>()

/** The file of a table and the first paragraph of its comment: what the table does, in the words of its author. */
export const documentOf = (table: Table): { readonly file: string; readonly description: string } => {
  const known = documents.get(table.file)
  if (known !== undefined) return known
  const url = new URL(`../../${table.file}`, import.meta.url)
  const comment = /\/\*\*([\s\S]*?)\n \*\n/.exec(readFileSync(url, 'utf8'))?.[1] ?? ''
  const description = comment.replaceAll(/\s*\n \* ?/g, ' ').trim()
  const document = { file: table.file, description }
  documents.set(table.file, document)
  return document
}
