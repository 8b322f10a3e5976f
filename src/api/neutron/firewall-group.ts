// Firewall groups (FWaaS v2), as Neutron shows them. A project that asks for its firewalls has a default group.
import type { FastifyInstance } from 'fastify'
import {
  createFirewallGroup,
  defaultFirewallGroup,
  deleteFirewallGroup,
  type FirewallGroup,
  firewallGroups,
  type Reader,
  updateFirewallGroup,
} from '#model'
import { find } from '../engine/collection.ts'
import { describedIn, identified, owned } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { serveWithDefault } from '../engine/project-default.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import type { Serve } from '../engine/serve.ts'
import { distinct, flag, nullable, text, uuid } from '../engine/value.ts'
import { firewallPolicyResource } from './firewall-policy.ts'
import { firewallRuleResource } from './firewall-rule.ts'
import { portResource } from './port.ts'

/** A group without ports or policies has nothing to do. */
function statusOf(group: FirewallGroup): string {
  if (!group.adminStateUp) return 'DOWN'
  const isIdle = group.ports.length === 0 || (group.ingressPolicyId === null && group.egressPolicyId === null)
  return isIdle ? 'INACTIVE' : 'ACTIVE'
}

const attributes = attributesOf<FirewallGroup>()({
  ...identified,
  ...owned,
  name: { type: text(), post: { default: '' }, put: true, show: g => g.name },
  ...describedIn(1024),
  status: { type: text(), show: statusOf },
  admin_state_up: { type: flag, post: { default: true }, put: true, show: g => g.adminStateUp },
  shared: { type: flag, post: { default: false }, put: true, admin: ['write'], show: g => g.shared },
  ports: {
    type: distinct(uuid),
    post: { default: [] },
    put: true,
    show: g => g.ports,
    filter: (g, values) => g.ports.some(id => values.includes(id)),
  },
  ingress_firewall_policy_id: {
    type: nullable(uuid),
    post: { default: null },
    put: true,
    show: g => g.ingressPolicyId,
  },
  egress_firewall_policy_id: {
    type: nullable(uuid),
    post: { default: null },
    put: true,
    show: g => g.egressPolicyId,
  },
})

/** What a body names must be there for the one who asks. */
function requireVisible(
  reader: Reader,
  body: {
    readonly ports?: readonly string[]
    readonly ingress_firewall_policy_id?: string | null | undefined
    readonly egress_firewall_policy_id?: string | null | undefined
  },
  context: Context,
): void {
  for (const id of [body.ingress_firewall_policy_id, body.egress_firewall_policy_id])
    if (id) find(firewallPolicyResource, id, { reader, context })
  for (const id of body.ports ?? []) find(portResource, id, { reader, context })
}

/** The resource `firewall_group`. */
export const firewallGroupResource: Resource = resource<FirewallGroup, typeof attributes>({
  name: 'firewall_group',
  plural: 'firewall_groups',
  path: 'fwaas/firewall_groups',
  attributes,
  source: recordsOf(firewallGroups),
  absent: 'FirewallGroupNotFound',
  isPublic: g => g.shared,
  quotas: ['firewall_group'],
  standard: false,
  create(tx, body, id, context) {
    requireVisible(tx, body, context)
    return createFirewallGroup(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      adminStateUp: body.admin_state_up,
      shared: body.shared,
      ports: body.ports,
      ingressPolicyId: body.ingress_firewall_policy_id,
      egressPolicyId: body.egress_firewall_policy_id,
    })
  },
  update(tx, group, body, context) {
    requireVisible(tx, body, context)
    const change = {
      name: body.name,
      description: body.description,
      adminStateUp: body.admin_state_up,
      shared: body.shared,
      ports: body.ports,
      ingressPolicyId: body.ingress_firewall_policy_id,
      egressPolicyId: body.egress_firewall_policy_id,
    }
    return updateFirewallGroup(tx, group, change, context)
  },
  remove: deleteFirewallGroup,
})

/** The resources served below. */
export const firewallResources: readonly Resource[] = [
  firewallGroupResource,
  firewallPolicyResource,
  firewallRuleResource,
]

/** Serves firewall groups, policies and rules. */
export const serveFirewalls = (app: FastifyInstance, serve: Serve): void =>
  serveWithDefault(app, firewallResources, serve, {
    isThere: (reader, projectId) => reader.holder(firewallGroups, `default ${projectId}`) !== undefined,
    make: defaultFirewallGroup,
  })
