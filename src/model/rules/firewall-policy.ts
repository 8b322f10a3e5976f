// How firewall policies may be made, changed and removed, and the order of their rules.
import {
  type FirewallPolicy,
  type FirewallRule,
  firewallGroups,
  firewallPolicies,
  firewallPolicyKeys,
  firewallRuleOf,
} from '../firewall.ts'
import { refuse } from '../refusal.ts'
import { placesFor } from '../rule-places.ts'
import { add, change, drop } from '../standard.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'

/** A firewall policy to be made; the id is the caller's. */
export interface FirewallPolicyRequest extends Omit<FirewallPolicy, 'key' | 'places'> {
  readonly description: string
}

/** The names of the policies of default groups. */
export const defaultPolicyNames = { ingress: 'default ingress', egress: 'default egress' } as const

/** Makes a firewall policy. */
export function createFirewallPolicy(tx: Transaction, request: FirewallPolicyRequest): FirewallPolicy {
  if (isReserved(request.name))
    throw refuse('FirewallDefaultParameterExists', { name: request.name, resource: 'Firewall Policy' })
  return insertFirewallPolicy(tx, request)
}

/** Makes a firewall policy of any name. */
export function insertFirewallPolicy(tx: Transaction, { description, ...rest }: FirewallPolicyRequest): FirewallPolicy {
  const policy = { ...rest, key: tx.allocate(firewallPolicyKeys), places: placesFor(rest.rules) }
  requireRules(tx, policy)
  return add(tx, firewallPolicies, policy, description)
}

/** Changes a firewall policy; it counts as audited only if the change says so. */
export function updateFirewallPolicy(
  tx: Transaction,
  policy: FirewallPolicy,
  { description, ...rest }: Changes<Omit<FirewallPolicyRequest, 'id' | 'projectId'>>,
): FirewallPolicy {
  if (isReserved(policy.name))
    throw refuse('FirewallDefaultObjectUpdateRestricted', { id: policy.id, resource: 'Firewall Policy' })
  if (rest.name !== undefined && isReserved(rest.name))
    throw refuse('FirewallDefaultParameterExists', { name: rest.name, resource: 'Firewall Policy' })
  const given = { ...changed(policy, rest), audited: rest.audited ?? false }
  const after = { ...given, places: placesFor(given.rules, policy) }
  if (!after.shared)
    for (const group of tx.by(firewallGroups, 'policy', policy.id))
      if (group.projectId !== policy.projectId) throw refuse('FirewallPolicyInUse', { id: policy.id })
  if (rest.rules !== undefined) requireRules(tx, after)
  else if (after.shared && !policy.shared)
    for (const rule of rulesOf(tx, policy))
      if (!rule.shared) throw refuse('FirewallPolicySharingConflict', { policy: policy.id, rule: rule.id })
  return change(tx, firewallPolicies, after, description)
}

/** Removes a firewall policy that no group has. */
export function deleteFirewallPolicy(tx: Transaction, policy: FirewallPolicy): void {
  if (tx.countBy(firewallGroups, 'policy', policy.id) > 0) throw refuse('FirewallPolicyInUse', { id: policy.id })
  drop(tx, firewallPolicies, policy.id)
  tx.release(firewallPolicyKeys, policy.key)
}

/** Where a rule is put: before or after another, else first. */
export interface RulePlace {
  readonly before?: string | undefined
  readonly after?: string | undefined
}

/** Puts a rule into a policy. */
export function insertRule(
  tx: Transaction,
  policy: FirewallPolicy,
  rule: FirewallRule,
  { before, after }: RulePlace,
): FirewallPolicy {
  if (policy.rules.includes(rule.id))
    throw refuse('FirewallRuleAlreadyAssociated', { rule: rule.id, policy: policy.id })
  const reference = before ?? after
  const at = reference === undefined ? 0 : placeOf(policy, reference) + (before === undefined ? 1 : 0)
  const changed = withRules(policy, policy.rules.toSpliced(at, 0, rule.id))
  requireRules(tx, changed)
  return change(tx, firewallPolicies, changed)
}

/** Takes a rule from a policy. */
export function removeRule(tx: Transaction, policy: FirewallPolicy, rule: FirewallRule): FirewallPolicy {
  return change(tx, firewallPolicies, withRules(policy, policy.rules.toSpliced(placeOf(policy, rule.id), 1)))
}

/** A policy was changed since it was audited. */
export const unaudited = (tx: Transaction, policy: FirewallPolicy): FirewallPolicy =>
  change(tx, firewallPolicies, { ...policy, audited: false })

/** The rules of a policy, in order. */
export const rulesOf = (reader: Reader, policy: FirewallPolicy): FirewallRule[] =>
  policy.rules.map(id => firewallRuleOf(reader, id))

const isReserved = (name: string) => Object.values(defaultPolicyNames).some(reserved => reserved === name)

const withRules = (policy: FirewallPolicy, rules: readonly string[]): FirewallPolicy => ({
  ...policy,
  audited: false,
  rules,
  places: placesFor(rules, policy),
})

function placeOf(policy: FirewallPolicy, rule: string): number {
  const at = policy.rules.indexOf(rule)
  if (at < 0) throw refuse('FirewallRuleNotAssociatedWithPolicy', { rule, policy: policy.id })
  return at
}

/** A shared policy has shared rules, another one those of its own project beside. */
function requireRules(reader: Reader, policy: FirewallPolicy): void {
  for (const { id: rule, shared, projectId: project } of rulesOf(reader, policy)) {
    if (shared) continue
    if (policy.shared) throw refuse('FirewallRuleSharingConflict', { policy: policy.id, rule })
    if (project !== policy.projectId) throw refuse('FirewallRuleConflict', { rule, project })
  }
}
