// Firewall rules (FWaaS v2), as Neutron shows them.
import {
  createFirewallRule,
  deleteFirewallRule,
  type FirewallRule,
  firewallPolicies,
  firewallRules,
  ipProtocol,
  ipProtocols,
  type PortRange,
  type Reader,
  refuse,
  updateFirewallRule,
} from '#model'
import { describedIn, identified, owned } from '../engine/common.ts'
import { invalid, quote } from '../engine/read.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { anything, flag, ipOrCidr, ipVersion, list, nullable, oneOf, text, uuid } from '../engine/value.ts'
import { readRange, singlePort } from './port-range.ts'

const rangeText = (range: PortRange | null) => range && String(singlePort(range) ?? `${range.first}:${range.last}`)

const attributes = attributesOf<FirewallRule>()({
  ...identified,
  ...owned,
  name: { type: text(), post: { default: '' }, put: true, show: r => r.name },
  ...describedIn(1024),
  shared: { type: flag, post: { default: false }, put: true, admin: ['write'], show: r => r.shared },
  enabled: { type: flag, post: { default: true }, put: true, show: r => r.enabled },
  action: { type: oneOf(['allow', 'deny', 'reject']), post: { default: 'deny' }, put: true, show: r => r.action },
  ip_version: { type: ipVersion, post: { default: 4 }, put: true, show: r => r.ipVersion },
  protocol: { type: anything, post: { default: null }, put: true, show: r => r.protocol },
  source_ip_address: { type: nullable(ipOrCidr), post: { default: null }, put: true, show: r => r.sourceIp },
  destination_ip_address: { type: nullable(ipOrCidr), post: { default: null }, put: true, show: r => r.destinationIp },
  source_port: { type: anything, post: { default: null }, put: true, show: r => rangeText(r.sourcePorts) },
  destination_port: { type: anything, post: { default: null }, put: true, show: r => rangeText(r.destinationPorts) },
  // Rules that name groups of ports would match less than they say, in Neutron too; here they are refused.
  source_firewall_group_id: { type: nullable(uuid), post: { default: null }, put: true, show: () => null },
  destination_firewall_group_id: { type: nullable(uuid), post: { default: null }, put: true, show: () => null },
  firewall_policy_id: { type: nullable(list(uuid)), show: (r, { reader }) => policiesOf(r, reader) },
})

/** The policies that have a rule; null for none, as Neutron has it. */
function policiesOf(rule: FirewallRule, reader: Reader): readonly string[] | null {
  const ids = Array.from(reader.by(firewallPolicies, 'rule', rule.id), policy => policy.id)
  return ids.length === 0 ? null : ids
}

/** The name of a protocol, given by name or number; null for any. */
function readProtocol(value: unknown): string | null {
  if (value === null || value === '') return null
  const text = String(value).toLowerCase()
  const number = ipProtocol(text)
  const names = Object.entries(ipProtocols)
  if (number === undefined)
    throw invalid('protocol', `'${quote(value)}' is not in [${names.map(([name]) => name).join(', ')}]`)
  if (Object.hasOwn(ipProtocols, text)) return text
  return names.find(([, known]) => known === number)?.[0] ?? text
}

const readPorts = (value: unknown, attribute: string) => (value === null ? null : readRange(value, attribute))

/** `value` read, if it was given. */
const given = <T>(value: unknown, read: (value: unknown) => T): T | undefined =>
  value === undefined ? undefined : read(value)

function requireNoGroups(body: {
  readonly source_firewall_group_id?: string | null | undefined
  readonly destination_firewall_group_id?: string | null | undefined
}): void {
  if (body.source_firewall_group_id || body.destination_firewall_group_id)
    throw refuse('InvalidInput', {
      message: 'source_firewall_group_id and destination_firewall_group_id are not supported: name addresses instead',
    })
}

/** The resource `firewall_rule`. */
export const firewallRuleResource: Resource = resource<FirewallRule, typeof attributes>({
  name: 'firewall_rule',
  plural: 'firewall_rules',
  path: 'fwaas/firewall_rules',
  attributes,
  source: recordsOf(firewallRules),
  absent: 'FirewallRuleNotFound',
  isPublic: r => r.shared,
  quotas: ['firewall_rule'],
  standard: false,
  create(tx, body, id) {
    requireNoGroups(body)
    return createFirewallRule(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      shared: body.shared,
      enabled: body.enabled,
      action: body.action,
      ipVersion: body.ip_version,
      protocol: readProtocol(body.protocol),
      sourceIp: body.source_ip_address,
      destinationIp: body.destination_ip_address,
      sourcePorts: readPorts(body.source_port, 'source_port'),
      destinationPorts: readPorts(body.destination_port, 'destination_port'),
    })
  },
  update(tx, rule, body) {
    requireNoGroups(body)
    return updateFirewallRule(tx, rule, {
      name: body.name,
      description: body.description,
      shared: body.shared,
      enabled: body.enabled,
      action: body.action,
      ipVersion: body.ip_version,
      protocol: given(body.protocol, readProtocol),
      sourceIp: body.source_ip_address,
      destinationIp: body.destination_ip_address,
      sourcePorts: given(body.source_port, ports => readPorts(ports, 'source_port')),
      destinationPorts: given(body.destination_port, ports => readPorts(ports, 'destination_port')),
    })
  },
  remove: deleteFirewallRule,
})
