// The bytes of our flow-mods. Each entry becomes bundle-add messages once; the same bytes are written to every chassis
// that holds it, so what stands in them (xid, bundle id, flags) is the same everywhere and for good.
import type { FlowEntry } from '#compiler/flow-set'

// The bundle that all our flow-mods belong to; a connection has one open at a time. Atomic and ordered: an intermediate
// state is never seen, deletions stand before additions.
const BUNDLE_ID = 1
const BUNDLE_FLAGS = 3

const VERSION = 6
const BUNDLE_CONTROL = 33
const BUNDLE_ADD = 34
const FLOW_MOD = 14
const ADD = 0
const DELETE_STRICT = 4
const ALL_ONES = 0xffffffffffffffffn
const ANY = 0xffffffff
const bundleHeader = 16
const flowModHeader = 48
const SLAB = 0x10000

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

const NOTHING = new Uint8Array()

/** Writes OFPT_BUNDLE_ADD_MESSAGE (OpenFlow 1.5.1, 7.3.9.3) holding an OFPT_FLOW_MOD (7.3.4.2). */
const write = (flow: WireFlow, isAdd: boolean, room: (length: number) => Frame): Frame => {
  // An entry makes its bytes anew at each call.
  const { match } = flow
  const instructions = isAdd ? flow.instructions : NOTHING
  const length = bundleHeader + flowModHeader + match.length + instructions.length
  if (length > 0xffff) throw new RangeError(`a flow of ${length} bytes does not fit a message`)
  const frame = room(length)
  const { slab: to, start: at, xid } = frame
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
  to.set(match, mod + flowModHeader)
  to.set(instructions, mod + flowModHeader + match.length)
  return frame
}

// Permanent xids have the top bit set, which no live request has. Those of flow-mods need to differ within one bundle only;
// they come round after two thousand million flows.
const PERMANENT = 0x80000000
const LAST = 0x7fffffff
const xids = { next: 0 }
const nextXid = (): number => {
  xids.next = (xids.next + 1) % LAST
  return PERMANENT + xids.next
}

const control = (type: number, xid: number): Buffer => {
  const message = Buffer.alloc(16)
  message[0] = VERSION
  message[1] = BUNDLE_CONTROL
  message.writeUInt16BE(message.length, 2)
  message.writeUInt32BE(xid, 4)
  message.writeUInt32BE(BUNDLE_ID, 8)
  message.writeUInt16BE(type, 12)
  message.writeUInt16BE(BUNDLE_FLAGS, 14)
  return message
}

/** The xid of every OPEN. */
export const OPEN_XID = PERMANENT
/** OFPT_BUNDLE_CONTROL (7.3.9.2) that opens our bundle. */
export const OPEN = control(0, OPEN_XID)
/** The xid of every COMMIT: the answer to it ends the bundle. */
export const COMMIT_XID = PERMANENT + LAST
/** The one that commits it. */
export const COMMIT = control(4, COMMIT_XID)

/** The message for one flow of no entry, e.g. a stamp or the deletion of a stray. */
export const frameOf = (flow: WireFlow, isAdd: boolean): Frame =>
  write(flow, isAdd, length => ({ slab: Buffer.allocUnsafe(length), start: 0, end: length, xid: nextXid() }))

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
    const frame = write(entry, isAdd, length => this.#room(length))
    into.set(entry, frame)
    return frame
  }

  #room(length: number): Frame {
    if (this.#used + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(length, SLAB))
      this.#used = 0
    }
    const start = this.#used
    this.#used += length
    this.bytes += length
    return { slab: this.#slab, start, end: this.#used, xid: nextXid() }
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
