// Security groups and firewalls for people: a rule in words, and which ports of a chassis bear a group.
import {
  addressGroups,
  bindings,
  type FirewallRule,
  ICMP,
  ICMPV6,
  type Port,
  type PortRange,
  ports,
  type Reader,
  type SecurityGroupRule,
  securityGroups,
} from '#model'

/** How many ports, or groups, are named at most. */
const NAMED = 10

/** A record by its name, or by its id where it has none or is gone. */
export const nameOf = (doc: { readonly name?: string } | undefined, id: string): string => doc?.name || id

/** A security group by its name. */
export const groupName = (reader: Reader, id: string): string => nameOf(reader.get(securityGroups, id), id)

/** What a rule allows: `ingress tcp 443 IPv4 from members of group web`. */
export function ruleInWords(rule: SecurityGroupRule, reader: Reader): string {
  const preposition = rule.direction === 'ingress' ? 'from' : 'to'
  return [rule.direction, trafficOf(rule), `IPv${rule.ipVersion}`, preposition, remoteInWords(rule, reader)].join(' ')
}

/** What a rule of a firewall does: `reject tcp 443 IPv4 from 10.0.0.0/24 to anywhere`. */
export function firewallRuleInWords(rule: FirewallRule): string {
  const { action, protocol, ipVersion, sourceIp, destinationIp, sourcePorts, destinationPorts } = rule
  const portsOf = ({ first, last }: PortRange) => (first === last ? String(first) : `${first}-${last}`)
  const name = protocol !== null && /^\d/.test(protocol) ? `protocol ${protocol}` : (protocol ?? 'any protocol')
  return [
    ...[action, name, ...(destinationPorts ? [portsOf(destinationPorts)] : []), `IPv${ipVersion}`],
    `from ${sourceIp ?? 'anywhere'}${sourcePorts ? ` port ${portsOf(sourcePorts)}` : ''}`,
    `to ${destinationIp ?? 'anywhere'}`,
  ].join(' ')
}

function trafficOf({ protocol, protocolNumber, portRangeMin: min, portRangeMax: max }: SecurityGroupRule): string {
  if (protocolNumber === null) return 'any protocol'
  const name = /^\d/.test(protocol) ? `protocol ${protocolNumber}` : protocol
  if (min === null) return name
  if (protocolNumber === ICMP || protocolNumber === ICMPV6)
    return `${name} type ${min}${max === null ? '' : ` code ${max}`}`
  return `${name} ${min === max ? min : `${min}-${max}`}`
}

function remoteInWords(rule: SecurityGroupRule, reader: Reader): string {
  const { remoteGroupId, remoteAddressGroupId, remoteIpPrefix } = rule
  if (remoteGroupId !== null) return `members of group ${groupName(reader, remoteGroupId)}`
  if (remoteAddressGroupId !== null)
    return `address group ${nameOf(reader.get(addressGroups, remoteAddressGroupId), remoteAddressGroupId)}`
  return remoteIpPrefix ?? 'anywhere'
}

/** The ports that are bound at a chassis. */
export const portsAt = (chassis: string, reader: Reader): readonly Port[] =>
  [...reader.by(bindings, 'chassis', chassis)]
    .map(binding => reader.get(ports, binding.port))
    .filter(port => port !== undefined)

/** Names with commas between them: the first ten, and how many more there are. */
export const named = (names: readonly string[]): string =>
  names.length <= NAMED ? names.join(', ') : `${names.slice(0, NAMED).join(', ')} and ${names.length - NAMED} more`

/** `1 port`, `2 ports`. */
export const count = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? '' : 's'}`

/** `3 ports (a, b, c)`. */
export const portsInWords = (found: readonly Port[]): string =>
  found.length === 0 ? 'no port' : `${count(found.length, 'port')} (${named(found.map(p => nameOf(p, p.id)))})`
