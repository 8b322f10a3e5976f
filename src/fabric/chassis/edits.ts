// The operations of one repair, gathered: what is as it should be comes to none.
import {
  type InputRow,
  insert,
  mutate,
  type NamedUuid,
  named,
  type Operation,
  type Uuid,
  update,
  whereUuid,
} from 'ovsdb-client'
import type { Tables } from './schema.ts'

/** A row that is there, or is made by the same transaction. */
export type RowId = Uuid | NamedUuid

/** Gathers operations. */
export class Edits {
  readonly operations: Operation<Tables>[] = []
  #rows = 0

  /** Makes a row. */
  add(table: keyof Tables, row: InputRow): NamedUuid {
    const name = `row${++this.#rows}`
    this.operations.push(insert(table, row, name) as Operation<Tables>)
    return named(name)
  }

  /** Gives a row these values; none, none. */
  set(table: keyof Tables, uuid: Uuid, row: InputRow): void {
    if (Object.keys(row).length > 0) this.operations.push(update(table, whereUuid(uuid), row) as Operation<Tables>)
  }

  /** Changes sets and maps of a row in place. */
  change(table: keyof Tables, uuid: RowId, mutations: Parameters<typeof mutate>[2]): void {
    if (mutations.length > 0) this.operations.push(mutate(table, whereUuid(uuid), mutations))
  }
}

/** Whether a set holds these elements and no others. */
export const isSameSet = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && b.every(element => a.includes(element))

/** Whether a map holds these pairs and no others. */
export const isSameMap = (a: ReadonlyMap<string, string>, b: Readonly<Record<string, string>>): boolean =>
  a.size === Object.keys(b).length && Object.entries(b).every(([key, value]) => a.get(key) === value)

/** The mutations that give a map these pairs and leave its others. */
export const setPairs = (
  column: string,
  held: ReadonlyMap<string, string>,
  pairs: Readonly<Record<string, string>>,
): Parameters<typeof mutate>[2] => {
  const changed = Object.entries(pairs).filter(([key, value]) => held.get(key) !== value)
  if (changed.length === 0) return []
  const keys = changed.map(([key]) => key).filter(key => held.has(key))
  return [
    ...(keys.length === 0 ? [] : [[column, 'delete', keys] as const]),
    [column, 'insert', new Map(changed)] as const,
  ]
}
