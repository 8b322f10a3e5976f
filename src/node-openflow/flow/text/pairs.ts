// How the text of ovs-ofctl falls into keys and values, and how it writes numbers: the parsers of flows, actions, groups
// and meters stand on this.

import { brief, EncodeError } from '../../wire/index.ts'

/** A key and what belongs to it: `key`, `key=value`, `key:value`, `key(value)`, or `key(value)->more`, taken as `value)->more`. */
export interface Pair {
  readonly key: string
  readonly value: string
}

const isSpace = (c: string | undefined) => c === ' ' || c === '\t' || c === '\r' || c === '\n'
const isDelimiter = (c: string | undefined) => c === ',' || isSpace(c)

/** Refuses a text. */
export function refuse(reason: string): never {
  throw new EncodeError('syntax', '', reason)
}

/** Where the value that starts at `at` ends: before a comma or white space (or a closing parenthesis), those in parentheses not counted. */
function valueEnd(text: string, at: number, inParentheses: boolean): number {
  let i = at
  let level = 0
  for (; i < text.length; i++) {
    const c = text[i]
    if (c === '(') level++
    else if (level > 0) {
      if (c === ')') level--
    } else if (inParentheses ? c === ')' : isDelimiter(c)) break
  }
  return i
}

/** The pairs of a text, in order. Commas and white space stand between them. */
export function pairs(text: string): Pair[] {
  const found: Pair[] = []
  let i = 0
  for (;;) {
    while (isDelimiter(text[i])) i++
    if (i >= text.length) return found
    const start = i
    while (i < text.length && !isDelimiter(text[i]) && text[i] !== ':' && text[i] !== '=' && text[i] !== '(') i++
    const key = text.slice(start, i)
    const mark = text[i]
    if (mark !== ':' && mark !== '=' && mark !== '(') {
      found.push({ key, value: '' })
      continue
    }
    i++
    const isCall = mark === '('
    let end = valueEnd(text, i, isCall)
    if (isCall && text.startsWith(')->', end)) {
      end = valueEnd(text, end + 1, false)
      found.push({ key, value: text.slice(i, end) })
      i = end
      continue
    }
    if (isCall && end >= text.length) refuse(`a parenthesis is not closed after ${brief(key)}`)
    found.push({ key, value: text.slice(i, end) })
    i = end + (isCall ? 1 : 0)
  }
}

// The widest field, a tunnel option of 124 bytes, has 299 decimal digits.
const MAX_DIGITS = 310

/** A whole number as C's strtol reads it: decimal, 0x hexadecimal, 0 octal. Undefined if it is none. */
export function integerIn(text: string): bigint | undefined {
  const s = text.trim()
  if (s.length > MAX_DIGITS) return undefined
  if (/^-?0x[0-9a-f]+$/i.test(s)) return s.startsWith('-') ? -BigInt(s.slice(1)) : BigInt(s)
  if (/^-?0[0-7]+$/.test(s)) return s.startsWith('-') ? -BigInt(`0o${s.slice(2)}`) : BigInt(`0o${s.slice(1)}`)
  return /^-?(0|[1-9]\d*)$/.test(s) ? BigInt(s) : undefined
}

/** A whole number of at most `bits` bits; -1 and the like stand for that many ones and less, if `bits` is 32 or more. */
export function bigOf(text: string, bits: number, what: string): bigint {
  let value = integerIn(text)
  const size = 1n << BigInt(bits)
  if (value !== undefined && value < 0n && bits >= 32 && value >= -size / 2n) value += size
  if (value === undefined) refuse(`${brief(text)} is not a number; ${what} is wanted`)
  if (value < 0n || value >= size) refuse(`${what} does not fit ${bits} bits: ${brief(text)}`)
  return value
}

/** A whole number of at most 32 bits. */
export function numberOf(text: string, bits: number, what: string): number {
  return Number(bigOf(text, bits, what))
}

/** A number in hexadecimal with 0x; plain 0 for zero, as C's %#x writes it. */
export function hex(value: number | bigint): string {
  return value === 0 || value === 0n ? '0' : `0x${value.toString(16)}`
}

/** A number in hexadecimal with 0x and at least `digits` digits. */
export function hexPadded(value: number | bigint, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`
}
