// How firewall groups may be made, changed and removed; each project has a default one as soon as it asks for any.
import { derivedId } from '../derived-id.ts'
import {
  type FirewallGroup,
  type FirewallPolicy,
  firewallGroupKeys,
  firewallGroupOfPort,
  firewallGroups,
  firewallPolicies,
  firewallPolicyOf,
  firewallRules,
} from '../firewall.ts'
import { type Port, portOf } from '../port.ts'
import { refuse } from '../refusal.ts'
import { routerPorts } from '../router.ts'
import { add, change, drop } from '../standard.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { defaultPolicyNames, deleteFirewallPolicy, insertFirewallPolicy } from './firewall-policy.ts'
import { createFirewallRule, deleteFirewallRule } from './firewall-rule.ts'

/** A firewall group to be made; the id is the caller's. */
export interface FirewallGroupRequest extends Omit<FirewallGroup, 'key' | 'isDefault'> {
  readonly description: string
}

/** What may change of a firewall group. */
export type FirewallGroupChange = Changes<Omit<FirewallGroupRequest, 'id' | 'projectId'>>

const DEFAULT = 'default'

/** Makes a firewall group. */
export function createFirewallGroup(tx: Transaction, request: FirewallGroupRequest): FirewallGroup {
  requireOrdinaryName(request.name)
  defaultFirewallGroup(tx, request.projectId, request.id)
  return insert(tx, { ...request, isDefault: false })
}

/** Changes a firewall group. Of a default one projects change the ports, and administrators all but the name. */
export function updateFirewallGroup(
  tx: Transaction,
  group: FirewallGroup,
  request: FirewallGroupChange,
  { isAdmin }: { readonly isAdmin: boolean },
): FirewallGroup {
  const { description, ...rest } = request
  if (rest.name !== undefined) requireOrdinaryName(rest.name)
  const fixed: (keyof FirewallGroupChange)[] = isAdmin
    ? ['name']
    : ['name', 'description', 'adminStateUp', 'ingressPolicyId', 'egressPolicyId']
  if (group.isDefault && fixed.some(name => request[name] !== undefined))
    throw refuse('FirewallDefaultObjectUpdateRestricted', { id: group.id, resource: 'Firewall Group' })
  const after = changed(group, rest)
  requirePolicies(tx, after)
  if (rest.ports !== undefined) requirePorts(tx, after)
  return change(tx, firewallGroups, after, description)
}

/** Removes a firewall group without ports; with the default one go its policies and their rules. */
export function deleteFirewallGroup(
  tx: Transaction,
  group: FirewallGroup,
  { isAdmin }: { readonly isAdmin: boolean },
): void {
  if (group.ports.length > 0) throw refuse('FirewallGroupInUse', { id: group.id })
  if (group.isDefault && !isAdmin) throw refuse('FirewallGroupCannotRemoveDefault', {})
  drop(tx, firewallGroups, group.id)
  tx.release(firewallGroupKeys, group.key)
  if (!group.isDefault) return
  for (const id of new Set([group.ingressPolicyId, group.egressPolicyId])) {
    const policy = id === null ? undefined : tx.get(firewallPolicies, id)
    if (policy && tx.countBy(firewallGroups, 'policy', policy.id) === 0) deleteWithRules(tx, policy)
  }
}

/** A port is removed: its group goes on without it. */
export function leaveFirewallGroup(tx: Transaction, portId: string): void {
  const group = firewallGroupOfPort(tx, portId)
  if (group) change(tx, firewallGroups, { ...group, ports: group.ports.filter(id => id !== portId) })
}

/**
 * The default firewall group of a project, made if there is none: what its ports send passes, what they receive does
 * not. It has no ports until it is given some. `seed` is an id of the caller's from which those of the group, its policies
 * and their rules are derived.
 */
export function defaultFirewallGroup(tx: Transaction, projectId: string, seed: string): FirewallGroup {
  const found = tx.holder(firewallGroups, `default ${projectId}`)
  if (found) return found
  const shared = false
  const policyFor = (direction: 'ingress' | 'egress'): string => {
    const rules = ([4, 6] as const).map(
      ipVersion =>
        createFirewallRule(tx, {
          id: derivedId(seed, `${direction} firewall rule IPv${ipVersion}`),
          projectId,
          shared,
          ipVersion,
          name: `default ${direction} ipv${ipVersion}`,
          description: `default ${direction} rule for IPv${ipVersion}`,
          enabled: true,
          action: direction === 'ingress' ? 'deny' : 'allow',
          protocol: null,
          sourceIp: null,
          destinationIp: null,
          sourcePorts: null,
          destinationPorts: null,
        }).id,
    )
    const id = derivedId(seed, `${direction} firewall policy`)
    const description = `${direction === 'ingress' ? 'Ingress' : 'Egress'} firewall policy`
    const name = defaultPolicyNames[direction]
    return insertFirewallPolicy(tx, { id, projectId, name, description, shared, audited: false, rules }).id
  }
  return insert(tx, {
    id: derivedId(seed, 'default firewall group'),
    projectId,
    name: DEFAULT,
    description: 'Default firewall group',
    adminStateUp: true,
    shared,
    isDefault: true,
    ingressPolicyId: policyFor('ingress'),
    egressPolicyId: policyFor('egress'),
    ports: [],
  })
}

function insert(
  tx: Transaction,
  { description, ...rest }: FirewallGroupRequest & { readonly isDefault: boolean },
): FirewallGroup {
  const group = { ...rest, key: tx.allocate(firewallGroupKeys) }
  requirePolicies(tx, group)
  requirePorts(tx, group)
  return add(tx, firewallGroups, group, description)
}

function requireOrdinaryName(name: string): void {
  if (name === DEFAULT) throw refuse('FirewallDefaultParameterExists', { name, resource: 'Firewall Group' })
}

/** The policies of a group are its project's, or shared. */
function requirePolicies(reader: Reader, group: FirewallGroup): void {
  for (const id of [group.ingressPolicyId, group.egressPolicyId]) {
    if (id === null) continue
    const policy = firewallPolicyOf(reader, id)
    if (policy.projectId !== group.projectId && !policy.shared) throw refuse('FirewallPolicyConflict', { id })
  }
}

/** The ports of a group are interfaces of routers or VMs', and in no other group. */
function requirePorts(reader: Reader, group: FirewallGroup): void {
  const others: string[] = []
  for (const id of group.ports) {
    if (!isFirewalled(reader, portOf(reader, id))) throw refuse('FirewallGroupPortInvalid', { port: id })
    const holder = firewallGroupOfPort(reader, id)
    if (holder && holder.id !== group.id) others.push(id)
  }
  if (others.length > 0) throw refuse('FirewallGroupPortInUse', { ports: others.join(', ') })
}

const isFirewalled = (reader: Reader, port: Port) =>
  port.deviceOwner.startsWith('compute:') || reader.get(routerPorts, port.id)?.role === 'interface'

function deleteWithRules(tx: Transaction, policy: FirewallPolicy): void {
  deleteFirewallPolicy(tx, policy)
  for (const id of policy.rules) {
    const rule = tx.get(firewallRules, id)
    if (rule && tx.countBy(firewallPolicies, 'rule', id) === 0) deleteFirewallRule(tx, rule)
  }
}
