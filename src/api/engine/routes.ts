// The routes of one declared resource: list, show, create (one or many), update, delete, actions, tags.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify'
import { type Doc, type Reader, refuse, requireQuota, requireRevision } from '#model'
import { readPost, readPut } from './body.ts'
import { find, findOwn, links, list, show, showAll } from './collection.ts'
import { answerMethodNotAllowed } from './errors.ts'
import { describe } from './openapi.ts'
import { type RawQuery, readQuery } from './query.ts'
import type { Resource, View } from './resource.ts'
import type { Serve } from './serve.ts'
import { serveTags } from './tags.ts'

type Many = { Params: { parent: string }; Querystring: RawQuery }
type One = { Params: { parent: string; id: string } }

/** The path of a resource below /v2.0. */
export const pathOf = (resource: Resource): string =>
  `${resource.parent ? `${pathOf(resource.parent.resource)}/:parent` : ''}/${resource.path ?? resource.plural}`

/** A resource as a request names it: where it is part of something, of one parent that the one who asks may use. */
function within(resource: Resource, parentId: string, view: View, verb?: string): { here: Resource; parent?: Doc } {
  const { parent, source } = resource
  if (!parent) return { here: resource }
  const owner = verb ? findOwn(parent.resource, parentId, view, verb) : find(parent.resource, parentId, view)
  const here: Resource = {
    ...resource,
    source: {
      all: reader => parent.parts(reader, owner.id),
      get(reader, id) {
        const doc = source.get(reader, id)
        return doc && parent.of(doc) === owner.id ? doc : undefined
      },
      owner: source.owner,
    },
  }
  return { here, parent: owner }
}

/** Serves a resource. */
export function serveResource(app: FastifyInstance, resource: Resource, serve: Serve): void {
  const path = pathOf(resource)
  const { create, update, remove } = resource

  app.get<Many>(
    path,
    { schema: describe(resource, 'list') },
    serve.read(async (view, request, reply) => {
      const { here } = within(resource, request.params.parent, view)
      const query = readQuery(here, request.query, view.context)
      const docs = list(here, query, view.reader, view.context)
      const shown = await showAll(resource, docs, view, query.fields)
      const pages =
        query.limit === 0 ? '' : `,"${resource.plural}_links":${JSON.stringify(links(urlOf(request), query, docs))}`
      reply.type('application/json; charset=utf-8')
      return `{"${resource.plural}":${shown}${pages}}`
    }),
  )

  app.get<One & { Querystring: RawQuery }>(
    `${path}/:id`,
    { schema: describe(resource, 'show') },
    serve.read((view, { params, query }) => {
      const doc = find(within(resource, params.parent, view).here, params.id, view)
      const { fields } = query
      const names = typeof fields === 'string' ? [fields] : fields
      return { [resource.name]: show(resource, doc, view, names && new Set(names)) }
    }),
  )

  if (create)
    app.post<Many>(
      path,
      { schema: describe(resource, 'create') },
      serve.write((view, request, reply) => {
        const { parent } = within(resource, request.params.parent, view, 'update')
        const { items, isBulk } = readPost(resource, request.body, view.context)
        if (isBulk) resource.requireTogether?.(items as never)
        const made = items.map(item => create(view.reader, item as never, randomUUID(), view.context, parent))
        for (const project of new Set(made.map(resource.source.owner)))
          if (project !== undefined) requireQuota(view.reader, project, resource.quotas ?? [], serve.quotas)
        const shown = made.map(doc => show(resource, doc, view))
        reply.code(201)
        return isBulk ? { [resource.plural]: shown } : { [resource.name]: shown[0] }
      }),
    )

  if (update)
    app.put<One>(
      `${path}/:id`,
      { schema: describe(resource, 'update') },
      serve.write((view, request) => {
        const body = readPut(resource, request.body, view.context)
        const { here } = within(resource, request.params.parent, view)
        const doc = findOwn(here, request.params.id, view, 'update')
        requireMatch(request, view.reader, doc.id)
        return { [resource.name]: show(resource, update(view.reader, doc, body, view.context), view) }
      }),
    )

  if (remove)
    app.delete<One>(
      `${path}/:id`,
      { schema: describe(resource, 'delete') },
      serve.write((view, request, reply) => {
        const { here } = within(resource, request.params.parent, view)
        const doc = findOwn(here, request.params.id, view, 'delete')
        requireMatch(request, view.reader, doc.id)
        remove(view.reader, doc, view.context)
        reply.code(204)
      }),
    )

  for (const [name, act] of Object.entries(resource.actions ?? {}))
    app.put<One>(
      `${path}/:id/${name}`,
      serve.write((view, { params, body }) =>
        act(view.reader, findOwn(resource, params.id, view, name), body, view.context),
      ),
    )

  if (resource.standard) serveTags(app, resource, path, serve)
  refuseOthers(app, path, ['GET', ...(create ? ['POST'] : [])])
  refuseOthers(app, `${path}/:id`, ['GET', ...(update ? ['PUT'] : []), ...(remove ? ['DELETE'] : [])])
}

/** Answers 405 to the methods that a path does not have. */
export function refuseOthers(app: FastifyInstance, url: string, allowed: readonly string[]): void {
  const others = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'].filter(method => !allowed.includes(method))
  app.route({ method: others, url, schema: { hide: true } as FastifySchema, handler: answerMethodNotAllowed(allowed) })
}

/** `If-Match: revision_number=N`: refuses when the resource has moved on. */
function requireMatch(request: FastifyRequest, reader: Reader, id: string): void {
  const header = request.headers['if-match']
  if (header === undefined) return
  const given = header
    .split(',')
    .map(etag => etag.trim().replace(/^"(.*)"$/, '$1'))
    .filter(etag => etag.startsWith('revision_number='))
  if (given.length === 0) return
  const bad = (message: string) => refuse('BadRequest', { resource: 'if-match', message })
  if (given.length > 1) throw bad('Multiple revision_number etags are not supported')
  const number = given[0]!.slice('revision_number='.length)
  if (!/^\d{1,15}$/.test(number)) throw bad('Revision number etag must be in the format of revision_number=<int>')
  requireRevision(reader, id, Number(number))
}

/** The URL that the client asked for, as links repeat it. */
function urlOf(request: FastifyRequest): string {
  const forwarded = request.headers['x-forwarded-proto']
  const protocol = typeof forwarded === 'string' && /^https?$/.test(forwarded) ? forwarded : request.protocol
  return `${protocol}://${request.host}${request.originalUrl}`
}
