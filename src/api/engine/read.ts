// Reads a value that came in from outside by its type: converts what Neutron converts ("true", "5", a MAC address in
// capitals), and refuses the rest in Neutron's words, naming the attribute. Stops at the first thing that is wrong.
import { formatIp, formatPrefix, parseIp, parsePrefix, prefixAt, type Refusal, refuse } from '#model'
import type { Static, TSchema } from './value.ts'

/** What of JSON Schema the types in value.ts use. */
interface Shape {
  readonly type?: string
  readonly anyOf?: readonly Shape[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Shape
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly properties?: Readonly<Record<string, Shape>>
  readonly required?: readonly string[]
  readonly nullAs?: unknown
}

/** A value does not fit: `kind` says by which of Neutron's two errors it is told. */
class Misfit extends Error {
  readonly isConversion: boolean
  constructor(reason: string, isConversion = false) {
    super(reason)
    this.isConversion = isConversion
  }
}

/** The value of an attribute, converted to its type. Throws HTTPBadRequest or InvalidInput with the attribute's name. */
export function read<T extends TSchema>(type: T, value: unknown, attribute: string): Static<T> {
  try {
    return convert(type as Shape, value) as Static<T>
  } catch (error) {
    if (!(error instanceof Misfit)) throw error
    if (error.isConversion) throw refuse('InvalidInput', { message: `${attribute}: ${error.message}` })
    throw invalid(attribute, error.message)
  }
}

/** What refuses the value of an attribute: HTTPBadRequest in Neutron's words. `reason` ends without a full stop. */
export const invalid = (attribute: string, reason: string): Refusal =>
  refuse('HTTPBadRequest', { message: `Invalid input for ${attribute}. Reason: ${reason}.` })

/** What refuses a body that lacks an attribute. */
export const missing = (attribute: string): Refusal =>
  refuse('HTTPBadRequest', { message: `Failed to parse request. Required attribute '${attribute}' not specified` })

/** A value as it is quoted in a message, cut where it is long. */
export function quote(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  const shown = typeof value === 'string' ? value.slice(0, 300) : jsonOf(abridge(value))
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown
}

/** JSON of a value, however deeply it is nested. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch (error) {
    if (error instanceof RangeError) throw new Misfit('the value is nested too deeply')
    throw error
  }
}

const abridge = (value: unknown): unknown => (Array.isArray(value) ? value.slice(0, 10) : value)

function convert(shape: Shape, value: unknown): unknown {
  if (value === null && shape.nullAs !== undefined) return shape.nullAs
  if (shape.anyOf) return toAny(shape.anyOf, value)
  if (shape.enum || shape.const !== undefined) return toWord(shape.enum ?? [shape.const], value)
  switch (shape.type) {
    case 'null':
      if (value === null) return null
      throw new Misfit(`'${quote(value)}' is not None`)
    case 'boolean':
      return toBoolean(value)
    case 'integer':
      return toInteger(shape, value)
    case 'string':
      return toText(shape, value)
    case 'array':
      return toArray(shape, value)
    case 'object':
      return toObject(shape, value)
    default:
      return value
  }
}

function toAny(shapes: readonly Shape[], value: unknown): unknown {
  if (value === null && shapes.some(s => s.type === 'null')) return null
  const others = shapes.filter(s => s.type !== 'null')
  const words = others.flatMap(s => (s.const === undefined ? [] : [s.const]))
  return words.length === others.length ? toWord(words, value) : convert(others[0]!, value)
}

function toWord(words: readonly unknown[], value: unknown): unknown {
  const found = words.find(word => word === value || (typeof word === 'number' && String(word) === value))
  if (found !== undefined) return found
  throw new Misfit(`'${quote(value)}' is not in [${words.map(w => (typeof w === 'string' ? `'${w}'` : w)).join(', ')}]`)
}

const yes = new Set<unknown>([true, 1, '1', 'true', 'yes', 'on', 't', 'y'])
const no = new Set<unknown>([false, 0, '0', 'false', 'no', 'off', 'f', 'n'])

function toBoolean(value: unknown): boolean {
  const word = typeof value === 'string' ? value.slice(0, 8).toLowerCase() : value
  if (yes.has(word)) return true
  if (no.has(word)) return false
  throw new Misfit(`'${quote(value)}' cannot be converted to boolean`, true)
}

function toInteger(shape: Shape, value: unknown): number {
  const isDigits = typeof value === 'string' && /^\s*[+-]?\d{1,15}\s*$/.test(value)
  const n = isDigits ? Number(value) : value
  if (typeof n !== 'number' || !Number.isSafeInteger(n)) throw new Misfit(`'${quote(value)}' is not an integer`, true)
  if (shape.minimum === 0 && n < 0) throw new Misfit(`'${n}' should be non-negative`)
  if (shape.minimum !== undefined && n < shape.minimum)
    throw new Misfit(`'${n}' is too small - must be at least '${shape.minimum}'`)
  if (shape.maximum !== undefined && n > shape.maximum)
    throw new Misfit(`'${n}' is too large - must be no larger than '${shape.maximum}'`)
  return n
}

function toText(shape: Shape, value: unknown): string {
  if (typeof value !== 'string') throw new Misfit(`'${quote(value)}' is not a valid string`)
  if (shape.minLength && value.trim() === '') throw new Misfit(`'${quote(value)}' Blank strings are not permitted`)
  const format = shape.format === undefined ? undefined : formats[shape.format]
  const result = format && (shape.maxLength === undefined || value.length <= shape.maxLength) ? format(value) : value
  if (shape.maxLength !== undefined && result.length > shape.maxLength)
    throw new Misfit(`'${quote(value)}' exceeds maximum length of ${shape.maxLength}`)
  if (result.includes('\0')) throw new Misfit(`'${quote(value)}' contains a NUL character`)
  // half a character of UTF-16: clients and switches, which speak UTF-8, could not read it back
  if (!result.isWellFormed()) throw new Misfit(`'${quote(value.toWellFormed())}' is not Unicode text`)
  return result
}

/** The canonical text of each format. */
const formats: Readonly<Record<string, (value: string) => string>> = {
  uuid(value) {
    if (/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value)) return value
    throw new Misfit(`'${quote(value)}' is not a valid UUID`)
  },
  ip(value) {
    const parsed = parseIp(value)
    if (!parsed) throw new Misfit(`'${quote(value)}' is not a valid IP address`)
    return formatIp(parsed)
  },
  cidr(value) {
    const prefix = parsePrefix(value)
    if (!prefix) throw new Misfit(`'${quote(value)}' is not a valid IP subnet`)
    return formatPrefix(prefix)
  },
  'ip-or-cidr'(value) {
    const parsed = parseIp(value)
    if (parsed) return formatIp(parsed)
    const [address, length] = value.split('/')
    const start = parseIp(address ?? '')
    const prefix = start && length !== undefined && parsePrefix(value)
    if (!start || !prefix || !prefixAt(start, prefix.length))
      throw new Misfit(`'${quote(value)}' is not a valid IP subnet`)
    return formatPrefix(prefix)
  },
  mac(value) {
    const digits = value.length > 17 ? '' : value.replaceAll(/[:.-]/g, '').toLowerCase()
    const isUnicast = /^[0-9a-f]{12}$/.test(digits) && digits !== '000000000000' && !/^.[13579bdf]/.test(digits)
    if (!isUnicast) throw new Misfit(`'${quote(value)}' is not a valid MAC address`)
    return digits.match(/../g)!.join(':')
  },
  'dns-name'(value) {
    const name = value.toLowerCase()
    const labels = name.replace(/\.$/, '').split('.')
    if (name !== '' && !labels.every(label => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/.test(label)))
      throw new Misfit(`'${quote(value)}' not a valid PQDN or FQDN`)
    return name
  },
}

function toArray(shape: Shape, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Misfit(`'${quote(value)}' is not a list`)
  if (shape.maxItems !== undefined && value.length > shape.maxItems)
    throw new Misfit(`a list of ${value.length} items is too long - at most ${shape.maxItems} are allowed`)
  const items = value.map(item => convert(shape.items!, item))
  if (!shape.uniqueItems) return items
  const seen = new Set<string>()
  for (const item of items) {
    const text = JSON.stringify(item)
    if (seen.has(text)) throw new Misfit(`Duplicate items in the list: '${quote(item)}'`)
    seen.add(text)
  }
  return items
}

function toObject(shape: Shape, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Misfit(`'${quote(value)}' is not a dictionary`)
  const given = value as Record<string, unknown>
  const { properties, required = [] } = shape
  if (!properties) {
    if (jsonOf(given).length > 4095) throw new Misfit('the dictionary is longer than 4095 characters')
    return given
  }
  const keys = Object.keys(given)
  const expected = Object.keys(properties)
  const unknown = keys.filter(key => !Object.hasOwn(properties, key))
  const missing = required.filter(key => !Object.hasOwn(given, key))
  if (unknown.length > 0 || missing.length > 0)
    throw new Misfit(
      `Validation of dictionary's keys failed. Expected keys: ${expected.join(', ')} Provided keys: ${quote(keys.join(', '))}`,
    )
  return Object.fromEntries(keys.map(key => [key, convert(properties[key]!, given[key])]))
}

/** The cookie of a flow: decimal, or hexadecimal after 0x. */
export function readCookie(text: string): bigint {
  if (/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) return BigInt.asUintN(64, BigInt(text))
  throw invalid('cookie', `'${quote(text)}' is not a number such as 0xf10e000000000001`)
}
