// One row's wish for a flow, and the order in which the rows that want the same flow stand.
import type { Source } from './flow-set.ts'
import type { Placed, Rule, Table } from './table.ts'

/** A rule in its table; without a rule, the flows of a table that depend on no record. */
export interface Origin {
  readonly table: Table
  readonly rule: Rule | undefined
}

/** How a row stands among those that share a flow: its place, lowest first, and its weight against the limit. */
export interface Share {
  readonly order: number
  readonly weight: number
}

/** The share of those whose rule says nothing of it. */
export const FIRST: Share = { order: 0, weight: 1 }

/** The share of a row. */
export const shareOf = ({ order, weight }: Rule, row: Placed): Share =>
  order === undefined && weight === undefined ? FIRST : { order: order?.(row) ?? 0, weight: weight?.(row) ?? 1 }

/**
 * What a row came to. The row itself is not kept: two rows are the same if they come to the same. There may be millions:
 * it is one object, and its instructions are mostly those of its entry.
 */
export class Wish<Entry = unknown> {
  readonly origin: Origin
  /** The record that the row was made of. */
  readonly id: string
  /** The instructions that it wants, in bytes. */
  readonly text: string
  readonly share: Share
  /** The flow, an entry of a set, which wishes alone need not know, and the next one that wants it. */
  entry: Entry
  next: Wish<Entry> | undefined

  constructor(origin: Origin, id: string, text: string, share: Share, entry: Entry) {
    this.origin = origin
    this.id = id
    this.text = text
    this.share = share
    this.entry = entry
    this.next = undefined
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

/**
 * The order in which wishes merge: by order, by source, and then by actions and weight, so that no two differ and are
 * equal: it must not matter which came first.
 */
export const inOrder = <W extends Wish>(wishes: W[]): readonly W[] =>
  wishes.length < 2 ? wishes : wishes.sort((a, b) => compare(a.share.order, b.share.order) || compareSources(a, b))

const compareSources = (a: Wish, b: Wish): number =>
  compare(a.kind, b.kind) || compare(a.id, b.id) || compare(a.text, b.text) || compare(a.share.weight, b.share.weight)

/** Whether two rows have the same share. */
export const isSameShare = (a: Share, b: Share): boolean => a === b || (a.weight === b.weight && a.order === b.order)

const compare = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)
