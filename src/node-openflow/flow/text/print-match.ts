// How matches are printed: the keys of ovs-fields(7), in the order and in the forms in which ovs-ofctl prints them.

import { toHex, Writer } from '../../wire/index.ts'
import { fieldOf } from '../field.ts'
import type { AnyValue } from '../fields.ts'
import { canonicalMatch, type LooseMatch, type Match } from '../match.ts'
import { writeOxms } from '../match-write.ts'
import { isExact, isMasked, isZero } from '../value.ts'
import { type Names, printPort } from './names.ts'
import { hex, hexPadded } from './pairs.ts'
import { IPV4, IPV6, protocolByNumbers } from './protocols.ts'
import {
  CT_STATE,
  printAddress,
  printFlags,
  printFrag,
  printHex,
  printPacketType,
  printSomeFlags,
  TCP_FLAGS,
  TUN_FLAGS,
} from './value.ts'

/** One key with its value, or nothing. */
type Print = (value: AnyValue, mask: AnyValue | undefined, names: Names | undefined) => string

const decimal: Print = (value, mask) =>
  mask === undefined ? String(value) : `0x${BigInt(value as number).toString(16)}/${printHex(mask)}`
const plainDecimal: Print = value => String(value)
const byte: Print = (value, mask) =>
  mask === undefined ? String(value) : `${hexPadded(value as number, 2)}/${hexPadded(mask as number, 2)}`
const word: Print = (value, mask) =>
  mask === undefined ? String(value) : `${hexPadded(value as number, 8)}/${hexPadded(mask as number, 8)}`
const hexadecimal: Print = (value, mask) =>
  mask === undefined ? printHex(value) : `${printHex(value)}/${printHex(mask)}`
const plainHex: Print = value => hex(value as number)
const zeroHex: Print = (value, mask) => {
  const text = `0x${(value as number).toString(16)}`
  return mask === undefined ? text : `${text}/0x${(mask as number).toString(16)}`
}
const port: Print = (value, _, names) => printPort(value as number, names)

function printCtState(value: AnyValue, given: AnyValue | undefined): string {
  const mask = given === undefined ? 0xff : Number(given) & 0xff
  return mask === 0xff ? printFlags(Number(value), CT_STATE) : printSomeFlags(Number(value), mask, CT_STATE)
}

function printTcpFlags(value: AnyValue, given: AnyValue | undefined): string {
  const mask = given === undefined ? 0xfff : Number(given) & 0xfff
  return mask === 0xfff ? printFlags(Number(value), TCP_FLAGS) : printSomeFlags(Number(value), mask, TCP_FLAGS)
}

const ipv6Label: Print = (value, mask) =>
  hexPadded(value as number, 5) + (mask === undefined ? '' : `/${hexPadded(mask as number, 5)}`)

type Row = readonly [field: string, print?: Print | undefined, key?: string]

const numbered = (name: string, count: number, print: Print): Row[] =>
  Array.from({ length: count }, (_, i) => [name + i, print] as const)

// The order of match_format in Open vSwitch's lib/match.c, in the pieces between which other things stand.
const beforeType: readonly Row[] = [
  ['pkt_mark', hexadecimal],
  ['recirc_id', hexadecimal],
  ['dp_hash', hexadecimal],
  ['conj_id', plainDecimal],
  ['skb_priority', hexadecimal],
  ['actset_output', port],
  ['ct_state', printCtState],
  ['ct_zone', decimal],
  ['ct_mark', hexadecimal],
  ['ct_label', hexadecimal],
  ['ct_nw_src'],
  ['ct_ipv6_src'],
  ['ct_nw_dst'],
  ['ct_ipv6_dst'],
  ['ct_nw_proto', plainDecimal],
  ['ct_tp_src', decimal],
  ['ct_tp_dst', decimal],
]
const beforeVlan: readonly Row[] = [
  ...numbered('reg', 16, hexadecimal),
  ['tun_id', hexadecimal],
  ['tun_src'],
  ['tun_dst'],
  ['tun_ipv6_src'],
  ['tun_ipv6_dst'],
  ['tun_gbp_id', decimal],
  ['tun_gbp_flags', plainHex],
  ['tun_tos', value => (value as number).toString(16)],
  ['tun_ttl', plainDecimal],
  ['tun_erspan_ver', plainDecimal],
  ['tun_erspan_idx', plainHex],
  ['tun_erspan_dir', plainDecimal],
  ['tun_erspan_hwid', plainHex],
  ['tun_gtpu_flags', plainHex, 'gtpu_flags'],
  ['tun_gtpu_msgtype', plainDecimal, 'gtpu_msgtype'],
  ['tun_flags', (value, mask) => printSomeFlags(Number(value), mask === undefined ? 1 : Number(mask), TUN_FLAGS)],
  ...numbered('tun_metadata', 64, hexadecimal),
  ['metadata', hexadecimal],
  ['in_port', port],
]
const afterVlan: readonly Row[] = [
  ['eth_src', undefined, 'dl_src'],
  ['eth_dst', undefined, 'dl_dst'],
]
const afterType: readonly Row[] = [
  ['ipv6_src'],
  ['ipv6_dst'],
  ['ipv6_label', ipv6Label],
  ['arp_spa'],
  ['arp_tpa'],
  ['nsh_flags', byte],
  ['nsh_ttl', byte],
  ['nsh_mdtype', byte],
  ['nsh_np', byte],
  ['nsh_spi', zeroHex],
  ['nsh_si', byte],
  ['nsh_c1', zeroHex],
  ['nsh_c2', zeroHex],
  ['nsh_c3', zeroHex],
  ['nsh_c4', zeroHex],
  ['ip_src', undefined, 'nw_src'],
  ['ip_dst', undefined, 'nw_dst'],
]
const protocol: readonly Row[] = [['nw_proto', decimal]]
const afterProtocol: readonly Row[] = [
  ['arp_op', plainDecimal],
  ['arp_sha'],
  ['arp_tha'],
  ['ip_dscp', value => String((value as number) << 2), 'nw_tos'],
  ['nw_ecn', plainDecimal],
  ['nw_ttl', plainDecimal],
  ['mpls_label', plainDecimal],
  ['mpls_tc', plainDecimal],
  ['mpls_ttl', plainDecimal],
  ['mpls_bos', plainDecimal],
  ['ip_frag', (value, mask) => printFrag(Number(value), mask === undefined ? 3 : Number(mask)), 'nw_frag'],
  ['icmp_type', decimal],
  ['icmp_code', decimal],
  ['icmpv6_type', decimal, 'icmp_type'],
  ['icmpv6_code', decimal, 'icmp_code'],
  ['nd_target'],
  ['nd_sll'],
  ['nd_tll'],
  ['nd_reserved', word],
  ['nd_options_type', decimal],
  ['tcp_src', decimal, 'tp_src'],
  ['tcp_dst', decimal, 'tp_dst'],
  ['udp_src', decimal, 'tp_src'],
  ['udp_dst', decimal, 'tp_dst'],
  ['sctp_src', decimal, 'tp_src'],
  ['sctp_dst', decimal, 'tp_dst'],
  ['tcp_flags', printTcpFlags],
  ['in_phy_port', decimal],
  ['ipv6_exthdr', zeroHex],
  ['pbb_isid', zeroHex],
  ['pbb_uca', decimal],
]

function printRows(rows: readonly Row[], match: LooseMatch, out: string[], names: Names | undefined): void {
  for (const [name, print, key] of rows) {
    const given = match[name]
    if (given === undefined) continue
    const field = fieldOf(name)
    const value = isMasked(given) ? given.value : given
    const mask = isMasked(given) && !isExact(field, given.mask) ? given.mask : undefined
    const shown = key ?? name
    if (field.kind === 'bytes' && mask !== undefined && isZero(mask)) out.push(shown)
    else out.push(`${shown}=${print ? print(value, mask, names) : printAddress(field, value, mask)}`)
  }
}

function printVlan(match: LooseMatch, out: string[]): void {
  const { vlan_vid: vid, vlan_pcp: pcp } = match
  if (vid === undefined && pcp === undefined) return
  let value = vid === undefined ? 0 : Number(isMasked(vid) ? vid.value : vid) & 0x1fff
  let mask = vid === undefined ? 0 : isMasked(vid) ? Number(vid.mask) & 0x1fff : 0x1fff
  if (pcp !== undefined) {
    value |= (Number(isMasked(pcp) ? pcp.value : pcp) & 7) << 13
    mask |= 0xe000 | 0x1000
    value |= 0x1000
  }
  const [vidMask, pcpMask] = [mask & 0xfff, mask & 0xe000]
  const isTagged = (mask & value & 0x1000) !== 0
  if (isTagged && (vidMask === 0 || vidMask === 0xfff) && (vidMask !== 0 || pcpMask !== 0)) {
    if (vidMask !== 0) out.push(`dl_vlan=${value & 0xfff}`)
    if (pcpMask !== 0) out.push(`dl_vlan_pcp=${value >> 13}`)
  } else out.push(`vlan_tci=${hexPadded(value, 4)}${mask === 0xffff ? '' : `/${hexPadded(mask, 4)}`}`)
}

/** A match as ovs-ofctl prints it, keys joined by commas; '' for one that takes every packet. Unknown fields are `raw_oxm=`, their bytes. */
export function printMatch(match: Match, names?: Names): string {
  return matchKeys(match, names).join(',')
}

/** The keys of a match. */
export function matchKeys(match: Match, names: Names | undefined): string[] {
  const given = canonicalMatch(match) as unknown as LooseMatch
  const out: string[] = []
  printRows(beforeType, given, out, names)
  const type = printTypes(given, out)
  printRows(beforeVlan, given, out, names)
  printVlan(given, out)
  printRows(afterVlan, given, out, names)
  if (type.printed !== undefined) out.push(type.printed)
  printRows(afterType, given, out, names)
  if (!type.saysProtocol) printRows(protocol, given, out, names)
  printRows(afterProtocol, given, out, names)
  if (match.raw) {
    const w = new Writer()
    writeOxms(w, { raw: match.raw }, 6)
    out.push(`raw_oxm=0x${toHex(w.take())}`)
  }
  return out
}

/** Prints packet_type and the word of a protocol; what is left for later is `dl_type=`. */
function printTypes(match: LooseMatch, out: string[]): { printed: string | undefined; saysProtocol: boolean } {
  const packetType = match.packet_type
  if (packetType !== undefined && packetType !== 0)
    out.push(printPacketType(Number(isMasked(packetType) ? packetType.value : packetType)))
  const type = match.eth_type
  if (type === undefined) return { printed: undefined, saysProtocol: false }
  const isIp = type === IPV4 || type === IPV6
  const proto = isIp && typeof match.nw_proto === 'number' ? match.nw_proto : ''
  const both = proto === '' ? undefined : protocolByNumbers.get(`${type}/${proto}`)
  const word = both ?? protocolByNumbers.get(`${type}/`)
  if (word !== undefined) out.push(word)
  const printed = word === undefined ? `dl_type=${hexPadded(type as number, 4)}` : undefined
  return { printed, saysProtocol: both !== undefined }
}
