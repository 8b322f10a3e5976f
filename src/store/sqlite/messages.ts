// What goes between the store and the worker thread that owns the data file.
import type { LogEntry } from '../engine.ts'
import type { TroubleReport } from './trouble.ts'

export interface WorkerData {
  readonly path: string
  /** Benchmarks only: a slower disk, in milliseconds for each append. */
  readonly fsyncDelay: number
}

export type Request = { readonly append: readonly LogEntry[] } | { readonly close: true }

/** To an append. */
export type Reply = { readonly done: true } | TroubleReport
