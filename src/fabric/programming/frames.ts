// The bytes of our flow-mods. Each entry becomes bundle-add messages once; the same bytes are written to every chassis
// that holds it, so what stands in them (xid, bundle id, flags) is the same everywhere and for good.
import type { FlowEntry } from '#compiler/flow-set'

/** The bundle that all our flow-mods belong to; a connection has one open at a time. */
export const BUNDLE_ID = 1
/** Atomic and ordered: an intermediate state is never seen, deletions stand before additions. */
export const BUNDLE_FLAGS = 3
/** The same by name. */
export const BUNDLE_FLAG_NAMES = ['atomic', 'ordered'] as const

const VERSION = 6
const BUNDLE_ADD = 34
const FLOW_MOD = 14
const ADD = 0
const DELETE_STRICT = 4
const ALL_ONES = 0xffffffffffffffffn
const ANY = 0xffffffff
const bundleHeader = 16
const flowModHeader = 48

/** What a flow-mod says of a flow; match and instructions in OpenFlow 1.5 wire form. */
export interface WireFlow {
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
  readonly match: Uint8Array
  readonly instructions: Uint8Array
}

/** A place in a slab: many small messages share one allocation, and neighbours are written as one. */
export interface Frame {
  readonly slab: Buffer
  readonly start: number
  readonly end: number
  readonly xid: number
}

const size = (flow: WireFlow, isAdd: boolean) =>
  bundleHeader + flowModHeader + flow.match.length + (isAdd ? flow.instructions.length : 0)

/** Writes OFPT_BUNDLE_ADD_MESSAGE (OpenFlow 1.5.1, 7.3.9.3) holding an OFPT_FLOW_MOD (7.3.4.2). */
const write = (to: Buffer, at: number, flow: WireFlow, isAdd: boolean, xid: number): void => {
  const length = size(flow, isAdd)
  if (length > 0xffff) throw new RangeError(`a flow of ${length} bytes does not fit a message`)
  to[at] = VERSION
  to[at + 1] = BUNDLE_ADD
  to.writeUInt16BE(length, at + 2)
  to.writeUInt32BE(xid, at + 4)
  to.writeUInt32BE(BUNDLE_ID, at + 8)
  to.writeUInt32BE(BUNDLE_FLAGS, at + 12)
  const mod = at + bundleHeader
  to[mod] = VERSION
  to[mod + 1] = FLOW_MOD
  to.writeUInt16BE(length - bundleHeader, mod + 2)
  to.writeUInt32BE(xid, mod + 4)
  to.writeBigUInt64BE(flow.cookie, mod + 8)
  // A deletion only takes the flow that bears our cookie, not one that others put in its place.
  to.writeBigUInt64BE(isAdd ? 0n : ALL_ONES, mod + 16)
  to[mod + 24] = flow.table
  to[mod + 25] = isAdd ? ADD : DELETE_STRICT
  to.writeUInt32BE(0, mod + 26)
  to.writeUInt16BE(flow.priority, mod + 30)
  to.writeUInt32BE(ANY, mod + 32)
  to.writeUInt32BE(ANY, mod + 36)
  to.writeUInt32BE(ANY, mod + 40)
  to.writeUInt32BE(0, mod + 44)
  to.set(flow.match, mod + flowModHeader)
  if (isAdd) to.set(flow.instructions, mod + flowModHeader + flow.match.length)
}

/**
 * The next permanent xid: top bit set, which no live request has. They need to differ within one bundle only; they come
 * round after two thousand million flows.
 */
const xids = { next: 0 }
const nextXid = (): number => {
  xids.next = (xids.next + 1) & 0x7fffffff
  return (xids.next | 0x80000000) >>> 0
}

/** The message for one flow of no entry, e.g. a stamp or the deletion of a stray. */
export const frameOf = (flow: WireFlow, isAdd: boolean): Frame => {
  const slab = Buffer.allocUnsafe(size(flow, isAdd))
  const xid = nextXid()
  write(slab, 0, flow, isAdd, xid)
  return { slab, start: 0, end: slab.length, xid }
}

/** Makes and remembers the messages of entries; what is remembered goes with the entry. */
export class Frames {
  readonly #adds = new WeakMap<FlowEntry, Frame>()
  readonly #removes = new WeakMap<FlowEntry, Frame>()
  #slab = Buffer.alloc(0)
  #used = 0
  /** Bytes encoded so far. */
  bytes = 0

  /** The message that adds the entry's flow, or puts it in the place of what holds its slot. */
  add(entry: FlowEntry): Frame {
    return this.#adds.get(entry) ?? this.#make(this.#adds, entry, true)
  }

  /** The message that deletes exactly the entry's flow. */
  remove(entry: FlowEntry): Frame {
    return this.#removes.get(entry) ?? this.#make(this.#removes, entry, false)
  }

  #make(into: WeakMap<FlowEntry, Frame>, entry: FlowEntry, isAdd: boolean): Frame {
    const length = size(entry, isAdd)
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(length, 0x10000))
      this.#used = 0
    }
    const frame = { slab: this.#slab, start: this.#used, end: this.#used + length, xid: nextXid() }
    write(this.#slab, frame.start, entry, isAdd, frame.xid)
    this.#used = frame.end
    this.bytes += length
    into.set(entry, frame)
    return frame
  }
}

/** The buffers of frames in order, with neighbours in one slab joined. */
export const joined = (frames: readonly Frame[]): Buffer[] => {
  const buffers: Buffer[] = []
  let slab: Buffer | undefined
  let start = 0
  let end = 0
  for (const frame of frames) {
    if (frame.slab === slab && frame.start === end) {
      end = frame.end
      continue
    }
    if (slab !== undefined) buffers.push(slab.subarray(start, end))
    slab = frame.slab
    start = frame.start
    end = frame.end
  }
  if (slab !== undefined) buffers.push(slab.subarray(start, end))
  return buffers
}
