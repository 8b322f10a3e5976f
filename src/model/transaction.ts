// How the rest of the controller reads and changes records. Declared here, beside the resources, so that their rules
// (allocation, invariants) are pure functions of a Transaction; implemented by src/store.
import type { Doc, Kind, Pool } from './kind.ts'

/** Reads records. Iteration order is the order of creation. Records are shared and immutable. */
export interface Reader {
  get<T extends Doc>(kind: Kind<T>, id: string): T | undefined
  all<T extends Doc>(kind: Kind<T>): Iterable<T>
  /** The records that the index of the kind holds under `value`; never a scan. */
  by<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): Iterable<T>
  /** The record that holds a unique key. */
  holder<T extends Doc>(kind: Kind<T>, uniqueKey: string): T | undefined
  count<T extends Doc>(kind: Kind<T>): number
  countBy<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): number
}

/** Who asked for a transaction: shown as the origin of the flows that it caused. */
export interface Origin {
  /** `api`, `fabric`, `cli`, `upgrade` … */
  readonly source: string
  /** `req-…` of the REST call, or the chassis that reported. */
  readonly request?: string
}

/**
 * One atomic change. `work` functions run synchronously against the newest state, their own writes and those of
 * transactions not yet durable included; they may be run again after a conflict, so they have no other effects.
 */
export interface Transaction extends Reader {
  /** Milliseconds since the epoch, the same throughout the transaction. */
  readonly now: number
  readonly origin: Origin
  /** Adds a record. Throws UniqueKeyTaken when it shares a unique key, or id, with another. */
  insert<T extends Doc>(kind: Kind<T>, doc: T): void
  /** Replaces a record; the same object, or one equal to it, is no change. Throws UniqueKeyTaken. */
  replace<T extends Doc>(kind: Kind<T>, doc: T): void
  /** Removes a record; when there is none, nothing happens. */
  remove<T extends Doc>(kind: Kind<T>, id: string): void
  /** The next free number of a pool; `scope` makes an own instance of it (a pool per chassis). Throws PoolExhausted. */
  allocate(pool: Pool, scope?: string): number
  /** Takes one given number, inside the pool's range or not. Throws UniqueKeyTaken when it is in use. */
  take(pool: Pool, value: number, scope?: string): void
  /** Gives a number back; one that is free stays as it is. */
  release(pool: Pool, value: number, scope?: string): void
  /** Drops a scope with all its numbers, as if none had ever been used: its chassis is gone for good. */
  forget(pool: Pool, scope: string): void
}

/** What a committed transaction did to one record. */
export interface Change<T extends Doc = Doc> {
  readonly kind: Kind<T>
  readonly id: string
  readonly before: T | undefined
  readonly after: T | undefined
}

/** A durable transaction, as the compiler and other followers see it. */
export interface Commit {
  /** Grows by one with every commit, over restarts too. */
  readonly revision: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly origin: Origin
  readonly changes: readonly Change[]
}

/** When and by whom a record was last written. */
export interface Written {
  readonly revision: number
  readonly at: number
  readonly origin: Origin
}

/** Another record already holds a unique key (or the id). */
export class UniqueKeyTaken extends Error {
  override name = 'UniqueKeyTaken'
  readonly kind: string
  readonly key: string
  readonly holder: string
  constructor(kind: string, key: string, holder: string) {
    super(`${kind} ${holder} already holds '${key}'`)
    this.kind = kind
    this.key = key
    this.holder = holder
  }
}

/** Every number of a pool is in use. */
export class PoolExhausted extends Error {
  override name = 'PoolExhausted'
  readonly pool: string
  constructor(pool: string, scope?: string) {
    super(`no free number left in pool ${pool}${scope === undefined ? '' : ` of ${scope}`}`)
    this.pool = pool
  }
}
