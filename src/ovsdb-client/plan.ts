/**
 * What a monitor asks for, resolved against a schema: for each table the columns, how to read them, and the row that
 * an insert without any column stands for.
 */
import type { Atom, Columns, ColumnType, Tables, Uuid, Value } from './column.ts'
import { InvalidOperation } from './errors.ts'
import { isObject, type Json } from './json.ts'
import type { Condition } from './operation.ts'
import type { DatabaseSchema, TableSchema } from './schema.ts'
import { encodeConditions, tableOf } from './transaction.ts'
import { type Decode, decoder, defaultValue } from './value.ts'

/**
 * What to monitor of one table: all columns, some, or some columns of the rows that meet any of the conditions (any,
 * not all: so it is in monitors; no condition means every row).
 */
export type Wanted<K extends string = string> =
  | '*'
  | readonly K[]
  | { readonly columns?: '*' | readonly K[]; readonly where?: readonly Condition[] }

/** What to monitor of a database. */
export type Selection<T extends Tables> = { readonly [N in keyof T]?: Wanted<keyof T[N] & string> }

/** A row of a replica, whatever its table. */
export type AnyRow = { readonly _uuid: Uuid } & { readonly [column: string]: Value }

interface ColumnPlan {
  readonly type: ColumnType
  readonly decode: Decode
}

/** One monitored table. */
export interface TablePlan {
  readonly name: string
  readonly columns: ReadonlyMap<string, ColumnPlan>
  /** Every column at its default: what rows of update2 and update3 leave unsaid. */
  readonly template: AnyRow
  readonly schema: TableSchema
}

/** Everything monitored, by table. */
export type Plan = ReadonlyMap<string, TablePlan>

/**
 * Resolves a selection. Declared tables and columns that this server lacks are left out; others that it lacks are an
 * InvalidOperation.
 */
export function planTables(schema: DatabaseSchema, selection: Selection<Tables>, declared: Tables): Plan {
  const plan = new Map<string, TablePlan>()
  for (const [name, wanted] of Object.entries(selection)) {
    if (wanted === undefined || (name in declared && !schema.tables.has(name))) continue
    plan.set(name, planTable(tableOf(schema, name), columnsOf(wanted), declared[name]))
  }
  return plan
}

const columnsOf = (wanted: Wanted): '*' | readonly string[] =>
  wanted === '*' ? wanted : 'columns' in wanted ? (wanted.columns ?? '*') : isList(wanted) ? wanted : '*'

const isList = (wanted: Wanted): wanted is readonly string[] => Array.isArray(wanted)

function planTable(table: TableSchema, wanted: '*' | readonly string[], declared: Columns | undefined): TablePlan {
  const names = wanted === '*' ? Object.keys(declared ?? Object.fromEntries(table.columns)) : wanted
  const columns = new Map<string, ColumnPlan>()
  const template: Record<string, Value> = { _uuid: '' }
  for (const name of names) {
    if (name === '_uuid') continue
    const column = table.columns.get(name)
    if (column) {
      columns.set(name, { type: column.type, decode: decoder(column.type, `${table.name}.${name}`) })
      template[name] = defaultValue(column.type)
    } else if (declared && name in declared) template[name] = undefined
    else throw new InvalidOperation(`table ${table.name} has no column ${name}`)
  }
  return { name: table.name, columns, template: template as AnyRow, schema: table }
}

/** The conditions of a selection, by table. */
export const conditionsOf = (selection: Selection<Tables>): ReadonlyMap<string, readonly Condition[]> =>
  new Map(
    Object.entries(selection).flatMap(([name, wanted]) =>
      isObject(wanted) && 'where' in wanted ? [[name, wanted.where as unknown as readonly Condition[]]] : [],
    ),
  )

/** Takes a row as it is to be held, or leaves it out. */
export type Choose = (row: AnyRow) => AnyRow | undefined

/**
 * Conditions for a server that knows no conditional monitors: a plan which also has the columns that they look at, and
 * the choice among the rows that come.
 */
export function chooseHere(plan: TablePlan, conditions: readonly Condition[]): { wide: TablePlan; choose: Choose } {
  const extra = conditions.map(([column]) => column).filter(name => name !== '_uuid' && !plan.columns.has(name))
  const isMet = matcher(plan.schema, conditions)
  if (extra.length === 0) return { wide: plan, choose: row => (isMet(row) ? row : undefined) }
  const wide = planTable(plan.schema, [...plan.columns.keys(), ...extra], undefined)
  const names = Object.keys(plan.template)
  const narrow = (row: AnyRow) => Object.fromEntries(names.map(name => [name, row[name]])) as AnyRow
  return { wide, choose: row => (isMet(row) ? narrow(row) : undefined) }
}

function matcher(table: TableSchema, conditions: readonly Condition[]): (row: AnyRow) => boolean {
  if (conditions.length === 0) return () => true
  const clauses = encodeConditions(table, conditions).map((json, i) => clause(table, conditions[i]!, json))
  return row => clauses.some(isMet => isMet(row))
}

function clause(table: TableSchema, [name, fn]: Condition, json: Json): (row: AnyRow) => boolean {
  const { type } = table.columns.get(name)!
  const read = decoder({ ...type, min: 0, max: Number.POSITIVE_INFINITY }, `${table.name}.${name}`)
  const value = elements(read((json as readonly Json[])[2]))
  const isPart = (part: readonly string[], whole: readonly string[]) => part.every(element => whole.includes(element))
  switch (fn) {
    case '==':
    case '!=':
      return row => {
        const held = elements(row[name])
        return (held.length === value.length && isPart(held, value)) === (fn === '==')
      }
    case 'includes':
      return row => isPart(value, elements(row[name]))
    case 'excludes':
      return row => !value.some(element => elements(row[name]).includes(element))
    default: {
      const bound = atom(read((json as readonly Json[])[2]))
      return row => {
        const held = row[name]
        if (held === undefined || bound === undefined) return false
        const order = held === bound ? 0 : held < bound ? -1 : 1
        if (fn === '<') return order < 0
        if (fn === '<=') return order <= 0
        return fn === '>' ? order > 0 : order >= 0
      }
    }
  }
}

const atom = (value: Value) => (Array.isArray(value) ? (value as readonly Atom[])[0] : undefined)

/** A value as a list of comparable texts, one an element or pair. */
function elements(value: Value): readonly string[] {
  if (value === undefined) return []
  if (value instanceof Map) return Array.from(value, pair => JSON.stringify(pair.map(String)))
  return (Array.isArray(value) ? value : [value]).map(String)
}
