// What a bridge has yet to be told. Changes are kept as they came, by reference: a thousand chassis that wait for one
// change share it. Taking them computes the net effect, so a flow that came and went costs nothing.
import type { FlowEntry } from '#compiler/flow-set'

/** One step: entries that a bridge is to lose and to get. An entry replaced in its slot stands in both lists. */
export interface Change {
  readonly removed: readonly FlowEntry[]
  readonly added: readonly FlowEntry[]
}

/** What to do in one slot: `was` is what earlier steps left there, if they said; `want` what is to be there. */
export interface Edit {
  readonly was: FlowEntry | undefined
  readonly want: FlowEntry | undefined
}

/** The net effect of steps in order. Slots that end as they began are left out. */
export const netEffect = (changes: readonly Change[]): Edit[] => {
  const [only] = changes
  if (only === undefined) return []
  if (changes.length === 1 && only.removed.length === 0) return only.added.map(want => ({ was: undefined, want }))
  const edits = new Map<string, { was: FlowEntry | undefined; want: FlowEntry | undefined }>()
  for (const { removed, added } of changes) {
    for (const entry of removed) {
      const edit = edits.get(entry.slot)
      if (edit === undefined) edits.set(entry.slot, { was: entry, want: undefined })
      else if (edit.want === entry) edit.want = undefined
      // Another flow set took the slot over before this one gave it up: its entry stays.
      else edit.was ??= entry
    }
    for (const entry of added) {
      const edit = edits.get(entry.slot)
      if (edit === undefined) edits.set(entry.slot, { was: undefined, want: entry })
      else edit.want = entry
    }
  }
  return [...edits.values()].filter(edit => edit.was !== edit.want)
}

/** Steps not yet taken, up to a bound: a switch that takes none for long is compared as a whole instead. */
export class ChangeLog {
  #changes: Change[] = []
  #entries = 0
  #overflowed = false
  readonly #limit: number

  /** `limit`: how many entries in more than one step may wait. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get isEmpty(): boolean {
    return this.#changes.length === 0
  }

  /** Whether steps were lost because too many waited; `clear` begins anew. */
  get overflowed(): boolean {
    return this.#overflowed
  }

  /** Entries that wait. */
  get size(): number {
    return this.#entries
  }

  push(change: Change): void {
    if (this.#overflowed) return
    this.#changes.push(change)
    this.#entries += change.removed.length + change.added.length
    if (this.#entries <= this.#limit || this.#changes.length === 1) return
    this.clear()
    this.#overflowed = true
  }

  /** Puts steps back that did not get through, before those that came since. */
  putBack(changes: readonly Change[]): void {
    if (this.#overflowed) return
    const later = this.#changes
    this.clear()
    for (const change of [...changes, ...later]) this.push(change)
  }

  /** The steps that wait. */
  get waiting(): readonly Change[] {
    return this.#changes
  }

  /** All that waits, which is then no longer waiting. */
  take(): readonly Change[] {
    const changes = this.#changes
    this.#changes = []
    this.#entries = 0
    return changes
  }

  clear(): void {
    this.#changes = []
    this.#entries = 0
    this.#overflowed = false
  }
}
