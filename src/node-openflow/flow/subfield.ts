// Parts of fields, as actions name them: `reg0`, `reg0[3]`, `reg0[0..15]`; names such as NXM_NX_REG0[] are taken too.

import { brief, DecodeError, EncodeError, type Reader, type Writer } from '../wire/index.ts'
import {
  blankHeader,
  codeOf,
  type Dialect,
  type Field,
  findField,
  findWireName,
  readHeader,
  writeHeader,
} from './field.ts'
import type { FieldAlias, FieldName } from './fields.ts'

/**
 * A field or some of its bits, counted from the least significant: `eth_src`, `reg0[0..15]`, `xreg1[63]`; of a tunnel
 * option the bytes that the switch's TLV table gives it: `tun_metadata0(4)`, `tun_metadata0(4)[0..7]`.
 */
export type Subfield =
  | FieldName
  | FieldAlias
  | `reg${number}`
  | `tun_metadata${number}(${number})${string}`
  | `${FieldName | FieldAlias}[${string}]`
  | `NXM_${string}`
  | `OXM_${string}`

/** A subfield taken apart. */
export interface Bits {
  readonly field: Field
  /** The lowest bit. */
  readonly offset: number
  readonly count: number
  /** A tunnel option's bytes where the switch's table gives it a length, else all that the field may have. */
  readonly length: number
}

const cache = new Map<string, Bits>()
const syntax = /^([A-Za-z0-9_]+)(?:\((\d+)\))?(?:\[\s*(?:(\d+)(?:\s*\.\.\s*(\d+))?)?\s*\])?$/

/** Takes a subfield apart. */
export function bitsOf(text: string): Bits {
  const known = cache.get(text)
  if (known) return known
  const bits = parse(text)
  if (cache.size > 4096) cache.clear()
  cache.set(text, bits)
  return bits
}

function parse(text: string): Bits {
  const found = syntax.exec(text)
  if (!found) throw new EncodeError('syntax', '', `${brief(String(text))} is not a field like reg0 or reg0[0..15]`)
  const [, name, size, low, high] = found
  const field = findField(name as string) ?? findWireName(name as string)
  if (!field) throw new EncodeError('bad-value', '', `there is no field ${brief(name as string)}`)
  const length = size === undefined ? field.bytes : Number(size)
  const all = field.kind === 'bytes' ? 8 * length : field.bits
  const offset = Number(low ?? 0)
  const end = high !== undefined ? Number(high) : low !== undefined ? offset : all - 1
  if (end < offset || end >= all) {
    throw new EncodeError('bad-value', '', `${text}: ${field.name} has the bits 0 to ${all - 1}`)
  }
  return { field, offset, count: end - offset + 1, length }
}

const names = new Map<number, Subfield>()

/** The text of some bits of a field. */
export function subfield(field: Field, offset: number, count: number, length: number = field.bytes): Subfield {
  if (length !== field.bytes) return nameOf(field, offset, count, length)
  const key = (field.index * 1024 + offset) * 1025 + count
  let name = names.get(key)
  if (name === undefined) {
    if (names.size > 4096) names.clear()
    name = nameOf(field, offset, count, length)
    names.set(key, name)
  }
  return name
}

function nameOf(field: Field, offset: number, count: number, length: number): Subfield {
  const name = length === field.bytes ? field.name : `${field.name}(${length})`
  const all = field.kind === 'bytes' ? 8 * length : field.bits
  if (offset === 0 && count === all) return name as Subfield
  return `${name}[${count === 1 ? offset : `${offset}..${offset + count - 1}`}]` as Subfield
}

/** A subfield as `ovs-ofctl` prints it: `NXM_NX_REG0[0..15]`. */
export function printSubfield(text: string): string {
  const { field, offset, count, length } = bitsOf(text)
  const name = field.codes[0]?.name ?? field.name
  const all = field.kind === 'bytes' ? 8 * length : field.bits
  if (offset === 0 && count === all) return `${name}[]`
  return `${name}[${count === 1 ? offset : `${offset}..${offset + count - 1}`}]`
}

const header = blankHeader()

/** A field that this library does not know, in an action: the action is then kept as it came. */
export class UnknownField extends DecodeError {}

/** Reads a header that stands for a field. */
export function readField(r: Reader): { readonly field: Field; readonly length: number } {
  const at = r.offset
  const { field, hasMask, length, cls, num } = readHeader(r, header)
  if (!field) throw new UnknownField('bad-value', at, `an unknown field (class ${cls}, number ${num})`)
  if (hasMask) r.fail('bad-mask', `a mask of ${field.name} where only a field is meant`, at)
  if (field.kind === 'bytes' ? length < 1 || length > field.bytes : length !== field.bytes) {
    r.fail('bad-length', `${field.name} in ${length} bytes`, at)
  }
  return { field, length }
}

/** Writes the header that stands for a field. */
export function writeFieldHeader(w: Writer, bits: Bits, version: Dialect): void {
  writeHeader(w, codeOf(bits.field, version), false, bits.field.kind === 'bytes' ? bits.length : bits.field.bytes)
}

/** Whether a field has a header of 4 bytes in NXM, which older actions have room for. */
export function isShort(field: Field): boolean {
  return field.codes[0] !== undefined && field.codes[0].cls !== 0xffff
}

/** Reads a subfield whose bits were given before its header. */
export function readSubfield(r: Reader, offset: number, count: number): Subfield {
  const at = r.offset
  const { field, length } = readField(r)
  const all = field.kind === 'bytes' ? 8 * length : field.bits
  if (count === 0 || offset + count > all) {
    r.fail('bad-value', `bits ${offset} to ${offset + count - 1} of ${field.name}, which has ${all}`, at)
  }
  return subfield(field, offset, count, length)
}

/** First bit and number of bits in 16 bits. */
export function packBits(bits: Bits): number {
  if (bits.count > 64 || bits.offset > 1023) {
    throw new EncodeError('bad-value', '', `${bits.count} bits from ${bits.offset} on where 64 below 1024 fit`)
  }
  return (bits.offset << 6) | (bits.count - 1)
}
