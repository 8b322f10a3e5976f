// Which chassis hold which flow sets: a chassis holds a set while any record says so.
import type { Change } from '#model'
import { EMPTY } from './append.ts'
import type { CompileDelta } from './flow-set.ts'
import { type Cell, type Graph, mapAt, type User } from './graph.ts'
import type { SubscriptionRule } from './table.ts'

type Pair = { readonly chassis: string; readonly flowSet: string }

/** A pair that some records want. */
interface Held extends Pair {
  /** By how many. */
  count: number
  /** Whether it was told that the chassis holds the set. */
  isTold: boolean
  /** Whether it stands in the list of those whose count has changed. */
  isChanged: boolean
}

/** One record under one rule. */
class Unit implements User {
  reads: readonly Cell[] = EMPTY
  readonly rule: SubscriptionRule
  readonly id: string
  /** Shared by all rules. */
  readonly dirty: Unit[]
  pairs: readonly Pair[] = EMPTY
  isDirty = false

  constructor(rule: SubscriptionRule, id: string, dirty: Unit[]) {
    this.rule = rule
    this.id = id
    this.dirty = dirty
  }

  invalidate(): void {
    if (this.isDirty) return
    this.isDirty = true
    this.dirty.push(this)
  }
}

const NONE: ReadonlySet<string> = new Set()

/** Keeps the subscriptions that the rules come to. */
export class Subscriptions {
  private readonly graph: Graph
  private readonly rules: readonly { readonly rule: SubscriptionRule; readonly units: Map<string, Unit> }[]
  private readonly dirty: Unit[] = []
  /** By chassis and flow set. */
  private readonly held = new Map<string, Map<string, Held>>()
  private readonly changed: Held[] = []
  private readonly setsOf = new Map<string, Set<string>>()
  private readonly chassisOf = new Map<string, Set<string>>()

  constructor(graph: Graph, rules: readonly SubscriptionRule[]) {
    this.graph = graph
    this.rules = rules.map(rule => ({ rule, units: new Map() }))
  }

  /** The flow sets that a chassis holds. */
  sets(chassis: string): ReadonlySet<string> {
    return this.setsOf.get(chassis) ?? NONE
  }

  /** The chassis that hold a flow set. */
  chassis(flowSet: string): ReadonlySet<string> {
    return this.chassisOf.get(flowSet) ?? NONE
  }

  /** Notes a change of a record; what it comes to is found by `settle`. */
  invalidate(change: Change): void {
    for (const { rule, units } of this.rules) {
      if (rule.kind.name !== change.kind.name) continue
      let unit = units.get(change.id)
      if (unit === undefined) {
        unit = new Unit(rule, change.id, this.dirty)
        units.set(change.id, unit)
      }
      unit.invalidate()
    }
  }

  /** Takes in what changed, and tells which subscriptions began and ended. */
  settle(): Pick<CompileDelta, 'subscribed' | 'unsubscribed'> {
    for (const unit of this.dirty) {
      const doc = this.graph.docsOf(unit.rule.kind).get(unit.id)
      const pairs = doc === undefined ? EMPTY : this.graph.run(unit, view => unit.rule.subscriptions(doc, view))
      for (const pair of pairs) this.count(pair, 1)
      for (const pair of unit.pairs) this.count(pair, -1)
      unit.pairs = pairs
      if (doc === undefined) this.forget(unit)
    }
    for (const unit of this.dirty) unit.isDirty = false
    this.dirty.length = 0
    const subscribed: Pair[] = []
    const unsubscribed: Pair[] = []
    for (const held of this.changed) {
      const { chassis, flowSet, count, isTold } = held
      held.isChanged = false
      held.isTold = count > 0
      if (count === 0) forgetIn(this.held, chassis, flowSet)
      if (held.isTold === isTold) continue
      if (held.isTold) subscribed.push({ chassis, flowSet })
      else unsubscribed.push({ chassis, flowSet })
      mark(this.setsOf, chassis, flowSet, held.isTold)
      mark(this.chassisOf, flowSet, chassis, held.isTold)
    }
    this.changed.length = 0
    return { subscribed, unsubscribed }
  }

  private count({ chassis, flowSet }: Pair, by: 1 | -1): void {
    const sets = mapAt(this.held, chassis)
    let held = sets.get(flowSet)
    if (held === undefined) {
      held = { chassis, flowSet, count: 0, isTold: false, isChanged: false }
      sets.set(flowSet, held)
    }
    held.count += by
    if (held.isChanged) return
    held.isChanged = true
    this.changed.push(held)
  }

  private forget(unit: Unit): void {
    this.graph.drop(unit)
    for (const { rule, units } of this.rules) if (rule === unit.rule) units.delete(unit.id)
  }
}

const forgetIn = <V>(map: Map<string, Map<string, V>>, key: string, inner: string): void => {
  const values = map.get(key)
  values?.delete(inner)
  if (values?.size === 0) map.delete(key)
}

const mark = (map: Map<string, Set<string>>, key: string, value: string, isPresent: boolean): void => {
  let set = map.get(key)
  if (set === undefined) {
    set = new Set()
    map.set(key, set)
  }
  if (isPresent) set.add(value)
  else set.delete(value)
  if (set.size === 0) map.delete(key)
}
