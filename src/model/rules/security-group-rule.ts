// How rules of security groups may be made and removed; there is no changing one.
import { addressGroupOf } from '../address-group.ts'
import { formatIp, formatPrefix, type IpVersion, parseIp, prefixAt } from '../ip.ts'
import { ICMP, ICMPV6, ipProtocol, ipProtocols, ipv6Protocols, portProtocols } from '../ip-protocol.ts'
import { refuse } from '../refusal.ts'
import { meaningOf, type SecurityGroupRule, securityGroupOf, securityGroupRules } from '../security-group.ts'
import { add, drop, revise } from '../standard.ts'
import type { Transaction } from '../transaction.ts'
import { forgetRemote, nameRemote } from './policy.ts'

/** A rule to be made; the id is the caller's. */
export interface SecurityGroupRuleRequest
  extends Omit<SecurityGroupRule, 'protocolNumber' | 'remoteIpPrefix' | 'remoteIpPrefixAsked'> {
  readonly description: string
  /** An address, or an address and a length, of the other end; '' for any. */
  readonly remoteIpPrefix: string
}

/** Makes a rule. It counts as a change of its group. */
export function createSecurityGroupRule(tx: Transaction, request: SecurityGroupRuleRequest): SecurityGroupRule {
  const { description, ...rule } = canonical(request)
  securityGroupOf(tx, rule.groupId)
  if (rule.remoteGroupId !== null) securityGroupOf(tx, rule.remoteGroupId)
  if (rule.remoteAddressGroupId !== null) addressGroupOf(tx, rule.remoteAddressGroupId)
  for (const { id } of tx.by(securityGroupRules, 'meaning', meaningOf(rule)))
    throw refuse('SecurityGroupRuleExists', { id })
  add(tx, securityGroupRules, rule, description)
  nameRemote(tx, rule)
  revise(tx, rule.groupId)
  return rule
}

/** Removes a rule. */
export function deleteSecurityGroupRule(tx: Transaction, rule: SecurityGroupRule): void {
  const { projectId } = securityGroupOf(tx, rule.groupId)
  drop(tx, securityGroupRules, rule.id)
  forgetRemote(tx, projectId, rule)
  revise(tx, rule.groupId)
}

/** Refuses rules that cannot be made by one request: of several groups or projects, or twice the same. */
export function requireTogether(requests: readonly SecurityGroupRuleRequest[]): void {
  if (new Set(requests.map(r => r.groupId)).size > 1) throw refuse('SecurityGroupNotSingleGroupRules', {})
  if (new Set(requests.map(r => r.projectId)).size > 1) throw refuse('SecurityGroupRulesNotSingleProject', {})
  const distinct = new Set(requests.map(r => meaningOf(canonical(r))))
  if (distinct.size < requests.length) throw refuse('DuplicateSecurityGroupRuleInPost', {})
}

/** A rule as Neutron keeps it, once it is known to make sense. */
function canonical(request: SecurityGroupRuleRequest): SecurityGroupRule & { readonly description: string } {
  const protocol = protocolOf(request)
  const number = protocol === '' ? null : requireProtocol(protocol)
  const ports = portsOf(request, number)
  const prefix = prefixOf(request)
  if (request.ipVersion === 4 && number !== null && ipv6Protocols.has(number))
    throw refuse('SecurityGroupEthertypeConflictWithProtocol', { ethertype: 'IPv4', protocol })
  const remotes = [request.remoteIpPrefix !== '', request.remoteGroupId !== null, request.remoteAddressGroupId !== null]
  if (remotes.filter(isGiven => isGiven).length > 1) throw refuse('SecurityGroupMultipleRemoteEntites', {})
  return { ...request, ...ports, ...prefix, protocol, protocolNumber: number || null }
}

/** The protocol as it is kept: ICMP of IPv6 by its own name or number. */
function protocolOf({ protocol: asked, ipVersion }: SecurityGroupRuleRequest): string {
  const protocol = asked.toLowerCase()
  if (protocol === 'any') return ''
  if (ipVersion === 6 && (protocol === 'icmp' || protocol === 'icmpv6')) return 'ipv6-icmp'
  return ipVersion === 6 && protocol === String(ICMP) ? String(ICMPV6) : protocol
}

function requireProtocol(protocol: string): number {
  const number = ipProtocol(protocol)
  if (number !== undefined) return number
  const values = `any, ${Object.keys(ipProtocols).join(', ')}`
  throw refuse('SecurityGroupRuleInvalidProtocol', { protocol: protocol.slice(0, 100), values })
}

type Ports = Pick<SecurityGroupRule, 'portRangeMin' | 'portRangeMax'>

const anyPorts: Ports = { portRangeMin: null, portRangeMax: null }

/** Ports, or ICMP's type and code. */
function portsOf({ portRangeMin: min, portRangeMax: max }: Ports, protocol: number | null): Ports {
  if (min === null && max === null) return anyPorts
  const wrong = [min, max].find(value => value !== null && (value < 0 || value > 65535))
  if (typeof wrong === 'number') throw refuse('SecurityGroupInvalidPortValue', { port: wrong })
  if (min === 1 && max === 65535) return anyPorts
  if (protocol === null) throw refuse('SecurityGroupProtocolRequiredWithPorts', {})
  if (portProtocols.has(protocol)) {
    if (min === 0 || max === 0) throw refuse('SecurityGroupInvalidPortValue', { port: 0 })
    if (min === null || max === null || min > max) throw refuse('SecurityGroupInvalidPortRange', {})
  } else if (protocol === ICMP || protocol === ICMPV6) {
    requireIcmp('type', 'port_range_min', min)
    requireIcmp('code', 'port_range_max', max)
    if (min === null) throw refuse('SecurityGroupMissingIcmpType', { value: max! })
  } else {
    const protocols = 'DCCP, SCTP, TCP, UDP, UDPLITE'
    throw refuse('SecurityGroupInvalidProtocolForPort', { protocol, protocols })
  }
  return { portRangeMin: min, portRangeMax: max }
}

function requireIcmp(field: string, attribute: string, value: number | null): void {
  if (value !== null && value > 255) throw refuse('SecurityGroupInvalidIcmpValue', { field, attribute, value })
}

/** The prefix as asked for, and what it comes to: null for all addresses. */
function prefixOf({
  remoteIpPrefix: input,
  ipVersion,
}: {
  readonly remoteIpPrefix: string
  readonly ipVersion: IpVersion
}): Pick<SecurityGroupRule, 'remoteIpPrefix' | 'remoteIpPrefixAsked'> {
  if (input === '') return { remoteIpPrefix: null, remoteIpPrefixAsked: '' }
  const [address = '', digits = address.includes(':') ? '128' : '32', ...more] = input.split('/')
  const ip = parseIp(address)
  const prefix = ip && more.length === 0 && /^\d{1,3}$/.test(digits) ? prefixAt(ip, Number(digits)) : undefined
  if (!ip || !prefix) throw refuse('InvalidCIDR', { input: input.slice(0, 100) })
  if (prefix.version !== ipVersion)
    throw refuse('SecurityGroupRuleParameterConflict', { ethertype: `IPv${ipVersion}`, cidr: input })
  return {
    remoteIpPrefix: prefix.length === 0 ? null : formatPrefix(prefix),
    remoteIpPrefixAsked: `${formatIp(ip)}/${prefix.length}`,
  }
}
