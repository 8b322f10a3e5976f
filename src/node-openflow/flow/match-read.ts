// Bytes to matches, in their canonical form. What cannot be held together (a field twice) is refused; what is not known
// is kept.

import type { Reader } from '../wire/index.ts'
import { blankHeader, type Dialect, type Field, type Header, readHeader, type Version } from './field.ts'
import type { AnyValue } from './fields.ts'
import { canonicalValue, type LooseMatch, type Match, putAny, type RawField } from './match.ts'
import { otherwiseOrdered, type Place, places, portFrom16 } from './match-order.ts'
import { readStandardMatch } from './match-standard.ts'
import { hasStrayBits, integerOf, isMasked, isZero, type Masked, readValue } from './value.ts'

const header: Header = blankHeader()

/** Reads fields up to the end of the window. */
export function readOxms(r: Reader, _version?: Dialect): Match {
  const match: LooseMatch = {}
  let raw: RawField[] | undefined
  let rank = 0
  let isSorted = true
  const rawPlaces: number[] = []
  while (r.at < r.end) {
    const at = r.offset
    readHeader(r, header)
    const { field, hasMask, length } = header
    const size = hasMask ? length >> 1 : length
    if (!field || !fits(field, size, hasMask, length)) {
      raw ??= []
      raw.push(readRaw(r, header))
      rawPlaces.push(Object.keys(match).length)
      continue
    }
    const value = readValue(r, field, size)
    const given = hasMask ? { value, mask: readValue(r, field, size) } : value
    store(match, field, given, r, at)
    const next = (places.get(field.name) as Place).rank
    if (next < rank || raw) isSorted = false
    rank = next
  }
  if (raw) match.raw = raw as unknown as AnyValue
  if (!isSorted) otherwiseOrdered.set(match as Match, rawPlaces)
  return match as Match
}

/** Whether a field's value has a length that the field can have. */
function fits(field: Field, size: number, hasMask: boolean, length: number): boolean {
  if (hasMask && (length & 1) === 1) return false
  return field.kind === 'bytes' ? size >= 1 && size <= field.bytes : size === field.bytes
}

function store(match: LooseMatch, field: Field, value: AnyValue | Masked, r: Reader, at: number): void {
  const place = places.get(field.name) as Place
  if (place.rank >= 0 && field.name !== 'in_port') {
    if (match[field.name] !== undefined) r.fail('duplicate', `${field.name} stands there twice`, at)
    const plain = isMasked(value) && field.kind !== 'bytes' ? keepStray(field, value, r, at) : value
    if (plain !== undefined) match[field.name] = plain
    return
  }
  storeOther(match, field, value, r, at)
}

/** Masks that leave out everything or nothing are dropped, as Open vSwitch does; bits outside masks are refused by it. */
function keepStray(field: Field, value: Masked, r: Reader, at: number): AnyValue | Masked | undefined {
  const plain = canonicalValue(field, value)
  if (plain === undefined && !isZero(value.value)) {
    r.fail('bad-mask', `${field.name} has a value where its mask leaves out everything`, at)
  }
  return isMasked(plain) && hasStrayBits(field, value.value, value.mask) ? value : plain
}

function storeOther(match: LooseMatch, field: Field, value: AnyValue | Masked, r: Reader, at: number): void {
  const plain = isMasked(value) ? keepStray(field, value, r, at) : canonicalValue(field, value)
  if (plain === undefined) return
  if (field.name === 'nw_tos' && (Number(plain) & 3) !== 0) r.fail('bad-value', 'nw_tos with bits of ECN', at)
  if (field.name === 'in_port' || field.name === 'in_port_oxm') {
    if (match.in_port !== undefined) r.fail('duplicate', 'in_port stands there twice', at)
    match.in_port = field.name === 'in_port' ? portFrom16(Number(isMasked(plain) ? plain.value : plain)) : plain
    return
  }
  if (/^x/.test(field.name)) refuseTwice(match, field, plain, r, at)
  else if (field.name === 'vlan_tci' && match.vlan_vid !== undefined) r.fail('duplicate', 'VLANs stand there twice', at)
  else if (field.name === 'nw_tos' && match.ip_dscp !== undefined) r.fail('duplicate', 'nw_tos and ip_dscp', at)
  putAny(match, field.name, plain)
}

function refuseTwice(match: LooseMatch, field: Field, value: AnyValue | Masked, r: Reader, at: number): void {
  const count = field.bytes / 4
  const first = Number(field.name.replace(/^x+reg/, '')) * count
  const mask = isMasked(value) ? integerOf(field, value.mask) : integerOf(field, field.allOnes)
  for (let i = 0; i < count; i++) {
    const part = (mask >> BigInt(32 * (count - 1 - i))) & 0xffffffffn
    if (part !== 0n && match[`reg${first + i}`] !== undefined)
      r.fail('duplicate', `reg${first + i} stands there twice`, at)
  }
}

function readRaw(r: Reader, h: Header): RawField {
  const exp = h.cls === 0xffff ? { exp: h.exp } : {}
  return { cls: h.cls, num: h.num, hasMask: h.hasMask, ...exp, bytes: r.bytes(h.length) }
}

/** Reads a match with its header and padding. */
export function readMatch(r: Reader, version: Version): Match {
  const type = r.u16()
  const length = r.u16()
  if (type === 0) return readStandardMatch(r, length)
  if (type !== 1) r.fail('bad-type', `a match of type ${type}`, r.offset - 4)
  if (length < 4) r.fail('bad-length', `a match of ${length} bytes`, r.offset - 2)
  const match = readOxms(r.sub(length - 4), version)
  r.skip((8 - (length & 7)) & 7)
  return match
}
