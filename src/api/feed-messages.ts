// The messages of the event feed at /flowright/v1/events, one JSON object per WebSocket message. The console imports
// these types and nothing else of ours.
import type { BridgeName } from './fabric-view.ts'
import type { CostView, RegisterView, TableView } from './live-view.ts'

/** What a commit did to one record. */
export interface FeedChange {
  readonly kind: string
  readonly id: string
  readonly op: 'create' | 'update' | 'delete'
  /** The record's name, where it has one. */
  readonly name?: string
  /** What an update changed, by the names of its fields. */
  readonly fields?: readonly string[]
}

/** A durable change of the model. Revisions grow by one: a gap means something was missed. */
export interface FeedCommit {
  readonly revision: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `api`, `fabric` … */
  readonly source: string
  /** `req-…`, or the chassis that reported. */
  readonly request?: string
  readonly changes: readonly FeedChange[]
}

/** How a bridge of a chassis stands. */
export interface FeedBridge {
  readonly state: string
  readonly flows: number
  readonly drift: number
  readonly quarantined: number
}

/** How a chassis stands. */
export interface FeedChassis {
  readonly id: string
  readonly key: number
  readonly hostname: string
  readonly admission: string
  readonly connected: boolean
  /** Milliseconds since the epoch. */
  readonly since: number | null
  readonly remote: string
  readonly reason: string
  readonly tunnelIp: string
  readonly tunnelTypes: readonly string[]
  readonly physicalNetworks: readonly string[]
  readonly datapathType: string
  readonly ovsVersion: string
  readonly refused: string
  readonly problems: readonly string[]
  /** 0: it is no gateway. */
  readonly gatewayPriority: number
  /** Its BFD sessions through tunnels: with which chassis, and whether it sees that one alive. */
  readonly bfd: readonly { readonly chassis: string; readonly isUp: boolean }[]
  /** The revision up to which it acknowledged everything. */
  readonly acknowledged: number
  readonly bridges: Readonly<Record<BridgeName, FeedBridge>> | null
  /** Ports bound there: id, network and whether active. */
  readonly ports: readonly { readonly port: string; readonly network: string; readonly state: string }[]
  /** Interfaces that ask for a port and do not get it. */
  readonly unbound: readonly { readonly port: string; readonly interface: string; readonly reason: string }[]
}

/** A deviation that was found and repaired. */
export interface FeedDrift {
  /** Grows by one with every deviation since the controller started. */
  readonly n: number
  readonly chassis: string
  readonly at: number
  readonly bridge: BridgeName
  readonly kind: string
  readonly count: number
  readonly text: string
  readonly resources: readonly FeedResource[]
}

/** A record that asked for a flow: kind, id, name ('' when it has none or is gone). */
export type FeedResource = readonly [kind: string, id: string, name: string]

/** A flow: a number that names it on this subscription, then what it is. `table` is an index into the pipeline. */
export type FeedFlow = readonly [
  n: number,
  table: number,
  priority: number,
  cookie: string,
  match: string,
  actions: string,
  resources: readonly FeedResource[],
  /** Why it drops; '' when it does not: one without actions may only end what another table asked it. */
  reason: string,
]

/** What went from a table somewhere: `to` is a table's name, drop, output, controller or return. */
export interface FeedEdge {
  readonly from: string
  readonly to: string
  readonly flows: number
  readonly packets: number
}

/** A flow that drops, somewhere. */
export interface FeedDrop {
  readonly chassis: string
  readonly bridge: BridgeName
  readonly table: string
  readonly priority: number
  readonly cookie: string
  readonly match: string
  readonly resources: readonly FeedResource[]
  /** Why, as a code and in words. */
  readonly reason: string
  readonly words: string
  readonly packets: number
  /** Packets a second between the last two readings. */
  readonly rate: number
  /** The ports that most likely sent it, where the flow is not of one port. */
  readonly suspects: readonly FeedResource[]
}

/** What a client says. */
export type FeedRequest =
  /** First: where it left off; 0 for from the start. `epoch` is what the last `hello` said. */
  | { readonly type: 'resume'; readonly revision: number; readonly epoch?: string; readonly drift?: number }
  /**
   * The flows of a chassis, whole, then as they change. `ahead`: how many messages that add some may be on their way;
   * each is then to be answered by `taken`. Without it they come as fast as the connection takes them.
   */
  | { readonly type: 'flows'; readonly watch: number; readonly chassis: string; readonly ahead?: number }
  /** One more message that adds flows was taken in. */
  | { readonly type: 'taken'; readonly watch: number }
  /** Counters for a `flows` watch: of these tables (indexes into the pipeline), of all, or of none. */
  | { readonly type: 'count'; readonly watch: number; readonly tables: readonly number[] | 'all' }
  /** The edges between the tables of a chassis, with their packets. */
  | { readonly type: 'edges'; readonly watch: number; readonly chassis: string }
  /** The flows that drop, on one chassis or on all. */
  | { readonly type: 'drops'; readonly watch: number; readonly chassis?: string }
  | { readonly type: 'stop'; readonly watch: number }

/** What the controller says. */
export type FeedMessage =
  /** Once after `resume`. `complete`: all commits after the one resumed from follow; else some are lost to this feed. */
  | {
      readonly type: 'hello'
      readonly epoch: string
      readonly revision: number
      readonly complete: boolean
      readonly version: string
      readonly tables: readonly TableView[]
      readonly registers: readonly RegisterView[]
      /** Why flows drop: code -> words. */
      readonly dropReasons: Readonly<Record<string, string>>
    }
  | { readonly type: 'commits'; readonly commits: readonly FeedCommit[] }
  | { readonly type: 'costs'; readonly costs: readonly CostView[] }
  /** Chassis that came or changed, whole, and the ids of those that went. */
  | { readonly type: 'chassis'; readonly chassis: readonly FeedChassis[]; readonly gone: readonly string[] }
  | { readonly type: 'drift'; readonly events: readonly FeedDrift[] }
  /** `total`: how many there are in all, while the first are still coming. */
  | {
      readonly type: 'flows'
      readonly watch: number
      readonly total: number
      readonly added: readonly FeedFlow[]
      readonly removed: readonly number[]
    }
  /** Keys of the data plane and whom they stand for: [kind, key, id, name]. */
  | {
      readonly type: 'keys'
      readonly watch: number
      readonly keys: readonly (readonly [string, number, string, string])[]
    }
  /**
   * What changed since the last reading of these tables, `elapsed` seconds ago (0: the first). `rows`: number of the
   * flow, packets, bytes, seconds since the last packet, and so on.
   */
  | {
      readonly type: 'counters'
      readonly watch: number
      readonly tables: readonly number[]
      readonly at: number
      readonly elapsed: number
      /** How long the reading took, in milliseconds. */
      readonly took: number
      readonly rows: readonly number[]
    }
  /** All edges of one bridge, `elapsed` seconds after the reading before (0: the first). */
  | {
      readonly type: 'edges'
      readonly watch: number
      readonly bridge: BridgeName
      readonly at: number
      readonly elapsed: number
      readonly edges: readonly FeedEdge[]
    }
  /** All drops of one bridge of a chassis that were ever hit. */
  | {
      readonly type: 'drops'
      readonly watch: number
      readonly chassis: string
      readonly bridge: BridgeName
      readonly at: number
      readonly drops: readonly FeedDrop[]
    }
  /** A watch that cannot be served now, and why; it goes on by itself when it can. */
  | { readonly type: 'trouble'; readonly watch: number; readonly message: string }
  | { readonly type: 'error'; readonly message: string }
