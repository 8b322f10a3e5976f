// Values of fields in text, with their masks: numbers, addresses, flags and ports in the forms of ovs-fields(7).

import { brief, ipv4Number, ipv4Text, ipv6Number, ipv6Text, toHex } from '../../wire/index.ts'
import type { Field } from '../field.ts'
import type { AnyValue } from '../fields.ts'
import { portFrom16 } from '../match-order.ts'
import { canonical, fromInteger, integerOf, isExact, isMasked, isZero, type Masked, prefixMask } from '../value.ts'
import { type Names, parsePort, printPort } from './names.ts'
import { bigOf, hex, integerIn, refuse } from './pairs.ts'

/** Names of bits, lowest first. */
export const CT_STATE = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat']
export const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]']
export const TUN_FLAGS = ['oam']

const all = (names: readonly string[]) => 2 ** names.length - 1

/** Flags of which all are compared: `new|trk`; 0 for none. */
export function printFlags(value: number, names: readonly string[]): string {
  const words: string[] = []
  let rest = value
  for (let i = 0; i < names.length; i++) {
    if (value & (1 << i)) words.push(names[i] as string)
    rest = (rest & ~(1 << i)) >>> 0
  }
  if (rest !== 0) words.push(`0x${rest.toString(16)}`)
  return words.length === 0 ? '0' : words.join('|')
}

/** Flags of which some are compared: `+new-est`. */
export function printSomeFlags(value: number, mask: number, names: readonly string[]): string {
  let text = ''
  for (let i = 0; i < 32; i++) {
    const bit = (1 << i) >>> 0
    if ((mask & bit) !== 0) text += (value & bit ? '+' : '-') + (names[i] ?? '[Unknown]')
  }
  return text || '0/0'
}

function printFlagValue(value: number, mask: number, names: readonly string[]): string {
  const some = (mask & all(names)) >>> 0
  return some === all(names) ? printFlags(value, names) : printSomeFlags(value, some, names)
}

/** An address with a mask: as a prefix where it is one. */
export function printAddress(field: Field, value: AnyValue, mask: AnyValue | undefined): string {
  if (mask === undefined || isExact(field, mask)) return String(value)
  if (field.kind === 'mac') return `${value}/${mask}`
  const prefix = prefixOf(field, mask)
  return `${value}/${prefix ?? mask}`
}

function prefixOf(field: Field, mask: AnyValue): number | undefined {
  const bits = BigInt(8 * field.bytes)
  const hole = ((1n << bits) - 1n) ^ integerOf(field, mask)
  if ((hole & (hole + 1n)) !== 0n) return undefined
  return Number(bits) - hole.toString(2).length + (hole === 0n ? 1 : 0)
}

const frags: readonly (readonly [string, number, number])[] = [
  ['no', 3, 0],
  ['first', 3, 1],
  ['later', 3, 3],
  ['no', 1, 0],
  ['yes', 1, 1],
  ['not_later', 2, 0],
  ['later', 2, 2],
]

/** Which fragments are meant, as a word. */
export function printFrag(value: number, mask: number): string {
  for (const [word, m, v] of frags) if (m === (mask & 3) && v === (value & mask & 3)) return word
  return '<error>'
}

function printPart(part: number): string {
  return part > 9 ? `0x${part.toString(16)}` : String(part)
}

/** A packet type, with its key. */
export function printPacketType(value: number): string {
  return value === 0 ? 'eth' : `packet_type=(${printPart(value >>> 16)},${printPart(value & 0xffff)})`
}

/** Bytes or a wide integer in hexadecimal, without leading zeros. */
export function printHex(value: AnyValue): string {
  if (!(value instanceof Uint8Array)) return hex(value as number | bigint)
  const digits = toHex(value).replace(/^0+/, '')
  return digits === '' ? '0' : `0x${digits}`
}

/** A value of a field as ovs-ofctl prints it in actions; `ANY` if nothing of it counts. */
export function printValue(field: Field, value: AnyValue, given: AnyValue | undefined, names?: Names): string {
  if (given !== undefined && isZero(given)) return 'ANY'
  const mask = given === undefined || (isExact(field, given) && field.name !== 'vlan_vid') ? undefined : given
  if (field.kind === 'mac' || field.kind === 'ipv4' || field.kind === 'ipv6') return printAddress(field, value, mask)
  switch (field.row.show) {
    case 'ctState':
      return mask === undefined
        ? printSomeFlags(Number(value), 0xffffffff, CT_STATE)
        : printSomeFlags(Number(value), Number(mask), CT_STATE)
    case 'tcpFlags':
      return printFlagValue(Number(value), mask === undefined ? 0xfff : Number(mask), TCP_FLAGS)
    case 'tunFlags':
      return printFlagValue(Number(value), mask === undefined ? 1 : Number(mask), TUN_FLAGS)
    case 'frag':
      return printFrag(Number(value), mask === undefined ? 3 : Number(mask))
    case 'packetType':
      return printPacketType(Number(value))
    case 'port':
      // What stands in NXM_OF_IN_PORT are ports of 16 bits.
      if (mask === undefined) return printPort(field.bits === 16 ? portFrom16(Number(value)) : Number(value), names)
      break
    case 'decimal':
      return mask === undefined ? String(value) : `${value}/${printHex(mask)}`
  }
  return mask === undefined ? printHex(value) : `${printHex(value)}/${printHex(mask)}`
}

function parseFlags(text: string, names: readonly string[], what: string): AnyValue | Masked {
  const allowed = all(names)
  const numeric = /^(-?\w+)\/(-?\w+)$/.exec(text)
  if (numeric) {
    const value = Number(bigOf(numeric[1] as string, 32, what))
    const mask = Number(bigOf(numeric[2] as string, 32, what))
    if (((value | mask) & ~allowed) !== 0) refuse(`${what} has no such flags: ${brief(text)}`)
    return { value, mask }
  }
  if (text.startsWith('+') || text.startsWith('-')) return parseSomeFlags(text, names, what)
  let value = 0
  for (const word of text.split('|')) {
    const bit = names.indexOf(word)
    const number = bit >= 0 ? BigInt(1 << bit) : integerIn(word)
    if (number === undefined || number < 0n || (number & ~BigInt(allowed)) !== 0n) {
      refuse(`${what} has no flag ${brief(word)}; there are ${names.join(', ')}`)
    }
    value |= Number(number)
  }
  return value
}

function parseSomeFlags(text: string, names: readonly string[], what: string): Masked {
  let value = 0
  let mask = 0
  for (const part of text.match(/[+-][^+-]*/g) ?? []) {
    const bit = names.indexOf(part.slice(1))
    if (bit < 0) refuse(`${what} has no flag ${brief(part.slice(1))}; there are ${names.join(', ')}`)
    if (mask & (1 << bit)) refuse(`${what} has ${part.slice(1)} twice: ${brief(text)}`)
    mask |= 1 << bit
    if (part.startsWith('+')) value |= 1 << bit
  }
  return { value, mask }
}

function parseInteger(field: Field, text: string): AnyValue | Masked {
  const slash = text.indexOf('/')
  const bits = 8 * field.bytes
  const value = bigOf(slash < 0 ? text : text.slice(0, slash), bits, field.name)
  if (slash < 0) return fromInteger(field, value)
  const mask = bigOf(text.slice(slash + 1), bits, `the mask of ${field.name}`)
  return { value: fromInteger(field, value), mask: fromInteger(field, mask) }
}

// Tunnel options are whole words long; how many is known to the switch only, so that leading words of zeros are lost.
function parseBytes(field: Field, text: string): AnyValue | Masked {
  const slash = text.indexOf('/')
  const value = bigOf(slash < 0 ? text : text.slice(0, slash), 992, field.name)
  const mask = slash < 0 ? undefined : bigOf(text.slice(slash + 1), 992, `the mask of ${field.name}`)
  const digits = Math.max(value.toString(16).length, (mask ?? 0n).toString(16).length)
  const length = 4 * Math.ceil(digits / 8)
  const bytes = fromInteger(field, value, length)
  return mask === undefined ? bytes : { value: bytes, mask: fromInteger(field, mask, length) }
}

function parseMac(text: string): string {
  const parts = text.split(':')
  if (parts.length !== 6 || !parts.every(part => /^[0-9a-f]{1,2}$/i.test(part))) {
    refuse(`${brief(text)} is not a MAC address`)
  }
  return parts.map(part => part.toLowerCase().padStart(2, '0')).join(':')
}

function parseAddress(field: Field, text: string): AnyValue | Masked {
  const parse =
    field.kind === 'mac'
      ? parseMac
      : field.kind === 'ipv4'
        ? (s: string) => ipv4Text(ipv4Number(s))
        : (s: string) => ipv6Text(ipv6Number(s))
  const slash = text.indexOf('/')
  if (slash < 0) return parse(text)
  const tail = text.slice(slash + 1)
  const isPrefix = field.kind !== 'mac' && /^\d+$/.test(tail)
  if (isPrefix && Number(tail) > 8 * field.bytes) refuse(`${brief(text)}: a prefix longer than the address`)
  const mask = isPrefix ? prefixMask(field, Number(tail)) : parse(tail)
  return { value: parse(text.slice(0, slash)), mask }
}

function parseFrag(text: string): AnyValue | Masked {
  for (const [word, mask, value] of frags) {
    if (word === text.toLowerCase()) return mask === 3 ? value : { value, mask }
  }
  return refuse(`${brief(text)} is none of no, yes, first, later, not_later`)
}

function parsePacketType(text: string): number {
  const found = /^\(?\s*(\w+)\s*,\s*(\w+)\s*\)?$/.exec(text)
  if (!found) refuse(`${brief(text)} is not a packet type such as (1,0x800)`)
  const namespace = numberOf16(found[1] as string)
  return ((namespace << 16) | numberOf16(found[2] as string)) >>> 0
}

const numberOf16 = (text: string) => Number(bigOf(text, 16, 'part of a packet type'))

function parseAny(field: Field, text: string, names?: Names): AnyValue | Masked {
  if (field.kind === 'bytes') return parseBytes(field, text)
  if (field.kind === 'mac' || field.kind === 'ipv4' || field.kind === 'ipv6') return parseAddress(field, text)
  switch (field.row.show) {
    case 'ctState':
      return parseFlags(text, CT_STATE, field.name)
    case 'tcpFlags':
      return parseFlags(text, TCP_FLAGS, field.name)
    case 'tunFlags':
      return parseFlags(text, TUN_FLAGS, field.name)
    case 'frag':
      return parseFrag(text)
    case 'packetType':
      return parsePacketType(text)
    case 'port':
      return parsePort(text, names)
    default:
      return parseInteger(field, text)
  }
}

/** The value (with a mask) that a text says; undefined for `*`, or a mask of zeros, which compare nothing. */
export function parseValue(field: Field, text: string, names?: Names): AnyValue | Masked | undefined {
  if (text === '*') return undefined
  const value = parseAny(field, text, names)
  if (!isMasked(value)) return value
  const plain = canonical(field, value.value, value.mask)
  if (isMasked(plain) && !field.row.maskable) refuse(`${field.name} takes no mask: ${brief(text)}`)
  return plain
}
