/**
 * A database's schema as the server tells it (RFC 7047 section 3.2), and the check of declared tables against it.
 */
import {
  type Atom,
  type BaseType,
  type Columns,
  type ColumnType,
  isOptionalTable,
  type Tables,
  typeName,
} from './column.ts'
import { ProtocolError, SchemaMismatch } from './errors.ts'
import { isArray, isObject, type Json, type JsonObject } from './json.ts'

/** A column as the server has it. */
export interface ColumnSchema {
  readonly name: string
  readonly type: ColumnType
  readonly isMutable: boolean
  readonly isEphemeral: boolean
}

/** A table as the server has it; `columns` includes `_uuid` and `_version`. */
export interface TableSchema {
  readonly name: string
  readonly columns: ReadonlyMap<string, ColumnSchema>
  readonly isRoot: boolean
  readonly maxRows: number
  readonly indexes: readonly (readonly string[])[]
}

/** A database as the server has it. */
export interface DatabaseSchema {
  readonly name: string
  /** "x.y.z" */
  readonly version: string
  readonly tables: ReadonlyMap<string, TableSchema>
  /** The whole schema as JSON text. */
  readonly source: string
}

const atomicTypes: readonly string[] = ['integer', 'real', 'boolean', 'string', 'uuid'] satisfies BaseType['type'][]

const internalColumns: readonly ColumnSchema[] = ['_uuid', '_version'].map(name => ({
  name,
  type: { key: { type: 'uuid' }, min: 1, max: 1 },
  isMutable: false,
  isEphemeral: false,
}))

/** Schemas read before, the latest last: a thousand hosts of one version share one. */
const known: DatabaseSchema[] = []
const KNOWN_SCHEMAS = 8

/**
 * Reads the answer to get_schema. Members that this package does not know are skipped. The same schema gives the same
 * object as before.
 */
export function parseSchema(json: Json): DatabaseSchema {
  const source = JSON.stringify(json, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
  const index = known.findIndex(schema => schema.source === source)
  const schema = known.splice(index, index < 0 ? 0 : 1)[0] ?? readSchema(json, source)
  known.push(schema)
  if (known.length > KNOWN_SCHEMAS) known.shift()
  return schema
}

function readSchema(json: Json, source: string): DatabaseSchema {
  const { name, version, tables } = object(json, 'schema')
  return {
    source,
    name: text(name, 'name'),
    version: version === undefined ? '0.0.0' : text(version, 'version'),
    tables: new Map(Object.entries(object(tables, 'tables')).map(([table, json]) => [table, parseTable(table, json)])),
  }
}

function parseTable(name: string, json: Json): TableSchema {
  const table = object(json, `table ${name}`)
  const columns = new Map(internalColumns.map(column => [column.name, column]))
  for (const [column, json] of Object.entries(object(table.columns, `columns of ${name}`))) {
    const { type, mutable, ephemeral } = object(json, `${name}.${column}`)
    columns.set(column, {
      name: column,
      type: parseType(type, `${name}.${column}`),
      isMutable: mutable !== false,
      isEphemeral: ephemeral === true,
    })
  }
  const { isRoot, maxRows, indexes } = table
  return {
    name,
    columns,
    isRoot: isRoot === true,
    maxRows: typeof maxRows === 'number' ? maxRows : Number.POSITIVE_INFINITY,
    indexes: isArray(indexes) ? indexes.map(index => (isArray(index) ? index.map(String) : [])) : [],
  }
}

function parseType(json: Json, place: string): ColumnType {
  if (typeof json === 'string') return { key: parseBase(json, place), min: 1, max: 1 }
  const { key, value, min = 1, max = 1 } = object(json, place)
  if (typeof min !== 'number') throw new ProtocolError(`schema: ${place}: min is not a number`)
  if (typeof max !== 'number' && max !== 'unlimited') throw new ProtocolError(`schema: ${place}: max is not a number`)
  const most = max === 'unlimited' ? Number.POSITIVE_INFINITY : max
  if (min !== 0 && min !== 1) throw new ProtocolError(`schema: ${place}: min is ${min}, neither 0 nor 1`)
  if (most < 1 || most < min) throw new ProtocolError(`schema: ${place}: max is ${most}`)
  return {
    key: parseBase(key, place),
    ...(value === undefined ? {} : { value: parseBase(value, place) }),
    min,
    max: most,
  }
}

function parseBase(json: Json, place: string): BaseType {
  const { enum: values, ...base } = typeof json === 'string' ? { type: json } : object(json, place)
  if (typeof base.type !== 'string' || !atomicTypes.includes(base.type)) {
    throw new ProtocolError(`schema: ${place}: unknown type ${JSON.stringify(base.type)}`)
  }
  if (values === undefined) return base as unknown as BaseType
  const atoms = isArray(values) && values[0] === 'set' && isArray(values[1]) ? values[1] : [values]
  return { ...base, enum: atoms as Atom[] } as unknown as BaseType
}

function object(json: Json, place: string): JsonObject {
  if (!isObject(json)) throw new ProtocolError(`schema: ${place} is not an object`)
  return json
}

function text(json: Json, place: string): string {
  if (typeof json !== 'string') throw new ProtocolError(`schema: ${place} is not a string`)
  return json
}

/** Compares versions "x.y.z" by their numbers: negative, zero or positive, for sorting. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map(version => version.split('.').map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0)
    if (difference) return difference
  }
  return 0
}

/** No table is declared: any may be used. */
export const noTables: Tables = {}

const checked = new WeakMap<DatabaseSchema, WeakMap<Tables, DatabaseSchema>>()

/**
 * The part of the schema that a caller may use: all of it, with what it declared laid over the columns. Throws
 * SchemaMismatch, which lists every missing table, missing column and differing type at once.
 */
export function checkSchema(schema: DatabaseSchema, declared: Tables = noTables, minVersion?: string): DatabaseSchema {
  const problems: string[] = []
  if (minVersion && compareVersions(schema.version, minVersion) < 0) {
    problems.push(`schema version ${schema.version} is older than ${minVersion}`)
  }
  const before = checked.get(schema)?.get(declared)
  if (before && problems.length === 0) return before
  const tables = new Map(schema.tables)
  for (const [name, columns] of Object.entries(declared)) {
    const table = schema.tables.get(name)
    if (table) tables.set(name, checkTable(table, columns, problems))
    else if (!isOptionalTable(columns)) problems.push(`no table ${name}`)
  }
  if (problems.length) throw new SchemaMismatch(schema.name, problems)
  const usable = { ...schema, tables }
  checked.set(schema, (checked.get(schema) ?? new WeakMap()).set(declared, usable))
  return usable
}

function checkTable(table: TableSchema, declared: Columns, problems: string[]): TableSchema {
  const columns = new Map(table.columns)
  for (const [name, type] of Object.entries(declared)) {
    const column = table.columns.get(name)
    const place = `column ${table.name}.${name}`
    if (!column) {
      if (!type.isOptional) problems.push(`no ${place}`)
    } else if (typeName(type) !== typeName(column.type)) {
      problems.push(`${place} is ${typeName(column.type)}, not ${typeName(type)}`)
    } else {
      const { isRounded = false } = type.key
      const value = column.type.value && { ...column.type.value, isRounded: type.value?.isRounded ?? false }
      columns.set(name, {
        ...column,
        type: { ...column.type, key: { ...column.type.key, isRounded }, ...(value && { value }) },
      })
    }
  }
  return { ...table, columns }
}
