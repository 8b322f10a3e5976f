/**
 * What monitors report, turned into changes of rows: table-updates of RFC 7047 (whole new rows), table-updates2 of
 * ovsdb-server(7) (defaults left out, modifications as differences), and whole contents compared with what is held.
 * Nothing is changed here: a step is worked out completely first, so a bad message leaves the rows as they were.
 */
import type { Uuid, Value } from './column.ts'
import { ProtocolError } from './errors.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import type { AnyRow, Choose, Plan, TablePlan } from './plan.ts'
import { applyDifference, isEqual } from './value.ts'

/** The rows held, by table and UUID. */
export type RowTables = ReadonlyMap<string, ReadonlyMap<Uuid, AnyRow>>

/** One row's part in a step. */
export interface AnyChange {
  readonly table: string
  readonly uuid: Uuid
  readonly op: 'insert' | 'modify' | 'delete'
  /** The row before; undefined for an insert. */
  readonly before: AnyRow | undefined
  /** The row after; undefined for a delete. */
  readonly after: AnyRow | undefined
}

type RowReport = (plan: TablePlan, uuid: Uuid, report: JsonObject, held: AnyRow | undefined) => AnyRow | undefined

/** The changes that an `update` (RFC 7047 section 4.1.6) makes to `held`, of the rows that are chosen. */
export const readUpdate = (
  plan: Plan,
  held: RowTables,
  updates: Json,
  choices: ReadonlyMap<string, Choose>,
): AnyChange[] =>
  readReports(plan, held, updates, (table, uuid, { new: whole }) => {
    if (whole === undefined || whole === null) return undefined
    const row = readRow(table, uuid, whole)
    const choose = choices.get(table.name)
    return choose ? choose(row) : row
  })

/** The changes that `update2` and `update3` make to `held`. */
export const readUpdate2 = (plan: Plan, held: RowTables, updates: Json): AnyChange[] =>
  readReports(plan, held, updates, (table, uuid, { initial, insert, modify }, row) => {
    if (initial ?? insert) return readRow(table, uuid, initial ?? insert)
    return modify ? modifyRow(table, uuid, modify, row) : undefined
  })

function readReports(plan: Plan, held: RowTables, updates: Json, read: RowReport): AnyChange[] {
  const changes: AnyChange[] = []
  if (!isObject(updates)) throw new ProtocolError('the updates of a monitor are not an object')
  for (const name in updates) {
    const table = plan.get(name)
    if (!table) throw new ProtocolError(`an update of table ${name}, which is not monitored`)
    const rows = held.get(name)
    const reports = updates[name]
    if (!isObject(reports)) throw new ProtocolError(`the updates of table ${name} are not an object`)
    for (const key in reports) {
      const report = reports[key]
      if (!isObject(report)) throw new ProtocolError(`the update of a row of ${name} is not an object`)
      const uuid = key as Uuid
      const before = rows?.get(uuid)
      const after = read(table, uuid, report, before)
      if (before ?? after) changes.push(change(name, uuid, before, after))
    }
  }
  return changes
}

const change = (table: string, uuid: Uuid, before: AnyRow | undefined, after: AnyRow | undefined): AnyChange => ({
  table,
  uuid,
  op: !before ? 'insert' : !after ? 'delete' : 'modify',
  before,
  after,
})

/** Whole contents as changes to nothing. */
export const noRows: RowTables = new Map()

/** The changes that lead from `held` to the contents that `inserts` make out of nothing; equal rows are no change. */
export function compare(plan: Plan, held: RowTables, inserts: readonly AnyChange[]): AnyChange[] {
  const changes: AnyChange[] = []
  const seen = new Set<Uuid>()
  for (const { table, uuid, after } of inserts) {
    const before = held.get(table)?.get(uuid)
    if (before) seen.add(uuid)
    if (!before || !isSameRow(plan.get(table)!, before, after!)) changes.push(change(table, uuid, before, after))
  }
  const gone: AnyChange[] = []
  for (const [table, rows] of held) {
    for (const [uuid, before] of rows) if (!seen.has(uuid)) gone.push(change(table, uuid, before, undefined))
  }
  return [...gone, ...changes]
}

function isSameRow(plan: TablePlan, a: AnyRow, b: AnyRow): boolean {
  for (const name in plan.template) if (!isEqual(a[name], b[name])) return false
  return true
}

function readRow(plan: TablePlan, uuid: Uuid, json: Json): AnyRow {
  if (!isObject(json)) throw new ProtocolError(`a row of ${plan.name} is not an object`)
  const row: Record<string, Value> = { ...plan.template }
  row._uuid = uuid
  for (const name in json) row[name] = columnOf(plan, name).decode(json[name])
  return row as AnyRow
}

function modifyRow(plan: TablePlan, uuid: Uuid, json: Json, before: AnyRow | undefined): AnyRow {
  if (!before) throw new ProtocolError(`a modification of row ${uuid} of ${plan.name}, which is not known`)
  if (!isObject(json)) throw new ProtocolError(`a row of ${plan.name} is not an object`)
  const row: Record<string, Value> = { ...before }
  for (const name in json) {
    const { type, decode } = columnOf(plan, name)
    row[name] = applyDifference(before[name], decode(json[name]), type)
  }
  return row as AnyRow
}

function columnOf(plan: TablePlan, name: string) {
  const column = plan.columns.get(name)
  if (!column) throw new ProtocolError(`an update of column ${plan.name}.${name}, which is not monitored`)
  return column
}
