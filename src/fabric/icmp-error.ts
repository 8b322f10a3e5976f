// ICMP errors as routers send them (RFC 792, RFC 1812 section 4.3, RFC 4443): bytes in, bytes out.
import ipaddr from 'ipaddr.js'

/** Why a router could not deliver a packet. */
export type RouterError = 'expired' | 'noRoute' | 'noNeighbor' | 'notServed'

/** Who sends the error. */
export interface ErrorSender {
  readonly mac: string
  /** An address of the family of the packet. */
  readonly ip: string
}

/** What an IP packet says of itself. */
export interface IpPacket {
  readonly isV6: boolean
  readonly bytes: Buffer
  readonly source: string
  readonly destination: string
  /** What it carries, after extension headers. */
  readonly protocol: number
  /** Undefined for fragments but the first. */
  readonly payload: Buffer | undefined
}

const ICMP = 1
const TCP = 6
const UDP = 17
const ICMPV6 = 58
const FRAGMENT = 44
/** Hop-by-hop options, routing, destination options: headers that say how long they are. */
const EXTENSIONS = [0, 43, 60]

const ETHERNET = 14
const ETH_TYPE_IPV4 = 0x0800
const ETH_TYPE_IPV6 = 0x86dd
const HOPS = 64
/** Internetwork control (RFC 1812 section 4.3.2.5). */
const CONTROL = 0xc0
/** How long an error may be: what any host takes. */
const LONGEST = { 4: 576, 6: 1280 } as const

const address = (bytes: Uint8Array): string => ipaddr.fromByteArray([...bytes]).toString()

const readV4 = (packet: Buffer): IpPacket | undefined => {
  if (packet.length < 20) return undefined
  const [header, length] = [4 * ((packet[0] ?? 0) & 15), packet.readUInt16BE(2)]
  if (header < 20 || length < header || length > packet.length) return undefined
  const isFirst = (packet.readUInt16BE(6) & 0x1fff) === 0
  return {
    isV6: false,
    bytes: packet.subarray(0, length),
    source: address(packet.subarray(12, 16)),
    destination: address(packet.subarray(16, 20)),
    protocol: packet[9] ?? 0,
    payload: isFirst ? packet.subarray(header, length) : undefined,
  }
}

const readV6 = (packet: Buffer): IpPacket | undefined => {
  if (packet.length < 40) return undefined
  const end = 40 + packet.readUInt16BE(4)
  if (end > packet.length) return undefined
  let [protocol, at, isFirst] = [packet[6] ?? 0, 40, true]
  while ((EXTENSIONS.includes(protocol) || protocol === FRAGMENT) && at + 8 <= end && isFirst) {
    if (protocol === FRAGMENT) isFirst = packet.readUInt16BE(at + 2) >> 3 === 0
    const length = protocol === FRAGMENT ? 8 : 8 * ((packet[at + 1] ?? 0) + 1)
    protocol = packet[at] ?? 0
    at += length
  }
  return {
    isV6: true,
    bytes: packet.subarray(0, end),
    source: address(packet.subarray(8, 24)),
    destination: address(packet.subarray(24, 40)),
    protocol,
    payload: isFirst ? packet.subarray(Math.min(at, end), end) : undefined,
  }
}

/** Reads the IP packet of an untagged Ethernet frame; undefined when there is no whole one. */
export const readPacket = (frame: Buffer): IpPacket | undefined => {
  const type = frame.length < ETHERNET ? 0 : frame.readUInt16BE(12)
  if (type === ETH_TYPE_IPV4) return readV4(frame.subarray(ETHERNET))
  return type === ETH_TYPE_IPV6 ? readV6(frame.subarray(ETHERNET)) : undefined
}

/** Ranges (ipaddr.js) of addresses that are not of one host beyond its link. */
const NO_HOST = ['unspecified', 'broadcast', 'multicast', 'linkLocal', 'loopback']

const isOneHost = (ip: string) => !NO_HOST.includes(ipaddr.parse(ip).range())

/** Whether a packet is an ICMP error, or a redirect, about which no error is sent. */
const isError = ({ isV6, protocol, payload }: IpPacket): boolean => {
  const type = payload?.[0] ?? 0
  if (isV6) return protocol === ICMPV6 && (type < 128 || type === 137)
  return protocol === ICMP && [3, 4, 5, 11, 12].includes(type)
}

/** Type, code and the four bytes after the checksum. */
type Message = readonly [type: number, code: number, rest?: number]

const MESSAGES = {
  4: { expired: [11, 0], noRoute: [3, 0], noNeighbor: [3, 1], port: [3, 3], protocol: [3, 2] },
  // The next header of the fixed header is what is not known: its offset is told (RFC 4443 section 3.4).
  6: { expired: [3, 0], noRoute: [1, 0], noNeighbor: [1, 3], port: [1, 4], protocol: [4, 1, 6] },
} as const satisfies Record<number, Readonly<Record<string, Message>>>

const messageFor = ({ isV6, protocol }: IpPacket, error: RouterError): Message | undefined => {
  const messages = MESSAGES[isV6 ? 6 : 4]
  if (error !== 'notServed') return messages[error]
  if (protocol === (isV6 ? ICMPV6 : ICMP)) return undefined
  return protocol === TCP || protocol === UDP ? messages.port : messages.protocol
}

/** The Internet checksum (RFC 1071). */
const checksum = (...parts: readonly Uint8Array[]): number => {
  const bytes = Buffer.concat(parts)
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const ipv4 = (source: Buffer, destination: Buffer, message: Buffer): Buffer => {
  const header = Buffer.concat([Buffer.alloc(12), source, destination])
  header[0] = 0x45
  header[1] = CONTROL
  header.writeUInt16BE(20 + message.length, 2)
  header[8] = HOPS
  header[9] = ICMP
  header.writeUInt16BE(checksum(header), 10)
  message.writeUInt16BE(checksum(message), 2)
  return Buffer.concat([header, message])
}

const ipv6 = (source: Buffer, destination: Buffer, message: Buffer): Buffer => {
  const header = Buffer.concat([Buffer.alloc(8), source, destination])
  header.writeUInt32BE(0x60000000 | (CONTROL << 20), 0)
  header.writeUInt16BE(message.length, 4)
  header[6] = ICMPV6
  header[7] = HOPS
  const pseudo = Buffer.alloc(8)
  pseudo.writeUInt32BE(message.length, 0)
  pseudo[7] = ICMPV6
  message.writeUInt16BE(checksum(source, destination, pseudo, message), 2)
  return Buffer.concat([header, message])
}

/**
 * The frame by which a router tells a sender why it could not deliver the packet of a frame. Undefined where none may be
 * sent: about errors, later fragments, and what is not between two hosts (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
 */
export const icmpError = (frame: Buffer, error: RouterError, from: ErrorSender): Buffer | undefined => {
  const packet = readPacket(frame)
  if (packet?.payload === undefined || isError(packet)) return undefined
  if (![packet.source, packet.destination].every(isOneHost) || ((frame[0] ?? 0) & 1) === 1) return undefined
  const said = messageFor(packet, error)
  if (said === undefined) return undefined
  const [type, code, rest = 0] = said
  const { isV6, bytes } = packet
  const head = Buffer.alloc(8)
  head[0] = type
  head[1] = code
  head.writeUInt32BE(rest, 4)
  const message = Buffer.concat([head, bytes.subarray(0, LONGEST[isV6 ? 6 : 4] - (isV6 ? 48 : 28))])
  const [own, to] = [from.ip, packet.source].map(ip => Buffer.from(ipaddr.parse(ip).toByteArray())) as [Buffer, Buffer]
  return Buffer.concat([
    frame.subarray(6, 12),
    Buffer.from(from.mac.replaceAll(':', ''), 'hex'),
    frame.subarray(12, 14),
    (isV6 ? ipv6 : ipv4)(own, to, message),
  ])
}
