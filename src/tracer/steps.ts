// What a trace is made of: a tree of visits to tables and of what happened there, and how each copy of the packet ended.
// Plain data, to be printed, sent as JSON and drawn.
import type { AnyValue, Flow, Match } from 'node-openflow/flow'
import type { TraceFlow } from './flow-index.ts'
import type { Link, PortPlace } from './world.ts'

/** A packet in a table. */
export interface Visit {
  readonly chassis: string
  readonly bridge: string
  readonly table: number
  readonly name: string
  /** The flow that it met; undefined: none, and the packet got no further here. */
  readonly flow: TraceFlow | undefined
  readonly effects: Effect[]
}

/** What an action did. */
export type Effect =
  /** A field, or some of its bits (`reg2[8]`), has another value now. */
  | { readonly type: 'set'; readonly field: string; readonly before: AnyValue; readonly value: AnyValue }
  /** A VLAN tag came or went. */
  | { readonly type: 'push_vlan' | 'pop_vlan' }
  /** The packet went on in another table. */
  | { readonly type: 'goto'; readonly visit: Visit }
  /** The packet was looked up in another table, and came back to the next action. */
  | { readonly type: 'resubmit'; readonly visit: Visit }
  /** The packet left by a port; over a patch port it came in to another bridge of the same chassis. */
  | {
      readonly type: 'output'
      readonly place: PortPlace
      readonly link: Link
      /** Its fields as it left. */
      readonly packet: Match
      readonly arrival?: Arrival
      /** Why it arrives nowhere, in words. */
      readonly nowhere?: string
    }
  /** The packet went to the controller. */
  | { readonly type: 'controller'; readonly packet: Match; readonly userdata?: Uint8Array }
  /** Connection tracking told `state`; where it resumes, an arrival of its own has what came of it. */
  | {
      readonly type: 'ct'
      readonly zone: number
      readonly commit: boolean
      readonly state: readonly string[]
      readonly resumes: boolean
      /** What NAT changed. */
      readonly translated: readonly Translation[]
    }
  /** The flow that the packet taught the switch. */
  | { readonly type: 'learn'; readonly flow: Flow }
  /** Nothing happened, and why, in words; or something that the tracer does not follow. */
  | { readonly type: 'note'; readonly text: string }

/** An end of a packet that NAT gave another address or port: with ports as `10.0.0.5:80`, those of IPv6 in brackets. */
export interface Translation {
  readonly end: 'source' | 'destination'
  readonly before: string
  readonly after: string
}

/** A packet as it comes to a bridge, or back from connection tracking, and its way through the tables there. */
export interface Arrival {
  readonly by: 'start' | 'patch' | 'tunnel' | 'physical' | 'ct'
  readonly place: PortPlace
  /** How many links between bridges it crossed before. */
  readonly hops: number
  /** Its fields then. */
  readonly packet: Match
  readonly visit: Visit
  /** Its fields after the last action there, copies that left apart. */
  readonly finally: Match
}

/** How a copy of the packet ended. */
export type Outcome = {
  readonly chassis: string
  readonly bridge: string
  readonly hops: number
  /** Its fields at the end. */
  readonly packet: Match
} & (
  | { readonly type: 'delivered'; readonly port: number; readonly interface: string; readonly id?: string }
  /** It left to a physical network, to whatever is there besides chassis of ours. */
  | { readonly type: 'left'; readonly port: number; readonly network: string }
  | { readonly type: 'controller'; readonly table: number; readonly name: string; readonly userdata?: Uint8Array }
  /** A flow (or none) ended it without any output. */
  | { readonly type: 'dropped'; readonly table: number; readonly name: string; readonly flow: TraceFlow | undefined }
  /** The switch could not carry it on, and why, in words. */
  | { readonly type: 'lost'; readonly reason: string }
)

/** A packet's way to all of its ends. */
export interface Trace {
  /** The first is where it started; the others came by tunnel, physical network or connection tracking, in order. */
  readonly arrivals: readonly Arrival[]
  readonly outcomes: readonly Outcome[]
}
