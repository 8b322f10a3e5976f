// Which chassis hold which flow sets: a chassis holds a set while any record says so.
import type { Change } from '#model'
import type { CompileDelta } from './flow-set.ts'
import { type Cell, type Graph, mapAt, type User } from './graph.ts'
import type { SubscriptionRule } from './table.ts'

type Pair = { readonly chassis: string; readonly flowSet: string }

/** One record under one rule. */
class Unit implements User {
  reads: readonly Cell[] = []
  readonly rule: SubscriptionRule
  readonly id: string
  /** Shared by all rules. */
  readonly dirty: Unit[]
  pairs: readonly Pair[] = []
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
  /** chassis -> flow set -> by how many pairs. */
  private readonly counts = new Map<string, Map<string, number>>()
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
    /** Whether pairs whose count changed were held before: chassis -> flow set -> that. */
    const before = new Map<string, Map<string, boolean>>()
    const count = ({ chassis, flowSet }: Pair, by: 1 | -1) => {
      const counts = mapAt(this.counts, chassis)
      const had = counts.get(flowSet) ?? 0
      const changed = mapAt(before, chassis)
      if (!changed.has(flowSet)) changed.set(flowSet, had > 0)
      if (had + by === 0) counts.delete(flowSet)
      else counts.set(flowSet, had + by)
      if (counts.size === 0) this.counts.delete(chassis)
    }
    for (const unit of this.dirty) {
      const doc = this.graph.docsOf(unit.rule.kind).get(unit.id)
      const pairs = doc === undefined ? [] : this.graph.run(unit, view => unit.rule.subscriptions(doc, view))
      for (const pair of pairs) count(pair, 1)
      for (const pair of unit.pairs) count(pair, -1)
      unit.pairs = pairs
      if (doc === undefined) this.forget(unit)
    }
    for (const unit of this.dirty) unit.isDirty = false
    this.dirty.length = 0
    const subscribed: Pair[] = []
    const unsubscribed: Pair[] = []
    for (const [chassis, changed] of before)
      for (const [flowSet, had] of changed) {
        const has = (this.counts.get(chassis)?.get(flowSet) ?? 0) > 0
        if (has === had) continue
        if (has) subscribed.push({ chassis, flowSet })
        else unsubscribed.push({ chassis, flowSet })
        mark(this.setsOf, chassis, flowSet, has)
        mark(this.chassisOf, flowSet, chassis, has)
      }
    return { subscribed, unsubscribed }
  }

  private forget(unit: Unit): void {
    this.graph.drop(unit)
    for (const { rule, units } of this.rules) if (rule === unit.rule) units.delete(unit.id)
  }
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
