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
import type { Bridge, FlowEntry, FlowSet, Source } from './flow-set.ts'
import { compareWishes, sourcesOf, type Wish } from './wish.ts'

/**
 * A flow of a set: its place there, what it does, and the rows that want it. While a commit is taken in, rows come and
 * go; what was told of an entry stays, and if it comes to something else another takes its place.
 */
export class Entry implements FlowEntry {
  readonly set: CompiledSet
  readonly slot: string
  /** Its instructions in bytes. */
  text: string
  /** settled: as it was told. touched: its rows changed. Not told yet: new, as its one row makes it; joined, to be merged. */
  state: 'settled' | 'touched' | 'new' | 'joined'
  /** The rows that want it: a chain in no order, since most have one. */
  private first: Wish | undefined

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
  get wishes(): readonly Wish[] {
    const wishes: Wish[] = []
    for (let wish = this.first; wish !== undefined; wish = wish.next) wishes.push(wish)
    return wishes.sort(compareWishes)
  }

  add(wish: Wish): void {
    wish.next = this.first
    this.first = wish
  }

  remove(wish: Wish): void {
    if (this.first === wish) this.first = wish.next
    else {
      let before = this.first
      while (before !== undefined && before.next !== wish) before = before.next
      if (before !== undefined) before.next = wish.next
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
    return digestValue(digestOf(this.slot, this.text))
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
  readonly count: Record<Bridge, number> = { 'br-int': 0, 'br-tun': 0 }
  readonly sum: Record<Bridge, Digest> = { 'br-int': { high: 0, low: 0 }, 'br-tun': { high: 0, low: 0 } }

  constructor(scope: string, instance: string) {
    this.id = instance === '' ? scope : `${scope}/${instance}`
    this.scope = scope
    this.instance = instance
  }

  /** Counts an entry in (`by` 1) or out (-1). */
  tally({ slot, text }: Entry, by: 1 | -1): void {
    const bridge = bridgeOf(slot)
    this.count[bridge] += by
    addDigest(this.sum[bridge], digestOf(slot, text), by)
  }

  get digest(): Record<Bridge, bigint> {
    return { 'br-int': digestValue(this.sum['br-int']), 'br-tun': digestValue(this.sum['br-tun']) }
  }
}
