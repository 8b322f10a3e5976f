// IP addresses and prefixes as numbers: parsing, canonical text, ranges. Values are bigints of 32 or 128 bits.
import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** 4 or 6. */
export type IpVersion = 4 | 6

/** An address as a number. */
export interface Ip {
  readonly version: IpVersion
  readonly value: bigint
}

/** A prefix: its first and last address, and its length. */
export interface Prefix {
  readonly version: IpVersion
  readonly first: bigint
  readonly last: bigint
  readonly length: number
}

/** The number of bits of an address. */
export const bitsOf = (version: IpVersion): number => (version === 4 ? 32 : 128)

/** Reads an address in any usual text form; undefined when it is none. */
export function parseIp(text: string): Ip | undefined {
  if (isIPv4(text)) return { version: 4, value: BigInt(text.split('.').reduce((n, byte) => n * 256 + Number(byte), 0)) }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const parts = ipaddr.IPv6.parse(text).parts
  return { version: 6, value: parts.reduce((n, part) => (n << 16n) | BigInt(part), 0n) }
}

/** Canonical text (RFC 5952 for IPv6). */
export function formatIp({ version, value }: Ip): string {
  if (version === 4) {
    const n = Number(value)
    return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
  }
  const bytes = Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(8 * (15 - i))) & 0xffn))
  return new ipaddr.IPv6(bytes).toRFC5952String()
}

/** A prefix of one address as that address; others, and addresses, as they are. */
export const withoutHostLength = (prefix: string): string =>
  prefix.replace(prefix.includes(':') ? /\/128$/ : /\/32$/, '')

/** Reads `address/length`, cutting host bits; undefined when it is none. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address, length, ...more] = text.split('/')
  const ip = parseIp(address ?? '')
  if (!ip || length === undefined || more.length > 0 || !/^\d{1,3}$/.test(length)) return undefined
  return prefixAt(ip, Number(length))
}

/** The prefix of a length that contains an address; undefined when there is no such length. */
export function prefixAt(ip: Ip, length: number): Prefix | undefined {
  const host = bitsOf(ip.version) - length
  if (host < 0) return undefined
  const first = (ip.value >> BigInt(host)) << BigInt(host)
  return { version: ip.version, first, last: first + (1n << BigInt(host)) - 1n, length }
}

/** Canonical text of a prefix. */
export const formatPrefix = (p: Prefix): string => `${formatIp({ version: p.version, value: p.first })}/${p.length}`

/** Whether two prefixes share an address. */
export const overlap = (a: Prefix, b: Prefix): boolean =>
  a.version === b.version && a.first <= b.last && b.first <= a.last

/** Whether `outer` contains the address or the whole prefix. */
export const contains = (outer: Prefix, inner: Ip | Prefix): boolean =>
  outer.version === inner.version &&
  ('value' in inner
    ? outer.first <= inner.value && inner.value <= outer.last
    : outer.first <= inner.first && inner.last <= outer.last)

/** The interface identifier of a MAC address in a /64 (modified EUI-64, RFC 4291 appendix A). */
export function eui64(prefix: Prefix, mac: string): Ip {
  const bytes = mac.split(':').map(byte => Number.parseInt(byte, 16))
  const id = [bytes[0]! ^ 2, bytes[1]!, bytes[2]!, 0xff, 0xfe, bytes[3]!, bytes[4]!, bytes[5]!]
  return { version: 6, value: prefix.first + id.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n) }
}
