// The rows of fields.ts made ready for use: looked up by name or by code, with headers to write precomputed.

import { brief, EncodeError, type Reader, type Writer } from '../wire/index.ts'
import {
  type AnyValue,
  type Code,
  type FieldAlias,
  type FieldName,
  type FieldRow,
  fields,
  type Kind,
} from './fields.ts'

/** OpenFlow by its version number on the wire: 1.3, 1.4, 1.5. */
export type Version = 4 | 5 | 6
export const OFP13 = 4
export const OFP14 = 5
export const OFP15 = 6

/** A version, or 0 for Nicira's own match (NXM) of OpenFlow 1.0. */
export type Dialect = Version | 0

/** A row and what follows from it. */
export interface Field {
  readonly name: FieldName
  /** Its place in `fields`. */
  readonly index: number
  readonly row: FieldRow
  readonly kind: Kind
  readonly bytes: number
  readonly bits: number
  readonly allOnes: AnyValue
  /** uint: a mask with these bits leaves out nothing. */
  readonly exactMask: number
  /** A mask that is written though it leaves out nothing, because Open vSwitch does. */
  readonly writtenMask?: number
  /** The code to write, by version. */
  readonly codes: readonly (Code | undefined)[]
}

// Masks that Open vSwitch takes for whole though bits above the value's are 0.
const exactMasks: { readonly [name: string]: number } = {
  vlan_vid: 0x1fff,
  ip_frag: 3,
  nsh_spi: 0xffffff,
  ipv6_label: 0xfffff,
  tun_flags: 1,
  ct_state: 0xff,
}
// Those of which Open vSwitch writes the mask nevertheless.
const writtenMasks = new Set(['tun_flags', 'ct_state'])

function codeFor(row: FieldRow, dialect: Dialect): Code | undefined {
  let best: Code | undefined
  for (const code of row.codes) if (!best || dialect >= code.since) best = code
  return best
}

/** All ones in as many bytes as a field has. */
function ones(kind: Kind, bytes: number): AnyValue {
  if (kind === 'uint') return 2 ** (8 * bytes) - 1
  if (kind === 'big') return (1n << BigInt(8 * bytes)) - 1n
  if (kind === 'mac') return 'ff:ff:ff:ff:ff:ff'
  if (kind === 'ipv4') return '255.255.255.255'
  if (kind === 'ipv6') return 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
  return new Uint8Array(bytes).fill(0xff)
}

function ready(name: FieldName, row: FieldRow, index: number): Field {
  const bytes = row.bytes ?? (row.bits <= 8 ? 1 : row.bits <= 16 ? 2 : row.bits <= 32 ? 4 : row.bits / 8)
  return {
    name,
    index,
    row,
    kind: row.value,
    bytes,
    bits: row.bits,
    exactMask: exactMasks[name] ?? (bytes <= 4 ? 2 ** (8 * bytes) - 1 : 0),
    codes: ([0, 1, 2, 3, 4, 5, 6] as Dialect[]).map(dialect => codeFor(row, dialect)),
    allOnes: ones(row.value, bytes),
    ...(writtenMasks.has(name) && { writtenMask: exactMasks[name] as number }),
  }
}

/** All fields, in the order of their rows. */
export const allFields: readonly Field[] = Object.entries(fields).map(([name, row], i) =>
  ready(name as FieldName, row, i),
)

const byName = new Map<string, Field>()
const byWireName = new Map<string, Field>()
const byCode = new Map<number, Field>()
const byExperimenter = new Map<string, Field>()

for (const field of allFields) {
  byName.set(field.name, field)
  for (const alias of field.row.aka ?? []) byName.set(alias, field)
  for (const code of field.row.codes) {
    byWireName.set(code.name, field)
    if (code.cls === 0xffff) byExperimenter.set(`${code.exp}/${code.num}`, field)
    else byCode.set((code.cls << 7) | code.num, field)
  }
}

/** The field of a name or alias, if there is one. */
export function findField(name: string): Field | undefined {
  return byName.get(name)
}

/** The field of a name or alias of ovs-fields(7). */
export function fieldOf(name: FieldName | FieldAlias | (string & {})): Field {
  const field = byName.get(name)
  if (field) return field
  if (name === undefined) throw new EncodeError('missing', '', 'the name of a field is missing')
  throw new EncodeError('bad-value', '', `there is no field ${brief(String(name))}; ovs-fields(7) lists them`)
}

/** The field of a name such as NXM_OF_ETH_SRC. */
export function findWireName(name: string): Field | undefined {
  return byWireName.get(name)
}

/** The code that a version writes for a field. */
export function codeOf(field: Field, dialect: Dialect): Code {
  const code = field.codes[dialect]
  if (!code) throw new EncodeError('bad-type', '', `${field.name} has no form on the wire; Open vSwitch derives it`)
  return code
}

/** Writes the header of a field whose value (with its mask, if any) is `length` bytes. */
export function writeHeader(w: Writer, code: Code, hasMask: boolean, length: number): void {
  w.u16(code.cls)
  w.u8((code.num << 1) | (hasMask ? 1 : 0))
  const isExperimenter = code.cls === 0xffff
  w.u8(isExperimenter ? length + 4 : length)
  if (isExperimenter) w.u32(code.exp)
}

/** A header as read. `length` counts the bytes that follow it. */
export interface Header {
  cls: number
  num: number
  hasMask: boolean
  length: number
  exp: number
  field: Field | undefined
}

/** Reads a header into `into`, and leaves the reader behind it. */
export function readHeader(r: Reader, into: Header): Header {
  const cls = r.u16()
  const low = r.u8()
  const length = r.u8()
  into.cls = cls
  into.num = low >> 1
  into.hasMask = (low & 1) === 1
  if (cls !== 0xffff) {
    into.length = length
    into.exp = 0
    into.field = byCode.get((cls << 7) | (low >> 1))
  } else {
    if (length < 4) r.fail('bad-length', `an experimenter's field of ${length} bytes`, r.offset - 4)
    into.length = length - 4
    into.exp = r.u32()
    into.field = byExperimenter.get(`${into.exp}/${low >> 1}`)
  }
  return into
}

/** A header to read into. */
export function blankHeader(): Header {
  return { cls: 0, num: 0, hasMask: false, length: 0, exp: 0, field: undefined }
}
