// Actions that write into fields: set_field, load and move. OpenFlow 1.5 has them in full; before it, masks and parts of
// fields are Nicira's reg_load and reg_move, and what is written follows what Open vSwitch writes in that version.

import { EncodeError, type Reader, type Writer } from '../wire/index.ts'
import { type ActionRow, close, niciraForm, ONF, open, openNicira, standardForm, zerosOnly } from './action-row.ts'
import { blankHeader, codeOf, type Dialect, type Field, fieldOf, OFP15, readHeader, writeHeader } from './field.ts'
import type { AnyValue, FieldAlias, FieldName } from './fields.ts'
import { canonicalValue } from './match.ts'
import {
  type Bits,
  bitsOf,
  isShort,
  packBits,
  readSubfield,
  type Subfield,
  UnknownField,
  writeFieldHeader,
} from './subfield.ts'
import { fromInteger, integerOf, isExact, isMasked, type Masked, readValue, writeValue } from './value.ts'

/** Writes a value into a field, or only where `mask` has ones. */
export interface SetField {
  readonly field: FieldName | FieldAlias
  readonly value: AnyValue
  readonly mask?: AnyValue
  /** Before OpenFlow 1.5: written as Nicira's reg_load2. */
  readonly form?: 'load2'
}

/** Writes an integer into some bits of a field. In OpenFlow 1.5 it is a set_field with a mask. */
export interface Load {
  readonly dst: Subfield
  readonly value: bigint | number
}

/** Copies some bits of a field into another. */
export interface Move {
  readonly src: Subfield
  readonly dst: Subfield
  /** OpenFlow 1.3 and 1.4: written as ONF's copy_field. */
  readonly form?: 'onf'
}

const SET_FIELD = 25
const REG_LOAD = 7
const REG_LOAD2 = 33
const COPY_FIELD = 28
const REG_MOVE = 6
const ONF_COPY_FIELD = 3200

const header = blankHeader()

function readEntry(r: Reader): SetField {
  const at = r.offset
  const { field, hasMask, length, cls, num } = readHeader(r, header)
  if (!field) throw new UnknownField('bad-value', at, `an unknown field (class ${cls}, number ${num})`)
  const size = hasMask ? length >> 1 : length
  const isWrong = field.kind === 'bytes' ? size < 1 || size > field.bytes : size !== field.bytes
  if (isWrong || (hasMask && (length & 1) === 1)) r.fail('bad-length', `${field.name} in ${length} bytes`, at)
  const value = readValue(r, field, size)
  if (!hasMask) return { field: field.name, value }
  const mask = readValue(r, field, size)
  return isExact(field, mask) ? { field: field.name, value } : { field: field.name, value, mask }
}

/** Writes a field's header, its value and, if it leaves something out, its mask. */
function writeEntry(w: Writer, field: Field, value: AnyValue, mask: AnyValue | undefined, version: Dialect): void {
  const length = value instanceof Uint8Array ? value.length : field.bytes
  const hasMask = mask !== undefined && !isExact(field, mask)
  writeHeader(w, codeOf(field, version), hasMask, hasMask ? 2 * length : length)
  writeValue(w, field, value)
  if (hasMask) writeValue(w, field, mask)
}

function readSetField(r: Reader): SetField {
  const entry = readEntry(r)
  if (r.remaining > 7) r.fail('bad-length', `${r.remaining} bytes left in an action`)
  zerosOnly(r)
  return entry
}

function readLoad(r: Reader, _version: Dialect): Load {
  const packed = r.u16()
  const dst = readSubfield(r, packed >> 6, (packed & 0x3f) + 1)
  const at = r.offset
  const value = r.u64()
  if (value >> BigInt((packed & 0x3f) + 1) !== 0n)
    r.fail('bad-value', `0x${value.toString(16)} does not fit ${dst}`, at)
  return { dst, value }
}

function writeMasked(w: Writer, action: SetField, field: Field, version: Dialect): void {
  const given: AnyValue | Masked | undefined = canonicalValue(
    field,
    action.mask === undefined ? action.value : { value: action.value, mask: action.mask },
  )
  if (given === undefined) throw new EncodeError('bad-mask', 'mask', 'leaves out every bit')
  const [value, mask] = isMasked(given) ? [given.value, given.mask] : [given, undefined]
  const asLoad = version < OFP15 && (mask !== undefined || action.form === 'load2')
  if (!asLoad) {
    const start = open(w, SET_FIELD)
    writeEntry(w, field, value, mask, version)
    close(w, start)
  } else if (action.form === 'load2' || !isShort(field) || field.kind === 'bytes') {
    const start = openNicira(w, REG_LOAD2)
    writeEntry(w, field, value, mask, 0)
    close(w, start)
  } else writeSegments(w, field, integerOf(field, value), integerOf(field, mask as AnyValue))
}

/** Runs of ones in the mask, lowest first, each of 64 bits at most: one reg_load each. */
function writeSegments(w: Writer, field: Field, value: bigint, mask: bigint): void {
  const all = field.bits
  if (mask >> BigInt(all) !== 0n) {
    throw new EncodeError('bad-mask', 'mask', `${field.name} has the bits 0 to ${all - 1}`)
  }
  for (let i = 0; i < all; ) {
    if (((mask >> BigInt(i)) & 1n) === 0n) {
      i++
      continue
    }
    let count = 0
    while (i + count < all && count < 64 && ((mask >> BigInt(i + count)) & 1n) === 1n) count++
    const bits = { field, offset: i, count, length: field.bytes }
    writeRegLoad(w, bits, (value >> BigInt(i)) & ((1n << BigInt(count)) - 1n))
    i += count
  }
}

function writeRegLoad(w: Writer, bits: Bits, value: bigint | number): void {
  const start = openNicira(w, REG_LOAD)
  w.u16(packBits(bits))
  writeFieldHeader(w, bits, 0)
  w.u64(value)
  close(w, start)
}

/** set_field. */
export const setFieldRow: ActionRow<SetField> = {
  forms: [
    standardForm(SET_FIELD, readSetField),
    {
      ...niciraForm<SetField>(REG_LOAD2, r => ({ ...readSetField(r), form: 'load2' })),
      to: 5,
    },
  ],
  write: (w, action, version) => {
    const field = fieldOf(action.field)
    if (action.mask !== undefined || action.form !== undefined || typeof action.value === 'object') {
      writeMasked(w, action, field, version)
      return
    }
    const start = open(w, SET_FIELD)
    const code = codeOf(field, version)
    writeHeader(w, code, false, field.bytes)
    writeValue(w, field, action.value)
    close(w, start)
  },
}

/** load. */
export const loadRow: ActionRow<Load> = {
  forms: [niciraForm(REG_LOAD, readLoad, 4, 5)],
  write: (w, action, version) => {
    const bits = bitsOf(action.dst)
    const { field, offset, count } = bits
    const value = BigInt(action.value)
    if (value < 0n || value >> BigInt(count) !== 0n) {
      throw new EncodeError('bad-value', 'value', `${action.value} does not fit the ${count} bits of ${action.dst}`)
    }
    if (version < OFP15 && isShort(field) && field.kind !== 'bytes') {
      writeRegLoad(w, bits, value)
      return
    }
    const mask = ((1n << BigInt(count)) - 1n) << BigInt(offset)
    const isWhole = offset === 0 && count === (field.kind === 'bytes' ? 8 * bits.length : field.bits)
    const shifted = fromInteger(field, value << BigInt(offset), bits.length)
    const start = version < OFP15 ? openNicira(w, REG_LOAD2) : open(w, SET_FIELD)
    const given = isWhole ? undefined : fromInteger(field, mask, bits.length)
    writeEntry(w, field, shifted, given, version < OFP15 ? 0 : version)
    close(w, start)
  },
}

function readMove(r: Reader, count: number, srcOffset: number, dstOffset: number): Move {
  return { src: readSubfield(r, srcOffset, count), dst: readSubfield(r, dstOffset, count) }
}

function readCopy(r: Reader): Move {
  const count = r.u16()
  const srcOffset = r.u16()
  const dstOffset = r.u16()
  r.skip(2)
  const move = readMove(r, count, srcOffset, dstOffset)
  zerosOnly(r)
  return move
}

/** move. */
export const moveRow: ActionRow<Move> = {
  forms: [
    standardForm(COPY_FIELD, readCopy, 6),
    niciraForm(
      REG_MOVE,
      r => {
        const count = r.u16()
        const srcOffset = r.u16()
        const move = readMove(r, count, srcOffset, r.u16())
        zerosOnly(r)
        return move
      },
      4,
      5,
    ),
    {
      owner: 'onf',
      num: ONF_COPY_FIELD,
      from: 4,
      to: 5,
      read: r => {
        r.skip(2)
        return { ...readCopy(r), form: 'onf' }
      },
    },
  ],
  write: (w, action, version) => {
    const src = bitsOf(action.src)
    const dst = bitsOf(action.dst)
    if (src.count !== dst.count) {
      throw new EncodeError('bad-value', 'dst', `${action.src} has ${src.count} bits and ${action.dst} ${dst.count}`)
    }
    const isCopy = version >= OFP15 || action.form === 'onf'
    const start = version >= OFP15 ? open(w, COPY_FIELD) : isCopy ? openOnf(w) : openNicira(w, REG_MOVE)
    w.u16(src.count)
    w.u16(src.offset)
    w.u16(dst.offset)
    if (isCopy) w.zeros(2)
    writeFieldHeader(w, src, isCopy ? version : 0)
    writeFieldHeader(w, dst, isCopy ? version : 0)
    close(w, start)
  },
}

function openOnf(w: Writer): number {
  const start = open(w, 0xffff)
  w.u32(ONF)
  w.u16(ONF_COPY_FIELD)
  w.zeros(2)
  return start
}
