// Addresses and prefixes as matches want them.
import ipaddr from 'ipaddr.js'
import { fieldOf, fromInteger, integerOf, type Masked, masked } from 'node-openflow/flow'
import { eui64, formatIp, type Prefix, parsePrefix } from '#model'

/** Whether an address or prefix is IPv6. */
export const isV6 = (address: string): boolean => address.includes(':')

const parse = (prefix: string) => {
  const [address, length] = ipaddr.parseCIDR(prefix)
  return { address, length, bits: address.kind() === 'ipv4' ? 32 : 128 }
}

/** Whether an address or prefix is one address. */
export const isHost = (prefix: string): boolean => {
  if (!prefix.includes('/')) return true
  const { length, bits } = parse(prefix)
  return length === bits
}

/** An address or prefix as the value of a match field. */
export const onWire = (prefix: string): string | Masked<string> => {
  if (!prefix.includes('/')) return prefix
  const { address, length, bits } = parse(prefix)
  if (length === bits) return address.toString()
  const of = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  return masked(of.networkAddressFromCIDR(prefix).toString(), of.subnetMaskFromPrefixLength(length).toString())
}

/** The link-local address that a host makes of its MAC (RFC 4291, modified EUI-64). */
export const linkLocal = (mac: string): string => formatIp(eui64(LINK_LOCAL, mac))

const LINK_LOCAL: Prefix = parsePrefix('fe80::/64')!

/** Length of a prefix; of an address, all its bits. */
export const lengthOf = (prefix: string): number =>
  prefix.includes('/') ? parse(prefix).length : isV6(prefix) ? 128 : 32

/** The prefix of that length that a longer one or an address lies in, in canonical text. */
export const supernet = (prefix: string, length: number): string => {
  const [address = ''] = prefix.split('/')
  const of = isV6(address) ? ipaddr.IPv6 : ipaddr.IPv4
  return `${of.networkAddressFromCIDR(`${address}/${length}`)}/${length}`
}

/** An address or prefix as an integer, and the mask that it counts under. */
export const asInteger = (prefix: string): { readonly value: bigint; readonly mask: bigint } => {
  const [address = ''] = prefix.split('/')
  const [width, length] = [BigInt(isV6(address) ? 128 : 32), BigInt(lengthOf(prefix))]
  const mask = ((1n << length) - 1n) << (width - length)
  return { value: integerOf(fieldFor(address), address) & mask, mask }
}

const [V4, V6, MAC] = [fieldOf('ip_src'), fieldOf('ipv6_src'), fieldOf('eth_src')]

const fieldFor = (address: string) => (isV6(address) ? V6 : V4)

/** What stands before the 32 bits of an IPv4 address where an IPv6 address is expected (RFC 4291 section 2.5.5.2). */
export const IPV4_MAPPED = 0xffff_0000_0000n

/** An address in 128 bits, as registers have it. */
export const addressBits = (ip: string): bigint => integerOf(fieldFor(ip), ip) | (isV6(ip) ? 0n : IPV4_MAPPED)

/** The address that these 128 bits are. */
export const ipOfBits = (bits: bigint): string =>
  bits >> 32n === IPV4_MAPPED >> 32n
    ? formatIp({ version: 4, value: bits & 0xffffffffn })
    : formatIp({ version: 6, value: bits })

/** The address or prefix that some of 128 bits are, IPv4 also in the last 32 alone; undefined where the mask is that of none. */
export const prefixOfBits = (bits: bigint, mask: bigint): string | undefined => {
  const isV4 = mask >> 32n === 0n
  const width = isV4 ? 32 : 128
  const ones = mask.toString(2).padStart(width, '0').lastIndexOf('1') + 1
  if (mask !== ((1n << BigInt(ones)) - 1n) << BigInt(width - ones)) return undefined
  if (ones === 128) return ipOfBits(bits)
  const address = formatIp({ version: isV4 ? 4 : 6, value: bits })
  return ones === width ? address : `${address}/${ones}`
}

/** A MAC in 48 bits. */
export const macBits = (mac: string): bigint => integerOf(MAC, mac)

/** The MAC that these 48 bits are. */
export const macOfBits = (bits: bigint): string => String(fromInteger(MAC, bits))
