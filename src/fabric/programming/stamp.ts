// The stamp: a flow that no packet reaches and whose action holds the digest of what the bridge should hold. It is
// written in the bundle that makes it true, so reading this one flow tells whether a switch is as it was left.
import { COOKIE_MARK } from '#compiler/encode'
import type { WireFlow } from './frames.ts'

/** The table of the stamp. Nothing leads there; 254 is Open vSwitch's own. */
export const STAMP_TABLE = 253
/** The cookie of the stamp: our mark, and 48 bits that say what it is. */
export const STAMP_COOKIE = (COOKIE_MARK << 48n) | 0x7374616d70n

// Apply-actions (OpenFlow 1.5.1, 7.2.5) of one set_field (7.2.6.7): the digest, to metadata.
const before = Buffer.from('00040018000000000019001080000408', 'hex')
const anything = Buffer.from('0001000400000000', 'hex')

/** The stamp flow for a digest. */
export const stampOf = (digest: bigint): WireFlow => {
  const instructions = Buffer.alloc(before.length + 8)
  before.copy(instructions)
  instructions.writeBigUInt64BE(digest, before.length)
  return { table: STAMP_TABLE, priority: 0, cookie: STAMP_COOKIE, match: anything, instructions }
}

/** The digest in a stamp's instructions; undefined when they are not a stamp's. */
export const digestIn = (instructions: Uint8Array): bigint | undefined => {
  const bytes = Buffer.from(instructions.buffer, instructions.byteOffset, instructions.length)
  const isStamp = bytes.length === before.length + 8 && bytes.subarray(0, before.length).equals(before)
  return isStamp ? bytes.readBigUInt64BE(before.length) : undefined
}
