// What security groups see of a packet, in words, and the rule that would allow it. What was tracked is judged by its
// connection's original tuple, the rest by its own fields.
import { type Port, ports, type Reader } from '#model'
import { CT_STATE } from './conntrack.ts'
import type { Packet } from './packet.ts'

/** A rule that would let a packet pass: for `POST /v2.0/security-group-rules`, and in words. */
export interface MissingRule {
  readonly direction: 'ingress' | 'egress'
  readonly ethertype: 'IPv4' | 'IPv6'
  /** Null: any. */
  readonly protocol: string | null
  readonly port_range_min: number | null
  readonly port_range_max: number | null
  readonly remote_ip_prefix: string
  readonly text: string
}

interface Judged {
  readonly v6: boolean
  readonly proto: number
  /** Of ICMP, type and code. */
  readonly port: number
  readonly code: number
  /** The other end, as seen from the port that is judged. */
  readonly remote: string
}

const ICMP = 1
const ICMP6 = 58
const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'ipv6-icmp', 132: 'sctp' }
const WITH_PORTS = [6, 17, 132]

const judgedOf = (packet: Packet, isIngress: boolean): Judged | undefined => {
  const type = packet.number('eth_type')
  if (type !== 0x0800 && type !== 0x86dd) return undefined
  const v6 = type === 0x86dd
  const end = isIngress ? 'src' : 'dst'
  const isTracked = (packet.number('ct_state') & (CT_STATE.trk | CT_STATE.inv)) === CT_STATE.trk
  const [remote, proto, src, dst] = isTracked
    ? [`ct_${v6 ? 'ipv6' : 'nw'}_${end}`, 'ct_nw_proto', 'ct_tp_src', 'ct_tp_dst']
    : [`${v6 ? 'ipv6' : 'ip'}_${end}`, 'nw_proto', 'tcp_src', 'tcp_dst']
  const number = packet.number(proto)
  const isIcmp = number === ICMP || number === ICMP6
  const [port, code] = [packet.number(isIcmp ? src : dst), isIcmp ? packet.number(dst) : 0]
  return { v6, proto: number, port, code, remote: String(packet.value(remote)) }
}

const protocolText = ({ proto, port, code }: Judged): string => {
  const name = NAMES[proto] ?? `IP protocol ${proto}`
  if (WITH_PORTS.includes(proto)) return `${name} ${port}`
  return proto === ICMP || proto === ICMP6 ? `${name} type ${port} code ${code}` : name
}

/** `tcp 443 from web1 (10.0.0.5)`; `to` where the port sends. */
export const describeTraffic = (packet: Packet, isIngress: boolean, model: Reader, port: Port): string => {
  const judged = judgedOf(packet, isIngress)
  if (judged === undefined) return `ethertype 0x${packet.number('eth_type').toString(16).padStart(4, '0')}`
  const { remote } = judged
  const owner = Array.from(model.by(ports, 'address', remote)).find(p => p.networkId === port.networkId)
  const name = owner && (owner.name || owner.id)
  return `${protocolText(judged)} ${isIngress ? 'from' : 'to'} ${name === undefined ? remote : `${name} (${remote})`}`
}

/** The narrowest rule that would allow a packet; undefined where no rule can. */
export const missingRule = (packet: Packet, isIngress: boolean): MissingRule | undefined => {
  const judged = judgedOf(packet, isIngress)
  if (judged === undefined) return undefined
  const { v6, proto, port, code, remote } = judged
  const isIcmp = proto === ICMP || proto === ICMP6
  const hasPorts = WITH_PORTS.includes(proto) || isIcmp
  const direction = isIngress ? 'ingress' : 'egress'
  const ethertype = v6 ? 'IPv6' : 'IPv4'
  const prefix = `${remote}/${v6 ? 128 : 32}`
  return {
    ...{ direction, ethertype, protocol: NAMES[proto] ?? String(proto), remote_ip_prefix: prefix },
    port_range_min: hasPorts ? port : null,
    port_range_max: hasPorts ? (isIcmp ? code : port) : null,
    text: `${direction} ${protocolText(judged)} ${ethertype} ${isIngress ? 'from' : 'to'} ${prefix}`,
  }
}
