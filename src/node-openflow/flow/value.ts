// Values of fields: their bytes, and masks over them. Four bytes and fewer are numbers, more are bigints or text.

import {
  brief,
  EncodeError,
  ipv4Number,
  ipv4Text,
  ipv6Number,
  ipv6Text,
  macNumber,
  type Reader,
  readIpv4,
  readIpv6,
  readMac,
  toHex,
  type Writer,
  writeIpv4,
  writeIpv6,
  writeMac,
} from '../wire/index.ts'
import type { Field } from './field.ts'
import type { AnyValue } from './fields.ts'

/** A value of which only the bits that are 1 in `mask` count. The other bits of `value` are 0. */
export interface Masked<T = AnyValue> {
  readonly value: T
  readonly mask: T
}

/** Whether something is a value with a mask. */
export function isMasked(value: unknown): value is Masked {
  return typeof value === 'object' && value !== null && 'mask' in value
}

/** Whether a mask leaves out every bit. */
export function isZero(mask: AnyValue): boolean {
  if (typeof mask === 'number') return mask === 0
  if (typeof mask === 'bigint') return mask === 0n
  if (typeof mask === 'string') return mask === '::' || mask === '0.0.0.0' || mask === '00:00:00:00:00:00'
  return mask.every(byte => byte === 0)
}

/** Whether a mask leaves out no bit that the field has; a mask of the field's meaningful bits is as good as one of all. */
export function isExact(field: Field, mask: AnyValue): boolean {
  if (typeof mask === 'number' || typeof mask === 'bigint') {
    const all = field.exactMask
    if (field.kind === 'uint') return (Number(mask) & all) >>> 0 === all
    return BigInt(mask) === field.allOnes
  }
  if (typeof mask === 'string')
    return mask === field.allOnes || integerOf(field, mask) === integerOf(field, field.allOnes)
  return mask.every(byte => byte === 0xff)
}

/** A value as an integer. */
export function integerOf(field: Field, value: AnyValue): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return BigInt(value)
  if (typeof value !== 'string') return value.length === 0 ? 0n : BigInt(`0x${toHex(value)}`)
  if (field.kind === 'ipv4') return BigInt(ipv4Number(value))
  if (field.kind === 'ipv6') return ipv6Number(value)
  return BigInt(macNumber(value))
}

/** An integer as the value of a field; `length` counts the bytes of a tunnel option. */
export function fromInteger(field: Field, integer: bigint, length: number = field.bytes): AnyValue {
  switch (field.kind) {
    case 'uint':
      return Number(integer)
    case 'big':
      return integer
    case 'ipv4':
      return ipv4Text(Number(integer))
    case 'ipv6':
      return ipv6Text(integer)
    case 'mac':
      return (integer.toString(16).padStart(12, '0').match(/../g) as string[]).join(':')
    default: {
      const out = new Uint8Array(length)
      for (let i = length - 1, rest = integer; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn)
      return out
    }
  }
}

/** The bytes of an option that has no length of its own yet: as many as its integer needs. */
export function valueLength(value: AnyValue): number {
  return value instanceof Uint8Array ? value.length : 0
}

/** Reads a value of a field; `length` is what the wire gives it. */
export function readValue(r: Reader, field: Field, length: number): AnyValue {
  switch (field.kind) {
    case 'uint':
      if (field.bytes === 3) return Number(r.uint(3))
      return field.bytes === 4 ? r.u32() : field.bytes === 2 ? r.u16() : r.u8()
    case 'big':
      return field.bytes === 8 ? r.u64() : r.uint(16)
    case 'mac':
      return readMac(r)
    case 'ipv4':
      return readIpv4(r)
    case 'ipv6':
      return readIpv6(r)
    default:
      return r.bytes(length)
  }
}

/** Writes a value of a field. */
export function writeValue(w: Writer, field: Field, value: AnyValue): void {
  const kind = field.kind
  if (kind === 'uint') {
    if (typeof value !== 'number') wrongType(field, value)
    if (field.bytes === 4) w.u32(value)
    else if (field.bytes === 2) w.u16(value)
    else if (field.bytes === 1) w.u8(value)
    else w.uint(value, field.bytes)
  } else if (kind === 'big') {
    if (typeof value !== 'bigint' && typeof value !== 'number') wrongType(field, value)
    if (field.bytes === 8) w.u64(value)
    else w.uint(value, 16)
  } else if (kind === 'bytes') {
    if (!(value instanceof Uint8Array) || value.length < 1 || value.length > field.bytes) wrongType(field, value)
    w.bytes(value)
  } else {
    if (typeof value !== 'string') wrongType(field, value)
    if (kind === 'mac') writeMac(w, value)
    else if (kind === 'ipv4') writeIpv4(w, value)
    else writeIpv6(w, value)
  }
}

const wants: { readonly [kind: string]: string } = {
  uint: 'a number',
  big: 'a bigint or a whole number',
  mac: 'a MAC address as text',
  ipv4: 'an IPv4 address as text',
  ipv6: 'an IPv6 address as text',
  bytes: '1 to 124 bytes',
}

function wrongType(field: Field, value: unknown): never {
  if (value === undefined) throw new EncodeError('missing', '', 'a value is missing')
  throw new EncodeError('bad-value', '', `${wants[field.kind]} is wanted, not ${brief(String(value))}`)
}

/** Whether `value` has bits that `mask` leaves out. */
export function hasStrayBits(field: Field, value: AnyValue, mask: AnyValue): boolean {
  if (field.kind === 'uint') return ((value as number) & ~(mask as number)) !== 0
  return (integerOf(field, value) & ~integerOf(field, mask)) !== 0n
}

/**
 * A value and its mask in canonical form: without the bits that do not count, without a mask that leaves out nothing;
 * undefined if every bit is left out. A tunnel option without bits stays: it matches packets that have the option.
 */
export function canonical(field: Field, value: AnyValue, mask: AnyValue): AnyValue | Masked | undefined {
  if (field.kind === 'uint' && isWord(value) && isWord(mask)) return canonicalWord(field, value, mask)
  const given = integerOf(field, mask)
  const bits = field.kind === 'uint' ? given & BigInt(field.exactMask) : given
  if (bits === 0n && field.kind !== 'bytes') return undefined
  if (isExact(field, mask)) return value
  const length = Math.max(valueLength(value), valueLength(mask))
  return { value: fromInteger(field, integerOf(field, value) & bits, length), mask: fromInteger(field, bits, length) }
}

const isWord = (value: AnyValue): value is number => typeof value === 'number' && value >>> 0 === value

/** The same of numbers of 32 bits, most of what is masked, without bigints. */
const canonicalWord = (field: Field, value: number, mask: number): number | Masked<number> | undefined => {
  const bits = (mask & field.exactMask) >>> 0
  if (bits === 0) return undefined
  return bits === field.exactMask ? value : { value: (value & bits) >>> 0, mask: bits }
}

/** The mask of a prefix: that many ones, then zeros. */
export function prefixMask(field: Field, prefix: number): AnyValue {
  const bits = BigInt(8 * field.bytes)
  const all = (1n << bits) - 1n
  return fromInteger(field, all ^ (all >> BigInt(prefix)))
}

/** `10.0.0.0/24`, `10.0.0.0/255.255.255.0` and the like as a value with a mask; other text unchanged. */
export function withPrefix(field: Field, text: string): AnyValue | Masked | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return text
  const tail = text.slice(slash + 1)
  const bits = 8 * field.bytes
  if (!/^\d+$/.test(tail)) return canonical(field, text.slice(0, slash), tail)
  if (Number(tail) > bits) throw new EncodeError('bad-mask', '', `a prefix of ${tail} bits where ${bits} are the most`)
  return canonical(field, text.slice(0, slash), prefixMask(field, Number(tail)))
}
