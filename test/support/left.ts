// Frames that left a switch: captured at its ports, and read.
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { DummyChassis } from './dummy-chassis.ts'

/** A frame that left: who sent it to whom, and the packet's TTL. */
export interface Left {
  readonly at: string
  readonly src: string
  readonly dst: string
  readonly vlan: number
  readonly from: string
  readonly to: string
  readonly ttl: number
  /** Type of ICMP, or the destination port; the operation of ARP. */
  readonly what: number
  /** Who sent the packet that an error of ICMP (IPv4) is about. */
  readonly about?: string
}

const mac = (bytes: Buffer) => bytes.toString('hex').replaceAll(/(..)(?=.)/g, '$1:')

/** An address as tests write it: all of their IPv6 ones have one run of zeros. */
const ipOf = (bytes: Buffer) =>
  bytes.length === 4 ? [...bytes].join('.') : `${bytes.subarray(0, 2).toString('hex')}::${bytes.at(-1)?.toString(16)}`

const ARP = 0x0806
const IPV6 = 0x86dd

const readFrame = (at: string, bytes: Buffer): Left => {
  const vlan = bytes.readUInt16BE(12) === 0x8100 ? bytes.readUInt16BE(14) & 0xfff : 0
  const type = bytes.readUInt16BE(vlan ? 16 : 12)
  const packet = bytes.subarray(vlan ? 18 : 14)
  const link = { at, src: mac(bytes.subarray(6, 12)), dst: mac(bytes.subarray(0, 6)), vlan }
  if (type === ARP)
    return {
      ...link,
      ...{ from: ipOf(packet.subarray(14, 18)), to: ipOf(packet.subarray(24, 28)), ttl: 0, what: packet[7] ?? 0 },
    }
  const [protocol, ttl, ends, header] = type === IPV6 ? [packet[6], packet[7], 8, 40] : [packet[9], packet[8], 12, 20]
  const size = type === IPV6 ? 16 : 4
  const isError = protocol === 1 && [3, 11].includes(packet[20] ?? 0)
  return {
    ...{ ...link, ttl: ttl ?? 0 },
    from: ipOf(packet.subarray(ends, ends + size)),
    to: ipOf(packet.subarray(ends + size, ends + 2 * size)),
    what: protocol === 1 || protocol === 58 ? (packet[header] ?? 0) : packet.readUInt16BE(header + 2),
    ...(isError ? { about: ipOf(packet.subarray(40, 44)) } : {}),
  }
}

/** Frames of a capture file (libpcap, native byte order), from an offset on. */
const framesOf = (file: string, from: number): readonly Buffer[] => {
  const bytes = readFileSync(file).subarray(Math.max(from, 24))
  const found: Buffer[] = []
  for (let at = 0; at + 16 <= bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
    found.push(bytes.subarray(at + 16, at + 16 + bytes.readUInt32LE(at + 8)))
  return found
}

/** What leaves a chassis when something is sent into it. */
export type Watch = (send: () => Promise<unknown>) => Promise<readonly Left[]>

/** Captures what leaves at ports of a chassis, which are plugged in, by their names. */
export const watchPorts = async (host: DummyChassis, names: Readonly<Record<number, string>>): Promise<Watch> => {
  const file = (port: number | string) => `${host.ovs.dir}/${port}.pcap`
  for (const port of Object.keys(names))
    await host.ovs.vsctl('set', 'interface', `p${port}`, `options:tx_pcap=${file(port)}`)
  return async send => {
    const before = Object.keys(names).map(
      port => [port, existsSync(file(port)) ? statSync(file(port)).size : 0] as const,
    )
    await send()
    return before.flatMap(([port, size]) =>
      framesOf(file(port), size).map(bytes => readFrame(names[Number(port)] ?? port, bytes)),
    )
  }
}
