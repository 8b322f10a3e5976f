// The bytes, identity and digest of a flow. Comparing flows is comparing these: OVS gives matches and instructions back
// in the same canonical form that node-openflow writes.
import { OFP15, Writer, writeInstructions, writeMatch } from 'node-openflow/flow'
import type { Bridge } from './flow-set.ts'
import type { FlowSpec } from './table.ts'

/** The upper 16 bits of the cookie of every flow of ours. */
export const COOKIE_MARK = 0xf10en
/** The upper 16 bits of the cookie of flows that `learn` makes: ours, but no drift. */
export const LEARNED_MARK = 0xf10fn

/** Whether a cookie bears our mark. */
export const isOurs = (cookie: bigint): boolean => cookie >> 48n === COOKIE_MARK

const writer = new Writer(4096)

/** A flow's match and instructions in OpenFlow 1.5 wire form. */
export const encodeSpec = (spec: FlowSpec): { readonly match: Buffer; readonly instructions: Buffer } => {
  writer.reset()
  writeMatch(writer, spec.match, OFP15)
  const matchLength = writer.length
  writeInstructions(writer, spec.actions, OFP15)
  const bytes = Buffer.from(writer.peek())
  return { match: bytes.subarray(0, matchLength), instructions: bytes.subarray(matchLength) }
}

/** The identity of a flow on a bridge: what an OpenFlow switch compares to replace or to delete strictly. */
export const slotOf = (bridge: Bridge, table: number, priority: number, match: Uint8Array): string =>
  `${bridge} ${table} ${priority} ${Buffer.from(match.buffer, match.byteOffset, match.length).toString('latin1')}`

/** Two 32-bit hashes of a string of bytes (cyrb53's mixing), as one 64-bit number. */
const hash = (text: string, seed: number): bigint => {
  let h1 = 0xdeadbeef ^ seed
  let h2 = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    h1 = Math.imul(h1 ^ c, 2654435761)
    h2 = Math.imul(h2 ^ c, 1597334677)
  }
  h1 = Math.imul(h1 ^ (h1 >>> 16), 2246822507) ^ Math.imul(h2 ^ (h2 >>> 13), 3266489909)
  h2 = Math.imul(h2 ^ (h2 >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
  return (BigInt(h2 >>> 0) << 32n) | BigInt(h1 >>> 0)
}

/** Our mark and 48 bits of the slot: the same on every chassis and after a restart. */
export const cookieOf = (slot: string): bigint => (COOKIE_MARK << 48n) | (hash(slot, 1) & 0xffffffffffffn)

/** 64 bits over all that the switch holds of the flow. The cookie follows from the slot. */
export const digestOf = (slot: string, instructions: Buffer): bigint =>
  hash(slot, 2) ^ hash(instructions.toString('latin1'), 3)
