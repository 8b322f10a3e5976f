// What a connection needs to see of a message before anybody decodes it.

import type { Version } from '../flow/index.ts'

/** OFPT_HELLO. */
export const HELLO = 0
/** OFPT_ERROR. */
export const ERROR = 1
/** OFPT_ECHO_REQUEST. */
export const ECHO_REQUEST = 2
/** OFPT_ECHO_REPLY. */
export const ECHO_REPLY = 3
const EXPERIMENTER = 4
const PACKET_IN = 10
const MULTIPART_REPLY = 19
const NX = 0x2320
const NXT_PACKET_IN = 17
const NXT_PACKET_IN2 = 30
const REPLIES = new Set([ECHO_REPLY, EXPERIMENTER, 6, 8, MULTIPART_REPLY, 21, 23, 25, 27, 33])

/** The highest message type of each version: beyond it lies no message, only a stream out of step. */
export const HIGHEST_TYPE: { readonly [V in Version]: number } = { 4: 29, 5: 34, 6: 35 }

/** The message's xid. */
export function xidOf(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset).getUint32(4)
}

/** It may answer a request. */
export function isReply(data: Uint8Array): boolean {
  return REPLIES.has(data[1] as number)
}

/** It is a part of a multipart reply that is not the last. */
export function hasMore(data: Uint8Array): boolean {
  return data[1] === MULTIPART_REPLY && ((data[11] as number) & 1) === 1
}

/** It is a packet-in, in any of its forms. */
export function isPacketIn(data: Uint8Array): boolean {
  if (data[1] === PACKET_IN) return true
  if (data[1] !== EXPERIMENTER || data.length < 16) return false
  const view = new DataView(data.buffer, data.byteOffset)
  const type = view.getUint32(12)
  return view.getUint32(8) === NX && (type === NXT_PACKET_IN || type === NXT_PACKET_IN2)
}
