// Firewalls (FWaaS v2): groups of ports, policies that say what may pass them, and the rules that policies are made of.
import { finder } from './finder.ts'
import type { IpVersion } from './ip.ts'
import { type Kind, kind, type Pool } from './kind.ts'
import type { PortRange } from './port-range.ts'
import type { Reader } from './transaction.ts'

/** What happens to a packet: it passes, is dropped, or is refused (TCP reset, ICMP unreachable). */
export type FirewallAction = 'allow' | 'deny' | 'reject'

/** A rule: what it describes, and what happens to it. */
export interface FirewallRule {
  readonly id: string
  readonly projectId: string
  readonly name: string
  /** Whether policies of other projects may have it. */
  readonly shared: boolean
  /** A rule that is not enabled matches nothing. */
  readonly enabled: boolean
  readonly action: FirewallAction
  readonly ipVersion: IpVersion
  /** As asked for; null for any. Only shown: `protocolNumber` counts. */
  readonly protocol: string | null
  /** IANA's number; null for any. ICMP of IPv6 is 58 whatever name it was asked by. */
  readonly protocolNumber: number | null
  /** Address or prefix in canonical text; null for any. */
  readonly sourceIp: string | null
  readonly destinationIp: string | null
  /** TCP's and UDP's; null for any. */
  readonly sourcePorts: PortRange | null
  readonly destinationPorts: PortRange | null
}

/** All firewall rules. */
export const firewallRules: Kind<FirewallRule, 'project'> = kind<FirewallRule>()('firewall_rule', {
  index: { project: r => [r.projectId] },
})

/** The firewall rule of an id. Throws FirewallRuleNotFound. */
export const firewallRuleOf = finder(firewallRules, 'FirewallRuleNotFound')

/** A policy: the first rule that matches decides; what none matches is dropped. */
export interface FirewallPolicy {
  readonly id: string
  /** Stands for the policy in the data plane. */
  readonly key: number
  readonly projectId: string
  readonly name: string
  /** Whether groups of other projects may have it; then its rules are shared too. */
  readonly shared: boolean
  /** That somebody looked at it since it was last changed. */
  readonly audited: boolean
  /** Ids of its rules, in order. */
  readonly rules: readonly string[]
  /** Where each of them stands in the data plane: falling numbers, which stay when others come, go or move. */
  readonly places: readonly number[]
}

/** All firewall policies. */
export const firewallPolicies: Kind<FirewallPolicy, 'project' | 'rule'> = kind<FirewallPolicy>()('firewall_policy', {
  unique: p => [`key ${p.key}`],
  index: { project: p => [p.projectId], rule: p => p.rules },
})

/** Firewall policy keys. */
export const firewallPolicyKeys: Pool = { name: 'firewall_policy_key', first: 1, last: 0xffffff }

/** The firewall policy of an id. Throws FirewallPolicyNotFound. */
export const firewallPolicyOf = finder(firewallPolicies, 'FirewallPolicyNotFound')

/**
 * A group of ports behind one firewall: interfaces of routers, for what is routed, and ports of VMs. Ingress is towards the
 * VM: for an interface, out of the router into its network. Without a policy for a direction, and while the group is down,
 * nothing passes.
 */
export interface FirewallGroup {
  readonly id: string
  /** Stands for the group in the data plane. */
  readonly key: number
  readonly projectId: string
  readonly name: string
  readonly adminStateUp: boolean
  /** Whether other projects see it. */
  readonly shared: boolean
  /** The one that each project has. */
  readonly isDefault: boolean
  readonly ingressPolicyId: string | null
  readonly egressPolicyId: string | null
  /** Ids of its ports; a port is in one group at most. */
  readonly ports: readonly string[]
}

/** All firewall groups. */
export const firewallGroups: Kind<FirewallGroup, 'project' | 'policy' | 'port'> = kind<FirewallGroup>()(
  'firewall_group',
  {
    unique: g => [
      `key ${g.key}`,
      ...(g.isDefault ? [`default ${g.projectId}`] : []),
      ...g.ports.map(port => `port ${port}`),
    ],
    index: {
      project: g => [g.projectId],
      policy: g => [...new Set([g.ingressPolicyId, g.egressPolicyId])].filter(id => id !== null),
      port: g => g.ports,
    },
  },
)

/** Firewall group keys. */
export const firewallGroupKeys: Pool = { name: 'firewall_group_key', first: 1, last: 0xffffff }

/** The firewall group that a port is in. */
export const firewallGroupOfPort = (reader: Reader, portId: string): FirewallGroup | undefined =>
  reader.holder(firewallGroups, `port ${portId}`)
