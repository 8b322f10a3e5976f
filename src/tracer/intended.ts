// The flows that chassis should hold, as the tracer looks them up. Flow sets are indexed one by one, and shared by the
// chassis that hold them, as they are compiled: a set is read again only when it changed.
import type { Bridge, Compiled, FlowEntry, FlowSet } from '#compiler'
import { FlowIndex, type TraceFlow } from './flow-index.ts'
import { type Tables, tablesOf } from './world.ts'

/** An entry of the compiler as the tracer uses it: match and actions are made when they are needed. */
class EntryFlow implements TraceFlow {
  private readonly entry: FlowEntry

  constructor(entry: FlowEntry) {
    this.entry = entry
  }

  get table() {
    return this.entry.table
  }
  get priority() {
    return this.entry.priority
  }
  get cookie() {
    return this.entry.cookie
  }
  get match() {
    return this.entry.flow.match
  }
  get wire() {
    return this.entry.match
  }
  get actions() {
    return this.entry.flow.actions
  }
  get sources() {
    return this.entry.sources
  }
}

interface Indexed {
  readonly digest: bigint
  readonly index: FlowIndex
}

/** What a chassis' bridge should hold; undefined for a chassis that holds nothing. Keep it: it remembers its indexes. */
export const intendedTables = (compiled: Compiled): ((chassis: string, bridge: string) => Tables | undefined) => {
  const known = new Map<Bridge, WeakMap<FlowSet, Indexed>>()

  const indexOf = (set: FlowSet, bridge: Bridge): FlowIndex => {
    const indexes = known.get(bridge) ?? new WeakMap<FlowSet, Indexed>()
    known.set(bridge, indexes)
    const digest = set.digest[bridge]
    const old = indexes.get(set)
    if (old?.digest === digest) return old.index
    const index = new FlowIndex(flowsOf(set, bridge))
    indexes.set(set, { digest, index })
    return index
  }

  return (chassis, name) => {
    const sets = [...compiled.subscriptions(chassis)].map(id => compiled.flowSet(id)).filter(set => set !== undefined)
    const bridge = name as Bridge
    return sets.length === 0
      ? undefined
      : tablesOf(sets.filter(set => set.count[bridge] > 0).map(set => indexOf(set, bridge)))
  }
}

function* flowsOf(set: FlowSet, bridge: Bridge): Generator<TraceFlow> {
  for (const entry of set.entries.values()) if (entry.bridge === bridge) yield new EntryFlow(entry)
}
