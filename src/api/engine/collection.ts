// Lists: finds, filters, orders and cuts records, and shows them.
import { type Doc, isGranted, type Reader, refuse } from '#model'
import type { Context } from './context.ts'
import type { Query } from './query.ts'
import type { Attribute, Resource, View } from './resource.ts'

/** A resource as a reply shows it. */
export type Shown = Record<string, unknown>

/** Whether the one who asks may see a record. */
export function isVisible(resource: Resource, doc: Doc, view: View): boolean {
  const { context } = view
  if (context.isAdmin) return true
  const owner = resource.source.owner(doc)
  if (owner === undefined || owner === context.projectId) return true
  if (resource.grants?.some(action => isGranted(view.reader, action, doc.id, context.projectId))) return true
  return resource.isPublic?.(doc, view) ?? false
}

/** The record of an id, if it is there and may be seen. Throws the resource's own "not found". */
export function find(resource: Resource, id: string, view: View): Doc {
  const doc = resource.source.get(view.reader, id)
  if (doc && isVisible(resource, doc, view)) return doc
  throw absent(resource, id)
}

const absent = (resource: Resource, id: string) => refuse(resource.absent, { id: id.slice(0, 100) })

/** The record of an id, if the one who asks may change it. */
export function findOwn(resource: Resource, id: string, view: View, verb: string): Doc {
  const doc = find(resource, id, view)
  const isOwn = view.context.isAdmin || resource.source.owner(doc) === view.context.projectId
  if (isOwn || (verb === 'delete' && resource.isRemovable?.(doc, view))) return doc
  if (resource.deniesOthers) throw absent(resource, id)
  throw refuse('PolicyNotAuthorized', { action: `rule:${verb}_${resource.name}` })
}

/** Shows a record. */
export const show = (resource: Resource, doc: Doc, view: View, fields?: ReadonlySet<string>): Shown =>
  shower(resource, view, fields)(doc)

/** How to show records: what the one who asks may see and wants to see of them. */
function shower(resource: Resource, view: View, fields: ReadonlySet<string> | undefined): (doc: Doc) => Shown {
  const isShown = ([name, { admin }]: [string, Attribute<Doc>]) =>
    (fields?.has(name) ?? true) && (view.context.isAdmin || !admin?.includes('read'))
  const attributes = Object.entries(resource.attributes).flatMap(entry =>
    entry[1].show && isShown(entry) ? [[entry[0], entry[1].show] as const] : [],
  )
  return doc => {
    const shown: Shown = {}
    for (const [name, attribute] of attributes) shown[name] = attribute(doc, view)
    return shown
  }
}

/** How long a long list may hold up everything else at a time, in milliseconds. */
const TURN = 5

/**
 * Shows records as a JSON list. A long one is shown in turns, between which the controller does its other work; what has
 * changed meanwhile is shown as it is by then.
 */
export async function showAll(
  resource: Resource,
  docs: readonly Doc[],
  view: View,
  fields?: ReadonlySet<string>,
): Promise<string> {
  const shown = shower(resource, view, fields)
  const parts: string[] = []
  let started = performance.now()
  let isLater = false
  for (const doc of docs) {
    if (performance.now() - started > TURN) {
      await new Promise(resolve => setImmediate(resolve))
      started = performance.now()
      isLater = true
    }
    const current = isLater ? resource.source.get(view.reader, doc.id) : doc
    if (current) parts.push(JSON.stringify(shown(current)))
  }
  return `[${parts.join(',')}]`
}

/** The records that a query asks for, in order. */
export function list(resource: Resource, query: Query, reader: Reader, context: Context): readonly Doc[] {
  const view: View = { reader, context }
  const found: Doc[] = []
  for (const doc of candidates(resource, query, reader))
    if (isVisible(resource, doc, view) && query.filters.every(filter => filter.fits(doc, view))) found.push(doc)
  return page(resource, sorted(found, query, view), query, view)
}

/** Records that may fit: those that the first indexed filter finds, or all. */
function candidates(resource: Resource, query: Query, reader: Reader): Iterable<Doc> {
  const { source } = resource
  const byId = query.filters.find(filter => filter.name === 'id')
  if (byId) return byId.values.flatMap(id => source.get(reader, id) ?? [])
  const indexed = query.filters.find(filter => filter.index !== undefined)
  if (!source.by || indexed?.index === undefined) return source.all(reader)
  const { by } = source
  return indexed.values.flatMap(value => [...by(reader, indexed.index!, value)])
}

function sorted(docs: readonly Doc[], query: Query, view: View): readonly Doc[] {
  if (query.sort.length === 0) return docs
  const keyed = docs.map(doc => ({ doc, keys: query.sort.map(({ attribute }) => attribute.show!(doc, view)) }))
  keyed.sort((a, b) => {
    for (const [i, { isDescending }] of query.sort.entries()) {
      const order = compare(a.keys[i], b.keys[i])
      if (order !== 0) return isDescending ? -order : order
    }
    return compare(a.doc.id, b.doc.id)
  })
  return keyed.map(({ doc }) => doc)
}

/** Nulls first, as databases have it; text by code points. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (a === null || a === undefined) return -1
  if (b === null || b === undefined) return 1
  return (a as string | number | boolean) < (b as string | number | boolean) ? -1 : 1
}

function page(resource: Resource, docs: readonly Doc[], query: Query, view: View): readonly Doc[] {
  const { limit, marker, isReverse } = query
  if (limit === 0) return docs
  let at = isReverse ? docs.length : -1
  if (marker !== undefined) {
    at = docs.findIndex(doc => doc.id === marker)
    if (at < 0) find(resource, marker, view)
    if (at < 0) return []
  }
  return isReverse ? docs.slice(Math.max(at - limit, 0), at) : docs.slice(at + 1, at + 1 + limit)
}

/** A link to another page. */
export interface Link {
  readonly rel: 'next' | 'previous'
  readonly href: string
}

/** Links to the pages around one, with the request's own query. */
export function links(url: string, query: Query, docs: readonly Doc[]): Link[] {
  const { limit, isReverse } = query
  const isShort = docs.length < limit
  const to = (rel: Link['rel'], marker: Doc | undefined): Link => {
    const [path, search] = url.split('?', 2)
    const params = new URLSearchParams(search)
    params.delete('marker')
    params.delete('page_reverse')
    if (marker) params.set('marker', marker.id)
    if (rel === 'previous') params.set('page_reverse', 'True')
    return { rel, href: `${path}?${params}` }
  }
  return [
    ...(isShort && !isReverse ? [] : [to('next', docs.at(-1))]),
    ...(isShort && isReverse ? [] : [to('previous', docs[0])]),
  ]
}
