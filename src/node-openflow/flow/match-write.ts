// Matches to bytes (OXM, OpenFlow 1.5.1 section 7.2.3; NXM, Open vSwitch). Fields are written in the order in which Open
// vSwitch writes them, so that a flow that a switch gives back has the same bytes as the flow it was given.

import { EncodeError, type Writer, within } from '../wire/index.ts'
import { codeOf, type Dialect, type Field, fieldOf, OFP15, type Version, writeHeader } from './field.ts'
import type { AnyValue, FieldName } from './fields.ts'
import { canonicalMatch, canonicalValue, type LooseMatch, type Match, type RawField } from './match.ts'
import { order, otherwiseOrdered, type Place, places, portTo16, widePlaces } from './match-order.ts'
import { isMasked, type Masked, writeValue } from './value.ts'

const queue: Place[] = []
const values: (AnyValue | Masked)[] = []

/** Writes the fields of a match in canonical order, without header and padding. */
export function writeOxms(w: Writer, match: Match, version: Dialect): void {
  const given = match as unknown as LooseMatch
  const rawPlaces = otherwiseOrdered.get(match)
  const isSorted = rawPlaces === undefined
  let count = 0
  let hasWide = false
  for (const key in given) {
    const value = given[key]
    if (value === undefined || key === 'raw') continue
    let place = places.get(key)
    if (!place) throw noField(key)
    if (place.rank < 0 && typeof value === 'bigint' && version >= OFP15) {
      const wide = widePlaces.get(key)
      if (wide !== undefined) {
        place = wide
        hasWide = true
      }
    }
    if (place.rank < 0 && place.field.codes[version] === undefined) {
      throw new EncodeError('bad-type', key, 'is known to text only and has no form on the wire')
    }
    if (place.rank < 0 || version === 0) {
      writeCanonical(w, match, version)
      return
    }
    let i = count++
    while (isSorted && i > 0 && (queue[i - 1] as Place).rank > place.rank) {
      queue[i] = queue[i - 1] as Place
      values[i] = values[i - 1] as AnyValue
      i--
    }
    if (i > 0 && (queue[i - 1] as Place).field === place.field) {
      throw new EncodeError('bad-value', key, `${place.field.name} is given twice`)
    }
    queue[i] = place
    values[i] = value
  }
  if (hasWide && isOverlapping(count)) {
    writeCanonical(w, match, version)
    return
  }
  if (rawPlaces && match.raw) {
    writeMixed(w, count, match.raw, rawPlaces, version)
    return
  }
  writeQueue(w, 0, count, count, version)
  if (match.raw) for (const raw of match.raw) writeRaw(w, raw)
}

/** Whether a register is given by itself and as part of a wide one. */
function isOverlapping(count: number): boolean {
  for (let i = 1; i < count; i++) {
    const [before, { reg }] = [queue[i - 1] as Place, queue[i] as Place]
    if (reg >= 0 && reg < before.reg + (before.regs ?? 1)) return true
  }
  return false
}

function writeMixed(w: Writer, count: number, raws: readonly RawField[], places: readonly number[], v: Dialect): void {
  let done = 0
  raws.forEach((raw, i) => {
    const place = Math.min(places[i] ?? count, count)
    writeQueue(w, done, place, count, v)
    writeRaw(w, raw)
    done = place
  })
  writeQueue(w, done, count, count, v)
}

function noField(key: string): unknown {
  try {
    return fieldOf(key)
  } catch (error) {
    return within(key, error)
  }
}

function writeQueue(w: Writer, from: number, to: number, count: number, version: Dialect): void {
  for (let i = from; i < to; i++) {
    const { field, reg, regs } = queue[i] as Place
    try {
      if (regs !== undefined) writeWide(w, reg, regs, values[i] as bigint)
      else if (reg < 0 || version < OFP15) writeField(w, field, values[i] as AnyValue, version, count)
      else if ((queue[i + 1] as Place | undefined)?.reg === (reg | 1) && i + 1 < to && (reg & 1) === 0) {
        writeRegisters(w, reg >> 1, values[i] as AnyValue, values[i + 1] as AnyValue)
        i++
      } else if ((reg & 1) === 0) writeRegisters(w, reg >> 1, values[i] as AnyValue, undefined)
      else writeRegisters(w, reg >> 1, undefined, values[i] as AnyValue)
    } catch (error) {
      throw within(field.name, error)
    }
  }
}

function writeField(w: Writer, field: Field, value: AnyValue | Masked, version: Dialect, count: number): void {
  if (field.name === 'packet_type' && value === 0 && isImplied(count)) return
  const code = codeOf(field, version)
  const isPlain = typeof value !== 'object' && !(typeof value === 'string' && value.includes('/'))
  const plain = isPlain || (isMasked(value) && field.kind === 'bytes') ? value : canonicalValue(field, value)
  if (plain === undefined) return
  const mask = isMasked(plain) ? plain.mask : field.writtenMask
  const bits = isMasked(plain) ? plain.value : plain
  const length = bits instanceof Uint8Array ? bits.length : field.bytes
  writeHeader(w, code, mask !== undefined, mask === undefined ? length : 2 * length)
  writeValue(w, field, bits)
  if (mask !== undefined) writeValue(w, field, mask)
}

/** An Ethernet packet is understood where a field is matched that only Ethernet packets have. */
function isImplied(count: number): boolean {
  for (let i = 0; i < count; i++) if ((queue[i] as Place).field.row.needs) return true
  return false
}

/** A wide register of which all bits count, as registers of 64 bits. */
function writeWide(w: Writer, reg: number, regs: number, value: bigint): void {
  for (let i = 0; i < regs; i += 2) {
    w.u16(0x8001)
    w.u8(reg + i)
    w.u8(8)
    const above = value >> BigInt(32 * (regs - 2 - i))
    w.u64(i === 0 ? above : BigInt.asUintN(64, above))
  }
}

const parts = { value: 0, mask: 0 }

function split(value: AnyValue | Masked | undefined): void {
  if (value === undefined) {
    parts.value = 0
    parts.mask = 0
  } else if (isMasked(value)) {
    parts.mask = Number(value.mask)
    parts.value = (Number(value.value) & parts.mask) >>> 0
  } else {
    parts.value = value as number
    parts.mask = 0xffffffff
  }
}

/** Two registers as one of 64 bits, which is what OpenFlow 1.5 has (OXM_OF_PKT_REG). */
function writeRegisters(w: Writer, num: number, high: AnyValue | Masked | undefined, low: typeof high): void {
  split(high)
  const { value, mask } = parts
  split(low)
  if (mask === 0 && parts.mask === 0) return
  const hasMask = mask !== 0xffffffff || parts.mask !== 0xffffffff
  w.u16(0x8001)
  w.u8((num << 1) | (hasMask ? 1 : 0))
  w.u8(hasMask ? 16 : 8)
  w.u32(value)
  w.u32(parts.value)
  if (!hasMask) return
  w.u32(mask)
  w.u32(parts.mask)
}

function writeRaw(w: Writer, raw: RawField): void {
  w.u16(raw.cls)
  w.u8((raw.num << 1) | (raw.hasMask ? 1 : 0))
  w.u8(raw.bytes.length + (raw.cls === 0xffff ? 4 : 0))
  if (raw.cls === 0xffff) w.u32(raw.exp ?? 0)
  w.bytes(raw.bytes)
}

function writeCanonical(w: Writer, match: Match, version: Dialect): void {
  const plain = canonicalMatch(match)
  if (version !== 0) {
    writeOxms(w, plain, version)
    return
  }
  const given = nxmMatch(plain as unknown as LooseMatch)
  const sorted = Object.keys(given)
    .filter(key => key !== 'raw')
    .map(key => ({ field: fieldOf(key), rank: order.indexOf(key as FieldName), reg: -1 }))
    .sort((a, b) => a.rank - b.rank)
  sorted.forEach((place, i) => {
    queue[i] = place
    values[i] = given[place.field.name] as AnyValue
  })
  writeQueue(w, 0, sorted.length, sorted.length, version)
  for (const raw of plain.raw ?? []) writeRaw(w, raw)
}

/** Ports, VLANs and DSCP as NXM has them. */
function nxmMatch({ in_port, vlan_vid, vlan_pcp, ip_dscp, ...rest }: LooseMatch): LooseMatch {
  const out: LooseMatch = { ...rest }
  if (in_port !== undefined) out.in_port = portTo16(in_port as number)
  if (ip_dscp !== undefined) out.nw_tos = (ip_dscp as number) << 2
  if (vlan_vid !== undefined) {
    const [v, m] = isMasked(vlan_vid) ? [Number(vlan_vid.value), Number(vlan_vid.mask)] : [Number(vlan_vid), 0x1fff]
    const pcp = vlan_pcp === undefined ? [0, 0] : [Number(vlan_pcp), 7]
    const tci = { value: v | ((pcp[0] as number) << 13), mask: m | ((pcp[1] as number) << 13) }
    out.vlan_tci = vlan_vid === 0 ? 0 : tci
  }
  return out
}

/** Writes a match with its header and padding (struct ofp_match). */
export function writeMatch(w: Writer, match: Match, version: Version): void {
  const start = w.length
  w.u16(1)
  w.u16(0)
  writeOxms(w, match, version)
  w.patchU16(start + 2, w.length - start)
  w.align8(start)
}
