// What programming asks of a connected switch. The one file of this folder that puts it into messages is openflow.ts.
import type { Action } from 'node-openflow/flow'
import type { Bridge, FlowEntry } from '#compiler/flow-set'
import type { WireFlow } from './frames.ts'

/** A flow as data, for people. */
export type FlowData = FlowEntry['flow']

/** A flow as a switch reports it. */
export interface InstalledFlow extends WireFlow {
  readonly flow: FlowData
  readonly idleTimeout: number
  readonly hardTimeout: number
}

/** An installed flow with what the switch counted. */
export interface CountedFlow extends InstalledFlow {
  readonly packets: bigint
  readonly bytes: bigint
  /** Since it was installed. */
  readonly seconds: number
}

/** What the switch counted for one flow. */
export interface FlowCounters {
  readonly cookie: bigint
  readonly packets: number
  readonly bytes: number
  /** Seconds since a packet last matched it, or since it was installed. */
  readonly idle: number
}

/** A change of a flow that came from neither us nor a packet. */
export interface FlowChange {
  readonly event: 'added' | 'removed' | 'modified'
  readonly flow: InstalledFlow
}

/** Which flows to read: those whose cookie is `cookie` in the bits of `mask`, of one table or of all. */
export interface FlowFilter {
  readonly cookie: bigint
  readonly mask: bigint
  readonly table?: number
}

/** A message of a bundle that the switch refused. */
export interface Rejection {
  readonly xid: number
  /** Type and code of the OpenFlow error. */
  readonly error: string
}

/** How a bundle ended. A refused message stays out of it; the commit of the others may succeed or fail. */
export interface BundleResult {
  readonly isCommitted: boolean
  readonly rejections: readonly Rejection[]
}

/** The connection is gone; what was under way may or may not have been done. */
export class SwitchLost extends Error {
  override name = 'SwitchLost'
}

/** What packets of one direction of a connection bear; what is left out may be anything. */
export interface Ends {
  /** IPv4 or IPv6. */
  readonly src?: string
  readonly dst?: string
  readonly dstPort?: number
}

/**
 * Connections of a conntrack zone (NXT_CT_FLUSH), by one address at least. Of IPv6 those of TCP and UDP alone: when it forgets
 * one of ICMPv6 by its addresses, ovs-vswitchd 3.1.0 dies of a failed assertion.
 */
export interface Connections {
  readonly zone: number
  /** An IP protocol. */
  readonly protocol?: number
  readonly original?: Ends
  readonly reply?: Ends
}

/** One OpenFlow connection to one bridge. */
export interface Switch {
  /** Resolves when the connection is gone, with the reason; with none when all connections were ended in order. */
  readonly closed: Promise<string | undefined>
  /** Bytes written so far. */
  readonly bytesOut: number
  /**
   * Opens a bundle, writes encoded bundle-add messages as they are, commits. `timeout` in milliseconds. Rejects with
   * SwitchLost when the outcome is unknown.
   */
  bundle(buffers: readonly Uint8Array[], timeout: number): Promise<BundleResult>
  /** Streams the flows that a filter names, a reply message at a time. */
  flows(filter: FlowFilter): AsyncIterable<readonly CountedFlow[]>
  /** Streams the counters of the flows that a filter names: cheaper than `flows`. */
  counters(filter: FlowFilter): AsyncIterable<readonly FlowCounters[]>
  /** Asks to be told of changes that others make. Called before anything is read. */
  watch(listener: (changes: readonly FlowChange[]) => void): void
  /** Sends a packet through the flow tables as if it had come in by a port. */
  inject(inPort: number, packet: Uint8Array): void
  /** Does actions on a packet, as a flow would on one that came in by a port. */
  run(actions: readonly Action[], packet: Uint8Array, inPort: number): void
  /** Forgets the connections of a conntrack zone, before it does anything that is asked later. */
  flushZone(zone: number): void
  /** Forgets some connections of a conntrack zone; what is asked before is done before. */
  forget(connections: Connections): void
  close(why: string): void
}

/** A packet that a flow sent to us. */
export interface PacketIn {
  readonly chassis: string
  readonly bridge: Bridge
  /** The OpenFlow port that it came in by. */
  readonly inPort: number
  /** Name of a match field -> its value when the packet was sent to us: metadata, registers. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly packet: Uint8Array
  /** What the flow's controller action carries, without the first byte, which chose the handler. */
  readonly userdata: Uint8Array
}
