// How RBAC policies may be made, changed and removed: nobody loses what he uses.
import { addressGroups } from '../address-group.ts'
import { addressScopes } from '../address-scope.ts'
import { derivedId } from '../derived-id.ts'
import { networkOf, networks } from '../network.ts'
import { FLOATING_IP_OWNER, GATEWAY_OWNER, ports } from '../port.ts'
import {
  EVERY_PROJECT,
  isGranted,
  type RbacAction,
  type RbacObjectType,
  type RbacPolicy,
  rbacKey,
  rbacPolicies,
} from '../rbac.ts'
import { refuse } from '../refusal.ts'
import { type Router, routerOf, routerPorts } from '../router.ts'
import { securityGroupRules, securityGroups } from '../security-group.ts'
import { change, revise } from '../standard.ts'
import { subnets } from '../subnet.ts'
import { subnetPools } from '../subnet-pool.ts'
import type { Reader, Transaction } from '../transaction.ts'

type Owned = { readonly id: string; readonly projectId: string }

/** What relies on an action being allowed, by its project; '' is the controller itself. */
type Users = (reader: Reader, objectId: string) => Iterable<{ readonly projectId: string }>

interface Shareable {
  readonly get: (reader: Reader, id: string) => Owned | undefined
  readonly actions: Readonly<Partial<Record<RbacAction, Users>>>
}

/** Every type of object that policies may be about. */
const shareables: Readonly<Record<RbacObjectType, Shareable>> = {
  network: {
    get: (reader, id) => reader.get(networks, id),
    actions: {
      access_as_shared: (reader, id) => reader.by(ports, 'network', id),
      access_as_external: gatewaysOn,
    },
  },
  subnetpool: {
    get: (reader, id) => reader.get(subnetPools, id),
    actions: { access_as_shared: (reader, id) => reader.by(subnets, 'pool', id) },
  },
  address_scope: {
    get: (reader, id) => reader.get(addressScopes, id),
    actions: { access_as_shared: (reader, id) => reader.by(subnetPools, 'scope', id) },
  },
  security_group: {
    get: (reader, id) => reader.get(securityGroups, id),
    actions: { access_as_shared: (reader, id) => reader.by(ports, 'securityGroup', id) },
  },
  address_group: {
    get: (reader, id) => reader.get(addressGroups, id),
    actions: { access_as_shared: (reader, id) => reader.by(securityGroupRules, 'remote', id) },
  },
}

/** Whether a text names a type of object that policies may be about. */
export const isRbacObjectType = (text: string): text is RbacObjectType => Object.hasOwn(shareables, text)

/** A policy to be made; its action is not checked yet. */
export type RbacPolicyRequest = Omit<RbacPolicy, 'action'> & { readonly action: string }

/** The object of a policy to be. Throws InvalidInput, as Neutron does. */
export function rbacObject(
  reader: Reader,
  { objectType, objectId }: Pick<RbacPolicy, 'objectType' | 'objectId'>,
): Owned {
  const object = shareables[objectType].get(reader, objectId)
  if (!object) throw refuse('InvalidInput', { message: `${objectType} ${objectId} could not be found` })
  return object
}

/** Makes a policy. */
export function createRbacPolicy(tx: Transaction, request: RbacPolicyRequest): RbacPolicy {
  const { objectType } = request
  const action = actionOf(objectType, request.action)
  const policy: RbacPolicy = { ...request, action }
  const object = rbacObject(tx, policy)
  if (objectType === 'subnetpool') requireScopeShared(tx, policy)
  requireUnlike(tx, policy)
  tx.insert(rbacPolicies, policy)
  if (objectType === 'network') {
    if (action === 'access_as_external') setExternal(tx, object.id, true)
    revise(tx, object.id)
  }
  return policy
}

/** Changes whom a policy is for. */
export function updateRbacPolicy(tx: Transaction, policy: RbacPolicy, targetProject: string): RbacPolicy {
  const after: RbacPolicy = { ...policy, targetProject }
  if (targetProject === policy.targetProject) return policy
  requireUnlike(tx, after)
  requireNoLoser(tx, policy, after)
  tx.replace(rbacPolicies, after)
  if (policy.objectType === 'network') revise(tx, policy.objectId)
  return after
}

/** Removes a policy that nobody relies on. A network without any policy for access_as_external leads nowhere. */
export function deleteRbacPolicy(tx: Transaction, policy: RbacPolicy): void {
  requireNoLoser(tx, policy, undefined)
  tx.remove(rbacPolicies, policy.id)
  if (policy.objectType !== 'network') return
  if (policy.action === 'access_as_external' && policiesOf(tx, policy).length === 0) {
    if (hasGatewayPorts(tx, policy.objectId)) throw inUse(policy, 'There are routers or floating IPs on this network.')
    setExternal(tx, policy.objectId, false)
  }
  revise(tx, policy.objectId)
}

/** Makes the policy that allows an action on an object to every project, if there is none. */
export function grantToAll(tx: Transaction, objectType: RbacObjectType, object: Owned, action: RbacAction): void {
  if (tx.holder(rbacPolicies, rbacKey(action, object.id, EVERY_PROJECT))) return
  // the policy that was made so before may be for one project by now
  let n = 0
  while (tx.get(rbacPolicies, idOf(action, object, n))) n++
  tx.insert(rbacPolicies, {
    id: idOf(action, object, n),
    projectId: object.projectId,
    objectType,
    objectId: object.id,
    action,
    targetProject: EVERY_PROJECT,
  })
}

const idOf = (action: RbacAction, object: Owned, n: number) => derivedId('rbac_policy', action, object.id, String(n))

/** Removes the policy that shares an object with every project, if nobody relies on it; whether it is gone. */
export function withdrawFromAll(tx: Transaction, objectId: string): boolean {
  const policy = tx.holder(rbacPolicies, rbacKey('access_as_shared', objectId, EVERY_PROJECT))
  if (policy && loser(tx, policy, undefined) !== undefined) return false
  if (policy) tx.remove(rbacPolicies, policy.id)
  return true
}

/** Removes all policies that make a network external. */
export function withdrawExternal(tx: Transaction, networkId: string): void {
  for (const policy of policiesOf(tx, { objectId: networkId, action: 'access_as_external' }))
    tx.remove(rbacPolicies, policy.id)
}

/** The routers whose gateway is on a network. */
function* gatewaysOn(reader: Reader, networkId: string): Iterable<Router> {
  for (const { role, routerId } of reader.by(routerPorts, 'network', networkId))
    if (role === 'gateway') yield routerOf(reader, routerId)
}

/** Whether routers or floating IPs have addresses of a network. */
export function hasGatewayPorts(reader: Reader, networkId: string): boolean {
  for (const port of reader.by(ports, 'network', networkId))
    if (port.deviceOwner === GATEWAY_OWNER || port.deviceOwner === FLOATING_IP_OWNER) return true
  return false
}

const policiesOf = (reader: Reader, { objectId, action }: Pick<RbacPolicy, 'objectId' | 'action'>): RbacPolicy[] =>
  [...reader.by(rbacPolicies, 'object', objectId)].filter(p => p.action === action)

function actionOf(objectType: RbacObjectType, action: string): RbacAction {
  const valid = Object.keys(shareables[objectType].actions) as RbacAction[]
  const found = valid.find(name => name === action)
  if (found) return found
  throw refuse('InvalidActionForType', { action: action.slice(0, 100), objectType, valid: valid.join(', ') })
}

/** Whoever shall use a pool must have the pool's address scope too. */
function requireScopeShared(tx: Reader, policy: RbacPolicy): void {
  const scope = tx.get(subnetPools, policy.objectId)?.addressScopeId
  if (!scope || isGranted(tx, 'access_as_shared', scope, policy.targetProject)) return
  throw refuse('RbacPolicyInitError', {
    id: policy.objectId,
    reason: "target project doesn't have access to associated address scope",
  })
}

function requireUnlike(tx: Reader, policy: RbacPolicy): void {
  if (tx.holder(rbacPolicies, rbacKey(policy.action, policy.objectId, policy.targetProject)))
    throw refuse('DuplicateRbacPolicy', {})
}

const covers = (policy: RbacPolicy | undefined, project: string) =>
  policy?.targetProject === EVERY_PROJECT || policy?.targetProject === project

/** A project that uses the object and could not without the policy, or with what becomes of it. */
function loser(tx: Reader, policy: RbacPolicy, after: RbacPolicy | undefined): string | undefined {
  const { objectType, action } = policy
  const { projectId: owner } = rbacObject(tx, policy)
  const left = policiesOf(tx, policy).filter(p => p.id !== policy.id)
  for (const { projectId } of shareables[objectType].actions[action]!(tx, policy.objectId)) {
    if (projectId === owner || projectId === '' || !covers(policy, projectId)) continue
    if (!covers(after, projectId) && !left.some(p => covers(p, projectId))) return projectId
  }
  return undefined
}

function requireNoLoser(tx: Reader, policy: RbacPolicy, after: RbacPolicy | undefined): void {
  const isWildcard = policy.targetProject === EVERY_PROJECT && after?.targetProject !== EVERY_PROJECT
  if (policy.action === 'access_as_external' && isWildcard && networkOf(tx, policy.objectId).isDefault)
    throw inUse(policy, 'Default external networks must be shared to everyone.')
  const project = loser(tx, policy, after)
  if (project !== undefined) throw inUse(policy, `project_id=${project}`)
}

const inUse = (policy: RbacPolicy, details: string) => refuse('RbacPolicyInUse', { id: policy.objectId, details })

function setExternal(tx: Transaction, networkId: string, external: boolean): void {
  const network = networkOf(tx, networkId)
  if (network.external !== external) change(tx, networks, { ...network, external })
}
