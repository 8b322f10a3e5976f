// A packet as bytes on the wire, with lengths and checksums, so that a real one can be sent.
import type { Match } from 'node-openflow/flow'
import { hasField } from './describe-packet.ts'
import { type Packet, packetOf, TAG_PRESENT } from './packet.ts'

/** What is in the payload of a frame that a trace sends. */
export const PAYLOAD = new TextEncoder().encode('flowright trace!')

const IPV4 = 0x0800
const IPV6 = 0x86dd
const ARP = [0x0806, 0x8035]
const [ICMP, TCP, UDP, ICMP6] = [1, 6, 17, 58]
const LEAST = 60
const MORE_FRAGMENTS = 0x2000

/** A packet that cannot be made, and why, in words. */
export class CannotFrame extends Error {}

type Part = readonly [bytes: number, value: bigint | number]

const join = (...parts: readonly (Uint8Array | Part)[]): Uint8Array =>
  Uint8Array.from(
    parts.flatMap(part => {
      if (part instanceof Uint8Array) return [...part]
      const [bytes, value] = part as Part
      return Array.from({ length: bytes }, (_, i) => Number((BigInt(value) >> BigInt(8 * (bytes - 1 - i))) & 0xffn))
    }),
  )

/** The Internet checksum (RFC 1071). */
const checksum = (bytes: Uint8Array): number => {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] as number) << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

const withChecksum = (bytes: Uint8Array, at: number, over: Uint8Array = bytes): Uint8Array => {
  new DataView(bytes.buffer).setUint16(at, checksum(over))
  return bytes
}

/** Whether there is a neighbour discovery option, and which: of source (1) or target (2). */
const option = (p: Packet): Uint8Array => {
  const [name, type] = hasField(p, 'nd_sll') ? (['nd_sll', 1] as const) : (['nd_tll', 2] as const)
  const mac = p.get(name)
  return mac === 0n ? new Uint8Array() : join([1, type], [1, 1], [6, mac])
}

/** TCP, UDP, ICMP; `pseudo` are the addresses that the checksum covers too (RFC 9293, RFC 8200). */
const transport = (p: Packet, pseudo: (length: number) => Uint8Array): Uint8Array => {
  const proto = p.number('nw_proto')
  const covered = (segment: Uint8Array, at: number) => withChecksum(segment, at, join(pseudo(segment.length), segment))
  const [src, dst] = [p.get('tcp_src'), p.get('tcp_dst')]
  if (proto === TCP) {
    const head = join([2, src], [2, dst], [4, 1], [4, 0], [1, 0x50], [1, p.get('tcp_flags')], [2, 0xffff], [4, 0])
    return covered(head, 16)
  }
  if (proto === UDP) return covered(join([2, src], [2, dst], [2, 8 + PAYLOAD.length], [2, 0], PAYLOAD), 6)
  if (proto === ICMP) return withChecksum(join([1, src], [1, dst], [2, 0], [2, 1], [2, 1], PAYLOAD), 2)
  if (proto === ICMP6) {
    const isDiscovery = hasField(p, 'nd_target')
    const body = isDiscovery
      ? join([4, p.get('nd_reserved')], [16, p.get('nd_target')], option(p))
      : join([2, 1], [2, 1], PAYLOAD)
    return covered(join([1, src], [1, dst], [2, 0], body), 2)
  }
  throw new CannotFrame(`no packet of IP protocol ${proto} can be made; of TCP, UDP, ICMP and ARP one can`)
}

const ip4 = (p: Packet): Uint8Array => {
  const ends = join([4, p.get('ip_src')], [4, p.get('ip_dst')])
  const pseudo = (length: number) => join(ends, [2, p.get('nw_proto')], [2, length])
  const isLater = (p.number('ip_frag') & 2) !== 0
  const body = isLater ? PAYLOAD : transport(p, pseudo)
  const fragment = isLater ? 1 : p.number('ip_frag') !== 0 ? MORE_FRAGMENTS : 0
  const head = join(
    ...([
      [1, 0x45],
      [1, p.get('nw_tos')],
      [2, 20 + body.length],
      [2, 1],
      [2, fragment],
    ] as const),
    ...([
      [1, p.get('nw_ttl')],
      [1, p.get('nw_proto')],
      [2, 0],
    ] as const),
    ends,
  )
  return join(withChecksum(head, 10), body)
}

const ip6 = (p: Packet): Uint8Array => {
  if (p.number('ip_frag') !== 0) throw new CannotFrame('no fragment of IPv6 can be made')
  const ends = join([16, p.get('ipv6_src')], [16, p.get('ipv6_dst')])
  const body = transport(p, length => join(ends, [4, length], [4, p.get('nw_proto')]))
  const first = (6 << 28) | (p.number('nw_tos') << 20) | p.number('ipv6_label')
  return join([4, first >>> 0], [2, body.length], [1, p.get('nw_proto')], [1, p.get('nw_ttl')], ends, body)
}

const arp = (p: Packet): Uint8Array =>
  join(
    ...([
      [2, 1],
      [2, IPV4],
      [1, 6],
      [1, 4],
      [2, p.get('arp_op')],
      [6, p.get('arp_sha')],
    ] as const),
    ...([
      [4, p.get('arp_spa')],
      [6, p.get('arp_tha')],
      [4, p.get('arp_tpa')],
    ] as const),
  )

/** The frame that a match describes; without its own type (no `eth_type`), it cannot be made. Throws CannotFrame. */
export const frameOf = (match: Match): Uint8Array => {
  const p = packetOf(match)
  const type = p.number('eth_type')
  const tci = p.number('vlan_tci')
  const tag = tci & TAG_PRESENT ? join([2, 0x8100], [2, tci & ~TAG_PRESENT]) : new Uint8Array()
  const body = type === IPV4 ? ip4(p) : type === IPV6 ? ip6(p) : ARP.includes(type) ? arp(p) : undefined
  if (body === undefined) throw new CannotFrame(`no frame of ethertype 0x${type.toString(16)} can be made`)
  const frame = join([6, p.get('eth_dst')], [6, p.get('eth_src')], tag, [2, type], body)
  return frame.length < LEAST ? join(frame, new Uint8Array(LEAST - frame.length)) : frame
}
