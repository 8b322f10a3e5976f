// Firewall policies (FWaaS v2), as Neutron shows them, and the verbs that order their rules.
import {
  createFirewallPolicy,
  deleteFirewallPolicy,
  type FirewallPolicy,
  type FirewallRule,
  firewallPolicies,
  insertRule,
  refuse,
  removeRule,
  type Transaction,
  updateFirewallPolicy,
} from '#model'
import { find, show } from '../engine/collection.ts'
import { describedIn, identified, owned } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { distinct, flag, text, uuid } from '../engine/value.ts'
import { firewallRuleResource } from './firewall-rule.ts'

const attributes = attributesOf<FirewallPolicy>()({
  ...identified,
  ...owned,
  name: { type: text(), post: { default: '' }, put: true, show: p => p.name },
  ...describedIn(1024),
  shared: { type: flag, post: { default: false }, put: true, admin: ['write'], show: p => p.shared },
  audited: { type: flag, post: { default: false }, put: true, show: p => p.audited },
  firewall_rules: {
    type: distinct(uuid),
    post: { default: [] },
    put: true,
    show: p => p.rules,
    filter: (p, values) => p.rules.some(id => values.includes(id)),
  },
})

const ruleOf = (tx: Transaction, id: string, context: Context) =>
  find(firewallRuleResource, id, { reader: tx, context }) as FirewallRule

/** The rule that a body of insert_rule or remove_rule names. */
function namedRule(tx: Transaction, body: unknown, context: Context): FirewallRule {
  const { firewall_rule_id: id } = (body ?? {}) as { firewall_rule_id?: unknown }
  if (id === undefined) throw refuse('FirewallRuleInfoMissing', {})
  return ruleOf(tx, String(id), context)
}

/** A rule's id, where one is named. */
const reference = (id: unknown): string | undefined =>
  id === undefined || id === null || id === '' ? undefined : String(id).slice(0, 100)

/** The resource `firewall_policy`. */
export const firewallPolicyResource: Resource = resource<FirewallPolicy, typeof attributes>({
  name: 'firewall_policy',
  plural: 'firewall_policies',
  path: 'fwaas/firewall_policies',
  attributes,
  source: recordsOf(firewallPolicies),
  absent: 'FirewallPolicyNotFound',
  isPublic: p => p.shared,
  quotas: ['firewall_policy'],
  standard: false,
  create(tx, body, id, context) {
    for (const rule of body.firewall_rules) ruleOf(tx, rule, context)
    return createFirewallPolicy(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      shared: body.shared,
      audited: body.audited,
      rules: body.firewall_rules,
    })
  },
  update(tx, policy, body, context) {
    for (const rule of body.firewall_rules ?? []) ruleOf(tx, rule, context)
    return updateFirewallPolicy(tx, policy, {
      name: body.name,
      description: body.description,
      shared: body.shared,
      audited: body.audited,
      rules: body.firewall_rules,
    })
  },
  remove: deleteFirewallPolicy,
  actions: {
    insert_rule(tx, policy, body, context) {
      const { insert_before, insert_after } = (body ?? {}) as { insert_before?: unknown; insert_after?: unknown }
      const place = { before: reference(insert_before), after: reference(insert_after) }
      const after = insertRule(tx, policy, namedRule(tx, body, context), place)
      return show(firewallPolicyResource, after, { reader: tx, context })
    },
    remove_rule(tx, policy, body, context) {
      const after = removeRule(tx, policy, namedRule(tx, body, context))
      return show(firewallPolicyResource, after, { reader: tx, context })
    },
  },
})
