// From a request's body to what a resource's `create` and `update` take: the root, unknown attributes, defaults, and who
// may set what.
import { type Doc, refuse } from '#model'
import type { Context } from './context.ts'
import { invalid, missing, quote, read } from './read.ts'
import type { Attribute, Resource } from './resource.ts'
import { text } from './value.ts'

/** Bulk requests with more items are refused. */
export const maxBulk = 2000

const bad = (message: string) => refuse('HTTPBadRequest', { message })

/** The items of a POST body, and whether it was a bulk request. */
export function readPost(
  resource: Resource,
  body: unknown,
  context: Context,
): { readonly items: readonly Readonly<Record<string, unknown>>[]; readonly isBulk: boolean } {
  const root = requireObject(body)
  if (Object.hasOwn(root, resource.plural) && !Object.hasOwn(root, resource.name)) {
    const list = root[resource.plural]
    if (!Array.isArray(list)) throw invalid(resource.plural, `'${quote(list)}' is not a list`)
    if (list.length === 0) throw bad('Resources required')
    if (list.length > maxBulk) throw invalid(resource.plural, `${list.length} items, at most ${maxBulk} in one request`)
    // items of a list come with or without a root of their own
    const items = list.map(item => {
      const given = requireObject(item)
      return readItem(resource, given[resource.name] ?? given, context)
    })
    return { items, isBulk: true }
  }
  return { items: [readItem(resource, unwrap(resource, root), context)], isBulk: false }
}

/** What a PUT body changes. */
export function readPut(resource: Resource, body: unknown, context: Context): Readonly<Record<string, unknown>> {
  const given = requireObject(unwrap(resource, requireObject(body)))
  requireKnown(resource, given)
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const attribute = resource.attributes[name]
      if (!attribute?.put) throw bad(`Cannot update read-only attribute ${name}`)
      requireRight(resource, 'update', name, attribute, context)
      return [name, read(attribute.type, value, name)]
    }),
  )
}

function readItem(resource: Resource, item: unknown, context: Context): Readonly<Record<string, unknown>> {
  const { project_id, tenant_id, ...given } = requireObject(item)
  requireKnown(resource, given)
  const result: Record<string, unknown> = { project_id: projectOf(project_id, tenant_id, context) }
  for (const name of Object.keys(given)) {
    const attribute = resource.attributes[name]!
    const { post } = attribute
    if (post === undefined) throw bad(`Attribute '${name}' not allowed in POST`)
    // what is so anyway may be said by anybody
    const isUsual = typeof post === 'object' && post.default === given[name]
    if (!isUsual) requireRight(resource, 'create', name, attribute, context)
  }
  for (const [name, attribute] of Object.entries(resource.attributes)) {
    const { post } = attribute
    if (post === undefined) continue
    if (Object.hasOwn(given, name)) result[name] = read(attribute.type, given[name], name)
    else if (post === 'required') throw missing(name)
    else result[name] = post === 'optional' ? undefined : post.default
  }
  return result
}

function projectOf(projectId: unknown, tenantId: unknown, context: Context): string {
  if (projectId !== undefined && tenantId !== undefined && projectId !== tenantId)
    throw bad("'project_id' and 'tenant_id' do not match")
  const given = projectId ?? tenantId
  if (given === undefined) return context.projectId
  const project = read(text(), given, 'project_id')
  if (!context.isAdmin && project !== context.projectId)
    throw bad(
      "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges",
    )
  return project
}

function requireRight(
  resource: Resource,
  verb: 'create' | 'update',
  name: string,
  attribute: Attribute<Doc>,
  context: Context,
): void {
  if (attribute.admin?.includes('write') && !context.isAdmin)
    throw refuse('PolicyNotAuthorized', { action: `(rule:${verb}_${resource.name}:${name})` })
}

function requireObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('Resource body required')
  return body as Readonly<Record<string, unknown>>
}

function unwrap(resource: Resource, root: Readonly<Record<string, unknown>>): unknown {
  if (!Object.hasOwn(root, resource.name)) throw bad(`Unable to find '${resource.name}' in request body`)
  return root[resource.name]
}

function requireKnown(resource: Resource, given: Readonly<Record<string, unknown>>): void {
  const unknown = Object.keys(given).filter(name => !Object.hasOwn(resource.attributes, name))
  if (unknown.length > 0) throw bad(`Unrecognized attribute(s) '${quote(unknown.join(', '))}'`)
}
