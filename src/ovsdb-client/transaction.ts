/**
 * A transaction on the wire: operations written as JSON by the schema, results paired with the operations they belong
 * to, and errors turned into typed ones (RFC 7047 section 4.1.3).
 */

import type { Uuid, Value } from './column.ts'
import {
  Aborted,
  ClusterError,
  ConstraintViolation,
  DomainError,
  DuplicateUuid,
  DuplicateUuidName,
  InvalidOperation,
  IoError,
  NotAllowed,
  NotOwner,
  NotSupported,
  OperationSyntaxError,
  PermissionDenied,
  ProtocolError,
  RangeViolation,
  ReferentialIntegrityViolation,
  ResourcesExhausted,
  TimedOut,
  TransactionError,
  TryAgain,
} from './errors.ts'
import { isArray, isObject, type Json, type JsonObject } from './json.ts'
import type { AnyOperation, Condition, InputRow, Mutation } from './operation.ts'
import type { ColumnSchema, DatabaseSchema, TableSchema } from './schema.ts'
import { decoder, encode, encodeMap, encodeSet, type Input, sendable } from './value.ts'

/** Writes the operations. Throws InvalidOperation, which names the operation and column that do not fit the schema. */
export function encodeOperations(schema: DatabaseSchema, operations: readonly AnyOperation[]): readonly Json[] {
  return operations.map((operation, index) => {
    try {
      return encodeOperation(schema, operation)
    } catch (error) {
      if (!(error instanceof InvalidOperation)) throw error
      throw new InvalidOperation(`operation ${index} (${operation.op}): ${error.message}`)
    }
  })
}

function encodeOperation(schema: DatabaseSchema, operation: AnyOperation): Json {
  switch (operation.op) {
    case 'commit':
    case 'abort':
      return { ...operation }
    case 'comment':
      return { ...operation, comment: sendable(operation.comment, 'comment') }
    case 'assert':
      return { ...operation, lock: sendable(operation.lock, 'lock') }
  }
  const { op } = operation
  const table = tableOf(schema, operation.table)
  const head = { op, table: table.name }
  if (op === 'insert') {
    const { row, name, uuid } = operation
    return { ...head, row: encodeRow(table, row), ...(name && { 'uuid-name': name }), ...(uuid && { uuid }) }
  }
  const where = encodeConditions(table, operation.where)
  switch (op) {
    case 'select':
      return { ...head, where, ...(operation.columns && { columns: checkColumns(table, operation.columns) }) }
    case 'update':
      return { ...head, where, row: encodeRow(table, operation.row) }
    case 'mutate':
      return { ...head, where, mutations: operation.mutations.map(mutation => encodeMutation(table, mutation)) }
    case 'delete':
      return { ...head, where }
    case 'wait': {
      const { columns, until, rows, timeout } = operation
      const wanted = { columns: checkColumns(table, columns), until, rows: rows.map(row => encodeRow(table, row)) }
      return { ...head, where, ...wanted, ...(timeout === undefined ? {} : { timeout }) }
    }
  }
}

/** The table's schema. Throws InvalidOperation if there is none. */
export function tableOf(schema: DatabaseSchema, name: string): TableSchema {
  const table = schema.tables.get(name)
  if (!table) throw new InvalidOperation(`database ${schema.name} has no table ${name}`)
  return table
}

function columnOf(table: TableSchema, name: string): ColumnSchema {
  const column = table.columns.get(name)
  if (!column) throw new InvalidOperation(`table ${table.name} has no column ${name}`)
  return column
}

const checkColumns = (table: TableSchema, columns: readonly string[]) =>
  columns.map(column => columnOf(table, column).name)

const encodeColumn = (table: TableSchema, name: string, value: Input): Json =>
  encode(value, columnOf(table, name).type, `${table.name}.${name}`)

const encodeRow = (table: TableSchema, row: InputRow): JsonObject =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, encodeColumn(table, column, value)]))

/** Writes conditions. Throws InvalidOperation. */
export const encodeConditions = (table: TableSchema, conditions: readonly Condition[]): readonly Json[] =>
  conditions.map(([name, fn, value]) => {
    const { type } = columnOf(table, name)
    const place = `${table.name}.${name}`
    // "<" and its kin compare an optional number with a plain one; "includes" takes part of a set or map.
    return [name, fn, type.value ? encode(value, type, place) : encodeSet(value, type.key, place)]
  })

function encodeMutation(table: TableSchema, [name, mutator, value]: Mutation): Json {
  const { type } = columnOf(table, name)
  const place = `${table.name}.${name}`
  if (!type.value) return [name, mutator, encodeSet(value, type.key, place)]
  const isPairs = value instanceof Map || (typeof value === 'object' && !(Symbol.iterator in value))
  if (mutator === 'delete' && !isPairs) return [name, mutator, encodeSet(value, type.key, place)]
  return [name, mutator, encodeMap(value, type.key, type.value, place)]
}

/** A result as decoded; which members it has depends on its operation. */
export interface Result {
  readonly uuid?: Uuid
  readonly count?: number
  readonly rows?: readonly { readonly [column: string]: Value }[]
}

/**
 * Pairs the server's results with the operations. Throws the TransactionError of the first that failed, or of the
 * commit, whose error stands behind the last operation.
 */
export function decodeResults(schema: DatabaseSchema, operations: readonly AnyOperation[], json: Json): Result[] {
  if (!isArray(json)) throw new ProtocolError('the result of a transaction is not an array')
  const failure = findError(operations, json)
  if (failure) throw failure
  if (json.length !== operations.length) {
    throw new ProtocolError(`${json.length} results for a transaction of ${operations.length} operations`)
  }
  return operations.map((operation, index) => decodeResult(schema, operation, json[index]))
}

/** RFC 7047's error strings and those of Open vSwitch; others give a plain TransactionError. */
const transactionErrors: Readonly<Record<string, typeof TransactionError>> = {
  'constraint violation': ConstraintViolation,
  'referential integrity violation': ReferentialIntegrityViolation,
  'timed out': TimedOut,
  'not owner': NotOwner,
  aborted: Aborted,
  'domain error': DomainError,
  'range error': RangeViolation,
  'not supported': NotSupported,
  'resources exhausted': ResourcesExhausted,
  'I/O error': IoError,
  'syntax error': OperationSyntaxError,
  'not allowed': NotAllowed,
  'permission error': PermissionDenied,
  'duplicate uuid-name': DuplicateUuidName,
  'duplicate uuid name': DuplicateUuidName,
  'duplicate uuid': DuplicateUuid,
  'try again': TryAgain,
  'cluster error': ClusterError,
}

function transactionError(code: string, details: string, index?: number, operation?: AnyOperation) {
  const Kind = Object.hasOwn(transactionErrors, code) ? transactionErrors[code]! : TransactionError
  return new Kind(code, details, index, operation)
}

function findError(operations: readonly AnyOperation[], results: readonly Json[]): TransactionError | undefined {
  const index = results.findIndex(result => isObject(result) && result.error !== undefined && result.error !== null)
  if (index < 0) return undefined
  const { error, details } = results[index] as JsonObject
  const operation = operations[index]
  return transactionError(String(error), String(details ?? ''), operation && index, operation)
}

function decodeResult(schema: DatabaseSchema, operation: AnyOperation, json: Json): Result {
  if (!isObject(json)) throw new ProtocolError(`the result of ${operation.op} is not an object`)
  switch (operation.op) {
    case 'insert': {
      const uuid = json.uuid
      if (!isArray(uuid) || typeof uuid[1] !== 'string') throw new ProtocolError('the result of insert has no uuid')
      return { uuid: uuid[1] as Uuid }
    }
    case 'select': {
      const rows = json.rows
      if (!isArray(rows)) throw new ProtocolError('the result of select has no rows')
      const read = rowReader(tableOf(schema, operation.table))
      return { rows: rows.map(read) }
    }
    case 'update':
    case 'mutate':
    case 'delete':
      return { count: Number(json.count) }
    default:
      return {}
  }
}

function rowReader(table: TableSchema): (json: Json) => { readonly [column: string]: Value } {
  const decoders = new Map(
    Array.from(table.columns.values(), ({ name, type }) => [name, decoder(type, `${table.name}.${name}`)]),
  )
  return json => {
    if (!isObject(json)) throw new ProtocolError(`a row of ${table.name} is not an object`)
    return Object.fromEntries(Object.entries(json).map(([column, value]) => [column, decoders.get(column)?.(value)]))
  }
}
