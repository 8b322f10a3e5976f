/**
 * Types of columns, as data: what a caller declares about the tables it uses, and what a server's schema says. A
 * declaration gives the TypeScript types of rows, and is checked against the server's schema when a database is opened.
 */

declare const uuidBrand: unique symbol

/** A row's UUID, in lower case with dashes. */
export type Uuid = string & { readonly [uuidBrand]: true }

/** An integer: a number where a double holds it exactly (up to 2^53 - 1), a bigint beyond. */
export type Integer = number | bigint

/** One value of a basic type. */
export type Atom = string | number | bigint | boolean

/**
 * A column's value. Columns of exactly one value: the atom. Columns of at most one: the atom or undefined. Other sets:
 * an array without duplicates, whose order means nothing. Maps: a Map.
 */
export type Value = Atom | undefined | readonly Atom[] | ReadonlyMap<Atom, Atom>

/** RFC 7047's atomic types. */
export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid'

/** The type of a key or value, after RFC 7047's base-type. */
export interface BaseType {
  readonly type: AtomicType
  readonly enum?: readonly Atom[]
  readonly minInteger?: Integer
  readonly maxInteger?: Integer
  readonly minReal?: number
  readonly maxReal?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly refTable?: string
  readonly refType?: 'strong' | 'weak'
  /** Ours: read integers that a double cannot hold as rounded numbers, never as bigint. */
  readonly isRounded?: boolean
}

/** The shape of a column, after RFC 7047's type. A column with `value` is a map. `max` may be Infinity. */
export interface ColumnType {
  readonly key: BaseType
  readonly value?: BaseType
  readonly min: number
  readonly max: number
}

declare const valueBrand: unique symbol

/** A declared column; `V` is what it reads as. */
export interface Column<V = Value> extends ColumnType {
  readonly [valueBrand]?: V
  /** A server without this column is accepted; it then reads as undefined. */
  readonly isOptional?: boolean
}

/** A declared table: the columns that the caller uses. */
export type Columns = { readonly [column: string]: Column<unknown> }

/** The declared tables of a database. */
export type Tables = { readonly [table: string]: Columns }

/** Tables that nobody declared: any column, as a Value. */
export type AnyTables = { readonly [table: string]: { readonly [column: string]: Column<Value> } }

/** What a declared column reads as. */
export type ValueOf<C> = C extends Column<infer V> ? V : never

const scalar = <V>(type: AtomicType): Column<V> => ({ key: { type }, min: 1, max: 1 })

/** A string. */
export const string: Column<string> = scalar('string')
/** A 64-bit integer: number, or bigint beyond 2^53 - 1. */
export const integer: Column<Integer> = scalar('integer')
/** An integer known to be small (a port, a tag, a count): always a number, rounded beyond 2^53 - 1. */
export const smallInteger: Column<number> = { key: { type: 'integer', isRounded: true }, min: 1, max: 1 }
/** A double. */
export const real: Column<number> = scalar('real')
/** A boolean. */
export const boolean: Column<boolean> = scalar('boolean')
/** A UUID: the row's own, or a reference to a row of another table. */
export const uuid: Column<Uuid> = scalar('uuid')

/** One of these strings: `oneOf('access', 'trunk')`. Not checked on reading: a newer server may know one more. */
export const oneOf = <const S extends string>(...values: S[]): Column<S> => ({
  key: { type: 'string', enum: values },
  min: 1,
  max: 1,
})

/** A column of at most one value, which reads as the value or undefined. */
export const optional = <V>({ key }: Column<V>): Column<V | undefined> => ({ key, min: 0, max: 1 })

/** A set. How many elements it may have is the server's matter. */
export const set = <V>({ key }: Column<V>): Column<readonly V[]> => ({ key, min: 0, max: Number.POSITIVE_INFINITY })

/** A map from keys to values. */
export const map = <K, V>({ key }: Column<K>, { key: value }: Column<V>): Column<ReadonlyMap<K, V>> => ({
  key,
  value,
  min: 0,
  max: Number.POSITIVE_INFINITY,
})

const optionalTable = Symbol('optional table')

/**
 * A column or table that older servers lack: it is left out of monitors there. The column then reads as undefined, the
 * table as empty.
 */
export function ifPresent<V>(declared: Column<V>): Column<V | undefined>
export function ifPresent<C extends Columns>(declared: C): C
export function ifPresent(declared: Column<unknown> | Columns): unknown {
  return isColumn(declared) ? { ...declared, isOptional: true } : { ...declared, [optionalTable]: true }
}

const isColumn = (declared: Column<unknown> | Columns): declared is Column<unknown> => typeof declared.min === 'number'

/** The table was declared with `ifPresent`. */
export const isOptionalTable = (columns: Columns): boolean => optionalTable in columns

/** A column of at most one value and not a map: reads as an atom or undefined. */
export const isOptionalAtom = (type: ColumnType): boolean => !type.value && type.max === 1 && type.min === 0

/** A column of exactly one value. */
export const isScalar = (type: ColumnType): boolean => !type.value && type.max === 1 && type.min === 1

/** The type as the OVS manuals put it: "string", "set of uuid", "map of integer-uuid pairs". */
export function typeName({ key, value, min, max }: ColumnType): string {
  if (value) return `map of ${key.type}-${value.type} pairs`
  if (max > 1) return `set of ${key.type}`
  return min === 0 ? `optional ${key.type}` : key.type
}
