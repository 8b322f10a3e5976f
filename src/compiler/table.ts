// How a flow table is declared: a file of plain data and pure functions. The compiler knows no table but through this.
import type { Action, Match } from 'node-openflow/flow'
import type { Doc, Kind } from '#model'
import type { Bridge } from './flow-set.ts'

/** What a rule makes of one row: the table adds its number, the compiler the cookie. */
export interface FlowSpec {
  readonly priority: number
  readonly match: Match
  readonly actions: readonly Action[]
}

/** A value computed once per record and shared by all that read it; they run again only when the value changes. */
export interface Derived<S extends Doc, T> {
  readonly derived: string
  readonly kind: Kind<S>
  readonly compute: (doc: S, view: View) => T | undefined
}

/** Declares a derived value. Functions of rows read this instead of the record, whose other fields change too often. */
export const derive = <S extends Doc, T>(
  name: string,
  kind: Kind<S>,
  compute: (doc: S, view: View) => T | undefined,
): Derived<S, T> => ({ derived: name, kind, compute })

/** The model as functions of rows see it. What is read is remembered: the row is made again when it changes. */
export interface View {
  get<T extends Doc>(kind: Kind<T>, id: string): T | undefined
  value<S extends Doc, T>(derived: Derived<S, T>, id: string): T | undefined
  by<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): readonly T[]
}

/** A row says in which instance of its rule's scope its flow belongs: a network's id, a chassis' id. */
export interface Placed {
  readonly in: string
}

/** Records of one kind become rows, and each row a flow. */
export interface Rule<T extends Doc = Doc, R extends Placed = Placed> {
  readonly kind: Kind<T>
  /** The flow set of a row is `<scope>/<row.in>`, or `<scope>` alone when `in` is ''. */
  readonly scope: string
  readonly rows: (doc: T, view: View) => readonly R[]
  /** Pure: the same row, the same flow. */
  readonly flow: (row: R) => FlowSpec
  /**
   * What to do when several rows want one match. `same`: their flows must be equal, they share it. `union`: one flow with
   * the actions of all, by `order`; a row whose actions equal those of an earlier one adds nothing. Else it is a conflict.
   */
  readonly merge?: 'same' | 'union'
  /**
   * With `union`: what the rows of one flow may weigh together, those of all rules that declare a limit; a row that adds
   * nothing weighs nothing. The row that would pass it and those after it are refused, and shown.
   */
  readonly limit?: number
  /** With `limit`: what a row weighs, 1 unless given. */
  readonly weight?: (row: R) => number
  /** Where a row stands in its flow, lowest first. */
  readonly order?: (row: R) => number
  /** A row, and (in a test) the flow that it makes, as the comment of the table's file shows it. */
  readonly example: R
}

/** Declares a rule; checks the types of its parts against one another. */
export const each = <T extends Doc, R extends Placed>(
  kind: Kind<T>,
  rule: Omit<Rule<T, R>, 'kind'>,
): Rule<Doc, Placed> => ({ kind, ...rule }) as unknown as Rule<Doc, Placed>

/** A flow table. */
export interface Table {
  readonly name: string
  /** Its file, from the root of the project. */
  readonly file: string
  readonly bridge: Bridge
  readonly number: number
  /** The fields that its flows may match on. */
  readonly match: ReadonlySet<string>
  /** The tables that its flows may lead to, by goto or by resubmit. */
  readonly next: readonly Table[]
  /** Numbers of tables before it that its flows may resubmit to: a step back, as a number, since imports go forward. */
  readonly back: readonly number[]
  /** Flows that depend on no record: in the flow set `pipeline`, on every chassis. */
  readonly fixed: readonly FlowSpec[]
  /** What happens to a packet that no flow matches (priority 0). */
  readonly miss: readonly Action[]
  /** Why flows without actions drop what they match, by priority (0: the miss); those that only return have no reason. */
  readonly drops: ReadonlyMap<number, string>
  readonly rules: readonly Rule[]
}

/** Declares a flow table; see the files in flows/. */
export const table = (
  name: string,
  spec: {
    readonly bridge: Bridge
    readonly number: number
    readonly match: readonly string[]
    readonly next?: readonly Table[]
    readonly back?: readonly number[]
    readonly fixed?: readonly FlowSpec[]
    readonly miss: readonly Action[]
    readonly drops?: Readonly<Record<number, string>>
    readonly rules?: readonly Rule[]
  },
): Table => ({
  name,
  file: `flows/${spec.bridge}/${String(spec.number).padStart(2, '0')}-${name.replaceAll('_', '-')}.ts`,
  bridge: spec.bridge,
  number: spec.number,
  match: new Set(spec.match),
  next: spec.next ?? [],
  back: spec.back ?? [],
  fixed: spec.fixed ?? [],
  miss: spec.miss,
  drops: new Map(Object.entries(spec.drops ?? {}).map(([priority, reason]) => [Number(priority), reason])),
  rules: spec.rules ?? [],
})

/** Which chassis hold which flow sets: records become pairs, a chassis holds a set while any record says so. */
export interface SubscriptionRule<T extends Doc = Doc> {
  readonly kind: Kind<T>
  readonly subscriptions: (doc: T, view: View) => readonly { readonly chassis: string; readonly flowSet: string }[]
}

/** Declares a subscription rule. */
export const subscribe = <T extends Doc>(
  kind: Kind<T>,
  subscriptions: SubscriptionRule<T>['subscriptions'],
): SubscriptionRule => ({ kind, subscriptions }) as unknown as SubscriptionRule

/** All tables, in packet order, and who subscribes to what. */
export interface Pipeline {
  readonly tables: readonly Table[]
  readonly subscriptions: readonly SubscriptionRule[]
}

/** The flow set of the flows that depend on no record. */
export const PIPELINE_SET = 'pipeline'
