// Quotas, as Neutron shows them: limits by project, and what is used of them.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import {
  changeQuota,
  limitsOf,
  type Quota,
  type QuotaLimits,
  type QuotaName,
  quotaNames,
  quotas,
  type Reader,
  refuse,
  resetQuota,
  usageOf,
} from '#model'
import type { Context } from '../engine/context.ts'
import { quote, read } from '../engine/read.ts'
import { refuseOthers } from '../engine/routes.ts'
import type { Serve } from '../engine/serve.ts'
import { anyObject, count, flag, integer, list, object, optional, type TSchema, text } from '../engine/value.ts'

type OfProject = { Params: { project: string } }

const limit = integer(-1, 0x7fffffff)
const used = object({ limit, used: count, reserved: count })

/** An object with a property for every sort of resource. */
const byName = <T extends TSchema>(type: T) => object(Object.fromEntries(quotaNames.map(name => [name, type])))

/** What the OpenAPI page says of a route. */
const schema = (summary: string, response: TSchema) => ({ tags: ['quotas'], summary, response: { 200: response } })
const bad = (message: string) => refuse('HTTPBadRequest', { message })

function requireAdmin(context: Context, verb: 'get' | 'update' | 'delete'): void {
  if (!context.isAdmin) throw refuse('PolicyNotAuthorized', { action: `rule:${verb}_quota` })
}

/** A project sees its own quota. */
function requireOwn(context: Context, project: string): void {
  if (project !== context.projectId) requireAdmin(context, 'get')
}

const detailsOf = (reader: Reader, project: string, defaults: QuotaLimits) => {
  const limits = limitsOf(reader, project, defaults)
  // what is being made is made in one transaction: nothing is ever reserved
  return Object.fromEntries(
    quotaNames.map(name => [name, { limit: limits[name], used: usageOf(reader, project, name), reserved: 0 }]),
  )
}

/** What a PUT body changes. `check_limit` keeps limits from being below what is used; without it they are forced. */
function readLimits(body: unknown): { readonly limits: Quota['limits']; readonly isChecked: boolean } {
  const given = (body as { quota?: unknown } | null | undefined)?.quota
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw bad("Unable to find 'quota' in request body")
  const { force, check_limit, tenant_id, project_id, ...limits } = given as Record<string, unknown>
  const unknown = Object.keys(limits).filter(name => !quotaNames.includes(name as QuotaName))
  if (unknown.length > 0) throw bad(`Unrecognized attribute(s) '${quote(unknown.join(', '))}'`)
  if (force !== undefined) read(flag, force, 'force')
  return {
    limits: Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, read(limit, value, name)])),
    isChecked: check_limit === undefined ? false : read(flag, check_limit, 'check_limit'),
  }
}

/** Serves /quotas. Projects without limits of their own have the defaults. */
export function serveQuotas(app: FastifyInstance, serve: Serve): void {
  const defaults = serve.quotas
  const path = '/quotas'
  const one = `${path}/:project`
  /** A read of the quota of the project that the path names. */
  const get = (url: string, summary: string, type: TSchema, show: (reader: Reader, project: string) => unknown) =>
    app.get<OfProject>(
      url,
      { schema: schema(summary, object({ quota: byName(type) })) },
      serve.read((view, { params: { project } }) => {
        requireOwn(view.context, project)
        return { quota: show(view.reader, project) }
      }),
    )

  app.get(
    path,
    { schema: schema('list projects with limits of their own', object({ quotas: list(byName(limit)) })) },
    serve.read(({ reader, context }) => {
      requireAdmin(context, 'get')
      const shown = Array.from(reader.all(quotas), ({ id }) => ({
        ...limitsOf(reader, id, defaults),
        project_id: id,
        tenant_id: id,
      }))
      return { quotas: shown }
    }),
  )
  get(one, 'show the limits of a project', limit, (reader, project) => limitsOf(reader, project, defaults))
  get(`${one}/default`, 'show the limits of projects without limits of their own', limit, () => defaults)
  get(`${one}/details`, 'show the limits of a project and what it uses', used, (reader, project) =>
    detailsOf(reader, project, defaults),
  )
  for (const name of ['project', 'tenant'])
    app.get(
      `${path}/${name}`,
      { schema: schema('show whose request it is', anyObject) },
      ({ context }: FastifyRequest) => ({
        [name]: { [`${name}_id`]: context.projectId },
      }),
    )
  app.put<OfProject>(
    one,
    {
      schema: {
        ...schema('change the limits of a project', object({ quota: byName(limit) })),
        body: object({ quota: byName(optional(limit)) }),
      },
    },
    serve.write((view, { params: { project }, body }) => {
      requireAdmin(view.context, 'update')
      const { limits, isChecked } = readLimits(body)
      changeQuota(view.reader, read(text(), project, 'project_id'), limits, { isChecked })
      return { quota: limitsOf(view.reader, project, defaults) }
    }),
  )
  app.delete<OfProject>(
    one,
    { schema: { tags: ['quotas'], summary: 'take the limits of a project back' } },
    serve.write((view, { params: { project } }, reply) => {
      requireAdmin(view.context, 'delete')
      resetQuota(view.reader, project)
      reply.code(204)
    }),
  )
  refuseOthers(app, path, ['GET'])
  refuseOthers(app, one, ['GET', 'PUT', 'DELETE'])
}
