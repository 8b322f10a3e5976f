// Quotas: how many resources of each sort a project may have.
import { firewallGroups, firewallPolicies, firewallRules } from './firewall.ts'
import { floatingIps } from './floating-ip.ts'
import { type Kind, kind } from './kind.ts'
import { networks } from './network.ts'
import { ports } from './port.ts'
import { rbacPolicies } from './rbac.ts'
import { routers } from './router.ts'
import { securityGroupRules, securityGroups } from './security-group.ts'
import { subnets } from './subnet.ts'
import { subnetPools } from './subnet-pool.ts'
import type { Reader } from './transaction.ts'

/** What is counted, by the names of the API's resources. */
const counted = {
  network: networks,
  subnet: subnets,
  subnetpool: subnetPools,
  port: ports,
  router: routers,
  floatingip: floatingIps,
  rbac_policy: rbacPolicies,
  security_group: securityGroups,
  security_group_rule: securityGroupRules,
  firewall_group: firewallGroups,
  firewall_policy: firewallPolicies,
  firewall_rule: firewallRules,
} satisfies Record<string, { readonly index: { readonly project: unknown } }>

/** A sort of resource that is counted. */
export type QuotaName = keyof typeof counted

/** All sorts of resources that are counted. */
export const quotaNames = Object.keys(counted) as readonly QuotaName[]

/** The limit that is none. */
export const UNLIMITED = -1

/** A limit for every sort of resource. */
export type QuotaLimits = Readonly<Record<QuotaName, number>>

/** The limits of a project that an administrator changed. */
export interface Quota {
  /** The project's. */
  readonly id: string
  readonly limits: Readonly<Partial<Record<QuotaName, number>>>
}

/** The quotas of all projects that have limits of their own. */
export const quotas: Kind<Quota> = kind<Quota>()('quota')

/** No limits. */
export const unlimitedQuotas = Object.fromEntries(quotaNames.map(name => [name, UNLIMITED])) as QuotaLimits

/** The limits of a Neutron whose configuration says nothing about them. */
export const neutronQuotas: QuotaLimits = {
  ...unlimitedQuotas,
  network: 100,
  subnet: 100,
  port: 500,
  router: 10,
  floatingip: 50,
  rbac_policy: 10,
  security_group: 10,
  security_group_rule: 100,
  firewall_group: 10,
  firewall_policy: 10,
  firewall_rule: 100,
}

/** The limits of a project, given those of projects without limits of their own. */
export const limitsOf = (reader: Reader, projectId: string, defaults: QuotaLimits): QuotaLimits => ({
  ...defaults,
  ...reader.get(quotas, projectId)?.limits,
})

/** How many resources of a sort a project has. */
export const usageOf = (reader: Reader, projectId: string, name: QuotaName): number =>
  reader.countBy(counted[name] as unknown as Kind<never, 'project'>, 'project', projectId)
