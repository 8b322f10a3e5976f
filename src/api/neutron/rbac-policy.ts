// RBAC policies, as Neutron shows them: who may use what is another's.
import {
  createRbacPolicy,
  deleteRbacPolicy,
  EVERY_PROJECT,
  isRbacObjectType,
  type RbacObjectType,
  type RbacPolicy,
  type Reader,
  rbacObject,
  rbacPolicies,
  refuse,
  updateRbacPolicy,
} from '#model'
import { identified, owned } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { quote } from '../engine/read.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { text, uuid } from '../engine/value.ts'

const attributes = attributesOf<RbacPolicy>()({
  ...identified,
  ...owned,
  object_type: { type: text(), post: 'required', show: p => p.objectType },
  object_id: { type: uuid, post: 'required', show: p => p.objectId, index: 'object' },
  action: { type: text(), post: 'required', show: p => p.action },
  target_tenant: { type: text(), post: 'required', put: true, show: p => p.targetProject },
})

function objectTypeOf(given: string): RbacObjectType {
  const word = given.trim().toLowerCase()
  if (isRbacObjectType(word)) return word
  throw refuse('InvalidInput', { message: `'${quote(given)}' is not a valid RBAC object type` })
}

/** Only administrators share with everybody. */
function requireTarget(verb: 'create' | 'update', target: string, context: Context): void {
  if (target === EVERY_PROJECT && !context.isAdmin)
    throw refuse('PolicyNotAuthorized', { action: `(rule:${verb}_rbac_policy:target_tenant)` })
}

/** Only administrators share what is not their own. */
function requireOwner(reader: Reader, policy: Pick<RbacPolicy, 'objectType' | 'objectId'>, context: Context): void {
  if (rbacObject(reader, policy).projectId !== context.projectId && !context.isAdmin)
    throw refuse('InvalidInput', {
      message: 'Only admins can manipulate policies on objects they do not own',
    })
}

/** The resource `rbac_policy`. */
export const rbacPolicyResource: Resource = resource<RbacPolicy, typeof attributes>({
  name: 'rbac_policy',
  plural: 'rbac_policies',
  path: 'rbac-policies',
  attributes,
  source: recordsOf(rbacPolicies),
  absent: 'RbacPolicyNotFound',
  quotas: ['rbac_policy'],
  standard: false,
  create(tx, body, id, context) {
    requireTarget('create', body.target_tenant, context)
    const object = { objectType: objectTypeOf(body.object_type), objectId: body.object_id }
    requireOwner(tx, object, context)
    return createRbacPolicy(tx, {
      id,
      projectId: body.project_id,
      ...object,
      action: body.action,
      targetProject: body.target_tenant,
    })
  },
  update(tx, policy, body, context) {
    const target = body.target_tenant ?? policy.targetProject
    if (target !== policy.targetProject) requireTarget('update', target, context)
    requireOwner(tx, policy, context)
    return updateRbacPolicy(tx, policy, target)
  },
  remove: deleteRbacPolicy,
})
