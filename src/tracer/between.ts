// The packet that a port would send to another: its frame as the guest makes it, from what the model says of both.
import { type Match, parseMatch } from 'node-openflow/flow'
import { bindings, type Port, ports, type Reader, routerPorts, subnets } from '#model'
import type { Trace } from './steps.ts'
import type { TraceStart } from './trace.ts'

/** What cannot be traced, and why, in words. */
export class CannotTrace extends Error {}

/** A protocol with its ports, as people say it. */
export interface Protocol {
  readonly name: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'arp'
  /** Destination port; of ICMP an echo request is sent. */
  readonly port?: number
  readonly sourcePort?: number
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const
const EPHEMERAL = 40000
const SYN = 2
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const NO_MAC = '00:00:00:00:00:00'

/** `tcp 443`, `udp/53`, `icmp`, `arp`; `tcp 443 from 40000`. Throws CannotTrace. */
export const parseProtocol = (text: string): Protocol => {
  const found = /^(tcp|udp|sctp|icmp|arp)(?:[ /:]+(\d{1,5}))?(?: +from +(\d{1,5}))?$/.exec(text.trim().toLowerCase())
  const name = found?.[1] as Protocol['name'] | undefined
  if (name === undefined) throw new CannotTrace(`'${text}' is no protocol such as 'tcp 443', 'udp 53', icmp or arp`)
  const hasPort = name in NUMBERS
  const [port, sourcePort] = [found?.[2], found?.[3]].map(p => (p === undefined ? undefined : Number(p)))
  if (hasPort && port === undefined) throw new CannotTrace(`${name} needs a port, as in '${name} 443'`)
  if (!hasPort && port !== undefined) throw new CannotTrace(`${name} has no ports`)
  if ((port ?? 0) > 65535 || (sourcePort ?? 0) > 65535) throw new CannotTrace('ports end at 65535')
  return { name, ...(port === undefined ? {} : { port }), ...(sourcePort === undefined ? {} : { sourcePort }) }
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

const isV6 = (address: string) => address.includes(':')

/** Addresses of one family that both ports have. */
const commonFamily = (from: Port, to: Port, ipVersion: 4 | 6 | undefined): readonly [src: string, dst: string] => {
  for (const version of ipVersion === undefined ? ([4, 6] as const) : [ipVersion]) {
    const of = (port: Port) => port.fixedIps.find(ip => isV6(ip.ipAddress) === (version === 6))?.ipAddress
    const [src, dst] = [of(from), of(to)]
    if (src !== undefined && dst !== undefined) return [src, dst]
  }
  const family = ipVersion === undefined ? 'of one family' : `of IPv${ipVersion}`
  throw new CannotTrace(`${from.name || from.id} and ${to.name || to.id} have no addresses ${family}`)
}

/** The MAC to which a guest sends what is for `address`: its owner's on the same network, else its router's. */
const nextHop = (model: Reader, from: Port, src: string, to: Port): string => {
  if (from.networkId === to.networkId) return to.macAddress
  const subnetId = from.fixedIps.find(ip => ip.ipAddress === src)?.subnetId ?? ''
  const gateway = model.get(subnets, subnetId)?.gatewayIp
  for (const { id } of model.by(routerPorts, 'network', from.networkId)) {
    const port = model.get(ports, id)
    if (port?.fixedIps.some(ip => ip.ipAddress === gateway)) return port.macAddress
  }
  throw new CannotTrace(
    `${from.name || from.id} and ${to.name || to.id} are on different networks, and no router has the gateway address ${gateway ?? 'that the subnet lacks'}`,
  )
}

const transport = ({ name, port = 0, sourcePort = EPHEMERAL }: Protocol, v6: boolean): Match => {
  if (name === 'icmp')
    return v6 ? { nw_proto: 58, icmpv6_type: 128, icmpv6_code: 0 } : { nw_proto: 1, icmp_type: 8, icmp_code: 0 }
  if (name === 'arp') return {}
  const ends = { [`${name}_src`]: sourcePort, [`${name}_dst`]: port } as Match
  return { nw_proto: NUMBERS[name], ...ends, ...(name === 'tcp' ? { tcp_flags: SYN } : {}) }
}

/** The first packet of `protocol` that a port sends to another, and where it comes in. Throws CannotTrace. */
export const packetBetween = (
  model: Reader,
  from: Port,
  to: Port,
  protocol: Protocol,
  ipVersion?: 4 | 6,
): TraceStart => {
  const { chassis, ofport } = placeOfPort(model, from)
  const base = { in_port: ofport, eth_src: from.macAddress }
  const at = { chassis, bridge: 'br-int' }
  if (protocol.name === 'arp') {
    if (from.networkId !== to.networkId) throw new CannotTrace('ARP does not leave its network')
    const [spa, tpa] = commonFamily(from, to, 4)
    const ask = { arp_op: 1, arp_sha: from.macAddress, arp_spa: spa, arp_tpa: tpa, arp_tha: NO_MAC }
    return { ...at, packet: { ...base, eth_dst: BROADCAST, eth_type: 0x0806, ...ask } }
  }
  const [src, dst] = commonFamily(from, to, ipVersion)
  const eth = { ...base, eth_dst: nextHop(model, from, src, to) }
  const v6 = isV6(src)
  const ip: Match = v6
    ? { eth_type: 0x86dd, ipv6_src: src, ipv6_dst: dst }
    : { eth_type: 0x0800, ip_src: src, ip_dst: dst }
  return { ...at, packet: { ...eth, ...ip, nw_ttl: 64, ...transport(protocol, v6) } }
}

/** A packet in the syntax of ovs-ofctl, with what a real one would have where nothing is said: a TTL, a SYN. */
export const packetOfText = (text: string): Match => {
  const given = parseMatch(text)
  const isIp = given.eth_type === 0x0800 || given.eth_type === 0x86dd
  return {
    ...(isIp ? { nw_ttl: 64 } : {}),
    ...(isIp && given.nw_proto === 6 ? { tcp_flags: SYN } : {}),
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

/** What a port answers to a packet that reached it: SYN and ACK, the reply to an echo. Throws CannotTrace when it did not. */
export const replyTo = (model: Reader, traced: Trace, port: Port): TraceStart => {
  const reached = traced.outcomes.find(o => o.type === 'delivered' && o.id === port.id)
  if (reached === undefined) throw new CannotTrace(`nothing reached ${port.name || port.id} that it could answer`)
  const { chassis, ofport } = placeOfPort(model, port)
  const { eth_type, nw_proto } = reached.packet
  const packet: Record<string, unknown> = { in_port: ofport, eth_type, nw_proto, nw_ttl: 64 }
  for (const [src, dst] of END_PAIRS) {
    packet[src] = reached.packet[dst]
    packet[dst] = reached.packet[src]
  }
  if (nw_proto === 6) packet.tcp_flags = SYN_ACK
  if (nw_proto === 1) packet.icmp_type = 0
  if (nw_proto === 58) packet.icmpv6_type = 129
  return { chassis, bridge: 'br-int', packet: packet as Match }
}
