// Parts that several actions have in text: subfields, `a->b`, bytes in hexadecimal.

import { brief, EncodeError } from '../../wire/index.ts'
import { bitsOf, type Subfield, subfield } from '../subfield.ts'
import { refuse } from './pairs.ts'

/** A subfield in the form in which actions have it, from any form of text. */
export function parseSubfield(text: string): Subfield {
  const { field, offset, count, length } = bitsOf(text.trim())
  return subfield(field, offset, count, length)
}

/** What stands on the two sides of an arrow. */
export function splitArrow(action: string, text: string): readonly [string, string] {
  const at = text.indexOf('->')
  if (at < 0) refuse(`${action}: a -> is missing in ${brief(text)}`)
  return [text.slice(0, at), text.slice(at + 2)]
}

/** Bytes as ovs-ofctl writes them: `00.1a.ff`. */
export function printBytes(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('.')
}

/** Bytes from pairs of hexadecimal digits, with dots or white space between them or not. */
export function parseBytes(text: string): Uint8Array {
  const digits = text.replace(/[.\s]/g, '')
  if (!/^([0-9a-f]{2})*$/i.test(digits))
    throw new EncodeError('syntax', '', `${brief(text)} are not bytes in hexadecimal`)
  return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

/** The packet type that says that the next header does (decap). */
export const NEXT_PROTOCOL = 0xfffe
