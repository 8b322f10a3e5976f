// The reset by which a firewall refuses a TCP segment, in the name of the host that it was for (RFC 9293 section 3.5.2).
import { mayBeAnswered } from './icmp-error.ts'
import { ipFrame, PROTOCOL, readPacket } from './ip-packet.ts'

const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const
const HEADER = 20

/**
 * The frame that resets the connection of the TCP segment of a frame, from a MAC to its sender; undefined when there is no
 * such segment, and for a reset.
 */
export const tcpReset = (frame: Buffer, mac: string): Buffer | undefined => {
  const packet = readPacket(frame)
  const segment = packet?.payload
  if (packet?.protocol !== PROTOCOL.tcp || segment === undefined || segment.length < HEADER) return undefined
  const flags = segment[13] ?? 0
  if (flags & FLAG.rst || !mayBeAnswered(frame, packet)) return undefined
  const data = segment.length - 4 * ((segment[12] ?? 0) >> 4)
  const occupied = Math.max(0, data) + (flags & FLAG.syn ? 1 : 0) + (flags & FLAG.fin ? 1 : 0)
  const message = Buffer.alloc(HEADER)
  segment.copy(message, 0, 2, 4)
  segment.copy(message, 2, 0, 2)
  if (flags & FLAG.ack) segment.copy(message, 4, 8, 12)
  else message.writeUInt32BE((segment.readUInt32BE(4) + occupied) >>> 0, 8)
  message[12] = (HEADER / 4) << 4
  message[13] = flags & FLAG.ack ? FLAG.rst : FLAG.rst | FLAG.ack
  return ipFrame(mac, frame.subarray(6, 12).toString('hex'), {
    ...{ source: packet.destination, destination: packet.source, protocol: PROTOCOL.tcp, message, checksumAt: 16 },
  })
}
