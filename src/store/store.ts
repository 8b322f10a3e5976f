// The store's interface: durable records behind atomic transactions, and the log of commits that everything derived
// from them follows. Made for two engines: SQLite for one controller, etcd for many.
import type { Doc, Kind } from '#model/kind'
import type { Change, Commit, Origin, Reader, Transaction, Written } from '#model/transaction'
import type { StoreUnavailable } from './errors.ts'

/** Durable records of every kind. Reading sees the newest state, which may not be durable yet: await `settled`. */
export interface Store extends Reader {
  /**
   * Runs `work` atomically and resolves with its result once durable, and all that it built on. An error thrown by
   * `work` rejects and changes nothing. Rejects with StoreUnavailable when the disk refuses (full, read-only, failing):
   * this transaction and all that were built on it are then taken back, and the next one tries again.
   */
  transact<R>(origin: Origin, work: (tx: Transaction) => R): Promise<R>
  /**
   * Runs `work` as `transact` would, on a state that is durable and that followers have been told of, takes it back at
   * once, and resolves with what `see` says of the changes that it would have made. An error thrown by `work` rejects.
   */
  rehearse<R>(origin: Origin, work: (tx: Transaction) => unknown, see: (changes: readonly Change[]) => R): Promise<R>
  /** Resolves when everything visible now is durable (or has been taken back). */
  settled(): Promise<void>
  /**
   * Calls `listener` with each commit after it is durable, in order. Returns how to stop. With `fromStart` it is first
   * called, before `follow` returns, with everything that is durable so far as if one commit had created it: what
   * follows is then neither missed nor seen twice, also while transactions are in flight.
   */
  follow(listener: (commit: Commit) => void, options?: { readonly fromStart?: boolean }): () => void
  /** The revision of the last durable commit. */
  readonly revision: number
  /** Why the last write was refused; undefined while writing works. */
  readonly trouble: StoreUnavailable | undefined
  /** What opening the data file changed in it, when it was of an older version. */
  readonly upgrade: Upgrade | undefined
  /** When and by whom a record was last written. */
  written<T extends Doc>(kind: Kind<T>, id: string): Written | undefined
  /** Writes a consistent copy of the data to a new file while serving. */
  backup(path: string): Promise<void>
  /** Waits for what is in flight, then lets the data directory go. */
  close(): Promise<void>
}

/** An upgrade of the data file from an older version. */
export interface Upgrade {
  /** Data versions, i.e. numbers of migrations applied. */
  readonly from: number
  readonly to: number
  /** The file as it was before. */
  readonly copy: string
  /** How many records it wrote or deleted. */
  readonly changed: number
  /**
   * The records before the upgrade, for compiling both and showing the difference. Their shapes are of the old version:
   * `kinds`, today's by default, must be able to index them, or it throws DataFileRefused.
   */
  before(kinds?: readonly Kind[]): Reader
}
