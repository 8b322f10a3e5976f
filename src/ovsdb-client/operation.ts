/**
 * The operations of a transaction (RFC 7047 section 5.2) as plain values. They hold JavaScript values; the schema of
 * the database that they are sent to says how those look on the wire.
 */
import type { Column, Tables, Uuid, ValueOf } from './column.ts'
import type { Input, InputOf, NamedUuid } from './value.ts'

/** How a condition compares a column with a value. */
export type ConditionFunction = '<' | '<=' | '==' | '!=' | '>=' | '>' | 'includes' | 'excludes'

/** One clause about a column; `_uuid` is a column too. */
export type Condition = readonly [column: string, fn: ConditionFunction, value: Input]

/** How a mutation changes a column. */
export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete'

/**
 * One change to a column relative to what it holds. `insert` and `delete` work on sets and maps; `delete` on a map
 * takes a map (pairs to remove) or an iterable of keys.
 */
export type Mutation = readonly [column: string, mutator: Mutator, value: Input]

/** Values for some columns of a row. */
export type InputRow = { readonly [column: string]: Input }

/** Adds a row. */
export interface Insert<N extends string = string, R = InputRow> {
  readonly op: 'insert'
  readonly table: N
  readonly row: R
  /** Other operations of the transaction refer to the row by `named(name)`. */
  readonly name?: string
  /** The UUID to give to the row (Open vSwitch 2.16 and later). */
  readonly uuid?: Uuid
}

/** Reads the rows that meet all conditions. Without columns: all columns, and `C` is '*'. */
export interface Select<N extends string = string, C extends string = string> {
  readonly op: 'select'
  readonly table: N
  readonly where: readonly Condition[]
  readonly columns?: readonly C[]
}

/** Sets columns of the rows that meet all conditions. */
export interface Update<N extends string = string, R = InputRow> {
  readonly op: 'update'
  readonly table: N
  readonly where: readonly Condition[]
  readonly row: R
}

/** Changes columns of the rows that meet all conditions, relative to what they hold. */
export interface Mutate<N extends string = string> {
  readonly op: 'mutate'
  readonly table: N
  readonly where: readonly Condition[]
  readonly mutations: readonly Mutation[]
}

/** Deletes the rows that meet all conditions. */
export interface Delete<N extends string = string> {
  readonly op: 'delete'
  readonly table: N
  readonly where: readonly Condition[]
}

/** Waits until the rows that meet all conditions are (`==`) or are not (`!=`) just these. */
export interface Wait<N extends string = string> {
  readonly op: 'wait'
  readonly table: N
  readonly where: readonly Condition[]
  readonly columns: readonly string[]
  readonly until: '==' | '!='
  readonly rows: readonly InputRow[]
  /** Milliseconds; 0: now or never; undefined: as long as it takes. */
  readonly timeout?: number
}

/** Makes the commit durable before it is answered, if `durable`. */
export interface Commit {
  readonly op: 'commit'
  readonly durable: boolean
}

/** Fails the transaction. */
export interface Abort {
  readonly op: 'abort'
}

/** A remark for the server's log and `ovsdb-tool show-log`. */
export interface Comment {
  readonly op: 'comment'
  readonly comment: string
}

/** Fails the transaction unless this connection holds the lock. */
export interface Assert {
  readonly op: 'assert'
  readonly lock: string
}

/** Any operation, on whatever table. */
export type AnyOperation = Insert | Select | Update | Mutate | Delete | Wait | Commit | Abort | Comment | Assert

/** Values for columns of a declared table: those that it has, each of its type. */
export type InputRowOf<C> = { readonly [K in keyof C]?: InputOf<ValueOf<C[K]>> }

type TableOperation<T extends Tables, N extends keyof T & string> =
  | Insert<N, InputRowOf<T[N]>>
  | Select<N, '*' | (keyof T[N] & string) | '_uuid' | '_version'>
  | Update<N, InputRowOf<T[N]>>
  | Mutate<N>
  | Delete<N>
  | Wait<N>

/** An operation on one of the tables `T`; any at all where no tables are declared. */
export type Operation<T extends Tables> = string extends keyof T
  ? AnyOperation
  : { [N in keyof T & string]: TableOperation<T, N> }[keyof T & string] | Commit | Abort | Comment | Assert

/** A row as read: its UUID and the columns asked for. */
export type Row<C = { readonly [column: string]: Column }, K extends PropertyKey = keyof C> = {
  readonly _uuid: Uuid
} & { readonly [P in keyof C & K]: ValueOf<C[P]> }

/** What an operation gives back. */
export type ResultOf<T extends Tables, O> = O extends { readonly op: 'insert' }
  ? { readonly uuid: Uuid }
  : O extends Select<infer N, infer C>
    ? { readonly rows: readonly Row<T[N], C extends '*' ? keyof T[N] : C>[] }
    : O extends { readonly op: 'update' | 'mutate' | 'delete' }
      ? { readonly count: number }
      : { readonly [none: string]: never }

/** The results of a transaction, one for each operation, in its place. */
export type ResultsOf<T extends Tables, Ops extends readonly unknown[]> = {
  readonly [I in keyof Ops]: ResultOf<T, Ops[I]>
}

/** A row that the same transaction inserts under this name. */
export const named = (name: string): NamedUuid => ({ namedUuid: name })

/** The rows of which this is true. Several conditions: `[...where(…), ...where(…)]`. */
export const where = (column: string, fn: ConditionFunction, value: Input): readonly Condition[] => [
  [column, fn, value],
]

/** The row with this UUID, also one that the same transaction inserts. */
export const whereUuid = (uuid: Uuid | NamedUuid): readonly Condition[] => where('_uuid', '==', uuid)

/** Every row of the table. */
export const everyRow: readonly Condition[] = []

/** Adds a row; columns not given take their defaults. A name lets other operations refer to it by `named(name)`. */
export function insert<const N extends string, const R extends InputRow>(
  table: N,
  row: R,
  identity: string | { readonly name?: string; readonly uuid?: Uuid } = {},
): Insert<N, R> {
  return { op: 'insert', table, row, ...(typeof identity === 'string' ? { name: identity } : identity) }
}

/** Reads rows: these columns, or all. */
export function select<const N extends string>(table: N, where: readonly Condition[]): Select<N, '*'>
export function select<const N extends string, const C extends string>(
  table: N,
  where: readonly Condition[],
  columns: readonly C[],
): Select<N, C>
export function select(table: string, where: readonly Condition[], columns?: readonly string[]): Select {
  return { op: 'select', table, where, ...(columns && { columns }) }
}

/** Sets columns of rows. */
export function update<const N extends string, const R extends InputRow>(
  table: N,
  where: readonly Condition[],
  row: R,
): Update<N, R> {
  return { op: 'update', table, where, row }
}

/** Changes columns of rows relative to what they hold: two writers do not overwrite each other's elements. */
export function mutate<const N extends string>(
  table: N,
  where: readonly Condition[],
  mutations: readonly Mutation[],
): Mutate<N> {
  return { op: 'mutate', table, where, mutations }
}

/** Deletes rows. */
export function deleteFrom<const N extends string>(table: N, where: readonly Condition[]): Delete<N> {
  return { op: 'delete', table, where }
}

/**
 * Waits until the rows that meet the conditions equal `rows` in the given columns (by default those of the first row).
 * `until: '!='` waits for the opposite. `timeout` in milliseconds: 0 checks and fails at once (TimedOut), undefined
 * waits for ever.
 */
export function wait<const N extends string>(
  table: N,
  where: readonly Condition[],
  rows: readonly InputRow[],
  options: { readonly until?: '==' | '!='; readonly timeout?: number; readonly columns?: readonly string[] } = {},
): Wait<N> {
  const { until = '==', timeout, columns = Object.keys(rows[0] ?? {}) } = options
  return { op: 'wait', table, where, columns, until, rows, ...(timeout === undefined ? {} : { timeout }) }
}

/**
 * Fails the transaction at once (TimedOut) unless the row still holds what was read from it in these columns: what an
 * optimistic change starts with.
 */
export function verify<const N extends string, const R extends { readonly _uuid: Uuid }>(
  table: N,
  row: R,
  columns: readonly (Exclude<keyof R, '_uuid'> & string)[],
): Wait<N> {
  const values = row as unknown as InputRow
  const seen = Object.fromEntries(columns.map(column => [column, values[column]]))
  return wait(table, whereUuid(row._uuid), [seen], { timeout: 0, columns })
}

/** Asks for a durable commit: answered once it is on disk. */
export const commit = (durable: boolean): Commit => ({ op: 'commit', durable })

/** Makes the transaction fail: a rehearsal. */
export const abort = (): Abort => ({ op: 'abort' })

/** Leaves a remark in the server's log of transactions. */
export const comment = (text: string): Comment => ({ op: 'comment', comment: text })

/** Makes the transaction fail (NotOwner) unless this connection holds the lock. */
export const assertLock = (lock: string): Assert => ({ op: 'assert', lock })
