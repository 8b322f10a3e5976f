// Frames to be put into a switch, with checksums, as conntrack looks at these.
import ipaddr from 'ipaddr.js'

/** One end of what is sent. */
export interface End {
  readonly mac: string
  readonly ip: string
}

/** What IP carries: a protocol, and its header and data once the ends are known. */
export interface Payload {
  readonly protocol: number
  readonly bytes: (from: End, to: End) => Buffer
}

const macBytes = (mac: string) => Buffer.from(mac.replaceAll(':', ''), 'hex')
const ipBytes = (ip: string) => Buffer.from(ipaddr.parse(ip).toByteArray())
const isV6 = ({ ip }: End) => ip.includes(':')

/** The Internet checksum (RFC 1071). */
const checksum = (...parts: readonly Buffer[]): number => {
  const bytes = Buffer.concat(parts)
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const pseudoHeader = (from: End, to: End, protocol: number, length: number): Buffer => {
  const rest = Buffer.alloc(isV6(from) ? 8 : 4)
  if (isV6(from)) rest.writeUInt32BE(length, 0)
  else rest.writeUInt16BE(length, 2)
  rest[isV6(from) ? 7 : 1] = protocol
  return Buffer.concat([ipBytes(from.ip), ipBytes(to.ip), rest])
}

const withChecksum = (bytes: Buffer, at: number, ...before: readonly Buffer[]): Buffer => {
  bytes.writeUInt16BE(checksum(...before, bytes), at)
  return bytes
}

/** UDP. */
export const udp = (src: number, dst: number, data = Buffer.from('data')): Payload => ({
  protocol: 17,
  bytes: (from, to) => {
    const bytes = Buffer.concat([Buffer.alloc(8), data])
    bytes.writeUInt16BE(src, 0)
    bytes.writeUInt16BE(dst, 2)
    bytes.writeUInt16BE(bytes.length, 4)
    return withChecksum(bytes, 6, pseudoHeader(from, to, 17, bytes.length))
  },
})

/** Flags of TCP. */
export const SYN = 2
/** Acknowledges. */
export const ACK = 16

/** TCP. */
export const tcp = (src: number, dst: number, flags: number, seq = 1, ack = 0): Payload => ({
  protocol: 6,
  bytes: (from, to) => {
    const bytes = Buffer.alloc(20)
    bytes.writeUInt16BE(src, 0)
    bytes.writeUInt16BE(dst, 2)
    bytes.writeUInt32BE(seq, 4)
    bytes.writeUInt32BE(ack, 8)
    bytes[12] = 0x50
    bytes[13] = flags
    bytes.writeUInt16BE(0xffff, 14)
    return withChecksum(bytes, 16, pseudoHeader(from, to, 6, 20))
  },
})

/** ICMP of the family of the ends, with what follows type, code and checksum. */
export const icmp = (type: number, code: number, rest: Buffer, protocol: 1 | 58 = 1): Payload => ({
  protocol,
  bytes: (from, to) => {
    const bytes = Buffer.concat([Buffer.from([type, code, 0, 0]), rest])
    return withChecksum(bytes, 2, ...(protocol === 58 ? [pseudoHeader(from, to, 58, bytes.length)] : []))
  },
})

/** An echo request or reply. */
export const echo = (type: 8 | 0 | 128 | 129, id = 7): Payload =>
  icmp(type, 0, Buffer.from([id >> 8, id & 255, 0, 1]), type < 100 ? 1 : 58)

/** The checksum of SCTP (CRC32c, RFC 9260 appendix A). */
const crc32c = (bytes: Buffer): number => {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

/** SCTP: an association's first packet, with an INIT chunk. */
export const sctp = (src: number, dst: number): Payload => ({
  protocol: 132,
  bytes: () => {
    const bytes = Buffer.concat([Buffer.alloc(12), Buffer.from('010000140000000100010000000100010000000a', 'hex')])
    bytes.writeUInt16BE(src, 0)
    bytes.writeUInt16BE(dst, 2)
    bytes.writeUInt32LE(crc32c(bytes), 8)
    return bytes
  },
})

/** Any protocol with four bytes that look like ports; a checksum that nobody looks at. */
export const other = (protocol: number, data = Buffer.from('0001000200000000', 'hex')): Payload => ({
  protocol,
  bytes: () => data,
})

/** A piece of a packet: its offset in bytes, and whether more follow. */
export interface Fragment {
  readonly offset: number
  readonly length: number
  readonly more: boolean
}

/** An IP packet, or one fragment of it (IPv4). */
export const packet = (from: End, to: End, payload: Payload, fragment?: Fragment): Buffer => {
  const whole = payload.bytes(from, to)
  const data = fragment === undefined ? whole : whole.subarray(fragment.offset, fragment.offset + fragment.length)
  if (isV6(from)) {
    const header = Buffer.alloc(8)
    header[0] = 0x60
    header.writeUInt16BE(data.length, 4)
    header[6] = payload.protocol
    header[7] = 64
    return Buffer.concat([header, ipBytes(from.ip), ipBytes(to.ip), data])
  }
  const header = Buffer.alloc(12)
  header[0] = 0x45
  header.writeUInt16BE(20 + data.length, 2)
  header.writeUInt16BE(0x1234, 4)
  header.writeUInt16BE(fragment === undefined ? 0 : (fragment.more ? 0x2000 : 0) | (fragment.offset >> 3), 6)
  header[8] = 64
  header[9] = payload.protocol
  const addresses = Buffer.concat([ipBytes(from.ip), ipBytes(to.ip)])
  return Buffer.concat([withChecksum(header, 10, addresses), addresses, data])
}

/** An Ethernet frame, with a VLAN tag if one is given. */
export const ethernet = (src: string, dst: string, type: number, data: Buffer, vlan?: number): Buffer => {
  const tag = vlan === undefined ? [] : [Buffer.from([0x81, 0, vlan >> 8, vlan & 255])]
  const frame = [macBytes(dst), macBytes(src), ...tag, Buffer.from([type >> 8, type & 255]), data]
  const bytes = Buffer.concat(frame)
  return bytes.length < 60 ? Buffer.concat([bytes, Buffer.alloc(60 - bytes.length)]) : bytes
}

/** A frame with an IP packet. */
export const frame = (
  from: End,
  to: End,
  payload: Payload,
  more: { readonly fragment?: Fragment; readonly vlan?: number } = {},
): Buffer =>
  ethernet(from.mac, to.mac, isV6(from) ? 0x86dd : 0x0800, packet(from, to, payload, more.fragment), more.vlan)

/** ARP: a request (1) to all, or a reply (2). */
export const arp = (operation: 1 | 2, from: End, to: End): Buffer => {
  const head = Buffer.from(`000108000604000${operation}`, 'hex')
  const target = operation === 1 ? Buffer.alloc(6) : macBytes(to.mac)
  const parts = [head, macBytes(from.mac), ipBytes(from.ip), target, ipBytes(to.ip)]
  return ethernet(from.mac, operation === 1 ? 'ff:ff:ff:ff:ff:ff' : to.mac, 0x0806, Buffer.concat(parts))
}

/** A gratuitous ARP request. */
export const gratuitousArp = (from: End): Buffer => arp(1, from, from)

/** A neighbour solicitation (135) or advertisement (136) of an address, with the sender's MAC. */
export const neighborDiscovery = (type: 135 | 136, from: End, to: End, target: string): Buffer => {
  const flags = Buffer.from(type === 136 ? '60000000' : '00000000', 'hex')
  const option = Buffer.concat([Buffer.from([type === 136 ? 2 : 1, 1]), macBytes(from.mac)])
  const bytes = frame(from, to, icmp(type, 0, Buffer.concat([flags, ipBytes(target), option]), 58))
  // Open vSwitch believes no neighbour discovery that came over a router.
  bytes[14 + 7] = 255
  return bytes
}
