// What the API asks of the fabric and the compiler. main.ts hands in an object that answers from the running ones.

/** Names of the bridges that are programmed. */
export type BridgeName = 'br-int' | 'br-tun'

/** How the OVSDB session with a chassis stands. */
export interface SessionView {
  readonly isUp: boolean
  /** Milliseconds since the epoch: up, or down, since then. */
  readonly since: number
  /** `tcp:192.0.2.1:43210`; '' when it was never seen. */
  readonly remote: string
  /** Why it is down, in words; '' when it is up. */
  readonly reason: string
  readonly problems: readonly string[]
  /** Its BFD sessions: by the key of the other chassis, whether it sees that one alive. */
  readonly bfd?: ReadonlyMap<number, boolean>
}

/** A connection, or a host that is dialled, that is no chassis. */
export interface StrangerView {
  /** `tcp:192.0.2.1:43210` */
  readonly remote: string
  /** The system-id that it reports; '' if none. */
  readonly systemId: string
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Why it is no chassis, in words. */
  readonly reason: string
}

/** How programming one bridge of a chassis stands. */
export interface BridgeView {
  /** `away`, `reconciling`, `in_sync` … */
  readonly state: string
  /** Flows that it should hold. */
  readonly flows: number
  /** Deviations found and repaired since the start. */
  readonly drift: number
  /** Flows that it refused. */
  readonly quarantined: number
}

/** How programming a chassis stands. */
export interface ProgrammingView {
  readonly isConnected: boolean
  /** The revision up to which the chassis acknowledged everything; 0: not known to be in sync. */
  readonly acknowledged: number
  readonly bridges: Readonly<Record<BridgeName, BridgeView>>
}

/** A record of the model that asked for a flow. */
export interface SourceView {
  readonly kind: string
  readonly id: string
  /** The table (file) that turned it into the flow. */
  readonly table: string
}

/** A flow, for people. */
export interface FlowView {
  readonly bridge: BridgeName
  /** The table's name, e.g. `arp_responder`. */
  readonly table: string
  readonly cookie: bigint
  /** In ovs-ofctl's syntax, with the names of tables and registers. */
  readonly text: string
  readonly sources: readonly SourceView[]
  /** What the switch counted, where it was asked. */
  readonly counters?: { readonly packets: bigint; readonly bytes: bigint; readonly seconds: number }
}

/** How a chassis differs from what it should hold. */
export interface DiffView {
  readonly missing: readonly FlowView[]
  /** Flows with our mark that nobody asked for. */
  readonly unexpected: readonly FlowView[]
  readonly different: readonly { readonly expected: FlowView; readonly installed: FlowView }[]
  /** Flows that the switch refused, and what it said. */
  readonly quarantined: readonly { readonly flow: FlowView; readonly error: string }[]
}

/** Why flows drop what they match. */
export interface ReasonView {
  /** E.g. `spoofed_mac`. */
  readonly reason: string
  /** The same in words. */
  readonly words: string
}

/** What one cookie leads to. */
export interface ExplanationView {
  readonly bridge: BridgeName
  readonly table: string
  /** The table's file, e.g. `flows/br-int/31-arp-responder.ts`. */
  readonly file: string
  /** What the table does. */
  readonly description: string
  readonly flows: readonly FlowView[]
  /** Why they drop what they match, if they do. */
  readonly drop?: ReasonView | undefined
  /** The remote groups that they put an address into: bits of a page. */
  readonly remoteGroups?: { readonly page: number; readonly bits: readonly number[] } | undefined
}

/** A deviation that was found and repaired. */
export interface DriftView {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly bridge: BridgeName
  readonly kind: string
  readonly count: number
  /** The flow in words, where it was a single one. */
  readonly text: string
  readonly sources: readonly SourceView[]
}

/** Which flows are asked for. */
export interface FlowFilter {
  readonly bridge?: BridgeName | undefined
  /** A table's name or number, one that there is. */
  readonly table?: string | undefined
  /** The ids of resources, one of which asked for them. */
  readonly sources?: ReadonlySet<string> | undefined
  /** Ask the switch for what it counted. */
  readonly counters: boolean
}

/** A table of a bridge. */
export interface TableNameView {
  readonly bridge: BridgeName
  readonly number: number
  readonly name: string
}

/** The running fabric. Undefined: it knows no such chassis. Rejections are told to the client as 503. */
export interface FabricView {
  /** All tables, in packet order. */
  readonly tables: readonly TableNameView[]
  session(chassis: string): SessionView | undefined
  strangers(): readonly StrangerView[]
  programming(chassis: string): ProgrammingView | undefined
  flows(chassis: string, filter: FlowFilter): Promise<readonly FlowView[]>
  diff(chassis: string): Promise<DiffView>
  explain(chassis: string, cookie: bigint): ExplanationView | undefined
  drift(chassis: string): readonly DriftView[]
}

/** No fabric: every chassis is away, and holds nothing. */
export const noFabric: FabricView = {
  tables: [],
  session: () => undefined,
  strangers: () => [],
  programming: () => undefined,
  flows: async () => [],
  diff: async () => ({ missing: [], unexpected: [], different: [], quarantined: [] }),
  explain: () => undefined,
  drift: () => [],
}
