// The flows of a set, and those who want them. There may be millions of entries: each is one object and two strings.
import {
  addDigest,
  bridgeOf,
  bytesOf,
  cookieOf,
  type Digest,
  decodeFlow,
  digestOf,
  digestValue,
  priorityOf,
  SLOT_HEAD,
  tableOf,
} from './encode.ts'
import type { Bridge, Conflict, FlowEntry, FlowSet, FlowSetDelta, Source } from './flow-set.ts'
import { merge } from './merge.ts'
import { inOrder, sourcesOf, Wish } from './wish.ts'

/**
 * A flow of a set: its place there, what it does, and the rows that want it. While a commit is taken in, rows come and
 * go; what was told of an entry stays, and if it comes to something else another takes its place.
 */
export class Entry implements FlowEntry {
  readonly set: CompiledSet
  readonly slot: string
  /** Its instructions in bytes. */
  text: string
  /**
   * Of what was told: settled, or touched when its rows changed since. Of what comes: new, as its one row makes it, or
   * joined, whose rows are to be merged.
   */
  state: 'settled' | 'touched' | 'new' | 'joined'
  /** The rows that want it: a chain in no order, since most have one. */
  private first: Wish<Entry> | undefined

  constructor(set: CompiledSet, slot: string, text: string, state: Entry['state']) {
    this.set = set
    this.slot = slot
    this.text = text
    this.state = state
    this.first = undefined
  }

  get isWanted(): boolean {
    return this.first !== undefined
  }

  /** The rows that want it, in the order in which they merge. */
  get wishes(): readonly Wish<Entry>[] {
    const wishes: Wish<Entry>[] = []
    for (let wish = this.first; wish !== undefined; wish = wish.next) wishes.push(wish)
    return inOrder(wishes)
  }

  add(wish: Wish<Entry>): void {
    wish.next = this.first
    this.first = wish
  }

  remove(wish: Wish<Entry>): void {
    if (this.first === wish) this.first = wish.next
    else {
      let before = this.first
      while (before !== undefined && before.next !== wish) before = before.next
      if (before !== undefined) before.next = wish.next
    }
  }

  /** Takes the rows of an entry that came for the same slot. */
  join(other: Entry): void {
    if (this.state === 'new') this.state = 'joined'
    for (let wish = other.first; wish !== undefined; wish = other.first) {
      other.remove(wish)
      wish.entry = this
      this.add(wish)
    }
  }

  /** The entry that has these instructions in its place. */
  becoming(text: string): Entry {
    if (this.state === 'joined') this.text = text
    if (this.text === text) return this
    const next = new Entry(this.set, this.slot, text, 'new')
    next.first = this.first
    for (let wish = this.first; wish !== undefined; wish = wish.next) wish.entry = next
    return next
  }

  get bridge(): Bridge {
    return bridgeOf(this.slot)
  }
  get table(): number {
    return tableOf(this.slot)
  }
  get priority(): number {
    return priorityOf(this.slot)
  }
  get cookie(): bigint {
    return cookieOf(this.slot)
  }
  get match(): Buffer {
    return bytesOf(this.slot, SLOT_HEAD)
  }
  get instructions(): Buffer {
    return bytesOf(this.text)
  }
  get digest(): bigint {
    return digestOf(this.slot, this.text)
  }
  get flow(): FlowEntry['flow'] {
    const { table, priority, cookie } = this
    return { table, priority, cookie, ...decodeFlow(this.slot, this.text) }
  }
  get sources(): readonly Source[] {
    return sourcesOf(this.wishes)
  }
}

/** A flow set whose entries change. */
export class CompiledSet implements FlowSet {
  readonly id: string
  readonly scope: string
  readonly instance: string
  readonly entries = new Map<string, Entry>()
  /**
   * Entries that came, each with one row, and those that lost one. They are put in their places set by set: rows come in
   * the order of records, which goes through all sets, and would find none of them in the processor's cache.
   */
  pending: Entry[] = []
  readonly count: Record<Bridge, number> = { 'br-int': 0, 'br-tun': 0 }
  readonly sum: Record<Bridge, Digest> = { 'br-int': { high: 0, low: 0 }, 'br-tun': { high: 0, low: 0 } }

  constructor(scope: string, instance: string) {
    this.id = instance === '' ? scope : `${scope}/${instance}`
    this.scope = scope
    this.instance = instance
  }

  /** Puts what is pending in its place; says how the set changed, and keeps `conflicts` of its entries. */
  settle(conflicts: Map<Entry, Conflict>): FlowSetDelta {
    const added: Entry[] = []
    const removed: Entry[] = []
    for (const entry of this.placePending()) {
      const before = entry.state === 'touched' ? entry : undefined
      const after = settled(entry, conflicts)
      if (after === undefined) this.entries.delete(entry.slot)
      else if (after !== entry) this.entries.set(entry.slot, after)
      if (after === before) continue
      if (before !== undefined) {
        removed.push(before)
        this.tally(before, -1)
      }
      if (after !== undefined) {
        added.push(after)
        this.tally(after, 1)
      }
    }
    return { flowSet: this.id, added, removed }
  }

  /** What `settle` would say now, with nothing put in its place: what would come are copies. */
  preview(): FlowSetDelta {
    const wishesAt = new Map<string, Wish<Entry>[]>()
    for (const { slot, wishes } of this.pending) {
      const known = wishesAt.get(slot)
      if (known === undefined) wishesAt.set(slot, [...wishes])
      else known.push(...wishes)
    }
    const added: Entry[] = []
    const removed: Entry[] = []
    for (const [slot, pending] of wishesAt) {
      const before = this.entries.get(slot)
      const wishes = before?.state === 'settled' ? [...before.wishes, ...pending] : pending
      const text = wishes.length === 0 ? undefined : merge(inOrder(wishes)).instructions
      if (text === before?.text) continue
      if (before !== undefined) removed.push(before)
      if (text !== undefined) added.push(copyOf(this, slot, text, wishes))
    }
    return { flowSet: this.id, added, removed }
  }

  /** The entries of the slots in which something is pending, each once. */
  private placePending(): readonly Entry[] {
    const changed: Entry[] = []
    for (const entry of this.pending) {
      const known = entry.state === 'touched' ? undefined : this.entries.get(entry.slot)
      if (known === undefined) {
        this.entries.set(entry.slot, entry)
        changed.push(entry)
        continue
      }
      if (known.state === 'settled') {
        known.state = 'touched'
        changed.push(known)
      }
      known.join(entry)
    }
    this.pending = []
    return changed
  }

  /** Counts an entry in (`by` 1) or out (-1). */
  private tally({ slot, text }: Entry, by: 1 | -1): void {
    const bridge = bridgeOf(slot)
    this.count[bridge] += by
    addDigest(this.sum[bridge], slot, text, by)
  }

  get digest(): Record<Bridge, bigint> {
    return { 'br-int': digestValue(this.sum['br-int']), 'br-tun': digestValue(this.sum['br-tun']) }
  }
}

const copyOf = (set: CompiledSet, slot: string, text: string, wishes: readonly Wish<Entry>[]): Entry => {
  const copy = new Entry(set, slot, text, 'settled')
  for (const { origin, id, text, share } of wishes) copy.add(new Wish(origin, id, text, share, copy))
  return copy
}

/** What an entry comes to: itself, another in its place, or nothing. */
const settled = (entry: Entry, conflicts: Map<Entry, Conflict>): Entry | undefined => {
  conflicts.delete(entry)
  if (!entry.isWanted) return undefined
  let after = entry
  if (entry.state !== 'new') {
    const { set, slot, wishes } = entry
    const { instructions, reason, refused } = merge(wishes)
    after = entry.becoming(instructions)
    const kept = (wishes[0] as Wish).source
    if (refused.length > 0) conflicts.set(after, { reason, flowSet: set.id, slot, kept, refused: sourcesOf(refused) })
  }
  after.state = 'settled'
  return after
}
