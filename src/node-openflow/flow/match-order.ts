// The order in which Open vSwitch writes the fields of a match, and the matches that came in another.

import { EncodeError } from '../wire/index.ts'
import { allFields, type Field, fieldOf } from './field.ts'
import type { FieldName } from './fields.ts'
import { isOtherwise, type LooseMatch, type Match } from './match.ts'

const numbered = (name: string, count: number, first = 0) =>
  Array.from({ length: count }, (_, i) => `${name}${first + i}`)

/** The order of nx_put_raw in Open vSwitch's lib/nx-match.c, and a place in it for what Open vSwitch has not. */
export const order = [
  ...['packet_type', 'dp_hash', 'recirc_id', 'conj_id', 'in_port', 'in_port_oxm', 'in_phy_port', 'actset_output'],
  ...['eth_src', 'eth_dst', 'eth_type', 'vlan_vid', 'vlan_pcp', 'vlan_tci'],
  ...['mpls_tc', 'mpls_bos', 'mpls_ttl', 'mpls_label', 'pbb_isid', 'pbb_uca'],
  ...[
    'ip_src',
    'ip_dst',
    'ipv6_src',
    'ipv6_dst',
    'ip_frag',
    'ip_dscp',
    'nw_tos',
    'nw_ecn',
    'nw_ttl',
    'ipv6_label',
    'ipv6_exthdr',
  ],
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
export interface Place {
  readonly field: Field
  readonly rank: number
  /** reg0 to reg15: its number. */
  readonly reg: number
  /** How many of these registers a wide one is made of, from that one on. */
  readonly regs?: number
}

/** Places by names and aliases. */
export const places = new Map<string, Place>()
for (const field of allFields) {
  const isOdd = isOtherwise(field.name)
  const wired = field.name === 'in_port' ? fieldOf('in_port_oxm') : field
  const reg = /^reg\d+$/.test(field.name) ? Number(field.name.slice(3)) : -1
  const place = { field: wired, rank: isOdd ? -1 : order.indexOf(field.name), reg }
  places.set(field.name, place)
  for (const alias of field.row.aka ?? []) places.set(alias, alias.startsWith('tp_') ? { ...place, rank: -1 } : place)
}

/** Wide registers, where their first register has its place: for values that need not be made canonical first. */
export const widePlaces = new Map<string, Place>()
for (const [prefix, regs] of [
  ['xreg', 2],
  ['xxreg', 4],
] as const) {
  for (let reg = 0; reg < 16; reg += regs) {
    const first = places.get(`reg${reg}`) as Place
    widePlaces.set(`${prefix}${reg / regs}`, { ...first, field: fieldOf(`${prefix}${reg / regs}`), regs })
  }
}

/**
 * Matches that were read in another order than Open vSwitch's, which are written as they came. For each unknown field
 * the number of known ones before it.
 */
export const otherwiseOrdered = new WeakMap<Match, readonly number[]>()

/**
 * The fields of a match that was read in another order than Open vSwitch's, in that order, `raw` for each unknown one;
 * undefined for other matches. The order belongs to the object: whoever copies a match, or makes it text, keeps it by this
 * and `inOrder`.
 */
export function orderOf(match: Match): readonly string[] | undefined {
  const rawPlaces = otherwiseOrdered.get(match)
  if (!rawPlaces) return undefined
  const names = Object.keys(match).filter(name => name !== 'raw')
  rawPlaces.forEach((place, i) => {
    names.splice(place + i, 0, 'raw')
  })
  return names
}

/** The same match, written in this order: fields that are not named come last, names of fields that it lacks are passed over. */
export function inOrder(match: Match, names: readonly string[]): Match {
  const given = match as unknown as LooseMatch
  const ordered: LooseMatch = {}
  const rawPlaces: number[] = []
  for (const name of names) {
    if (name === 'raw') rawPlaces.push(Object.keys(ordered).length)
    else if (Object.hasOwn(given, name)) ordered[name] = given[name]
  }
  const out = { ...ordered, ...match } as Match
  otherwiseOrdered.set(out, rawPlaces)
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
