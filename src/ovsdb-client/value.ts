/**
 * Values between JSON (RFC 7047 section 5.1) and JavaScript, and what OVSDB does with them: defaults, equality, and
 * the differences that update2 and update3 send instead of new values.
 */
import {
  type Atom,
  type AtomicType,
  type BaseType,
  type ColumnType,
  isOptionalAtom,
  isScalar,
  typeName,
  type Uuid,
  type Value,
} from './column.ts'
import { InvalidOperation, ProtocolError } from './errors.ts'
import { isArray, type Json, rawInteger } from './json.ts'

/** A reference to a row that another operation of the same transaction inserts under this name. */
export interface NamedUuid {
  readonly namedUuid: string
}

/** One value of a basic type as a caller may give it. */
export type InputAtom = Atom | NamedUuid

/**
 * A column's value as a caller may give it: an atom, undefined (the empty set), any iterable of atoms for sets, and a
 * Map, or for string keys a plain object, for maps.
 */
export type Input =
  | InputAtom
  | undefined
  | Iterable<InputAtom>
  | ReadonlyMap<InputAtom, InputAtom>
  | { readonly [key: string]: InputAtom }

/** What a column that reads as `V` may be set to. */
export type InputOf<V> =
  V extends ReadonlyMap<infer K, infer W>
    ? ReadonlyMap<AtomInput<K>, AtomInput<W>> | (K extends Uuid ? never : { readonly [key: string]: AtomInput<W> })
    : V extends readonly (infer E)[]
      ? Iterable<AtomInput<E>> | AtomInput<E>
      : AtomInput<V>

type AtomInput<V> = V extends Uuid ? Uuid | NamedUuid : V extends number ? number | bigint : V

const ZERO_UUID = '00000000-0000-0000-0000-000000000000' as Uuid
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Checks that a text is a UUID. Throws InvalidOperation. */
export function toUuid(text: string): Uuid {
  if (!UUID.test(text)) throw new InvalidOperation(`${JSON.stringify(text)} is not a UUID`)
  return text.toLowerCase() as Uuid
}

const noElements: readonly Atom[] = Object.freeze([])
const noPairs: ReadonlyMap<Atom, Atom> = new Map()

const defaultAtoms: Readonly<Record<AtomicType, Atom>> = {
  integer: 0,
  real: 0,
  boolean: false,
  string: '',
  uuid: ZERO_UUID,
}

/** The value of a column that an insert did not mention, and that update2 and update3 leave out. */
export function defaultValue(type: ColumnType): Value {
  if (type.value) {
    if (type.min === 0) return noPairs
    return new Map([[defaultAtoms[type.key.type], defaultAtoms[type.value.type]]])
  }
  if (isScalar(type)) return defaultAtoms[type.key.type]
  if (isOptionalAtom(type)) return undefined
  return type.min === 0 ? noElements : [defaultAtoms[type.key.type]]
}

/** Reads one column's JSON. */
export type Decode = (json: Json) => Value

/** A reader for columns of this type. It throws ProtocolError for JSON of another type; `place` names the column. */
export function decoder(type: ColumnType, place: string): Decode {
  const fail = (json: Json): never => {
    const shown = JSON.stringify(json, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
    throw new ProtocolError(`${place}: ${shown?.slice(0, 100)} is not ${typeName(type)}`)
  }
  const key = atomDecoder(type.key, fail)
  // What a server keeps apart may read the same: it writes reals with 15 digits.
  const mayCoincide = type.key.type === 'real' || type.key.isRounded
  if (type.value) {
    const value = atomDecoder(type.value, fail)
    return json => {
      if (!isArray(json) || json[0] !== 'map' || !isArray(json[1])) return fail(json)
      const pairs = json[1]
      if (pairs.length === 0) return noPairs
      const map = new Map<Atom, Atom>()
      for (const pair of pairs) {
        if (!isArray(pair) || pair.length !== 2) return fail(json)
        map.set(key(pair[0]), value(pair[1]))
      }
      return mayCoincide || map.size === pairs.length ? map : fail(json)
    }
  }
  if (isScalar(type)) return key
  const isOptional = isOptionalAtom(type)
  return json => {
    if (!isArray(json) || json[0] !== 'set') return isOptional ? key(json) : [key(json)]
    const elements = json[1]
    if (!isArray(elements)) return fail(json)
    if (isOptional) {
      if (elements.length > 1) return fail(json)
      return elements.length === 0 ? undefined : key(elements[0])
    }
    if (elements.length === 0) return noElements
    const atoms = elements.map(key)
    // No element may stand there twice (RFC 7047 section 5.1).
    return mayCoincide || atoms.length === 1 || new Set(atoms).size === atoms.length ? atoms : fail(json)
  }
}

const isInt64 = (value: bigint) => BigInt.asIntN(64, value) === value

function atomDecoder({ type, isRounded }: BaseType, fail: (json: Json) => never): (json: Json) => Atom {
  switch (type) {
    case 'string':
      return json => (typeof json === 'string' ? json : fail(json))
    case 'boolean':
      return json => (typeof json === 'boolean' ? json : fail(json))
    case 'integer':
      return json => {
        if (Number.isSafeInteger(json)) return json as number
        // 1e17 is an integer too.
        const wide = typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : json
        if (typeof wide !== 'bigint' || !isInt64(wide)) return fail(json)
        return isRounded ? Number(wide) : wide
      }
    case 'real':
      return json => (typeof json === 'number' ? json : typeof json === 'bigint' ? Number(json) : fail(json))
    case 'uuid':
      return json => {
        const [tag, text] = isArray(json) && json.length === 2 ? json : []
        return tag === 'uuid' && typeof text === 'string' && UUID.test(text) ? text.toLowerCase() : fail(json)
      }
  }
}

const isNamed = (input: unknown): input is NamedUuid =>
  typeof input === 'object' && input !== null && typeof (input as Partial<NamedUuid>).namedUuid === 'string'

const isIterable = (input: unknown): input is Iterable<InputAtom> =>
  typeof input === 'object' && input !== null && Symbol.iterator in input

/** Writes a caller's value as JSON of this type. Throws InvalidOperation; `place` names the column. */
export function encode(input: Input, type: ColumnType, place: string): Json {
  if (type.value) return encodeMap(input, type.key, type.value, place)
  if (isScalar(type)) return encodeAtom(input, type.key, place)
  return encodeSet(input, type.key, place)
}

/** Writes a set, or a single element as the bare atom that a set of one may be written as. */
export function encodeSet(input: Input, key: BaseType, place: string): Json {
  if (input === undefined) return ['set', []]
  if (input instanceof Map || !isIterable(input)) return encodeAtom(input, key, place)
  const elements = Array.from(input, element => encodeAtom(element, key, place))
  return elements.length === 1 ? elements[0] : ['set', elements]
}

/** Writes a map, from a Map or from an object whose members are the pairs. */
export function encodeMap(input: Input, key: BaseType, value: BaseType, place: string): Json {
  const isPairs = input instanceof Map || (isPlainObject(input) && key.type === 'string')
  if (!isPairs) throw wrong(input, `a Map${key.type === 'string' ? ' or an object' : ''}`, place)
  const pairs: [InputAtom, InputAtom][] = input instanceof Map ? [...input] : Object.entries(input)
  return ['map', pairs.map(([k, v]) => [encodeAtom(k, key, place), encodeAtom(v, value, place)])]
}

const isPlainObject = (input: Input): input is { readonly [key: string]: InputAtom } =>
  typeof input === 'object' && !isIterable(input) && !isNamed(input)

/**
 * A text that ovsdb-server can read. It closes the connection, with all that is under way on it, where JSON holds a NUL or
 * half of a surrogate pair. Throws InvalidOperation.
 */
export function sendable(text: string, place: string): string {
  if (!text.isWellFormed()) throw new InvalidOperation(`${place}: a text with half of a surrogate pair`)
  if (text.includes('\0')) throw new InvalidOperation(`${place}: a text with a NUL character, which OVSDB cannot hold`)
  return text
}

/** Writes one atom. Throws InvalidOperation. */
export function encodeAtom(input: unknown, { type }: BaseType, place: string): Json {
  switch (type) {
    case 'string':
      if (typeof input === 'string') return sendable(input, place)
      break
    case 'boolean':
      if (typeof input === 'boolean') return input
      break
    case 'integer':
      if (typeof input === 'bigint' && isInt64(input)) return rawInteger(input)
      if (Number.isSafeInteger(input)) return input as number
      break
    case 'real':
      if (Number.isFinite(input)) return input as number
      break
    case 'uuid':
      if (isNamed(input)) return ['named-uuid', input.namedUuid]
      if (typeof input === 'string' && UUID.test(input)) return ['uuid', input]
      break
  }
  throw wrong(input, type === 'integer' ? 'an integer of 64 bits' : type === 'uuid' ? 'a UUID' : `a ${type}`, place)
}

function wrong(input: unknown, wanted: string, place: string) {
  const shown = typeof input === 'object' && input !== null ? input.constructor?.name : JSON.stringify(String(input))
  return new InvalidOperation(`${place}: ${typeof input} ${shown} is not ${wanted}`)
}

/** Whether two values of one column are the same; the order of sets and maps means nothing. */
export function isEqual(a: Value, b: Value): boolean {
  if (a === b) return true
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false
    for (const [key, value] of a) if (b.get(key) !== value || !b.has(key)) return false
    return true
  }
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
  if (a.every((element, i) => element === b[i])) return true
  const elements = new Set(b)
  return a.every(element => elements.has(element))
}

/**
 * Applies what `modify` of update2 and update3 says about a column. Sets of more than one element come as a symmetric
 * difference, such maps by key (the same pair again removes it), all others as the new value.
 */
export function applyDifference(old: Value, difference: Value, { max }: ColumnType): Value {
  if (max === 1) return difference
  if (difference instanceof Map) {
    const map = new Map(old as ReadonlyMap<Atom, Atom>)
    for (const [key, value] of difference) {
      if (map.get(key) === value) map.delete(key)
      else map.set(key, value)
    }
    return map.size === 0 ? noPairs : map
  }
  const changed = new Set(difference as readonly Atom[])
  const kept = (old as readonly Atom[]).filter(element => !changed.delete(element))
  return kept.length + changed.size === 0 ? noElements : [...kept, ...changed]
}
