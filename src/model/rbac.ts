// RBAC policies: what a project lets others do with an object of its own. They alone say what is shared.
import { finder } from './finder.ts'
import { type Kind, kind } from './kind.ts'
import type { Reader } from './transaction.ts'

/** What a policy may be about, by the names of the API's resources. */
export type RbacObjectType = 'network' | 'subnetpool' | 'address_scope' | 'security_group' | 'address_group'

/** What a policy allows: to see and use an object, or to see and use a network as one that leads outside. */
export type RbacAction = 'access_as_shared' | 'access_as_external'

/** The target that stands for every project. */
export const EVERY_PROJECT = '*'

/** A policy. */
export interface RbacPolicy {
  readonly id: string
  /** Who made it: the only project, beside administrators, that sees it. */
  readonly projectId: string
  readonly objectType: RbacObjectType
  readonly objectId: string
  readonly action: RbacAction
  /** A project, or EVERY_PROJECT. */
  readonly targetProject: string
}

/** The unique key of a policy. */
export const rbacKey = (action: RbacAction, objectId: string, targetProject: string): string =>
  `${action} ${objectId} ${targetProject}`

/** All policies. */
export const rbacPolicies: Kind<RbacPolicy, 'project' | 'object'> = kind<RbacPolicy>()('rbac_policy', {
  unique: p => [rbacKey(p.action, p.objectId, p.targetProject)],
  index: { project: p => [p.projectId], object: p => [p.objectId] },
})

/** The policy of an id. Throws RbacPolicyNotFound. */
export const rbacPolicyOf = finder(rbacPolicies, 'RbacPolicyNotFound')

/** Whether policies allow an action on an object to every project. */
export const isGrantedToAll = (reader: Reader, action: RbacAction, objectId: string): boolean =>
  reader.holder(rbacPolicies, rbacKey(action, objectId, EVERY_PROJECT)) !== undefined

/** Whether policies allow an action on an object to a project. */
export const isGranted = (reader: Reader, action: RbacAction, objectId: string, projectId: string): boolean =>
  isGrantedToAll(reader, action, objectId) ||
  reader.holder(rbacPolicies, rbacKey(action, objectId, projectId)) !== undefined
