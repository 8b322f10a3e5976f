// How security groups may be made, changed and removed; each project has a default one as soon as it needs it.
import { derivedId } from '../derived-id.ts'
import { ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import {
  type SecurityGroup,
  type SecurityGroupRule,
  securityGroupKeys,
  securityGroupRules,
  securityGroups,
} from '../security-group.ts'
import { add, change, drop } from '../standard.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { nameRemote } from './policy.ts'
import { deleteSecurityGroupRule } from './security-group-rule.ts'

/** A security group to be made; the id is the caller's. */
export interface SecurityGroupRequest extends Omit<SecurityGroup, 'key' | 'isDefault'> {
  readonly description: string
}

const DEFAULT = 'default'

/** Only the default group has its name. */
function requireOrdinaryName(name: string): void {
  if (name.toLowerCase() === DEFAULT) throw refuse('SecurityGroupDefaultAlreadyExists', {})
}

/** Makes a security group whose ports may send anything, and receive nothing. */
export function createSecurityGroup(tx: Transaction, request: SecurityGroupRequest): SecurityGroup {
  requireOrdinaryName(request.name)
  defaultSecurityGroup(tx, request.projectId, request.id)
  const group = insert(tx, { ...request, isDefault: false })
  allowSending(tx, group)
  return group
}

/**
 * The default security group of a project, made if there is none: its ports may send anything, and receive from one
 * another. `seed` is an id of the caller's, new or of what is being made, from which those of the group are derived.
 */
export function defaultSecurityGroup(tx: Transaction, projectId: string, seed: string): SecurityGroup {
  const found = tx.holder(securityGroups, `default ${projectId}`)
  if (found) return found
  const id = derivedId(seed, 'default security group')
  const description = 'Default security group'
  const group = insert(tx, { id, projectId, name: DEFAULT, description, stateful: true, isDefault: true })
  allowSending(tx, group)
  for (const ipVersion of [4, 6] as const) allow(tx, group, { direction: 'ingress', ipVersion, remoteGroupId: id })
  return group
}

/** Changes a security group. Whether it is stateful can change while no port bears it. */
export function updateSecurityGroup(
  tx: Transaction,
  group: SecurityGroup,
  { description, ...rest }: Changes<Pick<SecurityGroupRequest, 'name' | 'stateful' | 'description'>>,
): SecurityGroup {
  if (rest.name !== undefined) {
    requireOrdinaryName(rest.name)
    if (group.isDefault) throw refuse('SecurityGroupCannotUpdateDefault', {})
  }
  const after = changed(group, rest)
  if (after.stateful !== group.stateful) requireUnused(tx, group)
  return change(tx, securityGroups, after, description)
}

/** Removes a security group that no port bears, its rules, and those that name it as the other end. */
export function deleteSecurityGroup(tx: Transaction, group: SecurityGroup): void {
  requireUnused(tx, group)
  for (const rule of [...tx.by(securityGroupRules, 'group', group.id)]) deleteSecurityGroupRule(tx, rule)
  for (const rule of [...tx.by(securityGroupRules, 'remote', group.id)]) deleteSecurityGroupRule(tx, rule)
  tx.release(securityGroupKeys, group.key)
  drop(tx, securityGroups, group.id)
}

function requireUnused(tx: Transaction, group: SecurityGroup): void {
  if (tx.countBy(ports, 'securityGroup', group.id) > 0) throw refuse('SecurityGroupInUse', { id: group.id })
}

const insert = (
  tx: Transaction,
  { description, ...group }: SecurityGroupRequest & { readonly isDefault: boolean },
): SecurityGroup => add(tx, securityGroups, { ...group, key: tx.allocate(securityGroupKeys) }, description, 1)

const allowSending = (tx: Transaction, group: SecurityGroup) => {
  for (const ipVersion of [4, 6] as const) allow(tx, group, { direction: 'egress', ipVersion })
}

/** Adds one of the rules that a group comes with: every protocol. */
function allow(
  tx: Transaction,
  { id: groupId, projectId }: SecurityGroup,
  rule: Pick<SecurityGroupRule, 'direction' | 'ipVersion'> & { readonly remoteGroupId?: string },
): void {
  const whole: SecurityGroupRule = {
    id: derivedId(groupId, `${rule.direction} IPv${rule.ipVersion}`),
    projectId,
    groupId,
    protocol: '',
    protocolNumber: null,
    portRangeMin: null,
    portRangeMax: null,
    remoteIpPrefix: null,
    remoteIpPrefixAsked: '',
    remoteGroupId: null,
    remoteAddressGroupId: null,
    ...rule,
  }
  add(tx, securityGroupRules, whole, '')
  nameRemote(tx, whole)
}
