// MAC, IPv4 and IPv6 addresses between bytes and their canonical text (lower case, RFC 5952 for IPv6).

import { EncodeError } from './errors.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

const hexPair = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))
const decimal = Array.from({ length: 256 }, (_, i) => String(i))

const digit = new Int8Array(128).fill(-1)
for (let i = 0; i < 10; i++) digit[48 + i] = i
for (let i = 0; i < 6; i++) {
  digit[65 + i] = 10 + i
  digit[97 + i] = 10 + i
}

/** Bytes as hexadecimal digits, lower case, two a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += hexPair[bytes[i] as number]
  return text
}

/** The bytes that hexadecimal digits stand for; white space, dots and colons between bytes are passed over. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s.:]/g, '')
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new EncodeError('syntax', '', `not bytes in hexadecimal: ${brief(text)}`)
  const bytes = new Uint8Array(digits.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = ((digit[digits.charCodeAt(2 * i)] as number) << 4) | (digit[digits.charCodeAt(2 * i + 1)] as number)
  }
  return bytes
}

/** Reads six bytes as `fa:16:3e:00:00:05`. */
export function readMac(r: Reader): string {
  const i = r.at
  r.skip(6)
  const d = r.data
  return `${hexPair[d[i] as number]}:${hexPair[d[i + 1] as number]}:${hexPair[d[i + 2] as number]}:${
    hexPair[d[i + 3] as number]
  }:${hexPair[d[i + 4] as number]}:${hexPair[d[i + 5] as number]}`
}

/** Writes a MAC address as six bytes. */
export function writeMac(w: Writer, text: string): void {
  const value = macNumber(text)
  w.u16(Math.floor(value / 0x100000000))
  w.u32(value >>> 0)
}

/** A MAC address as an unsigned number. */
export function macNumber(text: string): number {
  const high = macPart(text, 0)
  const low = macPart(text, 9)
  if (text.length !== 17 || high < 0 || low < 0) badAddress('MAC address', text)
  return high * 0x1000000 + low
}

function macPart(text: string, at: number): number {
  let value = 0
  for (let i = at; i < at + 9; i += 3) {
    if (i > 0 && text.charCodeAt(i - 1) !== 58) return -1
    const a = digit[text.charCodeAt(i)]
    const b = digit[text.charCodeAt(i + 1)]
    if (a === undefined || b === undefined || a < 0 || b < 0) return -1
    value = (value << 8) | (a << 4) | b
  }
  return value
}

/** Reads four bytes as `10.0.0.5`. */
export function readIpv4(r: Reader): string {
  const i = r.at
  r.skip(4)
  const d = r.data
  return `${decimal[d[i] as number]}.${decimal[d[i + 1] as number]}.${decimal[d[i + 2] as number]}.${decimal[d[i + 3] as number]}`
}

/** Writes an IPv4 address as four bytes. */
export function writeIpv4(w: Writer, text: string): void {
  w.u32(ipv4Number(text))
}

/** An IPv4 address as an unsigned number. */
export function ipv4Number(text: string): number {
  let value = 0
  let part = 0
  let digits = 0
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i) - 48
    if (c >= 0 && c <= 9) {
      part = part * 10 + c
      if (++digits > 3 || part > 255) badAddress('IPv4 address', text)
    } else if (c === -2 && digits > 0 && dots < 3) {
      value = (value << 8) | part
      part = digits = 0
      dots++
    } else badAddress('IPv4 address', text)
  }
  if (dots !== 3 || digits === 0) badAddress('IPv4 address', text)
  return ((value << 8) | part) >>> 0
}

/** The text of an IPv4 address given as an unsigned number. */
export function ipv4Text(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** Reads sixteen bytes as RFC 5952 text, the way inet_ntop writes it. */
export function readIpv6(r: Reader): string {
  const groups: number[] = []
  for (let i = 0; i < 8; i++) groups.push(r.u16())
  return groupsText(groups)
}

/** Writes an IPv6 address as sixteen bytes. */
export function writeIpv6(w: Writer, text: string): void {
  const groups = ipv6Groups(text)
  if (!groups) badAddress('IPv6 address', text)
  for (let i = 0; i < 8; i++) w.u16(groups[i] as number)
}

/** An IPv6 address as an integer of 128 bits. */
export function ipv6Number(text: string): bigint {
  const groups = ipv6Groups(text)
  if (!groups) badAddress('IPv6 address', text)
  let value = 0n
  for (const group of groups) value = (value << 16n) | BigInt(group)
  return value
}

/** The canonical text of an IPv6 address given as an integer of 128 bits. */
export function ipv6Text(value: bigint): string {
  const groups: number[] = []
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn))
  return groupsText(groups)
}

function groupsText(groups: readonly number[]): string {
  let best = -1
  let bestLength = 1
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (i + n < 8 && groups[i + n] === 0) n++
    if (n > bestLength) {
      best = i
      bestLength = n
    }
    i += n
  }
  const g = (i: number) => groups[i] as number
  if (best === 0 && (bestLength === 6 || (bestLength === 5 && g(5) === 0xffff))) {
    const v4 = `${g(6) >> 8}.${g(6) & 255}.${g(7) >> 8}.${g(7) & 255}`
    return bestLength === 6 ? `::${v4}` : `::ffff:${v4}`
  }
  const hex = (from: number, to: number) => {
    let text = ''
    for (let i = from; i < to; i++) text += (i > from ? ':' : '') + g(i).toString(16)
    return text
  }
  return best < 0 ? hex(0, 8) : `${hex(0, best)}::${hex(best + bestLength, 8)}`
}

function ipv6Groups(text: string): number[] | undefined {
  let source = text
  const lastColon = source.lastIndexOf(':')
  if (source.includes('.')) {
    const dotted = source.slice(lastColon + 1)
    if (!/^(\d{1,3}\.){3}\d{1,3}$/.test(dotted)) return undefined
    const v4 = ipv4Number(dotted)
    source = `${source.slice(0, lastColon + 1)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`
  }
  const halves = source.split('::')
  if (halves.length > 2) return undefined
  const left = groupsOf(halves[0] as string)
  const right = halves.length === 2 ? groupsOf(halves[1] as string) : []
  if (!left || !right) return undefined
  const missing = 8 - left.length - right.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  return [...left, ...new Array<number>(missing).fill(0), ...right]
}

function groupsOf(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  for (const group of text.split(':')) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined
    groups.push(Number.parseInt(group, 16))
  }
  return groups
}

function badAddress(what: string, text: unknown): never {
  if (text === undefined) throw new EncodeError('missing', '', `the ${what} is missing`)
  throw new EncodeError('bad-value', '', `not a valid ${what}: ${brief(String(text))}`)
}

/** A quoted piece of input for an error message, cut at a readable length. */
export function brief(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
