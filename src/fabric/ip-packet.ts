// IP packets in Ethernet frames as answers to them need: what they say of themselves, and new ones with all their lengths
// and checksums (RFC 791, RFC 8200). Bytes in, bytes out.
import ipaddr from 'ipaddr.js'

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

/** Protocol numbers (IANA). */
export const PROTOCOL = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const

const FRAGMENT = 44
/** Hop-by-hop options, routing, destination options: headers that say how long they are. */
const EXTENSIONS = [0, 43, 60]

const ETHERNET = 14
const ETH_TYPE_IPV4 = 0x0800
const ETH_TYPE_IPV6 = 0x86dd
const HOPS = 64
/** Neighbour discovery is for neighbours: what a router passed on is not heard (RFC 4861). */
export const FROM_NEIGHBOR = 255

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

/** The Internet checksum (RFC 1071). */
const checksum = (...parts: readonly Uint8Array[]): number => {
  const bytes = Buffer.concat(parts)
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const MORE_FRAGMENTS = 0x20

/** An IPv4 packet that says of itself that no further fragment follows. */
export const asLastFragment = (packet: Buffer): Buffer => {
  const last = Buffer.from(packet)
  last[6] = (last[6] ?? 0) & ~MORE_FRAGMENTS
  last.writeUInt16BE(0, 10)
  last.writeUInt16BE(checksum(last.subarray(0, 4 * ((last[0] ?? 0) & 15))), 10)
  return last
}

/** An address as bytes. */
export const ipBytes = (ip: string): Buffer => Buffer.from(ipaddr.parse(ip).toByteArray())

/** A MAC address as bytes. */
export const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex')

/** What an IP packet is to be. */
export interface Draft {
  readonly source: string
  /** Of the family of the source. */
  readonly destination: string
  readonly protocol: number
  /** The header and what follows it, with nothing where the checksum goes. */
  readonly message: Buffer
  /** Where that checksum is, in bytes from the start. */
  readonly checksumAt: number
  /** DSCP and ECN; default 0. */
  readonly trafficClass?: number
  /** TTL; default 64. */
  readonly hops?: number
}

/** The bytes of an IP packet. The checksum is that of ICMP, TCP and UDP alike; in ICMP for IPv4 it covers no addresses. */
export const writePacket = (draft: Draft): Buffer => {
  const { protocol, message, checksumAt, trafficClass = 0, hops = HOPS } = draft
  const [source, destination] = [ipBytes(draft.source), ipBytes(draft.destination)]
  const pseudo = Buffer.alloc(8)
  pseudo.writeUInt32BE(message.length, 0)
  pseudo[7] = protocol
  const covered = protocol === PROTOCOL.icmp ? [message] : [source, destination, pseudo, message]
  message.writeUInt16BE(checksum(...covered), checksumAt)
  if (source.length === 16) {
    const start = Buffer.alloc(8)
    start.writeUInt32BE(0x60000000 | (trafficClass << 20), 0)
    start.writeUInt16BE(message.length, 4)
    start[6] = protocol
    start[7] = hops
    return Buffer.concat([start, source, destination, message])
  }
  const header = Buffer.concat([Buffer.alloc(12), source, destination])
  header[0] = 0x45
  header[1] = trafficClass
  header.writeUInt16BE(20 + message.length, 2)
  header[8] = hops
  header[9] = protocol
  header.writeUInt16BE(checksum(header), 10)
  return Buffer.concat([header, message])
}

/** An Ethernet frame with an IP packet. */
export const ipFrame = (from: string, to: string, draft: Draft): Buffer => {
  const type = Buffer.alloc(2)
  type.writeUInt16BE(draft.source.includes(':') ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4)
  return Buffer.concat([macBytes(to), macBytes(from), type, writePacket(draft)])
}
