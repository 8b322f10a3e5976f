// Subnets: the addresses of a network, which of them are handed out, and what its ports are told.

import { finder } from './finder.ts'
import type { IpVersion } from './ip.ts'
import { type Kind, kind } from './kind.ts'

/** A range of addresses, both ends included, in canonical text. */
export interface AllocationPool {
  readonly start: string
  readonly end: string
}

/** A route that DHCP tells. */
export interface HostRoute {
  readonly destination: string
  readonly nexthop: string
}

/** How IPv6 hosts get their addresses. */
export type Ipv6Mode = 'slaac' | 'dhcpv6-stateful' | 'dhcpv6-stateless'

/** A subnet. */
export interface Subnet {
  readonly id: string
  readonly networkId: string
  readonly projectId: string
  readonly name: string
  readonly ipVersion: IpVersion
  /** Canonical, without host bits. */
  readonly cidr: string
  /** Null: no gateway. It may lie outside the CIDR. */
  readonly gatewayIp: string | null
  readonly enableDhcp: boolean
  readonly allocationPools: readonly AllocationPool[]
  readonly dnsNameservers: readonly string[]
  readonly hostRoutes: readonly HostRoute[]
  readonly ipv6RaMode: Ipv6Mode | null
  readonly ipv6AddressMode: Ipv6Mode | null
  readonly subnetPoolId: string | null
  /** Device owners whose ports may have addresses here; empty: all. */
  readonly serviceTypes: readonly string[]
  readonly dnsPublishFixedIp: boolean
}

/** All subnets. */
export const subnets: Kind<Subnet, 'network' | 'project' | 'pool'> = kind<Subnet>()('subnet', {
  index: {
    network: s => [s.networkId],
    project: s => [s.projectId],
    pool: s => (s.subnetPoolId === null ? [] : [s.subnetPoolId]),
  },
})

/** The subnet of an id. Throws SubnetNotFound. */
export const subnetOf = finder(subnets, 'SubnetNotFound')

/** Whether hosts make their own addresses there (SLAAC), so that a port's address follows from its MAC. */
export const isAutoAddress = (subnet: Subnet): boolean =>
  [subnet.ipv6AddressMode, subnet.ipv6RaMode].some(mode => mode === 'slaac' || mode === 'dhcpv6-stateless')
