// Actions that change the packet and nothing else.
import { type Action, type ActionOf, type AnyValue, bitsOf, fieldOf, fromInteger, integerOf } from 'node-openflow/flow'
import { hasField } from './describe-packet.ts'
import { type Place, placeOf, placeOfBits } from './layout.ts'
import { type Packet, TAG_PRESENT } from './packet.ts'
import type { Effect } from './steps.ts'

/** A value of a field as an integer. */
export const integer = (field: string, value: AnyValue): bigint => integerOf(fieldOf(field), value)

/** Writes bits of a field, where the packet has the field: an ARP packet gets no TTL. */
const write = (packet: Packet, name: string, place: Place, value: bigint): readonly Effect[] => {
  const { field, offset, count } = bitsOf(name)
  if (!hasField(packet, field.name)) return []
  const before = packet.read(place)
  packet.write(place, value)
  const after = packet.read(place)
  if (before === after) return []
  const isWhole = offset === 0 && count === field.bits
  const show = (bits: bigint) => (isWhole ? fromInteger(field, bits) : bits <= 0xffffffffn ? Number(bits) : bits)
  return [{ type: 'set', field: name, before: show(before), value: show(after) }]
}

/** Writes a field under a mask: one effect for each run of bits that the mask has. */
const writeMasked = (packet: Packet, name: string, value: bigint, mask: bigint): readonly Effect[] => {
  const field = fieldOf(name)
  const place = placeOf(name)
  const effects: Effect[] = []
  for (let from = 0; from < place.bits; from++) {
    if (((mask >> BigInt(from)) & 1n) === 0n) continue
    let to = from
    while (to + 1 < place.bits && ((mask >> BigInt(to + 1)) & 1n) === 1n) to++
    const bits = to - from + 1
    const isWhole = bits === place.bits
    const part = isWhole ? field.name : `${field.name}[${from === to ? from : `${from}..${to}`}]`
    effects.push(...write(packet, part, { ...place, shift: place.shift + from, bits }, value >> BigInt(from)))
    from = to
  }
  return effects
}

const setWhole = (packet: Packet, name: string, value: AnyValue) =>
  write(packet, fieldOf(name).name, placeOf(name), integer(name, value))

const push = (packet: Packet): readonly Effect[] => {
  const tag = packet.number('vlan_tci')
  if (tag & TAG_PRESENT) packet.inner = [tag, ...packet.inner]
  packet.set('vlan_tci', TAG_PRESENT)
  return [{ type: 'push_vlan' }]
}

const pop = (packet: Packet): readonly Effect[] => {
  if (!hasField(packet, 'vlan_pcp')) return []
  const [next = 0, ...rest] = packet.inner
  packet.set('vlan_tci', next)
  packet.inner = rest
  return [{ type: 'pop_vlan' }]
}

/** Sets a tag's VLAN or priority; without a tag, where the action says so, pushes one. */
const setTag = (packet: Packet, field: 'vlan_vid' | 'vlan_pcp', value: number, mayPush: boolean | undefined) => {
  const isTagged = hasField(packet, 'vlan_pcp')
  if (!isTagged && !mayPush) return []
  return [...(isTagged ? [] : push(packet)), ...setWhole(packet, field, value)]
}

/** Writes an integer into a field or some of its bits. */
export const load = (packet: Packet, dst: string, value: bigint): readonly Effect[] =>
  write(packet, dst, placeOfBits(dst).place, value)

type Setters = { readonly [T in Action['type']]?: (packet: Packet, action: ActionOf<T>) => readonly Effect[] }

const byType: Setters = {
  set_field: (p, a) =>
    a.mask === undefined
      ? setWhole(p, a.field, a.value)
      : writeMasked(p, a.field, integer(a.field, a.value), integer(a.field, a.mask)),
  load: (p, a) => load(p, a.dst, BigInt(a.value)),
  move: (p, a) => {
    const src = placeOfBits(a.src)
    return hasField(p, src.field.name) ? load(p, a.dst, p.read(src.place)) : []
  },
  push: (p, a) => {
    p.stack = [p.bits(a.field), ...p.stack]
    return []
  },
  pop: (p, a) => {
    const [top, ...rest] = p.stack
    p.stack = rest
    return top === undefined ? [] : load(p, a.field, top)
  },
  push_vlan: push,
  pop_vlan: pop,
  set_vlan_vid: (p, a) => setTag(p, 'vlan_vid', TAG_PRESENT | a.vid, a.push),
  set_vlan_pcp: (p, a) => setTag(p, 'vlan_pcp', a.pcp, a.push),
  set_tunnel: (p, a) => setWhole(p, 'tun_id', a.id),
  write_metadata: (p, a) => writeMasked(p, 'metadata', a.metadata, a.mask ?? 0xffffffffffffffffn),
  mod_dl_src: (p, a) => setWhole(p, 'eth_src', a.mac),
  mod_dl_dst: (p, a) => setWhole(p, 'eth_dst', a.mac),
  mod_nw_src: (p, a) => setWhole(p, 'ip_src', a.ip),
  mod_nw_dst: (p, a) => setWhole(p, 'ip_dst', a.ip),
  mod_nw_tos: (p, a) => setWhole(p, 'ip_dscp', a.tos >> 2),
  mod_nw_ecn: (p, a) => setWhole(p, 'nw_ecn', a.ecn),
  mod_nw_ttl: (p, a) => setWhole(p, 'nw_ttl', a.ttl),
}

/** What actions of this kind do, by type: each changes the packet and tells what changed. */
export const setters = byType as { readonly [type: string]: (packet: Packet, action: never) => readonly Effect[] }
