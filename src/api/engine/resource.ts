// How a resource of the API is declared: its attributes (type, when they may be given, how they are shown), and what
// making, changing and removing one calls in the model. The rest of the engine serves any declared resource.
import type { AbsentName, Doc, Kind, QuotaName, RbacAction, Reader, Transaction } from '#model'
import type { Context } from './context.ts'
import type { Static, TSchema } from './value.ts'

/** What an attribute may look at when it is shown: the state, and who asks. */
export interface View {
  readonly reader: Reader
  readonly context: Context
}

/** An attribute of a resource of type T. */
export interface Attribute<T> {
  readonly type: TSchema
  /** Whether POST takes it, and what it is when left out; absent: never. */
  readonly post?: 'required' | 'optional' | { readonly default: unknown }
  /** Whether PUT takes it. */
  readonly put?: boolean
  /** Its value in replies; absent: it is not shown. */
  readonly show?: (doc: T, view: View) => unknown
  /** What only an administrator may do with it. */
  readonly admin?: readonly ('read' | 'write')[]
  /** False: no filter of this name. A function: whether a record fits any of the values. */
  readonly filter?: false | ((doc: T, values: readonly string[], view: View) => boolean)
  readonly sort?: false
  /** The index of the kind that finds records by it. */
  readonly index?: string
}

/** Attributes by name. */
export type Attributes<T> = Readonly<Record<string, Attribute<T>>>

/** Declares attributes: `attributesOf<Network>()({ … })`. */
export const attributesOf =
  <T>() =>
  <const A extends Attributes<T>>(attributes: A): A =>
    attributes

/** What a POST body is once it has been read: attributes that may be left out are undefined unless they have a default. */
export type PostBody<A> = {
  readonly [K in keyof A as A[K] extends { post: unknown } ? K : never]: A[K] extends {
    type: infer S extends TSchema
    post: infer P
  }
    ? P extends 'optional'
      ? Static<S> | undefined
      : Static<S>
    : never
} & { readonly project_id: string }

/** What a PUT body is once it has been read: only what was given. */
export type PutBody<A> = {
  readonly [K in keyof A as A[K] extends { put: true } ? K : never]?: A[K] extends { type: infer S extends TSchema }
    ? Static<S>
    : never
}

/** A verb on one resource beside the usual ones, e.g. PUT /subnetpools/ID/add_prefixes. */
export type Action<T> = (tx: Transaction, doc: T, body: unknown, context: Context) => unknown

/** A resource as it is declared. */
export interface Declaration<T extends Doc, A extends Attributes<T>> {
  /** `network`: the root of a body with one. */
  readonly name: string
  /** `networks`: the root of a list. */
  readonly plural: string
  /** The path below /v2.0, if it is not the plural. */
  readonly path?: string
  readonly attributes: A
  /** The resource that this one is part of: its routes are below `floatingips/ID/`, its records one parent's. */
  readonly parent?: Parent<T>
  /** Where records come from: a kind of the store, or a view of it. */
  readonly source: Source<T>
  /** What a missing one is refused as. */
  readonly absent: AbsentName
  /** RBAC policies with which others than owners see it. */
  readonly grants?: readonly RbacAction[]
  /** Whether others than owners see it for another reason; administrators and owners do. */
  readonly isPublic?: (doc: T, view: View) => boolean
  /** Others who see it and would change it are told that it is not there, not that they may not. */
  readonly deniesOthers?: true
  /** Whether others than owners may remove it. */
  readonly isRemovable?: (doc: T, view: View) => boolean
  /** The quotas that making one counts against; absent: none. */
  readonly quotas?: readonly QuotaName[]
  /** Without standard attributes there are no tags, no revisions and no times. */
  readonly standard: boolean
  /** Refuses items of a bulk request that do not go together. */
  readonly requireTogether?: (bodies: readonly PostBody<A>[]) => void
  /** `parent` is what it is part of, where it is part of something. */
  readonly create?: (tx: Transaction, body: PostBody<A>, id: string, context: Context, parent?: Doc) => T
  readonly update?: (tx: Transaction, doc: T, body: PutBody<A>, context: Context) => T
  readonly remove?: (tx: Transaction, doc: T, context: Context) => void
  readonly actions?: Readonly<Record<string, Action<T>>>
  /** Names in the query that are neither attributes nor part of the list syntax. */
  readonly filters?: Readonly<Record<string, (doc: T, values: readonly string[], view: View) => boolean>>
}

/** What a resource is part of. */
export interface Parent<T extends Doc> {
  readonly resource: Resource
  /** The id of the parent of a record. */
  readonly of: (doc: T) => string
  /** The records of one parent. */
  readonly parts: (reader: Reader, parentId: string) => Iterable<T>
}

/** Where the records of a resource come from. */
export interface Source<T extends Doc> {
  all(reader: Reader): Iterable<T>
  get(reader: Reader, id: string): T | undefined
  /** Records by an index that attributes name. */
  by?(reader: Reader, index: string, value: string): Iterable<T>
  /** Whose it is; undefined: everybody's. */
  owner(doc: T): string | undefined
}

/** The records of a kind. */
export const recordsOf = <T extends Doc & { readonly projectId: string }>(kind: Kind<T>): Source<T> => ({
  all: reader => reader.all(kind),
  get: (reader, id) => reader.get(kind, id),
  by: (reader, index, value) => reader.by(kind as Kind<T, string>, index, value),
  owner: doc => doc.projectId,
})

/** A declared resource whose types the engine needs not know. */
export type Resource = Declaration<Doc, Attributes<Doc>>

/** Declares a resource. */
export const resource = <T extends Doc, const A extends Attributes<T>>(declaration: Declaration<T, A>): Resource =>
  declaration as unknown as Resource
