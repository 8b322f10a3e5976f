// Matches to bytes and back (OXM, OpenFlow 1.5.1 section 7.2.3; NXM, Open vSwitch). Fields are written in the order in
// which Open vSwitch writes them, so that a flow that a switch gives back has the same bytes as the flow it was given.

import { EncodeError, type Reader, type Writer, within } from '../wire/index.ts'
import {
  allFields,
  blankHeader,
  codeOf,
  type Dialect,
  type Field,
  fieldOf,
  type Header,
  OFP15,
  readHeader,
  type Version,
  writeHeader,
} from './field.ts'
import type { AnyValue, FieldName } from './fields.ts'
import {
  canonicalMatch,
  canonicalValue,
  isOtherwise,
  type LooseMatch,
  type Match,
  putAny,
  type RawField,
} from './match.ts'
import { hasStrayBits, integerOf, isMasked, isZero, type Masked, readValue, writeValue } from './value.ts'

const numbered = (name: string, count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => `${name}${first + i}`)

// The order of nx_put_raw in Open vSwitch's lib/nx-match.c.
const order = [
  ...['packet_type', 'dp_hash', 'recirc_id', 'conj_id', 'in_port', 'in_port_oxm', 'actset_output'],
  ...['eth_src', 'eth_dst', 'eth_type', 'vlan_vid', 'vlan_pcp', 'vlan_tci'],
  ...['mpls_tc', 'mpls_bos', 'mpls_ttl', 'mpls_label'],
  ...['ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'ip_frag', 'ip_dscp', 'nw_tos', 'nw_ecn', 'nw_ttl', 'ipv6_label'],
  ...['nw_proto', 'tcp_src', 'tcp_dst', 'tcp_flags', 'udp_src', 'udp_dst', 'sctp_src', 'sctp_dst'],
  ...['icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code', 'nd_reserved', 'nd_target', 'nd_options_type'],
  ...['nd_sll', 'nd_tll', 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'],
  ...['tun_id', 'tun_flags', 'tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'tun_gbp_id', 'tun_gbp_flags'],
  ...numbered('tun_metadata', 64),
  ...['tun_erspan_idx', 'tun_erspan_ver', 'tun_erspan_dir', 'tun_erspan_hwid', 'tun_gtpu_flags', 'tun_gtpu_msgtype'],
  ...['nsh_flags', 'nsh_ttl', 'nsh_mdtype', 'nsh_np', 'nsh_spi', 'nsh_si', ...numbered('nsh_c', 4, 1)],
  ...numbered('reg', 16),
  ...['pkt_mark', 'ct_state', 'ct_zone', 'ct_mark', 'ct_label', 'ct_nw_src', 'ct_ipv6_src', 'ct_nw_dst', 'ct_ipv6_dst'],
  ...['ct_nw_proto', 'ct_tp_src', 'ct_tp_dst', 'metadata'],
] as FieldName[]

/** A field with its place in the order; a place of -1 means that the match must be made canonical first. */
interface Place {
  readonly field: Field
  readonly rank: number
  /** reg0 to reg15: its number. */
  readonly reg: number
}

const places = new Map<string, Place>()
for (const field of allFields) {
  const isOdd = isOtherwise(field.name)
  const wired = field.name === 'in_port' ? fieldOf('in_port_oxm') : field
  const reg = /^reg\d+$/.test(field.name) ? Number(field.name.slice(3)) : -1
  const place = { field: wired, rank: isOdd ? -1 : order.indexOf(field.name), reg }
  places.set(field.name, place)
  for (const alias of field.row.aka ?? []) places.set(alias, alias.startsWith('tp_') ? { ...place, rank: -1 } : place)
}

const queue: Place[] = []
const values: (AnyValue | Masked)[] = []

/**
 * Matches that were read in another order than Open vSwitch's, which are written as they came. For each unknown field
 * the number of known ones before it.
 */
const otherwiseOrdered = new WeakMap<Match, readonly number[]>()

/** Writes the fields of a match in canonical order, without header and padding. */
export function writeOxms(w: Writer, match: Match, version: Dialect): void {
  const given = match as unknown as LooseMatch
  const rawPlaces = otherwiseOrdered.get(match)
  const isSorted = rawPlaces === undefined
  let count = 0
  for (const key in given) {
    const value = given[key]
    if (value === undefined || key === 'raw') continue
    const place = places.get(key)
    if (!place) throw noField(key)
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
    queue[i] = place
    values[i] = value
  }
  if (rawPlaces && match.raw) {
    writeMixed(w, count, match.raw, rawPlaces, version)
    return
  }
  writeQueue(w, 0, count, count, version)
  if (match.raw) for (const raw of match.raw) writeRaw(w, raw)
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
    const { field, reg } = queue[i] as Place
    try {
      if (reg < 0 || version < OFP15) writeField(w, field, values[i] as AnyValue, version, count)
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

/** A 32-bit port number as OpenFlow 1.0 has it. */
export function portTo16(port: number): number {
  if (port < 0xff00) return port
  if (port >= 0xffffff00) return port - 0xffff0000
  throw new EncodeError('bad-value', '', `port ${port} does not fit 16 bits`)
}

/** A 16-bit port number as OpenFlow 1.1 and later have it. */
export function portFrom16(port: number): number {
  return port < 0xff00 ? port : port + 0xffff0000
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

/** Reads a match with its header and padding. Only OXM matches are known to OpenFlow 1.2 and later. */
export function readMatch(r: Reader, version: Version): Match {
  const type = r.u16()
  if (type !== 1) r.fail('bad-type', `a match of type ${type}`, r.offset - 2)
  const length = r.u16()
  if (length < 4) r.fail('bad-length', `a match of ${length} bytes`, r.offset - 2)
  const match = readOxms(r.sub(length - 4), version)
  r.skip((8 - (length & 7)) & 7)
  return match
}
