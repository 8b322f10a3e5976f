// ICMP errors as routers send them (RFC 792, RFC 1191, RFC 1812 section 4.3, RFC 4443): bytes in, bytes out.
import ipaddr from 'ipaddr.js'
import { asLastFragment, type IpPacket, ipFrame, PROTOCOL, readPacket } from './ip-packet.ts'

/** Why a packet is not delivered. */
export type RouterError = 'expired' | 'noRoute' | 'noNeighbor' | 'notServed' | 'tooBig' | 'rejected'

/** Who sends the error. */
export interface ErrorSender {
  readonly mac: string
  /** An address of the family of the packet. */
  readonly ip: string
}

/** Internetwork control (RFC 1812 section 4.3.2.5). */
const CONTROL = 0xc0
/** How long an error may be: what any host takes. */
const LONGEST = { 4: 576, 6: 1280 } as const

/** Ranges (ipaddr.js) of addresses that are not of one host beyond its link. */
const NO_HOST = ['unspecified', 'broadcast', 'multicast', 'linkLocal', 'loopback']

const isOneHost = (ip: string) => !NO_HOST.includes(ipaddr.parse(ip).range())

/** Whether a packet is an ICMP error, or a redirect, about which no error is sent. */
const isError = ({ isV6, protocol, payload }: IpPacket): boolean => {
  const type = payload?.[0] ?? 0
  if (isV6) return protocol === PROTOCOL.icmpv6 && (type < 128 || type === 137)
  return protocol === PROTOCOL.icmp && [3, 4, 5, 11, 12].includes(type)
}

/** Whether anybody may be told what becomes of a packet: not about later fragments, nor about what is not between two hosts. */
export const mayBeAnswered = (frame: Buffer, packet: IpPacket): boolean =>
  packet.payload !== undefined && [packet.source, packet.destination].every(isOneHost) && ((frame[0] ?? 0) & 1) === 0

/** Type, code and the four bytes after the checksum. */
type Message = readonly [type: number, code: number, rest?: number]

const MESSAGES = {
  4: { expired: [11, 0], noRoute: [3, 0], noNeighbor: [3, 1], tooBig: [3, 4], port: [3, 3], protocol: [3, 2] },
  // The next header of the fixed header is what is not known: its offset is told (RFC 4443 section 3.4).
  6: { expired: [3, 0], noRoute: [1, 0], noNeighbor: [1, 3], tooBig: [2, 0], port: [1, 4], protocol: [4, 1, 6] },
} as const satisfies Record<number, Readonly<Record<string, Message>>>

const messageFor = ({ isV6, protocol }: IpPacket, error: RouterError, mtu: number): Message | undefined => {
  const messages = MESSAGES[isV6 ? 6 : 4]
  if (error === 'tooBig') return [...messages.tooBig, mtu]
  // As iptables' REJECT says, which is what Neutron's firewalls use.
  if (error === 'rejected') return messages.port
  if (error !== 'notServed') return messages[error]
  if (protocol === (isV6 ? PROTOCOL.icmpv6 : PROTOCOL.icmp)) return undefined
  return protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp ? messages.port : messages.protocol
}

/**
 * The frame by which a router tells a sender why it does not deliver the packet of a frame. `mtu` is told with `tooBig`. Undefined
 * where none may be sent: about errors, later fragments, and what is not between two hosts (RFC 1122 section 3.2.2, RFC
 * 4443 section 2.4).
 */
export const icmpError = (frame: Buffer, error: RouterError, from: ErrorSender, mtu = 0): Buffer | undefined => {
  const packet = readPacket(frame)
  if (packet === undefined || isError(packet) || !mayBeAnswered(frame, packet)) return undefined
  const said = messageFor(packet, error, mtu)
  if (said === undefined) return undefined
  const [type, code, rest = 0] = said
  const { isV6, bytes, source } = packet
  const head = Buffer.alloc(8)
  head[0] = type
  head[1] = code
  head.writeUInt32BE(rest, 4)
  return ipFrame(from.mac, frame.subarray(6, 12).toString('hex'), {
    ...{
      source: from.ip,
      destination: source,
      protocol: isV6 ? PROTOCOL.icmpv6 : PROTOCOL.icmp,
      trafficClass: CONTROL,
    },
    // Open vSwitch translates no error about a fragment; and whoever sent one finds its connection by the ports alone.
    message: Buffer.concat([
      head,
      isV6 ? bytes.subarray(0, LONGEST[6] - 48) : asLastFragment(bytes).subarray(0, LONGEST[4] - 28),
    ]),
    checksumAt: 2,
  })
}
