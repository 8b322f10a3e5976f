// Keeps what the data plane knows security groups by (policy.ts) true to ports and rules: to be called in every
// transaction that changes which groups a port bears, or which groups rules name.
import {
  PAGE_BITS,
  policies,
  policyKeys,
  type RemoteGroupBit,
  remoteGroupBits,
  remoteGroupPageBits,
  remoteGroupPages,
} from '../policy.ts'
import { type Port, ports } from '../port.ts'
import { remoteOf, type SecurityGroupRule, securityGroupOf, securityGroupRules } from '../security-group.ts'
import type { Transaction } from '../transaction.ts'

/**
 * The key of the policy that groups make, a new one if no port bears just these; 0 without port security. The groups
 * are all stateful or all stateless.
 */
export function policyOf(tx: Transaction, port: Pick<Port, 'portSecurityEnabled' | 'securityGroups'>): number {
  if (!port.portSecurityEnabled) return 0
  const groups = [...port.securityGroups].sort()
  const found = tx.holder(policies, `groups ${groups.join(' ')}`)
  if (found) return found.key
  const key = tx.allocate(policyKeys)
  tx.insert(policies, {
    id: String(key),
    key,
    groups,
    stateful: groups.every(id => securityGroupOf(tx, id).stateful),
  })
  return key
}

/** Gives a policy up if no port bears it any more: its last port has been changed or removed. */
export function forgetUnusedPolicy(tx: Transaction, key: number): void {
  if (key === 0 || tx.countBy(ports, 'policy', String(key)) > 0) return
  tx.remove(policies, String(key))
  tx.release(policyKeys, key)
}

const bitId = (projectId: string, remote: string) => `${projectId}/${remote}`

/** Gives the group that a rule names as the other end its bit, unless another rule of the project has done so. */
export function nameRemote(tx: Transaction, rule: SecurityGroupRule): void {
  const remote = remoteOf(rule)
  if (remote === null) return
  const { projectId } = securityGroupOf(tx, rule.groupId)
  const id = bitId(projectId, remote)
  if (tx.get(remoteGroupBits, id)) return
  const page = pageWithRoom(tx, projectId)
  const bit = tx.allocate(remoteGroupPageBits, String(page))
  tx.insert(remoteGroupBits, { id, projectId, remote, page, bit })
}

/** A rule of a project's group has been removed: its remote group's bit goes with the last that named it. */
export function forgetRemote(tx: Transaction, projectId: string, rule: SecurityGroupRule): void {
  const remote = remoteOf(rule)
  const held = remote === null ? undefined : tx.get(remoteGroupBits, bitId(projectId, remote))
  if (!held || isNamed(tx, held)) return
  tx.remove(remoteGroupBits, held.id)
  const page = String(held.page)
  if (tx.countBy(remoteGroupBits, 'page', page) > 0) tx.release(remoteGroupPageBits, held.bit, page)
  else {
    tx.forget(remoteGroupPageBits, page)
    tx.release(remoteGroupPages, held.page)
  }
}

function isNamed(tx: Transaction, { projectId, remote }: RemoteGroupBit): boolean {
  for (const rule of tx.by(securityGroupRules, 'remote', remote))
    if (securityGroupOf(tx, rule.groupId).projectId === projectId) return true
  return false
}

/** The first page of a project with a free bit, or a new one. */
function pageWithRoom(tx: Transaction, projectId: string): number {
  const pages = new Set<number>()
  for (const { page } of tx.by(remoteGroupBits, 'project', projectId)) pages.add(page)
  for (const page of pages) if (tx.countBy(remoteGroupBits, 'page', String(page)) < PAGE_BITS) return page
  return tx.allocate(remoteGroupPages)
}
