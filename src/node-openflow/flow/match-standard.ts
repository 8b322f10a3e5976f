// The match structure of OpenFlow 1.1 (struct ofp11_match), which switches still take in later versions. It is read;
// written is always OXM, which can say all of it.

import { type Reader, readIpv4, readMac } from '../wire/index.ts'
import { fieldOf } from './field.ts'
import type { AnyValue, FieldName } from './fields.ts'
import { type LooseMatch, type Match, putAny, VLAN_PRESENT } from './match.ts'
import { canonical, fromInteger, integerOf } from './value.ts'

/** Bytes of the structure, with its header. */
const SIZE = 88

// Bits of `wildcards`: set where a field is not matched.
const IN_PORT = 1 << 0
const VLAN = 1 << 1
const VLAN_PCP = 1 << 2
const ETH_TYPE = 1 << 3
const TOS = 1 << 4
const PROTO = 1 << 5
const SRC_PORT = 1 << 6
const DST_PORT = 1 << 7
const MPLS_LABEL = 1 << 8
const MPLS_TC = 1 << 9

const ANY_VLAN = 0xfffe
const NO_VLAN = 0xffff
const IPV4 = 0x0800
const ARP = [0x0806, 0x8035]
const MPLS = [0x8847, 0x8848]
const transports: { readonly [proto: number]: readonly [FieldName, FieldName] } = {
  1: ['icmp_type', 'icmp_code'],
  6: ['tcp_src', 'tcp_dst'],
  17: ['udp_src', 'udp_dst'],
  132: ['sctp_src', 'sctp_dst'],
}

/** Reads what follows the header of such a match. */
export function readStandardMatch(r: Reader, length: number): Match {
  if (length !== SIZE) r.fail('bad-length', `a match of OpenFlow 1.1 in ${length} bytes`, r.offset - 2)
  const match: LooseMatch = {}
  const inPort = r.u32()
  const wild = r.u32()
  if (!(wild & IN_PORT)) match.in_port = inPort
  inverted(match, 'eth_src', readMac(r), readMac(r))
  inverted(match, 'eth_dst', readMac(r), readMac(r))
  readVlan(r, match, wild)
  const ethType = r.u16()
  if (!(wild & ETH_TYPE)) match.eth_type = ethType
  const given = wild & ETH_TYPE ? 0 : ethType
  readNetwork(r, match, wild, given)
  const label = r.u32()
  const trafficClass = r.u8()
  r.skip(3)
  if (MPLS.includes(given)) {
    if (!(wild & MPLS_LABEL)) match.mpls_label = label & 0xfffff
    if (!(wild & MPLS_TC)) match.mpls_tc = trafficClass & 7
  }
  inverted(match, 'metadata', r.u64(), r.u64())
  return match as Match
}

/** A value whose mask has ones where bits do not count. */
function inverted(match: LooseMatch, name: FieldName, value: AnyValue, mask: AnyValue): void {
  const field = fieldOf(name)
  const bits = integerOf(field, field.allOnes) ^ integerOf(field, mask)
  const plain = canonical(field, value, fromInteger(field, bits))
  if (plain !== undefined) match[name] = plain
}

function readVlan(r: Reader, match: LooseMatch, wild: number): void {
  const vlan = r.u16()
  const priority = r.u8()
  r.skip(1)
  if (wild & VLAN) return
  if (vlan === NO_VLAN) {
    match.vlan_vid = 0
    return
  }
  if (vlan === ANY_VLAN) match.vlan_vid = { value: VLAN_PRESENT, mask: VLAN_PRESENT }
  else if (vlan < 4096) match.vlan_vid = VLAN_PRESENT | vlan
  else r.fail('bad-value', `a VLAN ${vlan}`, r.offset - 4)
  if (wild & VLAN_PCP) return
  if (priority > 7) r.fail('bad-value', `a VLAN priority ${priority}`, r.offset - 2)
  match.vlan_pcp = priority
}

function readNetwork(r: Reader, match: LooseMatch, wild: number, ethType: number): void {
  const tos = r.u8()
  const proto = r.u8()
  const addresses = [readIpv4(r), readIpv4(r), readIpv4(r), readIpv4(r)] as const
  const ports = [r.u16(), r.u16()] as const
  const isArp = ARP.includes(ethType)
  if (ethType !== IPV4 && !isArp) return
  if (!isArp && !(wild & TOS)) {
    if (tos & 3) r.fail('bad-value', `a type of service ${tos}`, r.offset - 22)
    putAny(match, 'nw_tos', tos)
  }
  if (!(wild & PROTO)) match[isArp ? 'arp_op' : 'nw_proto'] = proto
  inverted(match, isArp ? 'arp_spa' : 'ip_src', addresses[0], addresses[1])
  inverted(match, isArp ? 'arp_tpa' : 'ip_dst', addresses[2], addresses[3])
  const names = isArp || wild & PROTO ? undefined : transports[proto]
  if (!names) return
  for (const i of [0, 1] as const) {
    if (wild & (i === 0 ? SRC_PORT : DST_PORT)) continue
    if (proto === 1 && ports[i] > 0xff) r.fail('bad-value', `${names[i]} ${ports[i]}`, r.offset - 4 + 2 * i)
    match[names[i]] = ports[i]
  }
}
