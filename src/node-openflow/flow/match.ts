// Matches as plain objects: their type, and one canonical form for what can be said in several ways.

import { EncodeError, within } from '../wire/index.ts'
import { type Field, fieldOf } from './field.ts'
import type { AnyValue, FieldAlias, FieldName, FieldValue } from './fields.ts'
import { canonical, fromInteger, integerOf, isMasked, type Masked, withPrefix } from './value.ts'

/** A match field that this library does not know, as it stands on the wire. */
export interface RawField {
  readonly cls: number
  readonly num: number
  readonly hasMask: boolean
  /** Experimenter, in class 0xffff. */
  readonly exp?: number
  /** Value, and mask if there is one. */
  readonly bytes: Uint8Array
}

/**
 * What packets a flow takes: fields to values, by the names of ovs-fields(7), all of which must agree; `{}` takes every
 * packet. What is decoded is canonical: ports are `in_port` (32 bits), VLANs `vlan_vid` (with the bit 0x1000 of a frame
 * that has a tag) and `vlan_pcp`, DSCP `ip_dscp`, registers `reg0` to `reg15`; the other names are taken too.
 */
export type Match = {
  readonly [F in FieldName | FieldAlias]?: FieldValue<F> | Masked<FieldValue<F>>
} & {
  /** Fields that this library does not know. */
  readonly raw?: readonly RawField[]
}

/** A match as its codec and text see it. */
export type LooseMatch = { [name: string]: AnyValue | Masked | undefined }

/** A value that is compared only where `mask` has ones; value bits elsewhere are cleared, as ovs-ofctl does. */
export function masked<T extends AnyValue>(value: T, mask: T): Masked<T> {
  if (typeof value === 'number') return { value: ((value & (mask as number)) >>> 0) as T, mask }
  if (typeof value === 'bigint') return { value: (value & BigInt(mask as bigint)) as T, mask }
  const kind = addressField(value)
  const bits = integerOf(kind, value) & integerOf(kind, mask)
  return { value: fromInteger(kind, bits, value.length) as T, mask }
}

function addressField(value: string | Uint8Array): Field {
  if (typeof value !== 'string') return fieldOf('tun_metadata0')
  if (!value.includes(':')) return fieldOf('ip_src')
  return fieldOf(value.length === 17 && value.split(':').length === 6 ? 'eth_src' : 'ipv6_src')
}

/** The bit of vlan_vid that says that there is a tag (OFPVID_PRESENT). */
export const VLAN_PRESENT = 0x1000

type Write = (out: LooseMatch, value: AnyValue | Masked) => void

const pair = (value: AnyValue | Masked, field: Field): [bigint, bigint] =>
  isMasked(value)
    ? [integerOf(field, value.value), integerOf(field, value.mask)]
    : [integerOf(field, value), integerOf(field, field.allOnes)]

/** Puts a value into a match, or joins it with what is there of the same field. */
export function put(out: LooseMatch, name: FieldName, value: bigint, mask: bigint): void {
  const field = fieldOf(name)
  const old = out[name]
  const [oldValue, oldMask] = old === undefined ? [0n, 0n] : pair(old, field)
  const both = mask | oldMask
  const bits = (value & mask) | (oldValue & ~mask)
  const next = canonical(field, fromInteger(field, bits), fromInteger(field, both))
  if (next !== undefined) out[name] = next
}

function spread(wide: FieldName, first: number, count: number): Write {
  return (out, value) => {
    const [v, m] = pair(value, fieldOf(wide))
    for (let i = 0; i < count; i++) {
      const shift = BigInt(32 * (count - 1 - i))
      const mask = (m >> shift) & 0xffffffffn
      if (mask !== 0n) put(out, `reg${first + i}` as 'reg0', (v >> shift) & 0xffffffffn, mask)
    }
  }
}

const vlanPcp: Write = (out, value) => {
  put(out, 'vlan_vid', 0x1000n, 0x1000n)
  out.vlan_pcp = value
}

// What can be said in another way: how to say it canonically.
const others = new Map<string, Write>([
  ['in_port_oxm', (out, value) => (out.in_port = value)],
  [
    'dl_vlan',
    (out, value) => {
      const vid = Number(value)
      if (vid === 0xffff) out.vlan_vid = 0
      else put(out, 'vlan_vid', BigInt(vid) | 0x1000n, 0x1fffn)
    },
  ],
  ['dl_vlan_pcp', vlanPcp],
  ['vlan_pcp', (out, value) => (out.vlan_pcp = value)],
  [
    'vlan_tci',
    (out, value) => {
      const [v, m] = pair(value, fieldOf('vlan_tci'))
      if ((m & 0x1fffn) !== 0n) put(out, 'vlan_vid', v & 0x1fffn, m & 0x1fffn)
      if ((m & 0xe000n) !== 0n && (v & m & 0x1fffn) !== 0n) out.vlan_pcp = Number((v >> 13n) & 7n)
    },
  ],
  ['nw_tos', (out, value) => (out.ip_dscp = isMasked(value) ? value : Number(value) >> 2)],
])
for (let i = 0; i < 8; i++) others.set(`xreg${i}`, spread(`xreg${i}` as 'xreg0', 2 * i, 2))
for (let i = 0; i < 4; i++) others.set(`xxreg${i}`, spread(`xxreg${i}` as 'xxreg0', 4 * i, 4))

/** Whether a field appears in canonical matches under other names only. */
export function isOtherwise(name: string): boolean {
  return others.has(name) && name !== 'vlan_pcp'
}

/** Puts one field as it was given or read into a canonical match. */
export function putAny(out: LooseMatch, name: string, value: AnyValue | Masked): void {
  const write = others.get(name)
  if (write) write(out, value)
  else out[name] = value
}

const UDP = 17
const SCTP = 132

/** `tp_src` and `tp_dst` are ports of whatever protocol is matched. */
function transportName(name: string, match: LooseMatch): string {
  if (name !== 'tp_src' && name !== 'tp_dst') return name
  const proto = match.nw_proto ?? match.ip_proto
  const prefix = proto === UDP ? 'udp' : proto === SCTP ? 'sctp' : 'tcp'
  return prefix + name.slice(2)
}

/** The canonical form of a match: canonical names, no masks that say nothing, prefixes as masks. */
export function canonicalMatch(match: Match): Match {
  const given = match as unknown as LooseMatch
  const out: LooseMatch = {}
  for (const key of Object.keys(given)) {
    const value = given[key]
    if (value === undefined) continue
    if (key === 'raw') {
      out.raw = value
      continue
    }
    try {
      const field = fieldOf(transportName(key, given))
      const plain = canonicalValue(field, value)
      if (plain !== undefined) putAny(out, field.name, plain)
    } catch (error) {
      throw within(key, error)
    }
  }
  return out as Match
}

/** A value without a mask that says nothing; undefined if there is nothing to compare. */
export function canonicalValue(field: Field, value: AnyValue | Masked): AnyValue | Masked | undefined {
  if (isMasked(value)) return canonical(field, value.value, value.mask)
  if (typeof value === 'string') return withPrefix(field, value)
  if (field.kind === 'big' && typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new EncodeError('bad-value', '', `${value} is not a whole number`)
    return BigInt(value)
  }
  return value
}
