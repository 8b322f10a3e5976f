// What surrounds the flow tables: which flows a bridge has and where its ports lead. The caller gives it, from what is
// intended or from what was read back from switches.
import type { Group } from 'node-openflow/flow'
import type { TraceFlow } from './flow-index.ts'
import type { Packet } from './packet.ts'

/** A port of a bridge of a chassis; the number is the OpenFlow port. */
export interface PortPlace {
  readonly chassis: string
  readonly bridge: string
  readonly port: number
}

/** What a port of a bridge leads to. */
export type Link =
  /** A port of another bridge of the same chassis. */
  | { readonly type: 'patch'; readonly bridge: string; readonly port: number }
  /** Tunnels to whatever address the flows say. */
  | { readonly type: 'tunnel' }
  /** An interface, and the model's port that it is, where it is one. */
  | { readonly type: 'interface'; readonly name: string; readonly id?: string }
  /** A physical network, behind a bridge that is the operator's. */
  | { readonly type: 'physical'; readonly network: string }

/** The flows of a bridge. */
export interface Tables {
  /** The flow of a table that a packet meets, if one has a priority above `floor`. */
  find(table: number, packet: Packet, floor: number): TraceFlow | undefined
}

/** Everything that a packet may pass. */
export interface World {
  /** The flows of a bridge; undefined where there is no such bridge, or none of ours. */
  tables(chassis: string, bridge: string): Tables | undefined
  /** The name of a table. */
  tableName(bridge: string, table: number): string
  /** What a port leads to; undefined where there is no such port. */
  link(place: PortPlace): Link | undefined
  /** Whether a port is there and its link is up, as far as is known. */
  isLive(place: PortPlace): boolean
  /** All ports of a bridge. */
  ports(chassis: string, bridge: string): readonly number[]
  /** Where a tunnel ends that goes from a port to a VTEP address, and the address it comes from; undefined: nowhere. */
  tunnelEnd(from: PortPlace, vtep: string): (PortPlace & { readonly source: string }) | undefined
  /** Whether a chassis is taken for dead: nothing gets there. */
  isDead?(chassis: string): boolean
  /** Where a frame for a MAC comes in again that left a chassis to a physical network; its own chassis is not among them. */
  physicalEnds(
    chassis: string,
    network: string,
    frame: { readonly vlan: number; readonly mac: string },
  ): readonly PortPlace[]
  group?(chassis: string, bridge: string, group: number): Group | undefined
}

/** Several sets of flows as the flows of one bridge. */
export const tablesOf = (sets: readonly Tables[]): Tables => ({
  find: (table, packet, floor) => {
    let best: TraceFlow | undefined
    for (const set of sets) best = set.find(table, packet, best?.priority ?? floor) ?? best
    return best
  },
})
