// What security groups of a model say, from the model alone: no flow is known here.
import ipaddr from 'ipaddr.js'
import {
  addressGroups,
  ICMP,
  ICMPV6,
  type Port,
  ports,
  type Reader,
  type SecurityGroupRule,
  securityGroupRules,
  securityGroups,
} from '#model'
import { type Protocol, parseProtocol } from '#tracer/between'

const within = (address: string, prefix: string): boolean => {
  const ip = ipaddr.parse(address)
  const [net, length] = prefix.includes('/') ? ipaddr.parseCIDR(prefix) : [ipaddr.parse(prefix), 128]
  if (ip.kind() !== net.kind()) return false
  const bits = Math.min(length, ip.kind() === 'ipv4' ? 32 : 128)
  return ip.match([net, bits] as never)
}

const isMember = (model: Reader, group: string, address: string) =>
  Array.from(model.by(ports, 'securityGroup', group)).some(
    p =>
      p.fixedIps.some(ip => ip.ipAddress === address) ||
      p.allowedAddressPairs.some(pair => within(address, pair.ipAddress)),
  )

/** What security groups see of a packet. */
export interface Packet {
  readonly v6: boolean
  readonly protocol: number
  /** Of ICMP, the type; the code is 0. */
  readonly port: number
}

const fits = (model: Reader, rule: SecurityGroupRule, packet: Packet, remote: string): boolean => {
  const { protocolNumber, portRangeMin: min, portRangeMax: max } = rule
  if ((rule.ipVersion === 6) !== packet.v6) return false
  if (protocolNumber !== null && protocolNumber !== packet.protocol) return false
  if (min !== null && [1, 58].includes(packet.protocol)) {
    if (packet.port !== min || (max !== null && max !== 0)) return false
  } else if (min !== null && (packet.port < min || packet.port > (max ?? min))) return false
  if (rule.remoteIpPrefix !== null) return within(remote, rule.remoteIpPrefix)
  if (rule.remoteGroupId !== null) return isMember(model, rule.remoteGroupId, remote)
  if (rule.remoteAddressGroupId === null) return true
  const { addresses } = model.get(addressGroups, rule.remoteAddressGroupId) ?? { addresses: [] }
  return addresses.some(prefix => within(remote, prefix))
}

/** Whether the security groups of a port let a packet pass. */
export const allows = (model: Reader, port: Port, direction: 'ingress' | 'egress', packet: Packet, remote: string) =>
  !port.portSecurityEnabled ||
  port.securityGroups.some(group =>
    Array.from(model.by(securityGroupRules, 'group', group)).some(
      rule => rule.direction === direction && fits(model, rule, packet, remote),
    ),
  )

/** Whether a port has a stateless group: replies are judged by themselves. */
export const isStateless = (model: Reader, port: Port) =>
  port.securityGroups.some(group => model.get(securityGroups, group)?.stateful === false)

/** What is tried. */
export const protocols: readonly Protocol[] = ['tcp 80', 'tcp 443', 'tcp 8000', 'udp 22', 'icmp'].map(parseProtocol)

/** The first packet of a protocol. */
export const packetOf = ({ proto, port = 0 }: Protocol, v6: boolean): Packet => ({
  v6,
  protocol: proto === ICMP && v6 ? ICMPV6 : Number(proto),
  port: proto === ICMP ? (v6 ? 128 : 8) : port,
})
