// What a resource file declares about its records: the kind's name, what must be unique, what can be looked up.
// The store keeps, indexes and guards records of every kind by these declarations alone.

/** A record: immutable plain JSON data with an identity. */
export interface Doc {
  readonly id: string
}

/** A kind of record: what the store must know to keep it. */
export interface Kind<T extends Doc = Doc, I extends string = string> {
  /** Also the name under which records are stored; never changes once released. */
  readonly name: string
  /** Keys that no two records of this kind may share, e.g. `mac <network id> <address>`. */
  readonly unique: (doc: T) => readonly string[]
  /** Lookups: for each index, the values under which a record is found. */
  readonly index: Readonly<Record<I, (doc: T) => readonly string[]>>
}

/** Declares a kind: `kind<Port>()('port', { unique, index })`. */
export const kind =
  <T extends Doc>() =>
  <const I extends string = never>(
    name: string,
    options: {
      unique?: (doc: T) => readonly string[]
      index?: Readonly<Record<I, (doc: T) => readonly string[]>>
    } = {},
  ): Kind<T, I> => ({
    name,
    unique: options.unique ?? (() => []),
    index: options.index ?? ({} as Readonly<Record<I, (doc: T) => readonly string[]>>),
  })

/** The record type of a kind. */
export type DocOf<K> = K extends Kind<infer T, string> ? T : never

/**
 * A range of small integers handed out by the store, durable, oldest-free-first: numbers never used before come first,
 * then those released longest ago.
 */
export interface Pool {
  readonly name: string
  readonly first: number
  readonly last: number
}
