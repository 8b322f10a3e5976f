// What the programmers of all bridges have in common, and what they count.
import type { Bridge, Compiled } from '#compiler/flow-set'
import type { DriftEvent } from './drift.ts'
import type { Frames } from './frames.ts'
import type { Gate } from './gate.ts'

/** What all bridges share. */
export interface Shared {
  readonly compiled: Compiled
  readonly frames: Frames
  /** Bounds the read-backs under way that a chassis, or a person, waits for. */
  readonly readBacks: Gate
  /** Bounds those in the background. */
  readonly audits: Gate
  /** Milliseconds that a switch may take for a small bundle. */
  readonly patience: number
  /** Entries that may wait for a switch. */
  readonly maxWaiting: number
  /** Milliseconds from being in sync by the stamp to being read back. */
  readonly auditDelay: number
  /** Bounds the large bundles under way. */
  readonly largeBundles: Gate
  readonly counters: Counters
  readonly now: () => number
  /** Something for the log. */
  readonly report: (chassis: string, bridge: Bridge, what: string) => void
  readonly onDrift: (event: DriftEvent) => void
}

/** Counts since the start, of one bridge or of all. */
export interface Counters {
  bundles: number
  /** Flows written or deleted, stamps not counted. */
  flowMods: number
  /** Bundles that wrote nothing but a stamp. */
  stamps: number
  readBacks: number
  flowsRead: number
}

/** All zero. */
export const noCounts = (): Counters => ({ bundles: 0, flowMods: 0, stamps: 0, readBacks: 0, flowsRead: 0 })
