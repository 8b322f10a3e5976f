// What a client asks before anything else: API versions, resources, extensions.
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { refuse } from '#model'
import type { Resource } from './resource.ts'
import { pathOf } from './routes.ts'

/** An extension as the API lists it. */
export interface Extension {
  readonly alias: string
  readonly name: string
  readonly description: string
  readonly updated: string
  readonly links: readonly unknown[]
}

const originOf = (request: FastifyRequest) => `${request.protocol}://${request.host}`

/** Serves `/`: needs no token. Browsers, which ask for a page, are shown the console where there is one. */
export function serveVersions(app: FastifyInstance, hasConsole: boolean): void {
  app.get('/', (request, reply) => {
    if (hasConsole && request.headers.accept?.startsWith('text/html')) return reply.redirect('/console/')
    return {
      versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${originOf(request)}/v2.0/` }] }],
    }
  })
}

/** Serves the list of resources and the extensions, below /v2.0. */
export function serveDiscovery(
  app: FastifyInstance,
  resources: readonly Resource[],
  extensions: readonly Extension[],
): void {
  app.get('/', request => ({
    resources: resources.flatMap(r =>
      r.parent
        ? []
        : {
            name: r.name,
            collection: r.plural,
            links: [{ rel: 'self', href: `${originOf(request)}/v2.0${pathOf(r)}` }],
          },
    ),
  }))
  app.get('/extensions', () => ({ extensions }))
  app.get<{ Params: { alias: string } }>('/extensions/:alias', ({ params }, reply) => {
    const extension = extensions.find(e => e.alias === params.alias)
    // Neutron answers this one in plain text
    if (!extension)
      return reply
        .code(404)
        .type('text/plain')
        .send(refuse('ExtensionNotFound', { alias: params.alias }).message)
    return { extension }
  })
}
