// A packet as a match: the fields that it really has, by their names.
import { type AnyValue, type FieldName, fieldOf, fields, type Match } from 'node-openflow/flow'
import { placeOf, UnknownField } from './layout.ts'
import { type Packet, TAG_PRESENT } from './packet.ts'

const IPV4 = 0x0800
const IPV6 = 0x86dd
const ARP = [0x0806, 0x8035]
const LATER_FRAGMENT = 2
const NEIGHBOR_SOLICITATION = 135
const NEIGHBOR_ADVERTISEMENT = 136
const TRACKED = 0x20
const INVALID = 0x10
/** new, est, rpl: what says that there is a connection. An error that is related in the original direction has none. */
const OF_CONNECTION = 0x0b

const isType = (p: Packet, type: number) => p.number('eth_type') === type
const isIp = (p: Packet) => isType(p, IPV4) || isType(p, IPV6)
const has = (p: Packet, proto: number) =>
  isIp(p) && p.number('nw_proto') === proto && (p.number('ip_frag') & LATER_FRAGMENT) === 0
const isNd = (p: Packet, ...types: readonly number[]) =>
  isType(p, IPV6) && has(p, 58) && types.includes(p.number('icmpv6_type')) && p.number('icmpv6_code') === 0

// As mf_are_prereqs_ok() of Open vSwitch's lib/meta-flow.c sees it.
const prerequisites: { readonly [name: string]: (p: Packet) => boolean } = {
  ethernet: () => true,
  vlan: p => (p.number('vlan_vid') & TAG_PRESENT) !== 0,
  arp: p => ARP.includes(p.number('eth_type')),
  ip: isIp,
  ipv4: p => isType(p, IPV4),
  ipv6: p => isType(p, IPV6),
  mpls: () => false,
  nsh: () => false,
  ct: p => (p.number('ct_state') & OF_CONNECTION) !== 0,
  tcp: p => has(p, 6),
  udp: p => has(p, 17),
  sctp: p => has(p, 132),
  icmp: p => isType(p, IPV4) && has(p, 1),
  icmp6: p => isType(p, IPV6) && has(p, 58),
  nd: p => isNd(p, NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT),
  ndSolicit: p => isNd(p, NEIGHBOR_SOLICITATION),
  ndAdvert: p => isNd(p, NEIGHBOR_ADVERTISEMENT),
}

/** Whether a packet has a field at all: an ARP packet has no TCP port. */
export const hasField = (packet: Packet, name: string): boolean => {
  const { needs } = fieldOf(name).row
  return needs === undefined || (prerequisites[needs] as (p: Packet) => boolean)(packet)
}

const isShown = (name: string) =>
  !/^x{1,2}reg|^dl_|^(in_port_oxm|vlan_tci|nw_tos|nd_reserved|nd_options_type)$/.test(name)

const shown = (Object.keys(fields) as FieldName[]).flatMap(name => {
  try {
    return isShown(name) ? [{ name, place: placeOf(name), isTuple: fieldOf(name).row.needs === 'ct' }] : []
  } catch (error) {
    if (error instanceof UnknownField) return []
    throw error
  }
})

const always = new Set(['in_port', 'eth_src', 'eth_dst', 'eth_type', 'nw_proto', 'tcp_dst', 'udp_dst', 'sctp_dst'])

/** The fields of a packet that are not 0, and the few that always tell something. */
export const describePacket = (packet: Packet): Match => {
  const match: Record<string, AnyValue> = {}
  const isTracked = (packet.number('ct_state') & (TRACKED | INVALID)) === TRACKED
  for (const { name, place, isTuple } of shown) {
    const tells = !packet.isZero(place) || always.has(name)
    if (tells && (isTuple ? isTracked : hasField(packet, name))) match[name] = packet.value(name)
  }
  return match as Match
}
