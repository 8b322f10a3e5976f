// Prints the pipeline as a page for people: docs/pipeline.md is this function's output, and a test keeps it so.
import { type Bridge, bridges, type Pipeline, type Table } from '#compiler'
import { dropReasons } from './drop-reasons.ts'
import type { Register } from './register.ts'

const leadsTo = (table: Table) => table.next.map(next => next.name).join(', ') || '—'

const scopesOf = (table: Table) => [...new Set(table.rules.map(rule => rule.scope))].join(', ') || 'pipeline'

const livesOf = (register: Register) =>
  register.lives.map(([from, to]) => (from === to ? from : `${from} to ${to}`)).join(', ')

const tablesOf = (pipeline: Pipeline, bridge: Bridge) => pipeline.tables.filter(table => table.bridge === bridge)

const droppers = (pipeline: Pipeline, reason: string) =>
  pipeline.tables
    .filter(table => [...table.drops.values()].includes(reason))
    .map(table => table.name)
    .join(', ')

/** A Markdown page: the tables of each bridge in packet order, why they drop, then the registers and where they live. */
export const describePipeline = (pipeline: Pipeline, registers: readonly Register[]): string =>
  [
    '# Pipeline',
    '',
    'Printed from `flows/` by `flows/describe.ts`. A table is the file of its name under `flows/<bridge>/`, which says',
    'what comes in and what goes out. A flow set is compiled once and shared by the chassis that subscribe to it;',
    '`chassis` is the one that each chassis has to itself.',
    '',
    ...bridges.flatMap(bridge => [
      `## ${bridge}`,
      '',
      '| number | table | leads to | matches on | flow sets |',
      '| --- | --- | --- | --- | --- |',
      ...tablesOf(pipeline, bridge).map(
        t => `| ${t.number} | ${t.name} | ${leadsTo(t)} | ${[...t.match].join(' ') || '—'} | ${scopesOf(t)} |`,
      ),
      '',
    ]),
    '## Drops',
    '',
    'Each flow that drops is counted under a reason: `flowright drops` shows them.',
    '',
    '| reason | what is dropped | tables |',
    '| --- | --- | --- |',
    ...Object.entries(dropReasons).map(([reason, words]) => `| ${reason} | ${words} | ${droppers(pipeline, reason)} |`),
    '',
    '## Registers',
    '',
    'A value lives from the first table named to the last, and in the tables that these ask by resubmit.',
    '',
    '| bridge | name | bits | lives from, to | what |',
    '| --- | --- | --- | --- | --- |',
    ...registers.map(r => `| ${r.bridge} | ${r.name} | ${r.part} | ${livesOf(r)} | ${r.doc} |`),
    '',
  ].join('\n')
