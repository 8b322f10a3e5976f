// The types of attributes' values: TypeBox schemas from which the TypeScript type, the validation (read.ts) and the
// OpenAPI page derive. `format` names a canonical form; `nullAs` is what null stands for.
import { type Static, type TSchema, Type } from 'typebox'

/** Text of at most so many characters. */
export const text = (maxLength = 255) => Type.String({ maxLength })

/** Text that is not empty. */
export const nonEmptyText = (maxLength = 255) => Type.String({ minLength: 1, maxLength })

/** Anything: the resource itself checks it. */
export const anything = Type.Unknown()

/** true or false, or a word for it. */
export const flag = Type.Boolean()

/** Any integer, or its digits: the resource itself checks its range. */
export const anyInteger = Type.Integer()

/** An integer, or its digits. */
export const integer = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })

/** A count of anything. */
export const count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** A UUID. */
export const uuid = Type.String({ format: 'uuid' })

/** An IPv4 or IPv6 address. */
export const ip = Type.String({ format: 'ip' })

/** A prefix; host bits are cut. */
export const cidr = Type.String({ format: 'cidr' })

/** An address, or a prefix. */
export const ipOrCidr = Type.String({ format: 'ip-or-cidr' })

/** A unicast MAC address. */
export const mac = Type.String({ format: 'mac' })

/** A DNS name, complete or not; '' for none. */
export const dnsName = Type.String({ format: 'dns-name', maxLength: 255 })

/** A time in UTC, `YYYY-MM-DDThh:mm:ssZ`. */
export const time = Type.String({ format: 'date-time' })

/** One of some words. */
export const oneOf = <const T extends string[]>(words: [...T]) => Type.Enum(words)

/** One of two numbers. */
export const ipVersion = Type.Union([Type.Literal(4), Type.Literal(6)])

/** A value, or null. */
export const nullable = <T extends TSchema>(type: T) => Type.Union([type, Type.Null()])

/** A list of at most so many; null is the empty list. */
export const list = <T extends TSchema>(items: T, maxItems = 1000) => Type.Array(items, { maxItems, nullAs: [] })

/** A list without duplicates. */
export const distinct = <T extends TSchema>(items: T, maxItems = 1000) =>
  Type.Array(items, { maxItems, uniqueItems: true, nullAs: [] })

/** An object with these properties and no others. */
export const object = Type.Object

/** A property that may be left out. */
export const optional = Type.Optional

/** An object with any properties; null is the empty one. */
export const anyObject = Type.Record(Type.String(), Type.Unknown(), { nullAs: {} })

export type { Static, TSchema }
