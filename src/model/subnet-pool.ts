// Subnet pools: prefixes from which subnets are cut.
import { finder } from './finder.ts'
import type { IpVersion } from './ip.ts'
import { type Kind, kind } from './kind.ts'
import type { Reader } from './transaction.ts'

/** A subnet pool. */
export interface SubnetPool {
  readonly id: string
  readonly projectId: string
  readonly name: string
  readonly ipVersion: IpVersion
  /** Canonical, none inside or beside another that it could be joined with. */
  readonly prefixes: readonly string[]
  readonly defaultPrefixLength: number
  readonly minPrefixLength: number
  readonly maxPrefixLength: number
  /** How much one project may take: addresses in IPv4, /64s in IPv6; null: any amount. */
  readonly defaultQuota: number | null
  readonly addressScopeId: string | null
  readonly isDefault: boolean
}

/** All subnet pools; at most one default per IP version. */
export const subnetPools: Kind<SubnetPool, 'project' | 'scope'> = kind<SubnetPool>()('subnet_pool', {
  unique: p => (p.isDefault ? [`default ${p.ipVersion}`] : []),
  index: { project: p => [p.projectId], scope: p => (p.addressScopeId === null ? [] : [p.addressScopeId]) },
})

/** The subnet pool of an id. Throws SubnetPoolNotFound. */
export const subnetPoolOf = finder(subnetPools, 'SubnetPoolNotFound')

/**
 * The id of the address scope that a subnet of a pool is in; null for none. Addresses of one scope are routed to one another
 * untranslated; between scopes only by NAT.
 */
export const scopeOfPool = (reader: Reader, poolId: string | null): string | null =>
  poolId === null ? null : subnetPoolOf(reader, poolId).addressScopeId
