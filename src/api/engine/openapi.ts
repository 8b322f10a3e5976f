// The OpenAPI page, from the same declarations that serve the routes.
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifySchema } from 'fastify'
import { type TSchema, Type } from 'typebox'
import type { Resource } from './resource.ts'

/** The routes of a resource. */
export type Verb = 'list' | 'show' | 'create' | 'update' | 'delete'

/** Describes a route of a resource. */
export function describe(resource: Resource, verb: Verb): FastifySchema {
  const attributes = Object.entries(resource.attributes)
  const properties = (pick: (a: Resource['attributes'][string]) => boolean, isOptional = true) =>
    Object.fromEntries(
      attributes
        .filter(([, a]) => pick(a))
        .map(([name, a]) => {
          const post = a.post
          const type =
            typeof post === 'object' && !isOptional ? ({ ...a.type, default: post.default } as TSchema) : a.type
          return [name, !isOptional && post === 'required' ? type : Type.Optional(type)]
        }),
    )
  const shown = Type.Object(properties(a => a.show !== undefined))
  const one = Type.Object({ [resource.name]: shown })
  const hasId = verb === 'show' || verb === 'update' || verb === 'delete'
  return {
    tags: [resource.plural],
    summary: `${verb} ${verb === 'list' || verb === 'create' ? resource.plural : resource.name}`,
    ...(hasId ? { params: Type.Object({ id: Type.String() }) } : {}),
    ...(verb === 'list'
      ? { querystring: Type.Object(properties(a => a.show !== undefined && a.filter !== false)) }
      : {}),
    ...(verb === 'create'
      ? { body: Type.Object({ [resource.name]: Type.Object(properties(a => a.post !== undefined, false)) }) }
      : {}),
    ...(verb === 'update'
      ? { body: Type.Object({ [resource.name]: Type.Object(properties(a => a.put === true)) }) }
      : {}),
    response:
      verb === 'list'
        ? { 200: Type.Object({ [resource.plural]: Type.Array(shown) }) }
        : verb === 'delete'
          ? { 204: Type.Null() }
          : { [verb === 'create' ? 201 : 200]: one },
  }
}

/** Serves /openapi. To be called before the routes are registered. */
export function serveOpenApi(app: FastifyInstance, version: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Flowright',
        version,
        description: 'Neutron v2.0, and what Flowright adds to it under /flowright/v1.',
        license: { name: 'Apache-2.0' },
      },
    },
  })
  app.get('/openapi', { schema: { hide: true } as FastifySchema }, () => app.swagger())
}
