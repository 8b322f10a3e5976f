// Follows the log of commits and keeps the flow sets that the model compiles to. One change costs the rows that change:
// each record is a unit that remembers what its rows came to, and what it read; the same code compiles everything at a
// start.
import assert from 'node:assert/strict'
import type { Change, Commit, Kind } from '#model'
import { EMPTY } from './append.ts'
import { encodeActions, encodeSlot } from './encode.ts'
import { CompiledSet, Entry } from './entry.ts'
import type { Bridge, CompileDelta, Compiled, Conflict, FlowEntry, FlowSet, FlowSetDelta } from './flow-set.ts'
import { type Cell, Graph, type User } from './graph.ts'
import { Subscriptions } from './subscriptions.ts'
import { type FlowSpec, PIPELINE_SET, type Pipeline, type Placed, type Rule, type Table } from './table.ts'
import { FIRST, isSameShare, type Origin, type Share, shareOf, Wish } from './wish.ts'

/** One record, under all rules that read its kind. */
class Unit implements User {
  reads: readonly Cell[] = EMPTY
  readonly of: RuledKind
  readonly id: string
  wishes: readonly Wish<Entry>[] = EMPTY
  isDirty = false

  constructor(of: RuledKind, id: string) {
    this.of = of
    this.id = id
  }

  invalidate(): void {
    if (this.isDirty) return
    this.isDirty = true
    this.of.dirty.push(this)
  }
}

/** The flow sets of a scope, by instance: no name is put together for a row. */
interface Scope {
  readonly name: string
  readonly sets: Map<string, CompiledSet>
}

/** A kind of records, the rules that read it, and its records. */
interface RuledKind {
  readonly kind: Kind
  readonly origins: (Origin & { readonly rule: Rule; readonly scope: Scope })[]
  readonly units: Map<string, Unit>
  /** Shared by all kinds. */
  readonly dirty: Unit[]
}

/** A table's flow breaks its contract: matches on a field that the table does not declare, say. A bug in a table. */
export class ContractError extends Error {
  override name = 'ContractError'
}

const checkContract = (table: Table, spec: FlowSpec): void => {
  for (const field in spec.match)
    if (!table.match.has(field)) throw new ContractError(`table ${table.name}: match on ${field} is not declared`)
  for (const action of spec.actions) {
    const to = action.type === 'goto_table' || action.type === 'resubmit' ? action.table : undefined
    if (to === undefined || isNext(table, to) || (action.type === 'resubmit' && table.back.includes(to))) continue
    throw new ContractError(`table ${table.name}: leads to table ${to}, which is not declared`)
  }
}

const isNext = (table: Table, to: number): boolean => {
  for (const { number } of table.next) if (number === to) return true
  return false
}

/** Takes the wish that is the same as another out of a list; undefined if it is not there. */
const takeOut = (wishes: Wish<Entry>[], like: Wish<Entry>): Wish<Entry> | undefined => {
  if (wishes.length === 0) return undefined
  const at = wishes.findIndex(wish => isSame(wish, like))
  return at < 0 ? undefined : wishes.splice(at, 1)[0]
}

const isSame = (a: Wish<Entry>, b: Wish<Entry>): boolean =>
  a.origin === b.origin &&
  a.entry.slot === b.entry.slot &&
  a.text === b.text &&
  a.entry.set === b.entry.set &&
  isSameShare(a.share, b.share)

const isSomething = ({ added, removed }: FlowSetDelta) => added.length + removed.length > 0

/** What a row comes to: a flow that it alone wants so far, in no place yet. */
const wishOf = (origin: Origin & { readonly rule: Rule }, id: string, row: Placed, set: CompiledSet): Wish<Entry> =>
  newWish(origin, id, origin.rule.flow(row), shareOf(origin.rule, row), set)

const newWish = (origin: Origin, id: string, spec: FlowSpec, share: Share, set: CompiledSet): Wish<Entry> => {
  const { table, rule } = origin
  checkContract(table, spec)
  const slot = encodeSlot(table.bridge, table.number, spec)
  const text = encodeActions(spec.actions)
  // What is too heavy for the limit is refused though it be alone.
  const entry = new Entry(set, slot, text, share.weight > (rule?.limit ?? share.weight) ? 'joined' : 'new')
  const wish = new Wish(origin, id, text, share, entry)
  entry.add(wish)
  return wish
}

/** Keeps the flow sets of a pipeline. */
export class Compiler implements Compiled {
  revision = 0
  private readonly graph = new Graph()
  private readonly subscribed: Subscriptions
  private readonly sets = new Map<string, CompiledSet>()
  private readonly scopes = new Map<string, Scope>()
  private readonly kinds = new Map<string, RuledKind>()
  private readonly dirty: Unit[] = []
  /** What the record that is under way wants, as far as it is known. */
  private readonly wished: Wish<Entry>[] = []
  /** What came or changed in the commit that is being taken in. */
  private readonly changed = new Set<CompiledSet>()
  private readonly conflicted = new Map<Entry, Conflict>()
  private readonly listeners = new Set<(delta: CompileDelta) => void>()

  constructor(pipeline: Pipeline) {
    this.subscribed = new Subscriptions(this.graph, pipeline.subscriptions)
    for (const table of pipeline.tables)
      for (const rule of table.rules) {
        const { kind } = rule
        const ruled: RuledKind = this.kinds.get(kind.name) ?? { kind, origins: [], units: new Map(), dirty: this.dirty }
        this.kinds.set(kind.name, ruled)
        ruled.origins.push({ table, rule, scope: this.scopeOf(rule.scope) })
      }
    for (const table of pipeline.tables) this.addFixed(table)
  }

  /**
   * Takes one commit in (the first may be one that creates all that there is), tells the listeners what it changed in
   * the flow sets, and returns it.
   */
  apply(commit: Commit): CompileDelta {
    this.take(commit.changes)
    const flowSets = this.settleSets()
    for (const { flowSet } of flowSets) this.forgetIfEmpty(flowSet)
    this.revision = commit.revision
    const delta = { revision: commit.revision, flowSets, ...this.subscribed.settle() }
    for (const listener of this.listeners) listener(delta)
    return delta
  }

  /**
   * What changes would come to, were they committed now: they are taken in and taken back, which costs twice what they
   * would, and nobody is told. Entries that would go are those that there are; those that would come are copies.
   */
  preview(changes: readonly Change[]): Omit<CompileDelta, 'revision'> {
    try {
      this.take(changes)
      const flowSets = Array.from(this.changed, set => set.preview())
      return { flowSets: flowSets.filter(isSomething), ...this.subscribed.settle() }
    } finally {
      this.take(changes.toReversed().map(change => ({ ...change, before: change.after, after: change.before })))
      this.subscribed.settle()
      const touched = Array.from(this.changed, ({ id }) => id)
      assert.equal(this.settleSets().length, 0, 'what was taken back leaves a trace')
      for (const id of touched) this.forgetIfEmpty(id)
    }
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
    return this.subscribed.sets(chassis)
  }

  subscribers(flowSet: string): ReadonlySet<string> {
    return this.subscribed.chassis(flowSet)
  }

  flowSetsOf(kind: string, id: string): ReadonlySet<string> {
    return new Set(
      this.kinds
        .get(kind)
        ?.units.get(id)
        ?.wishes.map(wish => wish.entry.set.id),
    )
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

  /** Takes changes in as far as the rows that they come to. */
  private take(changes: readonly Change[]): void {
    for (const change of changes) this.invalidate(change)
    this.graph.settle()
    for (const unit of this.dirty) this.recompute(unit)
    for (const unit of this.dirty) unit.isDirty = false
    this.dirty.length = 0
  }

  private invalidate(change: Change): void {
    this.graph.apply(change)
    this.subscribed.invalidate(change)
    const ruled = this.kinds.get(change.kind.name)
    if (ruled === undefined) return
    let unit = ruled.units.get(change.id)
    if (unit === undefined) {
      unit = new Unit(ruled, change.id)
      ruled.units.set(change.id, unit)
    }
    unit.invalidate()
  }

  private recompute(unit: Unit): void {
    const { kind, origins, units } = unit.of
    const doc = this.graph.docsOf(kind).get(unit.id)
    const before = [...unit.wishes]
    const { wished } = this
    let count = 0
    if (doc !== undefined)
      this.graph.run(unit, view => {
        for (const origin of origins)
          for (const row of origin.rule.rows(doc, view)) {
            const wish = wishOf(origin, unit.id, row, this.setIn(origin.scope, row.in))
            const known = takeOut(before, wish)
            if (known === undefined) this.pend(wish.entry)
            wished[count++] = known ?? wish
          }
      })
    for (const wish of before) this.unwish(wish)
    unit.wishes = count === 0 ? EMPTY : wished.slice(0, count)
    if (doc !== undefined) return
    this.graph.drop(unit)
    units.delete(unit.id)
  }

  private addFixed(table: Table): void {
    const origin: Origin = { table, rule: undefined }
    const miss: FlowSpec = { priority: 0, match: {}, actions: table.miss }
    const set = this.setIn(this.scopeOf(PIPELINE_SET), '')
    for (const spec of [...table.fixed, miss]) this.pend(newWish(origin, table.name, spec, FIRST, set).entry)
  }

  private scopeOf(name: string): Scope {
    let scope = this.scopes.get(name)
    if (scope === undefined) {
      scope = { name, sets: new Map() }
      this.scopes.set(name, scope)
    }
    return scope
  }

  private setIn({ name, sets }: Scope, instance: string): CompiledSet {
    let set = sets.get(instance)
    if (set === undefined) {
      set = new CompiledSet(name, instance)
      sets.set(instance, set)
      this.sets.set(set.id, set)
    }
    return set
  }

  private forgetIfEmpty(id: string): void {
    const set = this.sets.get(id)
    if (set === undefined || set.entries.size > 0) return
    this.sets.delete(id)
    this.scopes.get(set.scope)?.sets.delete(set.instance)
  }

  private unwish(wish: Wish<Entry>): void {
    const { entry } = wish
    entry.remove(wish)
    if (entry.state !== 'settled') return
    entry.state = 'touched'
    this.pend(entry)
  }

  private pend(entry: Entry): void {
    if (entry.set.pending.push(entry) === 1) this.changed.add(entry.set)
  }

  private settleSets(): FlowSetDelta[] {
    const deltas: FlowSetDelta[] = []
    for (const set of this.changed) {
      const delta = set.settle(this.conflicted)
      if (isSomething(delta)) deltas.push(delta)
    }
    this.changed.clear()
    return deltas
  }
}
