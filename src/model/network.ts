// Networks and their segments: what the operator asked for, and the key that stands for one in the data plane.
import { finder } from './finder.ts'
import { type Kind, kind, type Pool } from './kind.ts'

/** How a segment's frames travel between chassis. */
export type NetworkType = 'vxlan' | 'gre' | 'geneve' | 'vlan' | 'flat' | 'local'

/** One L2 segment of a network (Neutron's provider attributes). */
export interface Segment {
  readonly networkType: NetworkType
  /** The physical network of a vlan or flat segment. */
  readonly physicalNetwork?: string
  /** VNI (1 to 2^24-4), GRE key (1 to 2^32-1 without 2^24-3 and 2^24-2) or VLAN id (1 to 4094). */
  readonly segmentationId?: number
}

/** A network. */
export interface Network {
  readonly id: string
  /** Stands for the network in the data plane (`metadata`). */
  readonly key: number
  readonly projectId: string
  readonly name: string
  readonly adminStateUp: boolean
  readonly segments: readonly Segment[]
  readonly mtu: number
  /** Leads to the outside (`router:external`): some RBAC policy says so. */
  readonly external: boolean
  /** The external network that is used when none is named. */
  readonly isDefault: boolean
  /** What new ports get. */
  readonly portSecurityEnabled: boolean
  readonly dnsDomain: string
  readonly availabilityZoneHints: readonly string[]
}

/** All networks. */
export const networks: Kind<Network, 'project'> = kind<Network>()('network', {
  unique: n => [`key ${n.key}`],
  index: { project: n => [n.projectId] },
})

/** Network keys. 1 to 2^24-1, so that they fit beside other bits. */
export const networkKeys: Pool = { name: 'network_key', first: 1, last: 0xffffff }

/** The network of an id. Throws NetworkNotFound. */
export const networkOf = finder(networks, 'NetworkNotFound')
