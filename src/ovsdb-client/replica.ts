/**
 * An in-memory copy of chosen tables and columns. It moves only from one committed state of the database to the next:
 * a notification is applied as a whole, then told as one step.
 */
import { EventEmitter } from 'node:events'
import type { Tables, Uuid } from './column.ts'
import type { Condition, Row } from './operation.ts'
import type { AnyRow, Selection } from './plan.ts'
import { tell } from './tell.ts'
import type { AnyChange } from './updates.ts'

/** The columns that a selection keeps of a table with columns `C`. */
type Kept<C, W> = W extends readonly (infer K)[] ? K : W extends { readonly columns: infer L } ? Kept<C, L> : keyof C

/** A row of table `N` in a replica of selection `S`. */
export type RowOf<T extends Tables, S, N extends keyof T & keyof S> = Row<T[N], Kept<T[N], S[N]> & PropertyKey>

type Inserted<N, R> = { table: N; uuid: Uuid; op: 'insert'; before: undefined; after: R }
type Modified<N, R> = { table: N; uuid: Uuid; op: 'modify'; before: R; after: R }
type Deleted<N, R> = { table: N; uuid: Uuid; op: 'delete'; before: R; after: undefined }

/** What happened to one row: `table` and `op` tell which type `before` and `after` have. */
export type Change<T extends Tables, S> = {
  [N in keyof T & keyof S]: Readonly<
    Inserted<N, RowOf<T, S, N>> | Modified<N, RowOf<T, S, N>> | Deleted<N, RowOf<T, S, N>>
  >
}[keyof T & keyof S]

/** One committed change of the database, or what was found changed after a reconnect. */
export interface Step<T extends Tables, S> {
  readonly changes: readonly Change<T, S>[]
  /** `update`: as it happened. `resync`: found after a reconnect, possibly several commits in one. */
  readonly cause: 'update' | 'resync'
  /** The id of the last transaction in it, where the server tells (monitor_cond_since). */
  readonly txnId: string | undefined
}

/**
 * How a replica came to be in step with the server: `initial` copy, `resumed` after the last transaction known,
 * `compared` with a whole new copy.
 */
export type Sync = 'initial' | 'resumed' | 'compared'

/** What drives a replica: the monitor behind it. */
export interface ReplicaControl {
  setConditions(table: string, conditions: readonly Condition[]): Promise<void>
  resync(): Promise<void>
  close(): void
}

interface Events<T extends Tables, S> {
  /** After each step, when all its changes are in the tables. */
  change: [Step<T, S>]
  /** In step with the server (again). */
  synced: [Sync]
  /** Not in step any more: the connection is gone, or the database. The rows stay as last known. */
  stale: []
}

/**
 * A live copy of the monitored rows. Rows are immutable: a changed row is a new object, an unchanged one stays the same
 * across reconnects.
 */
export class Replica<T extends Tables, S extends Selection<T>> extends EventEmitter<Events<T, S>> {
  #tables = new Map<string, Map<Uuid, AnyRow>>()
  #control: ReplicaControl
  #isCurrent = false

  /** @internal */
  constructor(tables: readonly string[], control: ReplicaControl) {
    super()
    this.#control = control
    for (const name of tables) this.#tables.set(name, new Map())
  }

  /** The rows of a table by UUID: a live, read-only view. */
  table<N extends keyof T & keyof S & string>(name: N): ReadonlyMap<Uuid, RowOf<T, S, N>> {
    const rows = this.#tables.get(name)
    if (!rows) throw new TypeError(`table ${name} is not part of this replica`)
    return rows as unknown as ReadonlyMap<Uuid, RowOf<T, S, N>>
  }

  /** In step with the server: everything committed there is here, but for what is on its way. */
  get isCurrent(): boolean {
    return this.#isCurrent
  }

  /**
   * Changes which rows of a table are monitored: those that meet any of the conditions; an empty list means every row.
   * Resolves once the replica holds just those. Rows come and go as inserts and deletes.
   */
  setConditions<N extends keyof T & keyof S & string>(table: N, conditions: readonly Condition[]): Promise<void> {
    return this.#control.setConditions(table, conditions)
  }

  /** Fetches everything anew and compares; for when something else shows that the copy must be wrong. */
  resync(): Promise<void> {
    return this.#control.resync()
  }

  /** Ends the monitor. The rows stay as they are. */
  close(): void {
    this.#control.close()
  }

  /** @internal All rows, for working out the next step. */
  get rows(): ReadonlyMap<string, ReadonlyMap<Uuid, AnyRow>> {
    return this.#tables
  }

  /** @internal Makes a step: all of its changes first, then the event. */
  apply(changes: readonly AnyChange[], cause: Step<T, S>['cause'], txnId: string | undefined): void {
    this.#store(changes)
    const step = { changes: changes as unknown as readonly Change<T, S>[], cause, txnId }
    if (changes.length) tell(() => this.emit('change', step))
  }

  /** @internal Takes a first copy, in silence. */
  fill(changes: readonly AnyChange[]): void {
    this.#store(changes)
  }

  /** @internal */
  synced(how: Sync): void {
    this.#isCurrent = true
    tell(() => this.emit('synced', how))
  }

  /** @internal */
  stale(): void {
    if (!this.#isCurrent) return
    this.#isCurrent = false
    tell(() => this.emit('stale'))
  }

  #store(changes: readonly AnyChange[]): void {
    for (const { table, uuid, after } of changes) {
      const rows = this.#tables.get(table)!
      if (after) rows.set(uuid, after)
      else rows.delete(uuid)
    }
  }
}
