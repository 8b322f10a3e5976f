// Security groups, as Neutron shows them: with their rules. A project that asks for its groups has a default one.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
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
import type { RawQuery } from '../engine/query.ts'
import { attributesOf, type Resource, recordsOf, resource, type View } from '../engine/resource.ts'
import { serveResource } from '../engine/routes.ts'
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
export function serveSecurityGroups(app: FastifyInstance, serve: Serve): void {
  const isMissing = serve.read((view, request) => projectWithoutDefault(view, request) !== undefined)
  const ensure = serve.write((view, request) => {
    const projectId = projectWithoutDefault(view, request)
    if (projectId !== undefined) defaultSecurityGroup(view.reader, projectId, randomUUID())
  })
  app.register(async lists => {
    lists.addHook('preHandler', async (request, reply) => {
      const isList = request.method === 'GET' && Object.keys(request.params as object).length === 0
      if (isList && (await isMissing(request, reply))) await ensure(request, reply)
    })
    for (const resource of securityGroupResources) serveResource(lists, resource, serve)
  })
}

/** The project that a list is asked for, if it has no default group yet, and is that of the one who asks. */
function projectWithoutDefault({ reader, context }: View, request: FastifyRequest): string | undefined {
  const { project_id, tenant_id } = request.query as RawQuery
  const asked = [project_id ?? tenant_id ?? context.projectId].flat()[0] ?? ''
  const projectId = context.isAdmin ? asked : context.projectId
  return reader.holder(securityGroups, `default ${projectId}`) ? undefined : projectId
}
