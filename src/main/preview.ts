// What changes would do to the flows of each chassis: the compiler's answer, set by set, as chassis would see it.
import type { FlowChangeView, FlowView, PreviewView } from '#api'
import type { Compiler, FlowEntry, Pipeline } from '#compiler'
import type { Change } from '#model'
import { entriesOfSet } from './chassis-flows.ts'
import { flowText } from './flow-text.ts'

/** Flows that come and go on one chassis, by slot. */
interface Coming {
  readonly added: Map<string, FlowEntry>
  readonly removed: Map<string, FlowEntry>
}

/** The pipeline's previews, as the API asks for them. */
export const previewing = (compiler: Compiler, pipeline: Pipeline) => {
  const { print, nameOf } = flowText(pipeline)
  const show = ({ bridge, flow, sources, table, cookie }: FlowEntry): FlowView => ({
    ...{ bridge, table: nameOf(bridge, table), cookie, text: print(bridge, flow), sources },
  })
  return (changes: readonly Change[], most: number): PreviewView => {
    const perChassis = differences(compiler, changes)
    const flows = new Map<string, { op: FlowChangeView['op']; entry: FlowEntry; chassis: string[] }>()
    const chassis: PreviewView['chassis'][number][] = []
    for (const [id, { added, removed }] of [...perChassis].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (added.size + removed.size === 0) continue
      chassis.push({ id, added: added.size, removed: removed.size })
      for (const [op, entries] of [
        ['remove', removed],
        ['add', added],
      ] as const)
        for (const entry of entries.values()) {
          const key = `${op} ${entry.digest} ${entry.slot}`
          const known = flows.get(key)
          if (known === undefined) flows.set(key, { op, entry, chassis: [id] })
          else known.chassis.push(id)
        }
    }
    const listed = [...flows.values()].sort((a, b) => compare(a.entry, b.entry)).slice(0, most)
    const added = flows
      .values()
      .filter(({ op }) => op === 'add')
      .toArray().length
    return {
      ...{ added, removed: flows.size - added, total: flows.size, chassis },
      flows: listed.map(({ op, entry, chassis: on }) => ({ op, flow: show(entry), chassis: on })),
    }
  }
}

/** What comes and goes on each chassis: a flow that leaves with one set and comes with another does neither. */
const differences = (compiler: Compiler, changes: readonly Change[]): ReadonlyMap<string, Coming> => {
  const { flowSets, subscribed, unsubscribed } = compiler.preview(changes)
  const found = new Map<string, Coming>()
  const on = (chassis: string): Coming => {
    const known = found.get(chassis) ?? { added: new Map(), removed: new Map() }
    found.set(chassis, known)
    return known
  }
  const leaving = new Set(unsubscribed.map(({ chassis, flowSet }) => `${chassis} ${flowSet}`))
  const bySet = new Map(flowSets.map(set => [set.flowSet, set]))
  const note = (chassis: string, added: Iterable<FlowEntry>, removed: Iterable<FlowEntry>) => {
    const coming = on(chassis)
    for (const entry of added) coming.added.set(entry.slot, entry)
    for (const entry of removed) coming.removed.set(entry.slot, entry)
  }
  for (const { flowSet, added, removed } of flowSets)
    for (const chassis of compiler.subscribers(flowSet))
      if (!leaving.has(`${chassis} ${flowSet}`)) note(chassis, added, removed)
  for (const { chassis, flowSet } of unsubscribed) note(chassis, [], entriesOfSet(compiler, flowSet))
  for (const { chassis, flowSet } of subscribed) {
    const gone = new Set(bySet.get(flowSet)?.removed)
    const stay = entriesOfSet(compiler, flowSet).filter(entry => !gone.has(entry))
    note(chassis, [...stay, ...(bySet.get(flowSet)?.added ?? [])], [])
  }
  for (const { added, removed } of found.values())
    for (const [slot, entry] of added)
      if (removed.get(slot)?.digest === entry.digest) {
        added.delete(slot)
        removed.delete(slot)
      }
  return found
}

const compare = (a: FlowEntry, b: FlowEntry): number =>
  (a.bridge < b.bridge ? -1 : a.bridge > b.bridge ? 1 : 0) || a.table - b.table || b.priority - a.priority
