// FWaaS in words of one syllable: what the tables of firewalls must come to, written without them.
import { contains, type FirewallGroup, type FirewallPolicy, type FirewallRule, parseIp, parsePrefix } from '#model'

/** What there is to judge by. */
export interface Firewalls {
  readonly groups: readonly FirewallGroup[]
  readonly policies: readonly FirewallPolicy[]
  readonly rules: readonly FirewallRule[]
}

/** The first packet of a connection; without ports for what is neither TCP nor UDP. */
export interface Opening {
  readonly ipVersion: 4 | 6
  readonly from: string
  readonly to: string
  readonly protocol: number
  readonly source: number
  readonly destination: number
}

const isIn = (address: string, where: string | null) => {
  if (where === null || where === address) return true
  const [ip, prefix] = [parseIp(address), parsePrefix(where)]
  return ip !== undefined && prefix !== undefined && contains(prefix, ip)
}

const fits = (rule: FirewallRule, opening: Opening) =>
  rule.enabled &&
  rule.ipVersion === opening.ipVersion &&
  (rule.protocolNumber ?? opening.protocol) === opening.protocol &&
  isIn(opening.from, rule.sourceIp) &&
  isIn(opening.to, rule.destinationIp) &&
  [rule.sourcePorts, rule.destinationPorts].every((range, i) => {
    const port = i === 0 ? opening.source : opening.destination
    return range === null || (range.first <= port && port <= range.last)
  })

/** Whether the group of a port lets a connection be opened in a direction. */
export const lets = (
  { groups, policies, rules }: Firewalls,
  port: string,
  direction: 'ingress' | 'egress',
  opening: Opening,
): boolean => {
  const group = groups.find(one => one.ports.includes(port))
  if (group === undefined) return true
  const id = direction === 'ingress' ? group.ingressPolicyId : group.egressPolicyId
  const policy = policies.find(one => one.id === id)
  if (!group.adminStateUp || policy === undefined) return false
  const first = policy.rules
    .map(one => rules.find(rule => rule.id === one))
    .find(rule => rule !== undefined && fits(rule, opening))
  return first?.action === 'allow'
}
