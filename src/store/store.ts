// The store's interface: durable records behind atomic transactions, and the log of commits that everything derived
// from them follows. Made for two engines: SQLite for one controller, etcd for many.
import type { Commit, Doc, Kind, Origin, Reader, Transaction, Written } from '#model'

/** Durable records of every kind. Reading sees the newest state, which may not be durable yet: await `settled`. */
export interface Store extends Reader {
  /**
   * Runs `work` atomically and resolves with its result once durable. An error thrown by `work` rejects and changes
   * nothing. Rejects with StoreUnavailable when the disk refuses (full, read-only); the state is then as before.
   */
  transact<R>(origin: Origin, work: (tx: Transaction) => R): Promise<R>
  /** Resolves when everything visible now is durable (or has been taken back). */
  settled(): Promise<void>
  /** Calls `listener` with each commit after it is durable, in order. Returns how to stop. */
  follow(listener: (commit: Commit) => void): () => void
  /** The revision of the last durable commit. */
  readonly revision: number
  /** When and by whom a record was last written. */
  written<T extends Doc>(kind: Kind<T>, id: string): Written | undefined
  /** Writes a consistent copy of the data to a new file while serving. */
  backup(path: string): Promise<void>
  close(): Promise<void>
}
