// How firewall rules may be made, changed and removed.
import { type FirewallRule, firewallPolicies, firewallRules } from '../firewall.ts'
import { parseIp, parsePrefix } from '../ip.ts'
import { ICMP, ICMPV6, ipProtocol, ipProtocols } from '../ip-protocol.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop } from '../standard.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { unaudited } from './firewall-policy.ts'

/** A firewall rule to be made; the id is the caller's. */
export interface FirewallRuleRequest extends Omit<FirewallRule, 'protocolNumber'> {
  readonly description: string
}

/** Makes a firewall rule. */
export function createFirewallRule(tx: Transaction, { description, ...rest }: FirewallRuleRequest): FirewallRule {
  return add(tx, firewallRules, complete(rest), description)
}

/** Changes a firewall rule, in all policies that have it. */
export function updateFirewallRule(
  tx: Transaction,
  rule: FirewallRule,
  { description, ...rest }: Changes<Omit<FirewallRuleRequest, 'id' | 'projectId'>>,
): FirewallRule {
  const after = complete(changed(rule, rest))
  for (const policy of [...tx.by(firewallPolicies, 'rule', rule.id)]) {
    const isForeign = policy.shared || policy.projectId !== rule.projectId
    if (isForeign && !after.shared) throw refuse('FirewallRuleInUse', { id: rule.id })
    unaudited(tx, policy)
  }
  return change(tx, firewallRules, after, description)
}

/** Removes a firewall rule that no policy has. */
export function deleteFirewallRule(tx: Transaction, rule: FirewallRule): void {
  if (tx.countBy(firewallPolicies, 'rule', rule.id) > 0) throw refuse('FirewallRuleInUse', { id: rule.id })
  drop(tx, firewallRules, rule.id)
}

const versionOf = (address: string) => (parseIp(address) ?? parsePrefix(address))?.version

/** A rule with its protocol's number, once its parts agree. */
function complete(rule: Omit<FirewallRule, 'protocolNumber'>): FirewallRule {
  const { protocol, sourcePorts, destinationPorts, sourceIp, destinationIp, ipVersion } = rule
  const number = protocol === null ? null : ipProtocol(protocol)!
  if (sourcePorts || destinationPorts) {
    if (number === null) throw refuse('FirewallRuleWithPortWithoutProtocolInvalid', {})
    if (number !== ipProtocols.tcp && number !== ipProtocols.udp)
      throw refuse('FirewallRuleInvalidICMPParameter', { parameter: 'Source, destination port' })
  }
  for (const address of [sourceIp, destinationIp])
    if (address !== null && versionOf(address) !== ipVersion) throw refuse('FirewallIpAddressConflict', {})
  return { ...rule, protocolNumber: number === ICMP && ipVersion === 6 ? ICMPV6 : number }
}
