// Firewalls for tests that make records themselves: groups, policies and rules with defaults, put into a model.
import {
  type FirewallGroup,
  type FirewallPolicy,
  type FirewallRule,
  firewallGroupKeys,
  firewallGroups,
  firewallPolicies,
  firewallPolicyKeys,
  firewallRules,
  placesFor,
  type Transaction,
} from '#model'

/** A rule; lets all of IPv4 pass unless said otherwise. */
export const aFirewallRule = (id: string, more: Partial<FirewallRule> = {}): FirewallRule => ({
  ...{ id, projectId: 'p', name: id, shared: false, enabled: true, action: 'allow', ipVersion: 4, protocol: null },
  ...{ protocolNumber: null, sourceIp: null, destinationIp: null, sourcePorts: null, destinationPorts: null },
  ...more,
})

/** Destination ports of TCP (6) or UDP (17): one, or a range. */
export const toPorts = (protocolNumber: number, first: number, last = first): Partial<FirewallRule> => ({
  protocolNumber,
  destinationPorts: { first, last },
})

/** A policy of rules, in order. */
export const aFirewallPolicy = (id: string, key: number, rules: readonly string[]): FirewallPolicy => ({
  ...{ id, key, projectId: 'p', name: id, shared: false, audited: false, rules, places: placesFor(rules) },
})

/** A group of ports without policies. */
export const aFirewallGroup = (id: string, key: number, more: Partial<FirewallGroup> = {}): FirewallGroup => ({
  ...{ id, key, projectId: 'p', name: id, adminStateUp: true, shared: false, isDefault: false },
  ...{ ingressPolicyId: null, egressPolicyId: null, ports: [] },
  ...more,
})

/** Adds a policy with the rules given, in order; those that are not there yet are made. */
export const addFirewallPolicy = (
  tx: Transaction,
  id: string,
  rules: Readonly<Record<string, Partial<FirewallRule>>> = {},
): FirewallPolicy => {
  for (const [name, more] of Object.entries(rules))
    if (!tx.get(firewallRules, name)) tx.insert(firewallRules, aFirewallRule(name, more))
  const policy = aFirewallPolicy(id, tx.allocate(firewallPolicyKeys), Object.keys(rules))
  tx.insert(firewallPolicies, policy)
  return policy
}

/** Adds a group of ports, with the policies named. */
export const addFirewallGroup = (
  tx: Transaction,
  id: string,
  ports: readonly string[],
  more: Partial<FirewallGroup> = {},
): FirewallGroup => {
  const group = aFirewallGroup(id, tx.allocate(firewallGroupKeys), { ports, ...more })
  tx.insert(firewallGroups, group)
  return group
}

/** Changes a firewall group, policy or rule. */
export const changeGroup = (tx: Transaction, id: string, more: Partial<FirewallGroup>): void =>
  tx.replace(firewallGroups, { ...(tx.get(firewallGroups, id) as FirewallGroup), ...more })

/** The same for a policy. */
export const changePolicy = (tx: Transaction, id: string, more: Partial<FirewallPolicy>): void => {
  const before = tx.get(firewallPolicies, id) as FirewallPolicy
  const after = { ...before, ...more }
  tx.replace(firewallPolicies, { ...after, places: placesFor(after.rules, before) })
}

/** The same for a rule. */
export const changeRule = (tx: Transaction, id: string, more: Partial<FirewallRule>): void =>
  tx.replace(firewallRules, { ...(tx.get(firewallRules, id) as FirewallRule), ...more })
