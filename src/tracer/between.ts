// The packet that a port would send to another, or to an address: its frame as the guest makes it, from what the model says
// of both.
import { isIPv6 } from 'node:net'
import { type Match, parseMatch } from 'node-openflow/flow'
import {
  bindings,
  contains,
  formatIp,
  ICMP,
  ICMPV6,
  ipProtocol,
  ipProtocols,
  ipv6Protocols,
  type Port,
  parseIp,
  parsePrefix,
  ports,
  type Reader,
  routerPorts,
  subnets,
} from '#model'
import { CannotTrace } from './cannot-trace.ts'
import { arrivalOf, inboundTo } from './outside.ts'
import type { Arrival, Outcome, Trace } from './steps.ts'
import type { TraceStart } from './trace.ts'

/** A protocol with its ports, as people say it. */
export interface Protocol {
  /** Its number; of ICMP, that of either IP version, an echo request is sent. */
  readonly proto: number | 'arp'
  /** The IP version that alone has it. */
  readonly ipVersion?: 4 | 6
  /** Destination port. */
  readonly port?: number
  readonly sourcePort?: number
}

const { tcp: TCP, udp: UDP, sctp: SCTP } = ipProtocols
/** The protocols whose ports switches see. */
const WITH_PORTS = new Map<Protocol['proto'], 'tcp' | 'udp' | 'sctp'>([
  [TCP, 'tcp'],
  [UDP, 'udp'],
  [SCTP, 'sctp'],
])
/** What stands for all of them in rules. */
const ANY = ipProtocols.ip
const EPHEMERAL = 40000
const SYN = 2
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const NO_MAC = '00:00:00:00:00:00'

/**
 * `tcp 443`, `udp/53`, `icmp`, `arp`; `tcp 443 from 40000`; also by number, `6 443`. By its name ICMP is that of whichever
 * addresses the ends have, as it is in security group rules. Throws CannotTrace.
 */
export const parseProtocol = (text: string): Protocol => {
  const found = /^([a-z\d-]+)(?:[ /:]+(\d{1,5}))?(?: +from +(\d{1,5}))?$/.exec(text.trim().toLowerCase())
  const name = found?.[1] ?? ''
  const proto = name === 'arp' ? name : ipProtocol(name)
  if (proto === undefined)
    throw new CannotTrace(
      `'${text}' is no protocol such as 'tcp 443', 'udp 53', 'sctp 3868', icmp, icmpv6 or arp, nor the number of one`,
    )
  if (proto === ANY) throw new CannotTrace(`${name} stands for every protocol: name one, such as 'tcp 443' or icmp`)
  const hasPort = WITH_PORTS.has(proto)
  const [port, sourcePort] = [found?.[2], found?.[3]].map(p => (p === undefined ? undefined : Number(p)))
  if (hasPort && port === undefined) throw new CannotTrace(`${name} needs a port, as in '${name} 443'`)
  if (!hasPort && (port !== undefined || sourcePort !== undefined)) throw new CannotTrace(`${name} has no ports`)
  if ((port ?? 0) > 65535 || (sourcePort ?? 0) > 65535) throw new CannotTrace('ports end at 65535')
  return {
    proto,
    ...(name === String(ICMP) ? { ipVersion: 4 } : proto !== 'arp' && ipv6Protocols.has(proto) ? { ipVersion: 6 } : {}),
    ...(port === undefined ? {} : { port }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
  }
}

/** The version that a packet of a protocol must have, if one is asked for or only one has it. Throws CannotTrace. */
const versionFor = ({ ipVersion: only }: Protocol, asked: 4 | 6 | undefined): 4 | 6 | undefined => {
  if (only !== undefined && asked !== undefined && only !== asked)
    throw new CannotTrace(`the protocol is one of IPv${only}, and the addresses are of IPv${asked}`)
  return asked ?? only
}

/** Where a port is plugged and active. Throws CannotTrace. */
export const placeOfPort = (model: Reader, port: Port): { readonly chassis: string; readonly ofport: number } => {
  const binding = model.holder(bindings, `active ${port.id}`)
  if (binding === undefined) throw new CannotTrace(`port ${port.name || port.id} is plugged in nowhere`)
  return binding
}

/** A port by its id, or by its name where only one has it. Throws CannotTrace. */
export const findPort = (model: Reader, text: string): Port => {
  const byId = model.get(ports, text)
  if (byId) return byId
  const named = Array.from(model.all(ports)).filter(port => port.name === text)
  if (named.length > 1)
    throw new CannotTrace(`${named.length} ports are named '${text}': use an id, such as ${named[0]?.id}`)
  if (named[0] === undefined) throw new CannotTrace(`there is no port '${text}'`)
  return named[0]
}

/** An end of a packet: a port of ours, or an address of which nothing more is said. */
export type End = Port | string

/** A port by its id or name, or an address. Throws CannotTrace. */
export const findEnd = (model: Reader, text: string): End => {
  const ip = parseIp(text)
  return ip ? formatIp(ip) : findPort(model, text)
}

const isOn = (cidr: string, address: string): boolean => {
  const [prefix, ip] = [parsePrefix(cidr), parseIp(address)]
  return prefix !== undefined && ip !== undefined && contains(prefix, ip)
}

const nameOf = (end: End): string => (typeof end === 'string' ? end : end.name || end.id)

/** Addresses of one family that both ends have. */
const commonFamily = (from: End, to: End, ipVersion: 4 | 6 | undefined): readonly [src: string, dst: string] => {
  for (const version of ipVersion === undefined ? ([4, 6] as const) : [ipVersion]) {
    const of = (end: End) =>
      (typeof end === 'string' ? [end] : end.fixedIps.map(ip => ip.ipAddress)).find(
        address => isIPv6(address) === (version === 6),
      )
    const [src, dst] = [of(from), of(to)]
    if (src !== undefined && dst !== undefined) return [src, dst]
  }
  const family = ipVersion === undefined ? 'of one family' : `of IPv${ipVersion}`
  throw new CannotTrace(`${nameOf(from)} and ${nameOf(to)} have no addresses ${family}`)
}

/** The MAC to which a guest sends what is for an end: its own on the same network, else its router's. */
const nextHop = (model: Reader, from: Port, src: string, to: End): string => {
  if (typeof to !== 'string' && from.networkId === to.networkId) return to.macAddress
  const subnetId = from.fixedIps.find(ip => ip.ipAddress === src)?.subnetId ?? ''
  const subnet = model.get(subnets, subnetId)
  const gateway = subnet?.gatewayIp
  if (typeof to === 'string' && subnet && isOn(subnet.cidr, to)) {
    const owner = model.holder(ports, `ip ${from.networkId} ${to}`)
    if (owner) return owner.macAddress
    throw new CannotTrace(`${to} is on the network of ${nameOf(from)}, and no port has it`)
  }
  for (const { id } of model.by(routerPorts, 'network', from.networkId)) {
    const port = model.get(ports, id)
    if (port?.fixedIps.some(ip => ip.ipAddress === gateway)) return port.macAddress
  }
  const apart =
    typeof to === 'string'
      ? `${to} is not on the network of ${nameOf(from)}`
      : `${nameOf(from)} and ${nameOf(to)} are on different networks`
  throw new CannotTrace(`${apart}, and no router has the gateway address ${gateway ?? 'that the subnet lacks'}`)
}

const transport = ({ proto, port = 0, sourcePort = EPHEMERAL }: Protocol, v6: boolean): Match => {
  if (proto === ICMPV6 || (proto === ICMP && v6)) return { nw_proto: ICMPV6, icmpv6_type: 128, icmpv6_code: 0 }
  if (proto === ICMP) return { nw_proto: ICMP, icmp_type: 8, icmp_code: 0 }
  if (proto === 'arp') return {}
  const name = WITH_PORTS.get(proto)
  if (name === undefined) return { nw_proto: proto }
  const ends = { [`${name}_src`]: sourcePort, [`${name}_dst`]: port } as Match
  return { nw_proto: proto, ...ends, ...(proto === TCP ? { tcp_flags: SYN } : {}) }
}

const ipPacket = (src: string, dst: string, protocol: Protocol): Match => {
  const v6 = isIPv6(src)
  const ends = v6 ? { eth_type: 0x86dd, ipv6_src: src, ipv6_dst: dst } : { eth_type: 0x0800, ip_src: src, ip_dst: dst }
  return { ...ends, nw_ttl: 64, ...transport(protocol, v6) } as Match
}

/** What is traced between two ends. */
export interface Between {
  readonly from: End
  readonly to: End
  readonly protocol: Protocol
  readonly ipVersion?: 4 | 6 | undefined
}

/**
 * The first packet of `protocol` that one end sends to the other, and where it comes in. From an address it comes by an
 * external network; `follow` tells then which chassis answers for the receiver. Throws CannotTrace.
 */
export const packetOfEnds = (
  model: Reader,
  { from, to, protocol, ipVersion }: Between,
  follow: (start: TraceStart) => Trace,
): TraceStart => {
  if (typeof from !== 'string') return packetBetween(model, from, to, protocol, ipVersion)
  if (protocol.proto === 'arp') throw new CannotTrace('ARP from outside is traced as a packet of your own')
  const version = isIPv6(from) ? 6 : 4
  if (versionFor(protocol, ipVersion ?? version) !== version)
    throw new CannotTrace(`${from} is no address of IPv${ipVersion}`)
  const inbound = inboundTo(model, to, isIPv6(from))
  if (isIPv6(inbound.address) !== isIPv6(from))
    throw new CannotTrace(`${from} and ${inbound.address} are addresses of different families`)
  return arrivalOf(model, inbound, follow, ipPacket(from, inbound.address, protocol))
}

/** The first packet of `protocol` that a port sends to another or to an address, and where it comes in. Throws CannotTrace. */
export const packetBetween = (
  model: Reader,
  from: Port,
  to: End,
  protocol: Protocol,
  ipVersion?: 4 | 6,
): TraceStart => {
  const { chassis, ofport } = placeOfPort(model, from)
  const base = { in_port: ofport, eth_src: from.macAddress }
  const at = { chassis, bridge: 'br-int' }
  if (protocol.proto === 'arp') {
    if (typeof to !== 'string' && from.networkId !== to.networkId)
      throw new CannotTrace('ARP does not leave its network')
    const [spa, tpa] = commonFamily(from, to, 4)
    const ask = { arp_op: 1, arp_sha: from.macAddress, arp_spa: spa, arp_tpa: tpa, arp_tha: NO_MAC }
    return { ...at, packet: { ...base, eth_dst: BROADCAST, eth_type: 0x0806, ...ask } }
  }
  const [src, dst] = commonFamily(from, to, versionFor(protocol, ipVersion))
  const packet = { ...base, eth_dst: nextHop(model, from, src, to), ...ipPacket(src, dst, protocol) }
  return { ...at, packet: packet as Match }
}

/** A packet in the syntax of ovs-ofctl, with what a real one would have where nothing is said: a TTL, a SYN. */
export const packetOfText = (text: string): Match => {
  const given = parseMatch(text)
  const isIp = given.eth_type === 0x0800 || given.eth_type === 0x86dd
  return {
    ...(isIp ? { nw_ttl: 64 } : {}),
    ...(isIp && given.nw_proto === TCP ? { tcp_flags: SYN } : {}),
    ...given,
  }
}

const END_PAIRS = [
  ['eth_src', 'eth_dst'],
  ['ip_src', 'ip_dst'],
  ['ipv6_src', 'ipv6_dst'],
  ['tcp_src', 'tcp_dst'],
  ['udp_src', 'udp_dst'],
  ['sctp_src', 'sctp_dst'],
] as const
const SYN_ACK = 18

/** What says whether an ARP, ICMP or neighbour discovery packet asks or answers. */
const KINDS = ['arp_op', 'icmp_type', 'icmpv6_type'] as const

/** Whether an end is where the packet came from, as an answer of a switch: a VM that sends to its own floating IP gets the packet. */
export const isAnswer = (from: Arrival | undefined, { chassis, port, packet }: Reached): boolean =>
  from !== undefined &&
  from.place.chassis === chassis &&
  from.place.port === port &&
  KINDS.some(kind => packet[kind] !== from.packet[kind])

/** A packet that left our switches. */
export type Reached = Extract<Outcome, { port: number }>

/** Where a packet got to its end: a port, or a physical network with the address for its destination. */
export const reachedEnd = ({ outcomes, arrivals }: Trace, end: End): readonly Reached[] => {
  const ends = outcomes.filter(o => o.type === 'delivered' || o.type === 'left')
  const others = ends.filter(o => !isAnswer(arrivals[0], o))
  if (typeof end !== 'string') return others.filter(o => o.type === 'delivered' && o.id === end.id)
  const delivered = others.filter(o => o.type === 'delivered')
  return delivered.length > 0
    ? delivered
    : others.filter(({ packet: { ip_dst, ipv6_dst } }) => (ip_dst ?? ipv6_dst) === end)
}

/** What an end answers to a packet that reached it: SYN and ACK, the reply to an echo. Throws CannotTrace when it did not. */
export const replyTo = (model: Reader, traced: Trace, end: End): TraceStart => {
  const reached = reachedEnd(traced, end)[0]
  if (reached === undefined) throw new CannotTrace(`nothing reached ${nameOf(end)} that it could answer`)
  const { chassis, ofport: port } =
    typeof end === 'string' ? { chassis: reached.chassis, ofport: reached.port } : placeOfPort(model, end)
  const { eth_type, nw_proto, vlan_vid } = reached.packet
  const tag = vlan_vid === undefined ? {} : { vlan_vid }
  const packet: Record<string, unknown> = { in_port: port, eth_type, ...tag, nw_proto, nw_ttl: 64 }
  for (const [src, dst] of END_PAIRS) {
    packet[src] = reached.packet[dst]
    packet[dst] = reached.packet[src]
  }
  if (nw_proto === TCP) packet.tcp_flags = SYN_ACK
  if (nw_proto === ICMP) packet.icmp_type = 0
  if (nw_proto === ICMPV6) packet.icmpv6_type = 129
  return { chassis, bridge: 'br-int', packet: packet as Match }
}
