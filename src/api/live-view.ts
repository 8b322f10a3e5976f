// What the event feed asks of the running controller: flows as they come and go, what switches count, what a change
// cost. main.ts hands in an object that answers from the running parts.

import type { BridgeName, DriftView, ReasonView, SourceView, TableNameView } from './fabric-view.ts'

/** A flow that a chassis should hold. The object is its identity. */
export interface LiveFlow {
  readonly cookie: bigint
  readonly bridge: BridgeName
  /** Number of its table. */
  readonly table: number
  readonly priority: number
  readonly sources: readonly SourceView[]
  /** Why it lets nothing through; absent when it does not drop. */
  readonly drop?: ReasonView
  /** Its match and actions with tables and registers by name; some ten microseconds of work. */
  text(): { readonly match: string; readonly actions: string }
}

/** What a switch counted for a flow. */
export interface CountersView {
  readonly cookie: bigint
  readonly packets: number
  readonly bytes: number
  /** Seconds since its last packet, or since it was installed. */
  readonly idle: number
}

/** A table of the pipeline. */
export interface TableView extends TableNameView {
  readonly file: string
  readonly description: string
  /** Names of the tables that its flows may lead to. */
  readonly next: readonly string[]
}

/** What a named register holds. */
export interface RegisterView {
  readonly bridge: BridgeName
  readonly name: string
  readonly field: string
  readonly doc: string
}

/** What one commit cost, as far as it is known yet. */
export interface CostView {
  readonly revision: number
  /** Milliseconds that compiling took. */
  readonly compile: number
  /** Flows that came and went, each counted once however many chassis hold it. */
  readonly added: number
  readonly removed: number
  /** Chassis that had to be told. */
  readonly chassis: number
  /** Bytes of flow-mods for all of them. */
  readonly bytes: number
  /** Milliseconds from the commit to the last acknowledgement; absent until all connected ones have acknowledged. */
  readonly acknowledged?: number
  /** The last to acknowledge. */
  readonly slowest?: string
  /** Chassis that are not connected or have not acknowledged yet. */
  readonly waiting: number
}

/** The running controller, as the feed follows it. Every `on…` and `watch…` returns how to stop. */
export interface LiveView {
  readonly tables: readonly TableView[]
  readonly registers: readonly RegisterView[]
  /** Why flows drop: code -> words. */
  readonly dropReasons: Readonly<Record<string, string>>
  /** The flows that a chassis should hold now: how many, and each, made when it is asked for. */
  flows(chassis: string): { readonly size: number; readonly flows: Iterable<LiveFlow> }
  /** The cookies of the flows of one table that a record asked for of which `isOf` holds; found without holding others up. */
  cookies(
    chassis: string,
    bridge: BridgeName,
    table: number,
    isOf: (source: SourceView) => boolean,
  ): Promise<ReadonlySet<bigint>>
  /** Tells of each change to them. */
  onFlows(chassis: string, listener: (added: readonly LiveFlow[], removed: readonly LiveFlow[]) => void): () => void
  /** Streams what the switch counts for our flows in one table, or in all. Rejects when it is not connected. */
  counters(chassis: string, bridge: BridgeName, table?: number): AsyncIterable<readonly CountersView[]>
  /** Tells what a commit cost: after compiling, and again when the last chassis acknowledged. */
  onCost(listener: (cost: CostView) => void): () => void
  onDrift(listener: (chassis: string, event: DriftView) => void): () => void
}
