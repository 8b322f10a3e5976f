// Neighbour discovery as the controller sends it (RFC 4861): questions for next hops, and announcements of addresses that moved.
import { eui64, formatIp, parsePrefix } from '#model'
import { FROM_NEIGHBOR, ipBytes, ipFrame, macBytes, PROTOCOL } from './ip-packet.ts'

const TYPE = { solicitation: 135, advertisement: 136 } as const
/** Link-layer address options: their type; their length in units of 8 bytes is 1. */
const OPTION = { source: 1, target: 2 } as const
const FLAG = { router: 0x80000000, override: 0x20000000 } as const
const ALL_NODES = { mac: '33:33:00:00:00:01', ip: 'ff02::1' } as const
const LINK_LOCAL = parsePrefix('fe80::/64')!

const message = (type: number, flags: number, target: Buffer, option: number, mac: string): Buffer => {
  const head = Buffer.alloc(8)
  head[0] = type
  head.writeUInt32BE(flags, 4)
  return Buffer.concat([head, target, Buffer.from([option, 1]), macBytes(mac)])
}

/** Asks who has an address, from the link-local address of `mac`, to which the answer goes. */
export const neighborSolicitation = (mac: string, target: string): Buffer => {
  const bytes = ipBytes(target)
  const last = bytes.subarray(13)
  return ipFrame(mac, `33:33:ff:${last.toString('hex')}`, {
    source: formatIp(eui64(LINK_LOCAL, mac)),
    destination: `ff02::1:ff${last.toString('hex', 0, 1)}:${last.toString('hex', 1)}`,
    ...{ protocol: PROTOCOL.icmpv6, hops: FROM_NEIGHBOR, checksumAt: 2 },
    message: message(TYPE.solicitation, 0, bytes, OPTION.source, mac),
  })
}

/** Tells everybody that an address is at `mac`; `isRouter`: that a router is there. */
export const unsolicitedAdvertisement = (mac: string, ip: string, isRouter: boolean): Buffer => {
  const flags = FLAG.override + (isRouter ? FLAG.router : 0)
  return ipFrame(mac, ALL_NODES.mac, {
    ...{ source: ip, destination: ALL_NODES.ip },
    ...{ protocol: PROTOCOL.icmpv6, hops: FROM_NEIGHBOR, checksumAt: 2 },
    message: message(TYPE.advertisement, flags, ipBytes(ip), OPTION.target, mac),
  })
}
