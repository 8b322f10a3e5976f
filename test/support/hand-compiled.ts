// Flow sets made by hand, for tests of what follows the compiler: change what is in a set and who holds it, and get the
// delta that a compiler would give.
import type { Action, Match } from 'node-openflow/flow'
import type { Bridge, CompileDelta, Compiled, FlowEntry, FlowSet } from '#compiler'
import { cookieOf, digestOf, encodeFlow, encodeSpec } from '#compiler/encode'

/** A flow as a test writes it. */
export interface HandFlow {
  readonly bridge: Bridge
  readonly table: number
  readonly priority: number
  readonly match: Match
  readonly actions: readonly Action[]
}

const U64 = (n: bigint) => BigInt.asUintN(64, n)

/** The entry of a flow. */
export const entryOf = (flow: HandFlow, source = 'test'): FlowEntry => {
  const { bridge, table, priority } = flow
  const { slot, instructions } = encodeFlow(bridge, table, flow)
  const cookie = cookieOf(slot)
  return {
    ...{ bridge, table, priority, cookie, slot },
    ...encodeSpec(flow),
    flow: { table, priority, cookie, match: flow.match, actions: flow.actions },
    digest: digestOf(slot, instructions),
    sources: [{ kind: 'test', id: source, table: `table ${table}` }],
  }
}

/** A compiler whose input is the test. */
export class HandCompiled implements Compiled {
  revision = 0
  readonly conflicts = []
  readonly #sets = new Map<string, Map<string, FlowEntry>>()
  readonly #holders = new Map<string, Set<string>>()

  flowSet(id: string): FlowSet | undefined {
    const entries = this.#sets.get(id)
    if (!entries) return undefined
    const sum = (bridge: Bridge) =>
      U64([...entries.values()].reduce((total, e) => total + (e.bridge === bridge ? e.digest : 0n), 0n))
    const count = (bridge: Bridge) => [...entries.values()].filter(e => e.bridge === bridge).length
    return {
      ...{ id, entries, digest: { 'br-int': sum('br-int'), 'br-tun': sum('br-tun') } },
      count: { 'br-int': count('br-int'), 'br-tun': count('br-tun') },
    }
  }

  subscriptions(chassis: string): ReadonlySet<string> {
    return new Set([...this.#holders].filter(([, holders]) => holders.has(chassis)).map(([id]) => id))
  }

  subscribers(flowSet: string): ReadonlySet<string> {
    return this.#holders.get(flowSet) ?? new Set()
  }

  flowSetsOf(kind: string, id: string): ReadonlySet<string> {
    const holds = (entries: Map<string, FlowEntry>) =>
      [...entries.values()].some(e => e.sources.some(s => s.kind === kind && s.id === id))
    return new Set([...this.#sets].filter(([, entries]) => holds(entries)).map(([set]) => set))
  }

  byCookie(chassis: string, cookie: bigint): readonly FlowEntry[] {
    return [...this.subscriptions(chassis)].flatMap(id =>
      [...(this.#sets.get(id)?.values() ?? [])].filter(entry => entry.cookie === cookie),
    )
  }

  /** Makes a flow set consist of these entries; one that equals what is there stays the object that is there. */
  set(flowSet: string, wanted: readonly FlowEntry[]): CompileDelta {
    const before = this.#sets.get(flowSet) ?? new Map<string, FlowEntry>()
    const entries = wanted.map(entry => {
      const old = before.get(entry.slot)
      return old?.digest === entry.digest ? old : entry
    })
    const after = new Map(entries.map(entry => [entry.slot, entry]))
    const removed = [...before.values()].filter(entry => after.get(entry.slot) !== entry)
    const added = entries.filter(entry => before.get(entry.slot) !== entry)
    this.#sets.set(flowSet, after)
    return { ...this.#delta(), flowSets: [{ flowSet, added, removed }] }
  }

  /** A chassis begins to hold flow sets. */
  subscribe(chassis: string, ...flowSets: string[]): CompileDelta {
    for (const id of flowSets) this.#holders.set(id, new Set([...this.subscribers(id), chassis]))
    return { ...this.#delta(), subscribed: flowSets.map(flowSet => ({ chassis, flowSet })) }
  }

  /** A chassis holds flow sets no more. */
  unsubscribe(chassis: string, ...flowSets: string[]): CompileDelta {
    for (const id of flowSets) this.#holders.set(id, new Set([...this.subscribers(id)].filter(c => c !== chassis)))
    return { ...this.#delta(), unsubscribed: flowSets.map(flowSet => ({ chassis, flowSet })) }
  }

  #delta(): CompileDelta {
    return { revision: ++this.revision, flowSets: [], subscribed: [], unsubscribed: [] }
  }
}
