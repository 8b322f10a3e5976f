// A place in a flow set: one table, priority and match; the rows that want a flow there, and the flow that they come to.
import type { Action } from 'node-openflow/flow'
import { EMPTY } from './append.ts'
import {
  addDigest,
  bridgeOf,
  bytesOf,
  cookieOf,
  type Digest,
  decodeFlow,
  digestOf,
  digestValue,
  encodeActions,
  priorityOf,
  SLOT_HEAD,
  tableOf,
} from './encode.ts'
import type { Bridge, Conflict, FlowEntry, FlowSet, Source } from './flow-set.ts'
import type { FlowSpec, Placed, Rule, Table } from './table.ts'

/** A rule in its table; without a rule, the flows of a table that depend on no record. */
export interface Origin {
  readonly table: Table
  readonly rule: Rule | undefined
}

/** One row's wish for a flow. Where there is no rule, the row is the flow. */
export class Wish {
  readonly origin: Origin
  readonly id: string
  readonly row: Placed | FlowSpec
  readonly slot: Slot

  constructor(origin: Origin, id: string, row: Placed | FlowSpec, slot: Slot) {
    this.origin = origin
    this.id = id
    this.row = row
    this.slot = slot
  }

  get spec(): FlowSpec {
    return specOf(this.origin, this.row)
  }

  get kind(): string {
    return this.origin.rule?.kind.name ?? 'pipeline'
  }

  get source(): Source {
    return { kind: this.kind, id: this.id, table: this.origin.table.name }
  }
}

export const specOf = ({ rule }: Origin, row: Placed | FlowSpec): FlowSpec =>
  rule === undefined ? (row as FlowSpec) : rule.flow(row as Placed)

/** The instructions of a slot's flow, and the wishes left out of it, with the reason. */
interface Outcome {
  readonly instructions: string
  readonly reason: Conflict['reason']
  readonly refused: readonly Wish[]
}

/** A place in a flow set: one table, priority and match, and those who want a flow there. */
export class Slot {
  readonly set: CompiledSet
  /** Bridge, table, priority and match in bytes. */
  readonly key: string
  /** In no order until it is settled. */
  wishes: Wish[] = EMPTY
  entry: Entry | undefined
  /** Whether its wishes changed since it was settled; and its instructions, where they are encoded already. */
  isTouched = false
  encoded: string | undefined

  constructor(set: CompiledSet, key: string) {
    this.set = set
    this.key = key
  }

  /** The flow that its wishes come to, and those that it leaves out. */
  outcome(): Outcome {
    this.wishes.sort(compare)
    const [first, ...others] = this.wishes as [Wish, ...Wish[]]
    const merge = first.origin.rule?.merge
    if (merge === 'union') return union(this.wishes)
    const instructions = encodeActions(first.spec.actions)
    const isRefused = (wish: Wish) => merge === undefined || encodeActions(wish.spec.actions) !== instructions
    return { instructions, reason: 'match', refused: others.filter(isRefused) }
  }
}

/** The actions of all, equal ones once, as far as the limit lets them in. */
const union = (wishes: readonly Wish[]): Outcome => {
  const actions: Action[] = []
  const refused: Wish[] = []
  /** By the actions of a wish, whether they are in. */
  const decided = new Map<string, boolean>()
  let weight = 0
  for (const wish of wishes) {
    const { spec } = wish
    const key = encodeActions(spec.actions)
    let isIn = decided.get(key)
    if (isIn === undefined) {
      const { limit, weight: weigh } = wish.origin.rule ?? {}
      // What is refused weighs too, so that all after it are refused: they may need what came before them.
      if (limit !== undefined) weight += weigh?.(wish.row as Placed) ?? 1
      isIn = limit === undefined || weight <= limit
      decided.set(key, isIn)
      if (isIn) actions.push(...spec.actions)
    }
    if (!isIn) refused.push(wish)
  }
  return { instructions: encodeActions(actions), reason: 'limit', refused }
}

/** Negative when `a` comes before `b`: by order, by source, and then by actions, so that no two differ and are equal. */
const compare = (a: Wish, b: Wish): number =>
  compareOrder(orderOf(a), orderOf(b)) ||
  compareText(a.kind, b.kind) ||
  compareText(a.id, b.id) ||
  compareText(encodeActions(a.spec.actions), encodeActions(b.spec.actions))

const orderOf = ({ origin, row }: Wish) => origin.rule?.order?.(row as Placed) ?? 0

const compareOrder = (a: number | readonly number[], b: number | readonly number[]): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [[a].flat(), [b].flat()]
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What a slot comes to: a new one whenever that changes. It holds as little as it can, for there are very many. */
export class Entry implements FlowEntry {
  readonly owner: Slot
  readonly text: string

  constructor(owner: Slot, instructions: string) {
    this.owner = owner
    this.text = instructions
  }

  get bridge(): Bridge {
    return bridgeOf(this.owner.key)
  }
  get table(): number {
    return tableOf(this.owner.key)
  }
  get priority(): number {
    return priorityOf(this.owner.key)
  }
  get cookie(): bigint {
    return cookieOf(this.owner.key)
  }
  get match(): Buffer {
    return bytesOf(this.owner.key, SLOT_HEAD)
  }
  get instructions(): Buffer {
    return bytesOf(this.text)
  }
  get slot(): string {
    return this.owner.key
  }
  get digest(): bigint {
    return digestValue(digestOf(this.owner.key, this.text))
  }
  get flow(): FlowEntry['flow'] {
    const { table, priority, cookie } = this
    return { table, priority, cookie, ...decodeFlow(this.owner.key, this.text) }
  }
  get sources(): readonly Source[] {
    return distinct(this.owner.wishes)
  }
}

/** The sources of wishes, each once: a record may give several rows to one flow. */
export const distinct = (wishes: readonly Wish[]): readonly Source[] => {
  const sources = new Map<string, Source>()
  for (const { source } of wishes) sources.set(`${source.kind} ${source.id}`, source)
  return [...sources.values()]
}

/** The entries of a set's slots, as a map. */
class Entries implements ReadonlyMap<string, FlowEntry> {
  readonly #slots: ReadonlyMap<string, Slot>
  constructor(slots: ReadonlyMap<string, Slot>) {
    this.#slots = slots
  }
  get size(): number {
    return this.#slots.size
  }
  get(slot: string): FlowEntry | undefined {
    return this.#slots.get(slot)?.entry
  }
  has(slot: string): boolean {
    return this.#slots.has(slot)
  }
  forEach(each: (entry: FlowEntry, slot: string, map: ReadonlyMap<string, FlowEntry>) => void): void {
    for (const [slot, entry] of this) each(entry, slot, this)
  }
  keys(): MapIterator<string> {
    return this.#slots.keys() as MapIterator<string>
  }
  values(): MapIterator<FlowEntry> {
    return this.#slots.values().map(slot => slot.entry as FlowEntry) as MapIterator<FlowEntry>
  }
  entries(): MapIterator<[string, FlowEntry]> {
    const pairs = this.#slots.values().map((slot): [string, FlowEntry] => [slot.key, slot.entry as FlowEntry])
    return pairs as MapIterator<[string, FlowEntry]>
  }
  [Symbol.iterator](): MapIterator<[string, FlowEntry]> {
    return this.entries()
  }
}

export class CompiledSet implements FlowSet {
  readonly id: string
  readonly scope: string
  readonly instance: string
  readonly slots = new Map<string, Slot>()
  readonly entries = new Entries(this.slots)
  readonly count: Record<Bridge, number> = { 'br-int': 0, 'br-tun': 0 }
  readonly sum: Record<Bridge, Digest> = { 'br-int': { high: 0, low: 0 }, 'br-tun': { high: 0, low: 0 } }

  constructor(scope: string, instance: string) {
    this.id = instance === '' ? scope : `${scope}/${instance}`
    this.scope = scope
    this.instance = instance
  }

  /** Counts an entry in (`by` 1) or out (-1). */
  tally({ owner: { key }, text }: Entry, by: 1 | -1): void {
    const bridge = bridgeOf(key)
    this.count[bridge] += by
    addDigest(this.sum[bridge], digestOf(key, text), by)
  }

  get digest(): Record<Bridge, bigint> {
    return { 'br-int': digestValue(this.sum['br-int']), 'br-tun': digestValue(this.sum['br-tun']) }
  }
}
