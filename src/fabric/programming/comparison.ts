// Compares what a switch holds with what it should hold, flow by flow as the read-back streams in.

import { isOurs, slotOf } from '#compiler/encode'
import type { Bridge, FlowEntry, FlowSet } from '#compiler/flow-set'
import type { InstalledFlow } from './switch.ts'

/** How a switch differs from what it should hold. */
export interface Difference {
  readonly missing: readonly FlowEntry[]
  readonly changed: readonly { readonly entry: FlowEntry; readonly installed: InstalledFlow }[]
  /** Flows with our mark that nobody asked for. */
  readonly strays: readonly InstalledFlow[]
}

const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0

/** Whether an installed flow is what an entry asks for. */
export const isSame = (entry: FlowEntry, flow: InstalledFlow): boolean =>
  flow.cookie === entry.cookie &&
  flow.idleTimeout === 0 &&
  flow.hardTimeout === 0 &&
  equal(flow.instructions, entry.instructions)

/** Finds the entry that should hold a slot, in any of the flow sets of a chassis. */
export const findEntry = (sets: Iterable<FlowSet>, slot: string): FlowEntry | undefined => {
  for (const set of sets) {
    const entry = set.entries.get(slot)
    if (entry !== undefined) return entry
  }
  return undefined
}

/** One comparison under way. Flows of others in slots of ours count as changed, all else of theirs is not looked at. */
export class Comparison {
  readonly #bridge: Bridge
  readonly #sets: () => Iterable<FlowSet>
  readonly #seen = new Set<string>()
  readonly #changed: { entry: FlowEntry; installed: InstalledFlow; slot: string }[] = []
  readonly #strays: { flow: InstalledFlow; slot: string }[] = []
  /** Where the last flow was found: the next is often there too. */
  #last: FlowSet | undefined
  /** Flows looked at. */
  count = 0

  constructor(bridge: Bridge, sets: () => Iterable<FlowSet>) {
    this.#bridge = bridge
    this.#sets = sets
  }

  see(flow: InstalledFlow): void {
    this.count++
    const slot = slotOf(this.#bridge, flow.table, flow.priority, flow.match)
    const entry = this.#find(slot)
    if (entry === undefined) {
      if (isOurs(flow.cookie)) this.#strays.push({ flow, slot })
      return
    }
    this.#seen.add(slot)
    if (!isSame(entry, flow)) this.#changed.push({ entry, installed: flow, slot })
  }

  #find(slot: string): FlowEntry | undefined {
    const near = this.#last?.entries.get(slot)
    if (near !== undefined) return near
    for (const set of this.#sets()) {
      const entry = set.entries.get(slot)
      if (entry === undefined) continue
      this.#last = set
      return entry
    }
    return undefined
  }

  /** What differs, except in slots for which `isExcepted` holds: those changed since the read-back began. */
  finish(isExcepted: (slot: string) => boolean): Difference {
    const missing: FlowEntry[] = []
    for (const set of this.#sets())
      for (const [slot, entry] of set.entries)
        if (entry.bridge === this.#bridge && !this.#seen.has(slot) && !isExcepted(slot)) missing.push(entry)
    return {
      missing,
      changed: this.#changed.filter(c => !isExcepted(c.slot)),
      strays: this.#strays.filter(s => !isExcepted(s.slot)).map(s => s.flow),
    }
  }
}
