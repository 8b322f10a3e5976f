// What the store needs of whatever makes it durable. An engine keeps an ordered log of transactions and the records
// they add up to; it may serve other controllers too, so an append states what it builds on and can come second.
import type { Origin } from '#model/transaction'

/** A record as an engine keeps it. */
export interface StoredRecord {
  readonly kind: string
  readonly id: string
  readonly seq: number
  /** The document as JSON text. */
  readonly doc: string
  readonly revision: number
  readonly at: number
  readonly origin: Origin
}

/** One write of a transaction. A record that moves in the order is deleted under its old seq, then put under the new. */
export type Write =
  | { readonly seq: number; readonly kind: string; readonly id: string; readonly doc: string }
  | { readonly seq: number; readonly kind: string; readonly id: string; readonly doc?: undefined }

/** A transaction in the log. Revisions are consecutive. */
export interface LogEntry {
  readonly revision: number
  readonly at: number
  readonly origin: Origin
  readonly writes: readonly Write[]
}

/** Durable storage behind a store. One append is under way at a time. */
export interface Engine {
  /**
   * Makes transactions durable, all or none. They build on revision `batch[0].revision - 1`: when others have come
   * first, nothing is appended and it resolves with what they appended since. Rejects with StoreUnavailable, having
   * appended nothing.
   */
  append(batch: readonly LogEntry[]): Promise<readonly LogEntry[] | undefined>
  /** Calls `listener` with what others append, in order. What `append` reported may come again. */
  watch(listener: (entries: readonly LogEntry[]) => void): void
  /** Writes a consistent copy to a new file. */
  backup(path: string): Promise<void>
  close(): Promise<void>
}
