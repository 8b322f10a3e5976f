// What every table owes: comments and file names that cannot lie, and contracts that hold.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkFlow, OFP15, printFlow } from 'node-openflow/flow'
import { describe, expect, test } from 'vitest'
import type { Table } from '#compiler'
import { describePipeline } from '#flows/describe'
import { dropReasons } from '#flows/drop-reasons'
import { pipeline } from '#flows/pipeline'
import { registers } from '#flows/registers'
import { CLASSIFY, L2_LOOKUP, RECEIVER } from '#flows/restart'
import { allFlows } from './all-flows.ts'

const root = join(import.meta.dirname, '../../flows')
const files = (['br-int', 'br-tun'] as const).flatMap(bridge =>
  readdirSync(join(root, bridge)).map(file => ({ bridge, file, text: readFileSync(join(root, bridge, file), 'utf8') })),
)

const fileOf = (table: Table) => files.find(f => table.file === `flows/${f.bridge}/${f.file}`)

/** Tables whose flows without actions drop nothing: packets return to who asked, or never come there. */
const returns = (table: Table) => table.number >= 100 || ['l2_learned', 'nd_reply'].includes(table.name)

describe.each(pipeline.tables.map(table => [table.name, table] as const))('%s', (_name, table) => {
  test('is the file of its bridge, number and name', () => {
    expect(fileOf(table)?.text, table.file).toContain(`= table('${table.name}', {`)
  })

  test('makes flows that Open vSwitch takes, within its contract', () => {
    for (const spec of allFlows(table)) {
      checkFlow({ table: table.number, ...spec }, OFP15)
      for (const field of Object.keys(spec.match)) expect(table.match).toContain(field)
    }
  })

  test('shows in its comment what its examples make', () => {
    const file = fileOf(table)
    const comment = file?.text.slice(0, file.text.indexOf('*/')) ?? ''
    const squeeze = (text: string) => text.replaceAll(/^ \* ?/gm, '').replaceAll(/\s+/g, '')
    const shown = comment.match(/(?<=\s)table=\d+/g)?.length ?? 0
    const examples = table.rules.map(rule => printFlow({ table: table.number, ...rule.flow(rule.example) }))
    const made = [...new Set(examples)]
    const found = made.filter(text => squeeze(comment).includes(squeeze(text)))
    expect.soft(shown, `flows shown that no example makes; examples make:\n${made.join('\n')}`).toBe(found.length)
    if (table.rules.length > 0) expect.soft(found, made.join('\n')).not.toHaveLength(0)
  })

  test('says why it drops, wherever it does', () => {
    const dropping = returns(table) ? [] : allFlows(table).filter(flow => flow.actions.length === 0)
    for (const { priority } of dropping)
      expect(Object.keys(dropReasons), `priority ${priority}`).toContain(table.drops.get(priority))
    for (const reason of table.drops.values()) expect(Object.keys(dropReasons)).toContain(reason)
  })

  test('leads only forward, but for packets that begin anew', () => {
    for (const next of table.next) {
      expect(next.bridge).toBe(table.bridge)
      expect(next.number).toBeGreaterThan(table.number)
    }
    const tracked = allFlows(table).flatMap(({ actions }) =>
      actions.flatMap(action => (action.type === 'ct' && action.table !== undefined ? [action] : [])),
    )
    for (const { table: to, force } of tracked) {
      if (force) expect([CLASSIFY, L2_LOOKUP], 'a packet that starts a connection begins anew').toContain(to)
      else if ((to as number) < table.number)
        expect([CLASSIFY, RECEIVER], 'one whose policy is gone, too').toContain(to)
      else expect(table.next.map(next => next.number)).toContain(to)
    }
  })
})

test('no two tables of a bridge share a number, and every table file is in the pipeline', () => {
  const numbers = pipeline.tables.map(table => `${table.bridge} ${table.number}`)
  expect(new Set(numbers).size).toBe(numbers.length)
  const declared = files.filter(f => f.text.includes('= table(')).length
  expect(pipeline.tables).toHaveLength(declared)
})

test('docs/pipeline.md is what the tables say', async () => {
  await expect(describePipeline(pipeline, registers)).toMatchFileSnapshot('../../docs/pipeline.md')
})
