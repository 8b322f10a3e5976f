// Follows the log of commits and keeps the flow sets that the model compiles to. One change costs the rows that change:
// each (rule, record) is a unit that remembers its rows and what it read; the same code compiles everything at a start.
import { isDeepStrictEqual } from 'node:util'
import type { Change, Commit, Kind } from '#model'
import { cookieOf, digestOf, encodeSpec, slotOf } from './encode.ts'
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

const U64 = (n: bigint) => BigInt.asUintN(64, n)

/** One row's wish for a flow. */
interface Wish {
  readonly table: Table
  readonly rule: Rule | undefined
  readonly row: Placed
  readonly spec: () => FlowSpec
  readonly source: Source
  readonly slot: Slot
}

/** A place in a flow set: one table, priority and match, and those who want a flow there. */
class Slot {
  readonly set: CompiledSet
  readonly key: string
  readonly table: Table
  readonly priority: number
  readonly match: Buffer
  readonly wishes: Wish[] = []
  entry: FlowEntry | undefined

  constructor(set: CompiledSet, key: string, table: Table, priority: number, match: Buffer) {
    this.set = set
    this.key = key
    this.table = table
    this.priority = priority
    this.match = match
  }

  /** The flow that its wishes come to. */
  spec(): FlowSpec {
    const first = this.wishes[0] as Wish
    const spec = first.spec()
    if (this.wishes.length === 1 || first.rule?.merge !== 'concat') return spec
    return { ...spec, actions: this.wishes.flatMap(wish => wish.spec().actions) }
  }
}

class Entry implements FlowEntry {
  readonly owner: Slot
  readonly cookie: bigint
  readonly instructions: Buffer
  readonly digest: bigint

  constructor(owner: Slot, instructions: Buffer) {
    this.owner = owner
    this.instructions = instructions
    this.cookie = cookieOf(owner.key)
    this.digest = digestOf(owner.key, instructions)
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
  get match(): Buffer {
    return this.owner.match
  }
  get slot(): string {
    return this.owner.key
  }
  get flow(): FlowEntry['flow'] {
    return { table: this.table, cookie: this.cookie, ...this.owner.spec() }
  }
  get sources(): readonly Source[] {
    return this.owner.wishes.map(wish => wish.source)
  }
}

class CompiledSet implements FlowSet {
  readonly id: string
  readonly slots = new Map<string, Slot>()
  readonly entries = new Map<string, FlowEntry>()
  readonly count: Record<Bridge, number> = { 'br-int': 0, 'br-tun': 0 }
  readonly digest: Record<Bridge, bigint> = { 'br-int': 0n, 'br-tun': 0n }

  constructor(id: string) {
    this.id = id
  }
}

/** One record under one rule of one table. */
class Unit implements User {
  readonly reads = new Set<Cell>()
  readonly table: Table
  readonly rule: Rule
  readonly id: string
  readonly dirty: Set<Unit>
  wishes: readonly Wish[] = []

  constructor(table: Table, rule: Rule, id: string, dirty: Set<Unit>) {
    this.table = table
    this.rule = rule
    this.id = id
    this.dirty = dirty
  }

  invalidate(): void {
    this.dirty.add(this)
  }
}

/** One record under one subscription rule. */
class Subscriber implements User {
  readonly reads = new Set<Cell>()
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
  private readonly touched = new Set<Slot>()
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
    const doc = this.graph.docsOf(unit.rule.kind).get(unit.id)
    const rows = doc === undefined ? [] : this.graph.run(unit, view => unit.rule.rows(doc, view))
    const before = [...unit.wishes]
    const after: Wish[] = []
    for (const row of rows) {
      const kept = before.findIndex(wish => isDeepStrictEqual(wish.row, row))
      if (kept >= 0) after.push(...before.splice(kept, 1))
      else after.push(this.wish(unit, row))
    }
    for (const wish of before) this.unwish(wish)
    unit.wishes = after
    if (doc === undefined) this.forget(unit)
  }

  private forget(unit: Unit): void {
    this.graph.drop(unit)
    for (const entry of this.rules.get(unit.rule.kind.name) ?? [])
      if (entry.rule === unit.rule) entry.units.delete(unit.id)
  }

  private wish(unit: Unit, row: Placed): Wish {
    const { table, rule } = unit
    const setId = row.in === '' ? rule.scope : `${rule.scope}/${row.in}`
    const source = { kind: rule.kind.name, id: unit.id, table: table.name }
    return this.addWish(table, rule, row, () => rule.flow(row), source, setId)
  }

  private addFixed(table: Table): void {
    const source = { kind: 'pipeline', id: table.name, table: table.name }
    const miss: FlowSpec = { priority: 0, match: {}, actions: table.miss }
    for (const spec of [...table.fixed, miss])
      this.addWish(table, undefined, { in: '' }, () => spec, source, PIPELINE_SET)
  }

  private addWish(
    table: Table,
    rule: Rule | undefined,
    row: Placed,
    spec: () => FlowSpec,
    source: Source,
    setId: string,
  ): Wish {
    const made = spec()
    checkContract(table, made)
    const { match, instructions } = encodeSpec(made)
    const key = slotOf(table.bridge, table.number, made.priority, match)
    let set = this.sets.get(setId)
    if (set === undefined) {
      set = new CompiledSet(setId)
      this.sets.set(setId, set)
    }
    let slot = set.slots.get(key)
    if (slot === undefined) {
      slot = new Slot(set, key, table, made.priority, match)
      set.slots.set(key, slot)
    }
    const wish: Wish = { table, rule, row, spec, source, slot }
    place(slot.wishes, wish)
    if (!this.touched.has(slot) && slot.wishes.length === 1 && slot.entry === undefined)
      this.fresh.set(slot, instructions)
    else this.fresh.delete(slot)
    this.touched.add(slot)
    return wish
  }

  /** Instructions already encoded for slots that are new in this commit and have one wish: nearly all at a start. */
  private readonly fresh = new Map<Slot, Buffer>()

  private unwish(wish: Wish): void {
    const { slot } = wish
    slot.wishes.splice(slot.wishes.indexOf(wish), 1)
    this.fresh.delete(slot)
    this.touched.add(slot)
  }

  private settleSlots(): FlowSetDelta[] {
    const deltas = new Map<string, { flowSet: string; added: FlowEntry[]; removed: FlowEntry[] }>()
    for (const slot of this.touched) {
      const old = slot.entry
      const entry = this.settle(slot)
      if (entry === old) continue
      let delta = deltas.get(slot.set.id)
      if (delta === undefined) {
        delta = { flowSet: slot.set.id, added: [], removed: [] }
        deltas.set(slot.set.id, delta)
      }
      const { count, digest, entries } = slot.set
      const bridge = slot.table.bridge
      if (old !== undefined) {
        delta.removed.push(old)
        count[bridge]--
        digest[bridge] = U64(digest[bridge] - old.digest)
        entries.delete(slot.key)
      }
      if (entry !== undefined) {
        delta.added.push(entry)
        count[bridge]++
        digest[bridge] = U64(digest[bridge] + entry.digest)
        entries.set(slot.key, entry)
      } else slot.set.slots.delete(slot.key)
      slot.entry = entry
    }
    this.touched.clear()
    this.fresh.clear()
    return [...deltas.values()]
  }

  private settle(slot: Slot): FlowEntry | undefined {
    if (slot.wishes.length === 0) {
      this.conflicted.delete(slot)
      return undefined
    }
    const instructions = this.fresh.get(slot) ?? encodeSpec(slot.spec()).instructions
    this.noteConflict(slot, instructions)
    return slot.entry?.instructions.length === instructions.length && instructions.equals(slot.entry.instructions)
      ? slot.entry
      : new Entry(slot, instructions)
  }

  private noteConflict(slot: Slot, instructions: Buffer): void {
    this.conflicted.delete(slot)
    if (slot.wishes.length < 2) return
    const merge = slot.wishes[0]?.rule?.merge
    if (merge === 'first' || merge === 'concat') return
    const refused = slot.wishes
      .slice(1)
      .filter(wish => merge === undefined || !encodeSpec(wish.spec()).instructions.equals(instructions))
    if (refused.length === 0) return
    const kept = (slot.wishes[0] as Wish).source
    this.conflicted.set(slot, { flowSet: slot.set.id, slot: slot.key, kept, refused: refused.map(w => w.source) })
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
  const rank = (w: Wish) => w.rule?.order?.(w.row as never) ?? 0
  const before = (a: Wish, b: Wish) =>
    rank(a) !== rank(b)
      ? rank(a) < rank(b)
      : a.source.kind !== b.source.kind
        ? a.source.kind < b.source.kind
        : a.source.id < b.source.id
  let at = wishes.length
  while (at > 0 && before(wish, wishes[at - 1] as Wish)) at--
  wishes.splice(at, 0, wish)
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
