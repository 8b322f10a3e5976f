// One row's wish for a flow, and the order in which the rows that want the same flow stand.
import { encodeActions } from './encode.ts'
import type { Source } from './flow-set.ts'
import type { FlowSpec, Placed, Rule, Table } from './table.ts'

/** A rule in its table; without a rule, the flows of a table that depend on no record. */
export interface Origin {
  readonly table: Table
  readonly rule: Rule | undefined
}

/** What a row wants. Where there is no rule, the row is the flow. */
export const specOf = ({ rule }: Origin, row: Placed | FlowSpec): FlowSpec =>
  rule === undefined ? (row as FlowSpec) : rule.flow(row as Placed)

/** A row that wants a flow: an entry of a set, which wishes alone need not know. */
export class Wish<Entry = unknown> {
  readonly origin: Origin
  /** The record that the row was made of. */
  readonly id: string
  readonly row: Placed | FlowSpec
  /** The flow, and the next one that wants it. */
  entry: Entry
  next: Wish<Entry> | undefined

  constructor(origin: Origin, id: string, row: Placed | FlowSpec, entry: Entry) {
    this.origin = origin
    this.id = id
    this.row = row
    this.entry = entry
    this.next = undefined
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

/** The sources of wishes, each once: a record may give several rows to one flow. */
export const sourcesOf = (wishes: readonly Wish[]): readonly Source[] => {
  const sources = new Map<string, Source>()
  for (const { source } of wishes) sources.set(`${source.kind} ${source.id}`, source)
  return [...sources.values()]
}

/** The order in which wishes merge: by order, by source, and then by actions, so that no two differ and are equal. */
export const inOrder = <W extends Wish>(wishes: readonly W[]): readonly W[] => {
  if (wishes.length < 2) return wishes
  const ordered = wishes.map(wish => ({ wish, order: orderOf(wish) }))
  ordered.sort((a, b) => compareOrder(a.order, b.order) || compareSources(a.wish, b.wish))
  return ordered.map(({ wish }) => wish)
}

const compareSources = (a: Wish, b: Wish): number =>
  compare(a.kind, b.kind) ||
  compare(a.id, b.id) ||
  compare(encodeActions(a.spec.actions), encodeActions(b.spec.actions))

const orderOf = ({ origin, row }: Wish): readonly number[] => {
  const order = origin.rule?.order?.(row as Placed) ?? 0
  return typeof order === 'number' ? [order] : order
}

const compareOrder = (a: readonly number[], b: readonly number[]): number => {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const difference = compare(a[i] ?? 0, b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)
