// Tags of any resource: PUT, GET and DELETE below its path.
import type { FastifyInstance } from 'fastify'
import { refuse, revise, standardOf, type Transaction } from '#model'
import { find, findOwn } from './collection.ts'
import { tag } from './common.ts'
import { quote, read } from './read.ts'
import type { Resource } from './resource.ts'
import type { Serve } from './serve.ts'
import { distinct } from './value.ts'

const tagList = distinct(tag, 50)

/** Serves the tags of a resource at `path`/ID/tags. */
export function serveTags(app: FastifyInstance, resource: Resource, path: string, serve: Serve): void {
  type One = { Params: { id: string; tag: string } }
  const tagsOf = (tx: Parameters<typeof standardOf>[0], id: string) => standardOf(tx, id)?.tags ?? []
  const change = (tx: Transaction, id: string, tags: readonly string[]) => {
    const before = tagsOf(tx, id)
    if (JSON.stringify(before) !== JSON.stringify(tags)) revise(tx, id, { tags })
    return { tags }
  }

  app.get<One>(
    `${path}/:id/tags`,
    serve.read((view, { params }) => {
      const doc = find(resource, params.id, view)
      return { tags: tagsOf(view.reader, doc.id) }
    }),
  )
  app.put<One>(
    `${path}/:id/tags`,
    serve.write((view, { params, body }) => {
      const doc = findOwn(resource, params.id, view, 'update')
      const given = body as { tags?: unknown } | null
      if (typeof given !== 'object' || given === null || !Object.hasOwn(given, 'tags'))
        throw refuse('HTTPBadRequest', { message: `Invalid tags body: '${quote(given)}' has no 'tags'` })
      return change(view.reader, doc.id, read(tagList, given.tags, 'tags'))
    }),
  )
  app.delete<One>(
    `${path}/:id/tags`,
    serve.write((view, { params }, reply) => {
      change(view.reader, findOwn(resource, params.id, view, 'update').id, [])
      reply.code(204)
    }),
  )

  app.get<One>(
    `${path}/:id/tags/:tag`,
    serve.read((view, { params }, reply) => {
      const doc = find(resource, params.id, view)
      if (!tagsOf(view.reader, doc.id).includes(params.tag)) throw refuse('TagNotFound', { tag: params.tag })
      reply.code(204)
    }),
  )
  app.put<One>(
    `${path}/:id/tags/:tag`,
    serve.write((view, { params }, reply) => {
      const doc = findOwn(resource, params.id, view, 'update')
      const name = read(tag, params.tag, 'tag')
      const before = tagsOf(view.reader, doc.id)
      change(view.reader, doc.id, before.includes(name) ? before : read(tagList, [...before, name], 'tags'))
      reply.code(201)
    }),
  )
  app.delete<One>(
    `${path}/:id/tags/:tag`,
    serve.write((view, { params }, reply) => {
      const doc = findOwn(resource, params.id, view, 'update')
      const before = tagsOf(view.reader, doc.id)
      if (!before.includes(params.tag)) throw refuse('TagNotFound', { tag: params.tag })
      change(
        view.reader,
        doc.id,
        before.filter(name => name !== params.tag),
      )
      reply.code(204)
    }),
  )
}
