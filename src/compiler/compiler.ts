// Follows the log of commits and keeps the flow sets that the model compiles to. One change costs the rows that change:
// each (rule, record) is a unit that remembers its rows and what it read; the same code compiles everything at a start.
import { isDeepStrictEqual } from 'node:util'
import type { Change, Commit, Kind } from '#model'
import { addDigest, bytesOf, cookieOf, type Digest, digestOf, digestValue, encodeFlow, SLOT_HEAD } from './encode.ts'
import type { Bridge, CompileDelta, Compiled, Conflict, FlowEntry, FlowSet, FlowSetDelta, Source } from './flow-set.ts'
import { type Cell, Graph, type User } from './graph.ts'
import {
  type FlowSpec,
  PIPELINE_SET,
  type Pipeline,
  type Placed,
  type Rule,
  type SubscriptionRule,
  type Table,
} from './table.ts'

/** One record under one rule of one table; without a rule, the flows of a table that depend on no record. */
class Unit implements User {
  reads: Cell[] = []
  readonly table: Table
  readonly rule: Rule | undefined
  readonly id: string
  readonly dirty: Set<Unit>
  wishes: readonly Wish[] = []

  constructor(table: Table, rule: Rule | undefined, id: string, dirty: Set<Unit>) {
    this.table = table
    this.rule = rule
    this.id = id
    this.dirty = dirty
  }

  invalidate(): void {
    this.dirty.add(this)
  }

  get source(): Source {
    return { kind: this.rule?.kind.name ?? 'pipeline', id: this.id, table: this.table.name }
  }
}

/** One row's wish for a flow. Where there is no rule, the row is the flow. */
class Wish {
  readonly unit: Unit
  readonly row: Placed | FlowSpec
  readonly slot: Slot

  constructor(unit: Unit, row: Placed | FlowSpec, slot: Slot) {
    this.unit = unit
    this.row = row
    this.slot = slot
  }

  spec(): FlowSpec {
    return specOf(this.unit, this.row)
  }
}

const specOf = ({ rule }: Unit, row: Placed | FlowSpec): FlowSpec =>
  rule === undefined ? (row as FlowSpec) : rule.flow(row as Placed)

/** A place in a flow set: one table, priority and match, and those who want a flow there. */
class Slot {
  readonly set: CompiledSet
  readonly key: string
  readonly table: Table
  readonly priority: number
  readonly wishes: Wish[] = []
  entry: Entry | undefined
  /** Whether its wishes changed since it was settled; and its instructions, where they are encoded already. */
  isTouched = false
  encoded: string | undefined

  constructor(set: CompiledSet, key: string, table: Table, priority: number) {
    this.set = set
    this.key = key
    this.table = table
    this.priority = priority
  }

  /** The flow that its wishes come to. */
  spec(): FlowSpec {
    const first = this.wishes[0] as Wish
    const spec = first.spec()
    if (this.wishes.length === 1 || first.unit.rule?.merge !== 'concat') return spec
    return { ...spec, actions: this.wishes.flatMap(wish => wish.spec().actions) }
  }

  instructions(): string {
    return encodeFlow(this.table.bridge, this.table.number, this.spec()).instructions
  }
}

class Entry implements FlowEntry, Digest {
  readonly owner: Slot
  readonly text: string
  readonly high: number
  readonly low: number

  constructor(owner: Slot, instructions: string) {
    this.owner = owner
    this.text = instructions
    const { high, low } = digestOf(owner.key, instructions)
    this.high = high
    this.low = low
  }

  get bridge(): Bridge {
    return this.owner.table.bridge
  }
  get table(): number {
    return this.owner.table.number
  }
  get priority(): number {
    return this.owner.priority
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
    return digestValue(this)
  }
  get flow(): FlowEntry['flow'] {
    return { table: this.table, cookie: this.cookie, ...this.owner.spec() }
  }
  get sources(): readonly Source[] {
    return this.owner.wishes.map(wish => wish.unit.source)
  }
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

class CompiledSet implements FlowSet {
  readonly id: string
  readonly slots = new Map<string, Slot>()
  readonly entries = new Entries(this.slots)
  readonly count: Record<Bridge, number> = { 'br-int': 0, 'br-tun': 0 }
  readonly sum: Record<Bridge, Digest> = { 'br-int': { high: 0, low: 0 }, 'br-tun': { high: 0, low: 0 } }

  constructor(id: string) {
    this.id = id
  }

  get digest(): Record<Bridge, bigint> {
    return { 'br-int': digestValue(this.sum['br-int']), 'br-tun': digestValue(this.sum['br-tun']) }
  }
}

/** One record under one subscription rule. */
class Subscriber implements User {
  reads: Cell[] = []
  readonly rule: SubscriptionRule
  readonly id: string
  readonly dirty: Set<Subscriber>
  pairs: readonly { readonly chassis: string; readonly flowSet: string }[] = []

  constructor(rule: SubscriptionRule, id: string, dirty: Set<Subscriber>) {
    this.rule = rule
    this.id = id
    this.dirty = dirty
  }

  invalidate(): void {
    this.dirty.add(this)
  }
}

const NONE: ReadonlySet<string> = new Set()

/** A table's flow breaks its contract: matches on a field that the table does not declare, say. A bug in a table. */
export class ContractError extends Error {
  override name = 'ContractError'
}

const checkContract = (table: Table, spec: FlowSpec): void => {
  for (const field in spec.match)
    if (!table.match.has(field)) throw new ContractError(`table ${table.name}: match on ${field} is not declared`)
  for (const action of spec.actions) {
    const to = action.type === 'goto_table' || action.type === 'resubmit' ? action.table : undefined
    if (to !== undefined && !table.next.some(next => next.number === to))
      throw new ContractError(`table ${table.name}: leads to table ${to}, which is not declared`)
  }
}

/** Keeps the flow sets of a pipeline. */
export class Compiler implements Compiled {
  revision = 0
  private readonly graph = new Graph()
  private readonly sets = new Map<string, CompiledSet>()
  private readonly rules = new Map<string, { readonly table: Table; readonly rule: Rule; units: Map<string, Unit> }[]>()
  private readonly subscriptionRules = new Map<string, { rule: SubscriptionRule; units: Map<string, Subscriber> }[]>()
  private readonly dirty = new Set<Unit>()
  private readonly dirtySubscribers = new Set<Subscriber>()
  private readonly touched: Slot[] = []
  private readonly conflicted = new Map<Slot, Conflict>()
  /** chassis -> flow set -> by how many records. */
  private readonly held = new Map<string, Map<string, number>>()
  private readonly heldSets = new Map<string, Set<string>>()
  private readonly holders = new Map<string, Set<string>>()
  private readonly listeners = new Set<(delta: CompileDelta) => void>()

  constructor(pipeline: Pipeline) {
    for (const table of pipeline.tables)
      for (const rule of table.rules) {
        const list = this.rules.get(rule.kind.name) ?? []
        this.rules.set(rule.kind.name, [...list, { table, rule, units: new Map() }])
      }
    for (const rule of pipeline.subscriptions) {
      const list = this.subscriptionRules.get(rule.kind.name) ?? []
      this.subscriptionRules.set(rule.kind.name, [...list, { rule, units: new Map() }])
    }
    for (const table of pipeline.tables) this.addFixed(table)
  }

  /**
   * Takes one commit in (the first may be one that creates all that there is), tells the listeners what it changed in the flow
   * sets, and returns it.
   */
  apply(commit: Commit): CompileDelta {
    return this.advance(commit.changes, commit.revision)
  }

  /** Calls `listener` after each commit that was taken in. Returns how to stop. */
  onDelta(listener: (delta: CompileDelta) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  flowSet(id: string): FlowSet | undefined {
    return this.sets.get(id)
  }

  /** All flow sets that hold anything. */
  flowSetIds(): Iterable<string> {
    return this.sets.keys()
  }

  /** How many flows a bridge of a chassis should hold. */
  flowCount(chassis: string, bridge: Bridge): number {
    let count = 0
    for (const id of this.subscriptions(chassis)) count += this.sets.get(id)?.count[bridge] ?? 0
    return count
  }

  subscriptions(chassis: string): ReadonlySet<string> {
    return this.heldSets.get(chassis) ?? NONE
  }

  subscribers(flowSet: string): ReadonlySet<string> {
    return this.holders.get(flowSet) ?? NONE
  }

  flowSetsOf(kind: string, id: string): ReadonlySet<string> {
    const found = new Set<string>()
    for (const { units } of this.rules.get(kind) ?? [])
      for (const wish of units.get(id)?.wishes ?? []) found.add(wish.slot.set.id)
    return found
  }

  byCookie(chassis: string, cookie: bigint): readonly FlowEntry[] {
    const found: FlowEntry[] = []
    for (const id of this.subscriptions(chassis))
      for (const entry of this.sets.get(id)?.entries.values() ?? []) if (entry.cookie === cookie) found.push(entry)
    return found
  }

  get conflicts(): readonly Conflict[] {
    return [...this.conflicted.values()]
  }

  private advance(changes: readonly Change[], revision: number): CompileDelta {
    for (const change of changes) this.invalidate(change)
    this.graph.settle()
    for (const unit of this.dirty) this.recompute(unit)
    this.dirty.clear()
    const flowSets = this.settleSlots()
    const { subscribed, unsubscribed } = this.settleSubscriptions()
    for (const { flowSet } of flowSets) if (this.sets.get(flowSet)?.slots.size === 0) this.sets.delete(flowSet)
    this.revision = revision
    const delta = { revision, flowSets, subscribed, unsubscribed }
    for (const listener of this.listeners) listener(delta)
    return delta
  }

  private invalidate(change: Change): void {
    this.graph.apply(change)
    for (const entry of this.rules.get(change.kind.name) ?? []) {
      let unit = entry.units.get(change.id)
      if (unit === undefined) {
        unit = new Unit(entry.table, entry.rule, change.id, this.dirty)
        entry.units.set(change.id, unit)
      }
      this.dirty.add(unit)
    }
    for (const entry of this.subscriptionRules.get(change.kind.name) ?? []) {
      let unit = entry.units.get(change.id)
      if (unit === undefined) {
        unit = new Subscriber(entry.rule, change.id, this.dirtySubscribers)
        entry.units.set(change.id, unit)
      }
      this.dirtySubscribers.add(unit)
    }
  }

  private recompute(unit: Unit): void {
    const { rule } = unit
    if (rule === undefined) return
    const doc = this.graph.docsOf(rule.kind).get(unit.id)
    const rows = doc === undefined ? [] : this.graph.run(unit, view => rule.rows(doc, view))
    const before = [...unit.wishes]
    unit.wishes = rows.map(row => {
      const kept = before.findIndex(wish => isDeepStrictEqual(wish.row, row))
      if (kept >= 0) return before.splice(kept, 1)[0] as Wish
      return this.wish(unit, row, row.in === '' ? rule.scope : `${rule.scope}/${row.in}`)
    })
    for (const wish of before) this.unwish(wish)
    if (doc !== undefined) return
    this.graph.drop(unit)
    for (const entry of this.rules.get(rule.kind.name) ?? []) if (entry.rule === rule) entry.units.delete(unit.id)
  }

  private addFixed(table: Table): void {
    const unit = new Unit(table, undefined, table.name, this.dirty)
    const miss: FlowSpec = { priority: 0, match: {}, actions: table.miss }
    unit.wishes = [...table.fixed, miss].map(spec => this.wish(unit, spec, PIPELINE_SET))
  }

  private wish(unit: Unit, row: Placed | FlowSpec, setId: string): Wish {
    const { table } = unit
    const spec = specOf(unit, row)
    checkContract(table, spec)
    const { slot: key, instructions } = encodeFlow(table.bridge, table.number, spec)
    let set = this.sets.get(setId)
    if (set === undefined) {
      set = new CompiledSet(setId)
      this.sets.set(setId, set)
    }
    let slot = set.slots.get(key)
    if (slot === undefined) {
      slot = new Slot(set, key, table, spec.priority)
      set.slots.set(key, slot)
    }
    const wish = new Wish(unit, row, slot)
    place(slot.wishes, wish)
    this.touch(slot, slot.wishes.length === 1 ? instructions : undefined)
    return wish
  }

  private unwish(wish: Wish): void {
    const { slot } = wish
    slot.wishes.splice(slot.wishes.indexOf(wish), 1)
    this.touch(slot, undefined)
  }

  private touch(slot: Slot, encoded: string | undefined): void {
    if (!slot.isTouched) this.touched.push(slot)
    slot.isTouched = true
    slot.encoded = encoded
  }

  private settleSlots(): FlowSetDelta[] {
    const deltas = new Map<CompiledSet, { flowSet: string; added: FlowEntry[]; removed: FlowEntry[] }>()
    for (const slot of this.touched) {
      const old = slot.entry
      const entry = this.settle(slot)
      if (entry === old) continue
      let delta = deltas.get(slot.set)
      if (delta === undefined) {
        delta = { flowSet: slot.set.id, added: [], removed: [] }
        deltas.set(slot.set, delta)
      }
      const { count, sum } = slot.set
      const bridge = slot.table.bridge
      if (old !== undefined) {
        delta.removed.push(old)
        count[bridge]--
        addDigest(sum[bridge], old, -1)
      }
      if (entry !== undefined) {
        delta.added.push(entry)
        count[bridge]++
        addDigest(sum[bridge], entry, 1)
      }
      slot.entry = entry
    }
    for (const slot of this.touched) {
      slot.isTouched = false
      slot.encoded = undefined
      if (slot.wishes.length === 0) slot.set.slots.delete(slot.key)
    }
    this.touched.length = 0
    return [...deltas.values()]
  }

  private settle(slot: Slot): Entry | undefined {
    if (slot.wishes.length === 0) {
      this.conflicted.delete(slot)
      return undefined
    }
    const instructions = slot.encoded ?? slot.instructions()
    this.noteConflict(slot, instructions)
    return slot.entry?.text === instructions ? slot.entry : new Entry(slot, instructions)
  }

  private noteConflict(slot: Slot, instructions: string): void {
    if (this.conflicted.size > 0) this.conflicted.delete(slot)
    if (slot.wishes.length === 1) return
    const [first, ...others] = slot.wishes
    if (first === undefined || others.length === 0) return
    const merge = first.unit.rule?.merge
    if (merge === 'first' || merge === 'concat') return
    const isRefused = (wish: Wish) =>
      merge === undefined || encodeFlow(slot.table.bridge, slot.table.number, wish.spec()).instructions !== instructions
    const refused = others.filter(isRefused).map(wish => wish.unit.source)
    if (refused.length === 0) return
    this.conflicted.set(slot, { flowSet: slot.set.id, slot: slot.key, kept: first.unit.source, refused })
  }

  private settleSubscriptions(): Pick<CompileDelta, 'subscribed' | 'unsubscribed'> {
    const before = new Map<string, boolean>()
    const count = (pair: { chassis: string; flowSet: string }, by: 1 | -1) => {
      let sets = this.held.get(pair.chassis)
      if (sets === undefined) {
        sets = new Map()
        this.held.set(pair.chassis, sets)
      }
      const had = sets.get(pair.flowSet) ?? 0
      const key = JSON.stringify([pair.chassis, pair.flowSet])
      if (!before.has(key)) before.set(key, had > 0)
      if (had + by === 0) sets.delete(pair.flowSet)
      else sets.set(pair.flowSet, had + by)
    }
    for (const unit of this.dirtySubscribers) {
      const doc = this.graph.docsOf(unit.rule.kind).get(unit.id)
      const pairs = doc === undefined ? [] : this.graph.run(unit, view => unit.rule.subscriptions(doc, view))
      for (const pair of pairs) count(pair, 1)
      for (const pair of unit.pairs) count(pair, -1)
      unit.pairs = pairs
      if (doc === undefined) {
        this.graph.drop(unit)
        for (const entry of this.subscriptionRules.get(unit.rule.kind.name) ?? [])
          if (entry.rule === unit.rule) entry.units.delete(unit.id)
      }
    }
    this.dirtySubscribers.clear()
    const subscribed: { chassis: string; flowSet: string }[] = []
    const unsubscribed: { chassis: string; flowSet: string }[] = []
    for (const [key, had] of before) {
      const [chassis, flowSet] = JSON.parse(key) as [string, string]
      const has = (this.held.get(chassis)?.get(flowSet) ?? 0) > 0
      if (has === had) continue
      if (has) subscribed.push({ chassis, flowSet })
      else unsubscribed.push({ chassis, flowSet })
      mark(this.heldSets, chassis, flowSet, has)
      mark(this.holders, flowSet, chassis, has)
    }
    return { subscribed, unsubscribed }
  }
}

/** Inserts a wish in the order in which its slot merges: by the rule's order, then by source. */
const place = (wishes: Wish[], wish: Wish): void => {
  let at = wishes.length
  while (at > 0 && precedes(wish, wishes[at - 1] as Wish)) at--
  if (at === wishes.length) wishes.push(wish)
  else wishes.splice(at, 0, wish)
}

const rankOf = ({ unit, row }: Wish) => unit.rule?.order?.(row as Placed) ?? 0

const precedes = (a: Wish, b: Wish): boolean => {
  const [ranka, rankb] = [rankOf(a), rankOf(b)]
  if (ranka !== rankb) return ranka < rankb
  const [kinda, kindb] = [a.unit.rule?.kind.name ?? '', b.unit.rule?.kind.name ?? '']
  return kinda !== kindb ? kinda < kindb : a.unit.id < b.unit.id
}

const mark = (map: Map<string, Set<string>>, key: string, value: string, present: boolean): void => {
  let set = map.get(key)
  if (set === undefined) {
    set = new Set()
    map.set(key, set)
  }
  if (present) set.add(value)
  else set.delete(value)
  if (set.size === 0) map.delete(key)
}
