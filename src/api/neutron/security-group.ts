// Security groups, as Neutron shows them: with their rules. A project that asks for its groups has a default one.
import type { FastifyInstance } from 'fastify'
import {
  createSecurityGroup,
  defaultSecurityGroup,
  deleteSecurityGroup,
  refuse,
  type SecurityGroup,
  securityGroupRules,
  securityGroups,
  updateSecurityGroup,
} from '#model'
import { show } from '../engine/collection.ts'
import { identified, isShared, owned, standardAttributes } from '../engine/common.ts'
import { serveWithDefault } from '../engine/project-default.ts'
import { attributesOf, type Resource, recordsOf, resource, type View } from '../engine/resource.ts'
import type { Serve } from '../engine/serve.ts'
import { anyObject, flag, list, text } from '../engine/value.ts'
import { securityGroupRuleResource } from './security-group-rule.ts'

const rulesOf = (group: SecurityGroup, view: View) =>
  Array.from(view.reader.by(securityGroupRules, 'group', group.id), rule => show(securityGroupRuleResource, rule, view))

const attributes = attributesOf<SecurityGroup>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: g => g.name },
  stateful: { type: flag, post: { default: true }, put: true, show: g => g.stateful },
  shared: { type: flag, sort: false, show: (g, view) => isShared(g.id, view) },
  security_group_rules: { type: list(anyObject), show: rulesOf },
})

/** The resource `security_group`. */
export const securityGroupResource: Resource = resource<SecurityGroup, typeof attributes>({
  name: 'security_group',
  plural: 'security_groups',
  path: 'security-groups',
  attributes,
  source: recordsOf(securityGroups),
  absent: 'SecurityGroupNotFound',
  grants: ['access_as_shared'],
  quotas: ['security_group', 'security_group_rule'],
  standard: true,
  create: (tx, body, id) =>
    createSecurityGroup(tx, {
      id,
      projectId: body.project_id,
      name: body.name,
      description: body.description,
      stateful: body.stateful,
    }),
  update: (tx, group, body) =>
    updateSecurityGroup(tx, group, { name: body.name, description: body.description, stateful: body.stateful }),
  remove(tx, group, context) {
    if (group.isDefault && !context.isAdmin) throw refuse('SecurityGroupCannotRemoveDefault', {})
    deleteSecurityGroup(tx, group)
  },
})

/** The resources served below: with routes of their own, as who lists them may bring a default group into being. */
export const securityGroupResources: readonly Resource[] = [securityGroupResource, securityGroupRuleResource]

/** Serves security groups and their rules. */
export const serveSecurityGroups = (app: FastifyInstance, serve: Serve): void =>
  serveWithDefault(app, securityGroupResources, serve, {
    isThere: (reader, projectId) => reader.holder(securityGroups, `default ${projectId}`) !== undefined,
    make: defaultSecurityGroup,
  })
