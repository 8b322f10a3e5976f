// What the API asks of the tracer, and what it is told. main.ts hands in an object that answers from the running fabric.
import type { SourceView } from './fabric-view.ts'

/** What to trace: the first packet that one port sends to another, or any packet that comes in at a chassis. */
export type TraceAsked = (
  | {
      /** Ids or names of ports, or addresses: those of hosts outside, floating IPs, gateways. */
      readonly from: string
      readonly to: string
      /** `tcp 443`, `udp 53`, `icmp`, `arp`; any by its number too. */
      readonly protocol: string
      readonly ipVersion: 4 | 6 | undefined
      /** The first packet of a connection, the reply to it, or the packet after both. */
      readonly as: 'new' | 'reply' | 'established'
    }
  | {
      readonly chassis: string
      readonly bridge: string
      /** In the syntax of ovs-ofctl. */
      readonly packet: string
      /** What connection tracking tells each time, such as [['trk', 'est']]; absent: as of a first packet. */
      readonly states: readonly (readonly string[])[] | undefined
    }
) & {
  /** Follow the flows as they should be, or as the switches hold them. */
  readonly tables: 'intended' | 'installed'
  /** Send such a packet for real, too, and see which flows count it. */
  readonly isLive: boolean
  /** Ids of chassis that are taken for dead: which gateway is chosen then, and what no longer gets where. */
  readonly dead: readonly string[]
  /** Bytes of the packet from its IP header on; undefined: it fits everywhere. */
  readonly size: number | undefined
}

/** A flow that a packet met. */
export interface TraceFlowView {
  readonly cookie: string
  readonly priority: number
  /** In ovs-ofctl's syntax, with the names of tables and registers. */
  readonly match: string
  readonly actions: string
  readonly sources: readonly SourceView[]
  /** What the switch counted, where it was asked. */
  readonly packets?: number
}

/** A packet in a table. */
export interface VisitView {
  readonly table: number
  readonly name: string
  /** Null: no flow matched. */
  readonly flow: TraceFlowView | null
  readonly effects: readonly EffectView[]
}

/** What an action did. */
export type EffectView =
  | {
      readonly type: 'set'
      /** The register's name, where it is one. */
      readonly name: string
      readonly field: string
      readonly before: string
      readonly value: string
    }
  | { readonly type: 'push_vlan' | 'pop_vlan' }
  | { readonly type: 'goto' | 'resubmit'; readonly visit: VisitView }
  | { readonly type: 'output'; readonly port: number; readonly to: string; readonly arrival?: ArrivalView }
  | { readonly type: 'controller' }
  | {
      readonly type: 'ct'
      readonly zone: number
      readonly commit: boolean
      readonly state: readonly string[]
      readonly resumes: boolean
      /** What NAT changed, such as source, 10.0.0.5, 203.0.113.7. */
      readonly translated: readonly {
        readonly end: 'source' | 'destination'
        readonly before: string
        readonly after: string
      }[]
    }
  | { readonly type: 'learn'; readonly flow: string }
  | { readonly type: 'note'; readonly text: string }

/** A packet as it comes to a bridge, or back from connection tracking. */
export interface ArrivalView {
  readonly by: 'start' | 'patch' | 'tunnel' | 'physical' | 'ct'
  readonly chassis: string
  readonly bridge: string
  readonly port: number
  /** Links between bridges that it crossed before. */
  readonly hops: number
  readonly packet: string
  readonly visit: VisitView
}

/** How a copy of the packet ended. */
export interface OutcomeView {
  readonly type: 'delivered' | 'left' | 'controller' | 'dropped' | 'lost'
  readonly chassis: string
  readonly bridge: string
  readonly hops: number
  /** Where, or why, in words. */
  readonly words: string
  /** The port that got it. */
  readonly port?: string
}

/** A rule that would let the packet pass, as `POST /v2.0/security-group-rules` takes it; and in words. */
export interface MissingRuleView {
  readonly direction: 'ingress' | 'egress'
  readonly ethertype: 'IPv4' | 'IPv6'
  readonly protocol: string | null
  readonly port_range_min: number | null
  readonly port_range_max: number | null
  readonly remote_ip_prefix: string
  readonly text: string
}

/** What became of a real packet. */
export interface LiveTraceView {
  readonly sentence: string
  /** All flows on the traced way counted it. */
  readonly isAsTraced: boolean
  /** The flows on the way that did not. */
  readonly missing: readonly {
    readonly chassis: string
    readonly bridge: string
    readonly table: number
    readonly name: string
    readonly cookie: string
  }[]
}

/** A packet's way. */
export interface TraceView {
  readonly sentence: string
  readonly delivered: boolean
  readonly hops: number
  /** Name of the reason for a drop. */
  readonly reason?: string
  readonly rule?: MissingRuleView
  /** What became of the packets before it, of the same connection. */
  readonly before: readonly string[]
  readonly arrivals: readonly ArrivalView[]
  readonly outcomes: readonly OutcomeView[]
  readonly live?: LiveTraceView
}

/** A packet for a flow that drops, to be traced as `TraceAsked` has it. */
export interface ProposalView {
  readonly chassis: string
  readonly bridge: string
  /** In the syntax of ovs-ofctl; where none was found, what the flow itself says of packets. */
  readonly packet: string
  /** What connection tracking is to tell, and which chassis are to be dead, where it takes that. */
  readonly states: readonly (readonly string[])[]
  readonly dead: readonly string[]
  /** Traced, the flow drops it, or a copy of it; null: of the packets that were tried, it drops none. */
  readonly drops: 'it' | 'a copy' | null
  /** How many packets were traced. */
  readonly tried: number
}

/** Traces packets. Refuses what cannot be traced with HTTPBadRequest; rejects when a switch cannot be asked. */
export interface Tracing {
  trace(asked: TraceAsked): Promise<TraceView>
  /** A packet that a flow drops; `suspects` are ids of ports that are said to send such. Undefined: there is no such flow. */
  propose(chassis: string, cookie: bigint, suspects: readonly string[]): Promise<ProposalView | undefined>
}
