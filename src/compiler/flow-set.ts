// What the compiler makes and the fabric sends: flow sets, and the differences between two states of them.
import type { Flow } from 'node-openflow/flow'

/** The two bridges that we program on every chassis. Their order is part of cookies and of datapath ids. */
export const bridges = ['br-int', 'br-tun'] as const

/** One of them. */
export type Bridge = (typeof bridges)[number]

/** A record of the model that asked for a flow, and the table file that turned it into one. */
export interface Source {
  /** Kind of the record, e.g. `port`. */
  readonly kind: string
  readonly id: string
  /** Name of the table, e.g. `arp_responder`. */
  readonly table: string
}

/**
 * One flow of a flow set. The object is the identity: a flow that changes is a new entry, one that stays is the same
 * object on every chassis, so whoever encodes it may remember the bytes beside it.
 */
export interface FlowEntry {
  readonly bridge: Bridge
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
  /** The match in OpenFlow 1.5 wire form: type, length, OXMs in canonical order, padding (section 7.2.3). */
  readonly match: Uint8Array
  /** The instructions in OpenFlow 1.5 wire form (section 7.2.5). */
  readonly instructions: Uint8Array
  /** The flow as data, made anew from its rows at each call: for people, not for the wire. */
  readonly flow: Required<Pick<Flow, 'table' | 'priority' | 'cookie' | 'match' | 'actions'>>
  /** Bridge, table, priority and match bytes in one string (`slotOf`): no two flows of a bridge share it. */
  readonly slot: string
  /** 64 bits over slot, cookie and actions; digests of sets are their sums modulo 2^64. */
  readonly digest: bigint
  readonly sources: readonly Source[]
}

/** The flows that one scope of the model compiles to, e.g. `network/<id>`, by slot. */
export interface FlowSet {
  readonly id: string
  readonly entries: ReadonlyMap<string, FlowEntry>
  /** How many entries each bridge has. */
  readonly count: Readonly<Record<Bridge, number>>
  /** Sum of the entries' digests, per bridge, modulo 2^64. */
  readonly digest: Readonly<Record<Bridge, bigint>>
}

/** How one flow set changed. An entry whose slot stays and whose content changes stands in both lists. */
export interface FlowSetDelta {
  readonly flowSet: string
  readonly added: readonly FlowEntry[]
  readonly removed: readonly FlowEntry[]
}

/** What one commit changed in the flow tables. Nothing in it: the commit changed no flow. */
export interface CompileDelta {
  /** The commit that caused it. */
  readonly revision: number
  readonly flowSets: readonly FlowSetDelta[]
  /** Subscriptions that began; the sets' content is what it is after this delta. */
  readonly subscribed: readonly { readonly chassis: string; readonly flowSet: string }[]
  /** Subscriptions that ended; the chassis held what the set was before this delta. */
  readonly unsubscribed: readonly { readonly chassis: string; readonly flowSet: string }[]
}

/** The compiler as its followers see it. */
export interface Compiled {
  /** The revision that it has followed the log to. */
  readonly revision: number
  flowSet(id: string): FlowSet | undefined
  /** The flow sets a chassis holds. */
  subscriptions(chassis: string): ReadonlySet<string>
  /** The chassis that hold a flow set. */
  subscribers(flowSet: string): ReadonlySet<string>
  /** The flow sets in which a record of the model has flows. */
  flowSetsOf(kind: string, id: string): ReadonlySet<string>
  /** Entries of a chassis with this cookie (two only if 48 bits collide). */
  byCookie(chassis: string, cookie: bigint): readonly FlowEntry[]
  /** Rows that were refused a flow: see Conflict. */
  readonly conflicts: readonly Conflict[]
}

/** Records that have no flow although they asked for one. */
export interface Conflict {
  /** match: others want a different flow with the same match. limit: more share one flow than it can hold. */
  readonly reason: 'match' | 'limit'
  readonly flowSet: string
  readonly slot: string
  /** The first of those that have it. */
  readonly kept: Source
  readonly refused: readonly Source[]
}
