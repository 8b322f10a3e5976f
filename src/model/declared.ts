// Every kind of record and every pool of numbers that the store keeps; a new one is a line here.
import { addressGroups } from './address-group.ts'
import { addressScopes } from './address-scope.ts'
import { claims, hostBindings } from './binding.ts'
import { attachments, bindings, chassis, chassisKeys, localVlans } from './chassis.ts'
import { firewallGroupKeys, firewallGroups, firewallPolicies, firewallPolicyKeys, firewallRules } from './firewall.ts'
import { floatingIpKeys, floatingIps } from './floating-ip.ts'
import type { Kind, Pool } from './kind.ts'
import { networkKeys, networks } from './network.ts'
import { policies, policyKeys, remoteGroupBits, remoteGroupPageBits, remoteGroupPages } from './policy.ts'
import { portKeys, ports } from './port.ts'
import { portForwardings } from './port-forwarding.ts'
import { quotas } from './quota.ts'
import { rbacPolicies } from './rbac.ts'
import { routerKeys, routerPorts, routers } from './router.ts'
import { addressCursors } from './rules/address.ts'
import { segmentPools } from './rules/segment.ts'
import { securityGroupKeys, securityGroupRules, securityGroups } from './security-group.ts'
import { standards } from './standard.ts'
import { subnets } from './subnet.ts'
import { subnetPools } from './subnet-pool.ts'
import { virtualAddresses } from './virtual-address.ts'

/** All kinds. */
export const modelKinds: readonly Kind[] = [
  addressCursors,
  addressGroups,
  addressScopes,
  attachments,
  bindings,
  chassis,
  claims,
  firewallGroups,
  firewallPolicies,
  firewallRules,
  floatingIps,
  hostBindings,
  networks,
  policies,
  portForwardings,
  ports,
  quotas,
  rbacPolicies,
  remoteGroupBits,
  routerPorts,
  routers,
  securityGroupRules,
  securityGroups,
  standards,
  subnetPools,
  subnets,
  virtualAddresses,
] as unknown as readonly Kind[]

/** All pools. */
export const modelPools: readonly Pool[] = [
  ...[chassisKeys, localVlans, networkKeys, portKeys, ...segmentPools],
  ...[routerKeys, floatingIpKeys, firewallGroupKeys, firewallPolicyKeys],
  ...[securityGroupKeys, policyKeys, remoteGroupPages, remoteGroupPageBits],
]
