// The bytes, identity and digest of a flow. Comparing flows is comparing these: OVS gives matches and instructions back
// in the same canonical form that node-openflow writes.
import assert from 'node:assert/strict'
import {
  type Action,
  OFP15,
  Reader,
  readInstructions,
  readMatch,
  Writer,
  writeInstructions,
  writeMatch,
} from 'node-openflow/flow'
import { type Bridge, bridges } from './flow-set.ts'
import type { FlowSpec } from './table.ts'

/** The upper 16 bits of the cookie of every flow of ours. */
export const COOKIE_MARK = 0xf10en
/** The upper 16 bits of the cookie of flows that `learn` makes: ours, but no drift. */
export const LEARNED_MARK = 0xf10fn

/** Whether a cookie bears our mark. */
export const isOurs = (cookie: bigint): boolean => cookie >> 48n === COOKIE_MARK

const writer = new Writer(4096)

/** What a flow is on the wire. Kept as strings of one byte a character: far smaller than buffers, and compared fast. */
export interface Encoded {
  /** Bridge, table, priority and match: see `slotOf`. */
  readonly slot: string
  readonly instructions: string
}

/** Bytes that are kept as a string. */
export const bytesOf = (text: string, start = 0): Buffer => Buffer.from(text, 'latin1').subarray(start)

const beginSlot = (bridge: Bridge, table: number, priority: number) => {
  writer.reset()
  writer.u8(bridges.indexOf(bridge))
  writer.u8(table)
  writer.u16(priority)
}

/** Bytes of a slot before the match. */
export const SLOT_HEAD = 4

/** A slot's bridge. */
export const bridgeOf = (slot: string): Bridge => bridges[slot.charCodeAt(0)] as Bridge
/** A slot's table. */
export const tableOf = (slot: string): number => slot.charCodeAt(1)
/** A slot's priority. */
export const priorityOf = (slot: string): number => u16At(slot, 2)

const u16At = (text: string, at: number): number => (text.charCodeAt(at) << 8) | text.charCodeAt(at + 1)

/** The slot of a flow. */
export const encodeSlot = (bridge: Bridge, table: number, { priority, match }: FlowSpec): string => {
  beginSlot(bridge, table, priority)
  writeMatch(writer, match, OFP15)
  return writer.latin1()
}

/** Flows of a table often do the same: their instructions are kept once. */
const recent: string[] = new Array(1024).fill('')

/** The instructions of a flow. Two lists of actions are equal if these are. */
export const encodeActions = (actions: readonly Action[]): string => {
  writer.reset()
  writeInstructions(writer, actions, OFP15)
  return writer.sharedLatin1(recent)
}

/** The instruction to apply actions: its type, and its bytes before them (OpenFlow 1.5, section 7.2.5). */
const APPLY_ACTIONS = 4
const APPLY_HEAD = 8

const isApplied = (list: string) => list.charCodeAt(1) === APPLY_ACTIONS && u16At(list, 2) === list.length

/** Instructions to apply several lists of actions one after the other, each as `encodeActions` makes it. */
export const joinActions = (lists: readonly string[]): string => {
  if (lists.length < 2) return lists[0] ?? ''
  assert(lists.every(isApplied), 'what rows have in common can apply actions, not go to another table')
  writer.reset()
  writer.u16(APPLY_ACTIONS)
  writer.u16(lists.reduce((length, list) => length + list.length - APPLY_HEAD, APPLY_HEAD))
  writer.u32(0)
  return [writer.latin1(), ...lists.map(list => list.slice(APPLY_HEAD))].join('')
}

/** Encodes a flow: match and instructions in OpenFlow 1.5 wire form. */
export const encodeFlow = (bridge: Bridge, table: number, spec: FlowSpec): Encoded => ({
  slot: encodeSlot(bridge, table, spec),
  instructions: encodeActions(spec.actions),
})

/** A flow as data again: for people, who ask for few. */
export const decodeFlow = (slot: string, instructions: string): Pick<FlowSpec, 'match' | 'actions'> => ({
  match: readMatch(new Reader(bytesOf(slot, SLOT_HEAD)), OFP15),
  actions: readInstructions(new Reader(bytesOf(instructions)), OFP15),
})

/** A flow's match and instructions in OpenFlow 1.5 wire form, as the compiler makes them. */
export const encodeSpec = (spec: FlowSpec): { readonly match: Buffer; readonly instructions: Buffer } => {
  const { slot, instructions } = encodeFlow('br-int', 0, spec)
  return { match: bytesOf(slot, SLOT_HEAD), instructions: bytesOf(instructions) }
}

/** The identity of a flow on a bridge: what an OpenFlow switch compares to replace or to delete strictly. */
export const slotOf = (bridge: Bridge, table: number, priority: number, match: Uint8Array): string => {
  beginSlot(bridge, table, priority)
  writer.bytes(match)
  return writer.latin1()
}

/** What a hash leaves: two of 32 bits, and no allocation. */
let h1 = 0
let h2 = 0

/** Hashes a slot for its cookie (cyrb53's mixing): never to be changed, since every flow would change with it. */
const hashOf = (text: string, seed: number): void => {
  let a = 0xdeadbeef ^ seed
  let b = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    a = Math.imul(a ^ c, 2654435761)
    b = Math.imul(b ^ c, 1597334677)
  }
  h1 = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  h2 = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
}

/** Our mark and 48 bits of the slot: the same on every chassis and after a restart. */
export const cookieOf = (slot: string): bigint => {
  hashOf(slot, 1)
  return (COOKIE_MARK << 48n) | (BigInt(h2 & 0xffff) << 32n) | BigInt(h1 >>> 0)
}

/** A number of 64 bits as two of 32 with sign, which V8 keeps in place: adding allocates nothing. */
export interface Digest {
  high: number
  low: number
}

/** Hashes a string of bytes for a digest, four bytes a step: a switch whose stamp had another is read once. */
const sumUp = (text: string, seed: number): void => {
  let a = 0xdeadbeef ^ seed
  let b = 0x41c6ce57 ^ seed
  const words = text.length & ~3
  let i = 0
  for (; i < words; i += 4) {
    const word =
      text.charCodeAt(i) |
      (text.charCodeAt(i + 1) << 8) |
      (text.charCodeAt(i + 2) << 16) |
      (text.charCodeAt(i + 3) << 24)
    // Turned, since a product alone never brings the upper bits down.
    a = Math.imul(a ^ word, 2654435761)
    a = (a << 13) | (a >>> 19)
    b = Math.imul(b ^ word, 1597334677)
    b = (b << 15) | (b >>> 17)
  }
  for (; i < text.length; i++) a = Math.imul(a ^ text.charCodeAt(i), 2654435761)
  a ^= text.length
  h1 = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909)
  h2 = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(h1 ^ (h1 >>> 13), 3266489909)
}

/**
 * Adds to a sum (`sign` 1) or takes from it (-1), modulo 2^64, 64 bits over all that the switch holds of a flow; its cookie
 * follows from the slot.
 */
export const addDigest = (sum: Digest, slot: string, instructions: string, sign: 1 | -1): void => {
  sumUp(slot, 2)
  const [low, high] = [h1, h2]
  sumUp(instructions, 3)
  const lower = (sum.low >>> 0) + sign * ((low ^ h1) >>> 0)
  sum.low = lower | 0
  sum.high = (sum.high + sign * (high ^ h2) + Math.floor(lower / 0x100000000)) | 0
}

/** The digest of one flow. */
export const digestOf = (slot: string, instructions: string): bigint => {
  const sum = { high: 0, low: 0 }
  addDigest(sum, slot, instructions, 1)
  return digestValue(sum)
}

/** As one number. */
export const digestValue = ({ high, low }: Digest): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
