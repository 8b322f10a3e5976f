// The query of a list request: filters, fields, order and page, each as Neutron understands it.
import { type Doc, refuse, standardOf } from '#model'
import type { Context } from './context.ts'
import { read } from './read.ts'
import type { Attribute, Resource, View } from './resource.ts'

/** A parsed query string: a repeated key is a list. */
export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>

/** A filter on an attribute: the record must fit one of the values. */
export interface Filter {
  readonly name: string
  readonly values: readonly string[]
  readonly fits: (doc: Doc, view: View) => boolean
  /** The index that finds the records of these values without a scan. */
  readonly index: string | undefined
}

/** A list request. */
export interface Query {
  readonly filters: readonly Filter[]
  /** Undefined: all attributes. */
  readonly fields: ReadonlySet<string> | undefined
  readonly sort: readonly { readonly attribute: Attribute<Doc>; readonly isDescending: boolean }[]
  /** 0: no pages. */
  readonly limit: number
  readonly marker: string | undefined
  readonly isReverse: boolean
}

const syntax = new Set(['fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir'])

const bad = (message: string) => refuse('HTTPBadRequest', { message })

const valuesOf = (query: RawQuery, name: string): readonly string[] => {
  const value = query[name]
  return value === undefined ? [] : typeof value === 'string' ? [value] : value
}

/** Reads a query string. Throws HTTPBadRequest and BadRequest with what is wrong. */
export function readQuery(resource: Resource, query: RawQuery, context: Context): Query {
  const names = Object.keys(query).filter(name => !syntax.has(name))
  const unknown = names.filter(name => !isFilter(resource, name, context))
  if (unknown.length > 0)
    throw bad(`[${unknown.map(name => `'${name.slice(0, 100)}'`).join(', ')}] is invalid attribute for filtering`)
  const fields = valuesOf(query, 'fields').filter(name => name !== '')
  const limitText = valuesOf(query, 'limit').at(-1) ?? '0'
  if (!/^\d{1,15}$/.test(limitText))
    throw refuse('BadRequest', {
      resource: 'limit',
      message: `Limit must be an integer 0 or greater and not '${limitText.slice(0, 100)}'`,
    })
  return {
    filters: names.map(name => filterOf(resource, name, valuesOf(query, name))),
    fields: fields.length === 0 ? undefined : new Set(fields),
    sort: sortOf(resource, query),
    limit: Number(limitText),
    marker: valuesOf(query, 'marker').at(-1),
    isReverse: valuesOf(query, 'page_reverse').at(-1)?.toLowerCase() === 'true',
  }
}

/** The type of values that are not null. */
const typeOf = ({ type }: Attribute<Doc>) => {
  const shape = type as { type?: string; format?: string; anyOf?: readonly { type?: string; format?: string }[] }
  return shape.anyOf?.[0] ?? shape
}

const isPlain = (attribute: Attribute<Doc>) => {
  const { type } = typeOf(attribute)
  return type !== 'array' && type !== 'object'
}

function isFilter(resource: Resource, name: string, context: Context): boolean {
  if (resource.filters && Object.hasOwn(resource.filters, name)) return true
  if (resource.standard && Object.hasOwn(standardFilters, name)) return true
  if (!Object.hasOwn(resource.attributes, name)) return false
  const attribute = resource.attributes[name]!
  if (attribute.filter === false || (attribute.admin?.includes('read') && !context.isAdmin)) return false
  return attribute.filter !== undefined || (attribute.show !== undefined && isPlain(attribute))
}

function filterOf(resource: Resource, name: string, values: readonly string[]): Filter {
  const own = resource.filters?.[name] ?? (resource.standard ? standardFilters[name] : undefined)
  if (own) return { name, values, fits: (doc, view) => own(doc, values, view), index: undefined }
  const attribute = resource.attributes[name]!
  const { filter, show } = attribute
  if (filter) return { name, values, fits: (doc, view) => filter(doc, values, view), index: undefined }
  const wanted = new Set(values.map(value => canonical(attribute, name, value)))
  return {
    name,
    values: [...wanted],
    fits: (doc, view) => wanted.has(String(show!(doc, view) ?? '')),
    index: attribute.index,
  }
}

/** A filter's value as the attribute's own value would print: true for 1, a MAC address in lower case. */
function canonical(attribute: Attribute<Doc>, name: string, value: string): string {
  const { type, format } = typeOf(attribute)
  if (type === 'boolean' || type === 'integer') return String(read(attribute.type, value, name))
  if (format !== 'mac' && format !== 'ip' && format !== 'cidr') return value
  try {
    return String(read(attribute.type, value, name))
  } catch {
    return value // matches nothing, as in Neutron
  }
}

function sortOf(resource: Resource, query: RawQuery): Query['sort'] {
  const keys = valuesOf(query, 'sort_key').filter(key => key !== '')
  const directions = valuesOf(query, 'sort_dir').filter(direction => direction !== '')
  if (keys.length !== directions.length) throw bad('The number of sort_keys and sort_dirs must be same')
  const sortable = (key: string) => {
    const attribute = Object.hasOwn(resource.attributes, key) ? resource.attributes[key]! : undefined
    return attribute?.show && attribute.sort !== false && isPlain(attribute) ? attribute : undefined
  }
  const unknown = keys.filter(key => !sortable(key))
  if (unknown.length > 0)
    throw bad(`[${unknown.map(key => `'${key.slice(0, 100)}'`).join(', ')}] is invalid attribute for sort_keys`)
  const wrong = directions.filter(direction => direction !== 'asc' && direction !== 'desc')
  if (wrong.length > 0)
    throw bad(
      `[${wrong.map(w => `'${w.slice(0, 100)}'`).join(', ')}] is invalid value for sort_dirs, valid value is 'asc' and 'desc'`,
    )
  return keys.map((key, i) => ({ attribute: sortable(key)!, isDescending: directions[i] === 'desc' }))
}

type OwnFilter = (doc: Doc, values: readonly string[], view: View) => boolean

const tagsOf = (doc: Doc, { reader }: View) => standardOf(reader, doc.id)?.tags ?? []
const split = (values: readonly string[]) => values.flatMap(value => value.split(','))
const hasAll: OwnFilter = (doc, values, view) => split(values).every(tag => tagsOf(doc, view).includes(tag))
const hasAny: OwnFilter = (doc, values, view) => split(values).some(tag => tagsOf(doc, view).includes(tag))

/** Filters that every resource with standard attributes has. */
const standardFilters: Readonly<Record<string, OwnFilter>> = {
  tags: hasAll,
  'tags-any': hasAny,
  'not-tags': (doc, values, view) => !hasAll(doc, values, view),
  'not-tags-any': (doc, values, view) => !hasAny(doc, values, view),
  changed_since(doc, values, { reader }) {
    const since = Date.parse(values.at(-1) ?? '')
    if (Number.isNaN(since))
      throw refuse('InvalidInput', {
        message: `changed_since: '${values.at(-1)}' is not a time such as 2026-01-31T12:00:00`,
      })
    return (standardOf(reader, doc.id)?.updatedAt ?? 0) >= since
  },
}
