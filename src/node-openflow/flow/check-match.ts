// Whether a switch would take a match: values, masks and prerequisites.

import { EncodeError, Writer, within } from '../wire/index.ts'
import { type Field, fieldOf, type Version } from './field.ts'
import type { AnyValue, Prerequisite } from './fields.ts'
import { canonicalMatch, type LooseMatch, type Match } from './match.ts'
import { writeMatch } from './match-write.ts'
import { hasStrayBits, isExact, isMasked, isZero, type Masked } from './value.ts'

/** What is known of a packet where a field is used: what its match says, changed by the actions so far. */
export interface Known {
  readonly ethType: number | undefined
  readonly hasVlan: boolean
  readonly proto: number | undefined
  readonly icmpType: number | undefined
  readonly isLaterFragment: boolean
  readonly isTracked: boolean
  readonly isEthernet: boolean
}

const ARP = [0x0806, 0x8035]
const MPLS = [0x8847, 0x8848]
const IPV4 = 0x0800
const IPV6 = 0x86dd
const NSH = 0x894f

export const exact = (value: AnyValue | Masked | undefined) => (typeof value === 'number' ? value : undefined)

export function knownOf(match: LooseMatch): Known {
  const { vlan_vid: vid, ct_state: state, packet_type: type, ip_frag: frag } = match
  const [vidValue, vidMask] = isMasked(vid) ? [Number(vid.value), Number(vid.mask)] : [Number(vid ?? 0), 0x1fff]
  const [stateValue, stateMask] = isMasked(state)
    ? [Number(state.value), Number(state.mask)]
    : [Number(state ?? 0), 0xff]
  const namespaceType = exact(type)
  const isEthernet = namespaceType === undefined || namespaceType === 0
  const fragment = isMasked(frag) ? Number(frag.value) : Number(frag ?? 0)
  return {
    ethType: isEthernet ? exact(match.eth_type) : Number(namespaceType) & 0xffff,
    hasVlan: (vidValue & vidMask & 0x1000) !== 0,
    proto: exact(match.nw_proto),
    icmpType: exact(match.icmpv6_type),
    isLaterFragment: (fragment & 2) !== 0,
    isTracked:
      (stateValue & 0xcf) !== 0 || ((stateValue & 0x20) !== 0 && (stateMask & 0x10) !== 0 && !(stateValue & 0x10)),
    isEthernet,
  }
}

const isIp = (k: Known) => k.ethType === IPV4 || k.ethType === IPV6
const isTransport = (k: Known, proto: number) => isIp(k) && k.proto === proto && !k.isLaterFragment
const isNd = (k: Known) => k.ethType === IPV6 && k.proto === 58 && (k.icmpType === 135 || k.icmpType === 136)

const prerequisites: { readonly [P in Prerequisite]: readonly [string, (k: Known) => boolean] } = {
  ethernet: ['an Ethernet packet', k => k.isEthernet],
  vlan: ['a VLAN tag (vlan_vid)', k => k.hasVlan],
  arp: ['eth_type 0x0806 or 0x8035', k => ARP.includes(k.ethType ?? 0)],
  ip: ['eth_type 0x0800 or 0x86dd', isIp],
  ipv4: ['eth_type 0x0800', k => k.ethType === IPV4],
  ipv6: ['eth_type 0x86dd', k => k.ethType === IPV6],
  mpls: ['eth_type 0x8847 or 0x8848', k => MPLS.includes(k.ethType ?? 0)],
  nsh: ['eth_type 0x894f', k => k.ethType === NSH],
  ct: ['ct_state of a valid connection, such as +trk-inv', k => k.isTracked],
  tcp: ['nw_proto 6 of IP', k => isTransport(k, 6)],
  udp: ['nw_proto 17 of IP', k => isTransport(k, 17)],
  sctp: ['nw_proto 132 of IP', k => isTransport(k, 132)],
  icmp: ['eth_type 0x0800 and nw_proto 1', k => k.ethType === IPV4 && k.proto === 1],
  icmp6: ['eth_type 0x86dd and nw_proto 58', k => k.ethType === IPV6 && k.proto === 58],
  nd: ['icmpv6_type 135 or 136', isNd],
  ndSolicit: ['icmpv6_type 135', k => isNd(k) && k.icmpType === 135],
  ndAdvert: ['icmpv6_type 136', k => isNd(k) && k.icmpType === 136],
}

export function need(prerequisite: Prerequisite | undefined, known: Known, what: string): void {
  if (prerequisite === undefined) return
  const [text, holds] = prerequisites[prerequisite]
  if (!holds(known)) throw new EncodeError('bad-prerequisite', '', `${what} needs a match on ${text}`)
}

// What values may be beyond "fits the bits".
const limits: { readonly [name: string]: number } = {
  vlan_vid: 0x1fff,
  arp_op: 0xff,
  ct_state: 0xff,
  nsh_ttl: 63,
  nsh_mdtype: 2,
}

export function checkBits(field: Field, value: AnyValue): void {
  if (typeof value !== 'number') return
  const most = limits[field.name] ?? 2 ** field.bits - 1
  if (value > most || (field.name === 'nsh_mdtype' && value < 1)) {
    throw new EncodeError('bad-value', '', `${value} is more than ${field.name} can be (${most})`)
  }
}

export function checkMask(field: Field, value: AnyValue, mask: AnyValue): void {
  if (!field.row.maskable && !isExact(field, mask) && !isZero(mask)) {
    throw new EncodeError('bad-mask', '', `${field.name} cannot have a mask`)
  }
  if (hasStrayBits(field, value, mask)) {
    throw new EncodeError('bad-mask', '', `the value of ${field.name} has bits that its mask leaves out`)
  }
}

export function at<T>(path: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw within(path, error)
  }
}

const scratch = new Writer(4096)

/** Refuses a match that a switch would refuse; the EncodeError's path and sentence name the field. */
export function checkMatch(match: Match, version: Version): void {
  for (const [name, value] of Object.entries(match)) {
    if (name === 'raw' || !isMasked(value)) continue
    at(name, () => checkMask(fieldOf(name), value.value, value.mask))
  }
  const plain = canonicalMatch(match) as unknown as LooseMatch
  scratch.reset()
  writeMatch(scratch, plain as Match, version)
  const known = knownOf(plain)
  for (const [name, value] of Object.entries(plain)) {
    if (name === 'raw' || value === undefined) continue
    at(name, () => {
      const field = fieldOf(name)
      checkBits(field, isMasked(value) ? value.value : value)
      if (name === 'in_port' && Number(value) >= 0xff00 && Number(value) < 0xffffff00) {
        throw new EncodeError('bad-value', '', `port ${String(value)} is none that a switch can have`)
      }
      need(field.row.needs, known, name)
    })
  }
}
