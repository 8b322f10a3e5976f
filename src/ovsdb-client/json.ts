/**
 * JSON with exact 64-bit integers. ovsdb-server sends 9223372036854775807 as a JSON number, which JSON.parse rounds:
 * an integer that a double cannot hold becomes a bigint here. A reviver makes parsing six times as slow, so only messages
 * that the framing has seen to hold a long number take that way.
 */
import { ProtocolError } from './errors.ts'
import type { Frame } from './framing.ts'

/** What a JSON text says. */
export type Json = string | number | bigint | boolean | null | undefined | readonly Json[] | JsonObject

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json
}

/** A JSON object, not an array or null. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A JSON array. */
export const isArray = (value: unknown): value is readonly Json[] => Array.isArray(value)

// Source text access (ES2025) is missing in TypeScript's library.
const exact = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: Json, context: { source?: string }) => Json): Json
  rawJSON(text: string): Json
}

const keepInteger = (_key: string, value: Json, { source }: { source?: string }): Json =>
  typeof value === 'number' && !Number.isSafeInteger(value) && source && /^-?\d+$/.test(source) ? BigInt(source) : value

/** Parses a message. Integers that are not safe in a double are bigint. */
export function parseMessage({ text, hasLongNumber }: Pick<Frame, 'text' | 'hasLongNumber'>): Json {
  try {
    return hasLongNumber ? exact.parse(text, keepInteger) : JSON.parse(text)
  } catch (error) {
    throw new ProtocolError(`a message is not JSON: ${(error as Error).message}`)
  }
}

/** A bigint as something that JSON.stringify writes as a plain number. */
export const rawInteger = (value: bigint): Json => exact.rawJSON(String(value))

/** Puts two parts of one message together: what both have is joined, member by member and element by element. */
export function joinParts(a: Json, b: Json): Json {
  if (isArray(a) && isArray(b)) return b.map((element, i) => (i < a.length ? joinParts(a[i], element) : element))
  if (!isObject(a) || !isObject(b)) return b
  for (const key in b) {
    const value = Object.hasOwn(a, key) ? joinParts(a[key], b[key]) : b[key]
    // Assignment would take "__proto__" for something else.
    Object.defineProperty(a, key, { value, enumerable: true, writable: true, configurable: true })
  }
  return a
}
