// What the API and the CLI show of the running fabric: answers from programming, the compiler and the pipeline's files.
import type { DiffView, ExplanationView, FabricView, FlowFilter, FlowView, SourceView } from '#api'
import { type Bridge, bridges, type Compiler, type FlowEntry, type Pipeline, slotOf } from '#compiler'
import type { ChassisSessions } from '#fabric/chassis/index'
import type { GatewayWatch } from '#fabric/gateways'
import type { CountedFlow, Programming } from '#fabric/programming/index'
import { entriesAt, showDrift } from './chassis-flows.ts'
import { dropReason } from './drop-reason.ts'
import { documentOf, flowText } from './flow-text.ts'
import { remoteGroupsIn } from './remote-groups.ts'

/** What is shown. */
export interface Shown {
  readonly compiler: Compiler
  readonly programming: Programming
  readonly sessions: ChassisSessions
  readonly gateways: GatewayWatch
  readonly pipeline: Pipeline
}

type FlowData = FlowEntry['flow']

/** The fabric as the API asks for it. */
export const fabricView = ({ compiler, programming, sessions, gateways, pipeline }: Shown): FabricView => {
  const { print, tableAt, nameOf } = flowText(pipeline)
  const show = (bridge: Bridge, flow: FlowData, sources: readonly SourceView[]): FlowView => ({
    bridge,
    table: nameOf(bridge, flow.table),
    cookie: flow.cookie,
    text: print(bridge, flow),
    sources,
  })
  const showEntry = (entry: FlowEntry) => show(entry.bridge, entry.flow, entry.sources)

  const counted = async (chassis: string, bridge: Bridge) => {
    const bySlot = new Map<string, CountedFlow>()
    for await (const part of programming.installed(chassis, bridge))
      for (const flow of part) bySlot.set(slotOf(bridge, flow.table, flow.priority, flow.match), flow)
    return bySlot
  }

  const isWanted = (filter: FlowFilter) => (flow: FlowView & { readonly number: number }) =>
    (filter.table === undefined || filter.table === flow.table || filter.table === String(flow.number)) &&
    (filter.sources === undefined || flow.sources.some(({ id }) => filter.sources?.has(id)))

  return {
    tables: pipeline.tables.map(({ bridge, number, name }) => ({ bridge, number, name })),
    session: id => {
      const state = sessions.state(id)
      return state && { ...state, bfd: gateways.seenBy(id), problems: [...state.problems, ...gateways.problems(id)] }
    },
    strangers: () => sessions.strangers(),
    programming: id => {
      const status = programming.status(id)
      if (status === undefined) return undefined
      const bridge = (name: Bridge) => ({ ...status.bridges[name], flows: compiler.flowCount(id, name) })
      return { ...status, bridges: { 'br-int': bridge('br-int'), 'br-tun': bridge('br-tun') } }
    },
    flows: async (id, filter) => {
      const found: (FlowView & { readonly number: number; readonly priority: number })[] = []
      const entries = entriesAt(compiler, id)
      for (const bridge of bridges.filter(b => filter.bridge === undefined || filter.bridge === b)) {
        const ours = entries.filter(entry => entry.bridge === bridge)
        const numbered = (flow: FlowView, { table, priority }: { table: number; priority: number }) =>
          found.push({ ...flow, number: table, priority })
        if (!filter.counters) {
          for (const entry of ours) numbered(showEntry(entry), entry)
          continue
        }
        const entryAt = new Map(ours.map(entry => [entry.slot, entry]))
        for (const [slot, flow] of await counted(id, bridge)) {
          const { packets, bytes, seconds } = flow
          const shown = show(bridge, flow.flow, entryAt.get(slot)?.sources ?? [])
          numbered({ ...shown, counters: { packets, bytes, seconds } }, flow)
        }
      }
      return found
        .filter(isWanted(filter))
        .sort((a, b) =>
          a.bridge < b.bridge ? -1 : a.bridge > b.bridge ? 1 : a.number - b.number || b.priority - a.priority,
        )
        .map(({ number: _, priority: __, ...flow }) => flow)
    },
    diff: async id => {
      const differences = await Promise.all(
        bridges.map(async bridge => ({ bridge, ...(await programming.diff(id, bridge)) })),
      )
      return {
        missing: differences.flatMap(d => d.missing.map(showEntry)),
        unexpected: differences.flatMap(d => d.strays.map(stray => show(d.bridge, stray.flow, []))),
        different: differences.flatMap(d =>
          d.changed.map(({ entry, installed }) => ({
            expected: showEntry(entry),
            installed: show(d.bridge, installed.flow, []),
          })),
        ),
        quarantined: programming.quarantined(id).map(({ entry, error }) => ({ flow: showEntry(entry), error })),
      } satisfies DiffView
    },
    explain: (id, cookie): ExplanationView | undefined => {
      const entries = compiler.byCookie(id, cookie)
      const first = entries[0]
      const table = first && tableAt(first.bridge, first.table)
      if (first === undefined || table === undefined) return undefined
      const { file, description } = documentOf(table)
      return {
        ...{ bridge: first.bridge, table: table.name, file, description, flows: entries.map(showEntry) },
        drop: dropReason(first, table),
        remoteGroups: remoteGroupsIn(first.flow),
      }
    },
    drift: id => programming.drift(id).map(event => showDrift(event, print)),
  }
}
