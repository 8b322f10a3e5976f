// Rules of security groups, as Neutron shows them.
import {
  createSecurityGroupRule,
  deleteSecurityGroupRule,
  isGranted,
  type Reader,
  refuse,
  requireTogether,
  type SecurityGroup,
  type SecurityGroupRule,
  type SecurityGroupRuleRequest,
  securityGroupOf,
  securityGroupRules,
  securityGroups,
} from '#model'
import { find } from '../engine/collection.ts'
import { identified, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { quote } from '../engine/read.ts'
import { attributesOf, type PostBody, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { anyInteger, anything, flag, nullable, oneOf, text } from '../engine/value.ts'
import { addressGroupResource } from './address-group.ts'

const id = text(36)
const port = nullable(anyInteger)

const attributes = attributesOf<SecurityGroupRule>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  security_group_id: { type: id, post: 'required', show: r => r.groupId, index: 'group' },
  direction: { type: oneOf(['ingress', 'egress']), post: 'required', show: r => r.direction },
  ethertype: { type: text(), post: { default: 'IPv4' }, show: r => `IPv${r.ipVersion}` },
  // a name, or a number, which may come as one
  protocol: { type: anything, post: { default: null }, show: r => r.protocol || null },
  port_range_min: { type: port, post: { default: null }, show: r => r.portRangeMin },
  port_range_max: { type: port, post: { default: null }, show: r => r.portRangeMax },
  remote_ip_prefix: { type: nullable(text()), post: { default: null }, show: r => r.remoteIpPrefixAsked || null },
  remote_group_id: { type: nullable(id), post: { default: null }, show: r => r.remoteGroupId, index: 'remote' },
  remote_address_group_id: {
    type: nullable(id),
    post: { default: null },
    show: r => r.remoteAddressGroupId,
    index: 'remote',
  },
  normalized_cidr: { type: nullable(text()), show: normalizedCidr },
  belongs_to_default_sg: {
    type: flag,
    sort: false,
    show: (r, { reader }) => securityGroupOf(reader, r.groupId).isDefault,
  },
})

/** The prefix without host bits. */
function normalizedCidr({ remoteIpPrefix, remoteIpPrefixAsked, ipVersion }: SecurityGroupRule): string | null {
  if (remoteIpPrefixAsked === '') return null
  return remoteIpPrefix ?? (ipVersion === 4 ? '0.0.0.0/0' : '::/0')
}

function ipVersionOf(ethertype: string): 4 | 6 {
  const found = ([4, 6] as const).find(version => `ipv${version}` === ethertype.toLowerCase())
  if (found) return found
  throw refuse('SecurityGroupRuleInvalidEtherType', { ethertype: quote(ethertype) })
}

/** The name or the number as text; '' for any. What is neither is refused like a name that is not known. */
function protocolOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value || "''" : quote(value)
}

const requestOf = (
  body: PostBody<typeof attributes>,
  { id, projectId }: { readonly id: string; readonly projectId: string },
): SecurityGroupRuleRequest => ({
  id,
  projectId,
  groupId: body.security_group_id,
  description: body.description,
  direction: body.direction,
  ipVersion: ipVersionOf(body.ethertype),
  protocol: protocolOf(body.protocol),
  portRangeMin: body.port_range_min,
  portRangeMax: body.port_range_max,
  remoteIpPrefix: body.remote_ip_prefix ?? '',
  remoteGroupId: body.remote_group_id || null,
  remoteAddressGroupId: body.remote_address_group_id || null,
})

/** The security group of an id, for one who may use it. Throws SecurityGroupNotFound. */
export function usableSecurityGroup(reader: Reader, id: string, context: Context): SecurityGroup {
  const group = securityGroupOf(reader, id)
  if (isOwnGroup(group, context) || isGranted(reader, 'access_as_shared', id, context.projectId)) return group
  throw refuse('SecurityGroupNotFound', { id })
}

const isOwnGroup = (group: SecurityGroup, context: Context): boolean =>
  context.isAdmin || group.projectId === context.projectId

/** The resource `security_group_rule`. */
export const securityGroupRuleResource: Resource = resource<SecurityGroupRule, typeof attributes>({
  name: 'security_group_rule',
  plural: 'security_group_rules',
  path: 'security-group-rules',
  attributes,
  source: recordsOf(securityGroupRules),
  absent: 'SecurityGroupRuleNotFound',
  isPublic: (r, { reader, context }) => isOwnGroup(securityGroupOf(reader, r.groupId), context),
  isRemovable: (r, { reader, context }) => isOwnGroup(securityGroupOf(reader, r.groupId), context),
  quotas: ['security_group_rule'],
  standard: true,
  requireTogether: bodies =>
    requireTogether(bodies.map((body, i) => requestOf(body, { id: String(i), projectId: body.project_id }))),
  create(tx, body, id, context) {
    // without authentication a rule belongs to whom its group does
    const projectId = body.project_id || (tx.get(securityGroups, body.security_group_id)?.projectId ?? '')
    const request = requestOf(body, { id, projectId })
    const { remoteGroupId, remoteAddressGroupId } = request
    if (remoteGroupId) usableSecurityGroup(tx, remoteGroupId, context)
    if (remoteAddressGroupId) find(addressGroupResource, remoteAddressGroupId, { reader: tx, context })
    if (!isOwnGroup(usableSecurityGroup(tx, request.groupId, context), context))
      throw refuse('PolicyNotAuthorized', { action: 'rule:create_security_group_rule' })
    return createSecurityGroupRule(tx, request)
  },
  remove: deleteSecurityGroupRule,
})
