// Resources of which each project has a default one as soon as it asks for a list of them.
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Reader, Transaction } from '#model'
import type { RawQuery } from './query.ts'
import type { Resource, View } from './resource.ts'
import { serveResource } from './routes.ts'
import type { Serve } from './serve.ts'

/** What each project has by default. */
export interface ProjectDefault {
  readonly isThere: (reader: Reader, projectId: string) => boolean
  /** `seed` is a new id, from which those of what is made are derived. */
  readonly make: (tx: Transaction, projectId: string, seed: string) => void
}

/** Serves resources, of which a list is not shown before the default is there. */
export function serveWithDefault(
  app: FastifyInstance,
  resources: readonly Resource[],
  serve: Serve,
  { isThere, make }: ProjectDefault,
): void {
  const missing = (view: View, request: FastifyRequest) => {
    const projectId = askedProject(view, request)
    return isThere(view.reader, projectId) ? undefined : projectId
  }
  const isMissing = serve.read((view, request) => missing(view, request) !== undefined)
  const ensure = serve.write((view, request) => {
    const projectId = missing(view, request)
    if (projectId !== undefined) make(view.reader, projectId, randomUUID())
  })
  app.register(async lists => {
    lists.addHook('preHandler', async (request, reply) => {
      const isList = request.method === 'GET' && Object.keys(request.params as object).length === 0
      if (isList && (await isMissing(request, reply))) await ensure(request, reply)
    })
    for (const resource of resources) serveResource(lists, resource, serve)
  })
}

/** The project that a list is asked for, if it is that of the one who asks. */
function askedProject({ context }: View, request: FastifyRequest): string {
  const { project_id, tenant_id } = request.query as RawQuery
  return context.isAdmin ? ([project_id ?? tenant_id ?? context.projectId].flat()[0] ?? '') : context.projectId
}
