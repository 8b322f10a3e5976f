// Packets to the controller, in the three formats that Open vSwitch has, and back: packet-out, and the resumption of
// a packet that was paused on its way.

import type { Action, Match, Version } from '../flow/index.ts'
import type { Codec, Reader, Writer } from '../wire/index.ts'
import { EncodeError, u8 } from '../wire/index.ts'
import { packetInReasons } from './channel.ts'
import { actions, bareMatch, match, readNxMatch, writeNxMatch } from './parts.ts'
import { oneOf, openProperty, putProperty } from './shape.ts'

/** OFP_NO_BUFFER: the switch keeps no copy of the packet. */
export const NO_BUFFER = 0xffffffff

/** A packet that a switch sent, or is to resume. */
export interface PacketIn {
  /** Missing where the switch keeps no copy, as Open vSwitch does. */
  readonly bufferId?: number
  /** The packet's full length, of which `data` may be the beginning. */
  readonly totalLen: number
  readonly reason: keyof typeof packetInReasons | number
  readonly table: number
  /** The cookie of the flow that sent the packet; missing where there is none. */
  readonly cookie?: bigint
  /** Where the packet came in and what the pipeline knew of it: in_port, metadata, registers, tunnel. */
  readonly match: Match
  /** The packet. */
  readonly data: Uint8Array
  /** NXT_PACKET_IN2: the `userdata` of the controller action. */
  readonly userdata?: Uint8Array
  /** NXT_PACKET_IN2: what the switch needs to go on with the packet; opaque. */
  readonly continuation?: Uint8Array
  /** NXT_PACKET_IN2: properties that this library does not know. */
  readonly properties?: readonly { readonly code: number; readonly data: Uint8Array }[]
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const reasons = oneOf(u8, packetInReasons)
const NO_COOKIE = 0xffffffffffffffffn

type Head = Pick<PacketIn, 'totalLen' | 'reason' | 'table' | 'cookie' | 'bufferId'>

/** What stands before the match. */
function readHead(r: Reader): Head {
  const bufferId = r.u32()
  const head = { totalLen: r.u16(), reason: reasons.read(r), table: r.u8(), cookie: r.u64() }
  return bufferId === NO_BUFFER ? head : { ...head, bufferId }
}

function writeHead(w: Writer, value: PacketIn): void {
  w.u32(value.bufferId ?? NO_BUFFER)
  w.u16(value.totalLen ?? value.data.length)
  reasons.write(w, value.reason)
  w.u8(value.table)
  w.u64(value.cookie ?? NO_COOKIE)
}

/** OFPT_PACKET_IN (OpenFlow 1.5.1, 7.4.1). */
export function packetIn(v: Version): Codec<PacketIn> {
  const matches = match(v)
  return {
    size: 0,
    read: r => {
      const { bufferId, ...head } = readHead(r)
      const value = { ...head, match: matches.read(r) }
      r.skip(2)
      return { ...value, data: r.rest(), ...(bufferId !== undefined && { bufferId }) }
    },
    write: (w, value) => {
      writeHead(w, value)
      matches.write(w, value.match)
      w.zeros(2)
      w.bytes(value.data)
    },
  }
}

/** NXT_PACKET_IN. */
export function nxPacketIn(_: Version): Codec<PacketIn> {
  return {
    size: 0,
    read: r => {
      const { bufferId, ...head } = readHead(r)
      const length = r.u16()
      r.skip(6)
      const value = { ...head, match: readNxMatch(r, length) }
      r.skip(2)
      return { ...value, data: r.rest(), ...(bufferId !== undefined && { bufferId }) }
    },
    write: (w, value) => {
      writeHead(w, value)
      writeNxMatch(w, w.reserve(8), value.match)
      w.zeros(2)
      w.bytes(value.data)
    },
  }
}

const PACKET = 0
const FULL_LEN = 1
const BUFFER_ID = 2
const TABLE_ID = 3
const COOKIE = 4
const REASON = 5
const METADATA = 6
const USERDATA = 7
const CONTINUATION = 8
const none = new Uint8Array()

/** What is of 8 bytes or nested starts at a multiple of 8. */
function wide(w: Writer, body: () => void): void {
  w.zeros(4)
  body()
}

/** NXT_PACKET_IN2 and NXT_RESUME: properties, written in the order of Open vSwitch. */
export function nxPacketIn2(v: Version): Codec<PacketIn> {
  const matches = bareMatch(v)
  return {
    size: 0,
    read: r => {
      let fullLen: number | undefined
      const value: Mutable<PacketIn> = { totalLen: 0, reason: 'no_match', table: 0, match: {}, data: none }
      while (r.remaining > 0) {
        const { code, body } = openProperty(r)
        if (code === PACKET) value.data = body.rest()
        else if (code === FULL_LEN) fullLen = body.u32()
        else if (code === BUFFER_ID) value.bufferId = body.u32()
        else if (code === TABLE_ID) value.table = body.u8()
        else if (code === COOKIE) {
          body.skip(4)
          value.cookie = body.u64()
        } else if (code === REASON) value.reason = reasons.read(body)
        else if (code === METADATA) value.match = matches.read(body)
        else if (code === USERDATA) value.userdata = body.rest()
        else if (code === CONTINUATION) {
          body.skip(4)
          value.continuation = body.rest()
        } else value.properties = [...(value.properties ?? []), { code, data: body.rest() }]
      }
      value.totalLen = fullLen ?? value.data.length
      return value
    },
    write: (w, value) => {
      putProperty(w, PACKET, () => w.bytes(value.data))
      const { bufferId, cookie, userdata, continuation, totalLen = value.data.length } = value
      if (totalLen !== value.data.length) putProperty(w, FULL_LEN, () => w.u32(totalLen))
      if (bufferId !== undefined) putProperty(w, BUFFER_ID, () => w.u32(bufferId))
      putProperty(w, TABLE_ID, () => w.u8(value.table))
      if (cookie !== undefined) putProperty(w, COOKIE, () => wide(w, () => w.u64(cookie)))
      putProperty(w, REASON, () => reasons.write(w, value.reason))
      putProperty(w, METADATA, () => matches.write(w, value.match))
      if (continuation) putProperty(w, CONTINUATION, () => wide(w, () => w.bytes(continuation)))
      if (userdata) putProperty(w, USERDATA, () => w.bytes(userdata))
      for (const { code, data } of value.properties ?? []) putProperty(w, code, () => w.bytes(data))
    },
  }
}

/** A resumption of a paused packet: what came in, less what only a packet-in has. */
export function resumption(packetIn: PacketIn): Omit<PacketIn, 'userdata' | 'bufferId' | 'properties'> {
  const { totalLen, reason, table, cookie, match, data, continuation } = packetIn
  if (!continuation) throw new EncodeError('missing', 'continuation', 'only a packet that was paused can be resumed')
  return { totalLen, reason, table, match, data, continuation, ...(cookie !== undefined && { cookie }) }
}

/** OFPT_PACKET_OUT (7.3.6). */
export interface PacketOut {
  readonly bufferId?: number
  /** The port it is to seem to come from; CONTROLLER or ANY where there is none. */
  readonly inPort: number
  /** OpenFlow 1.5: what else the pipeline is to know of the packet; may repeat in_port. */
  readonly match?: Match
  readonly actions: readonly Action[]
  readonly data: Uint8Array
}

/** OpenFlow 1.3 and 1.4. */
function packetOut13(v: Version): Codec<PacketOut> {
  const list = actions(v)
  return {
    size: 0,
    read: r => {
      const bufferId = r.u32()
      const inPort = r.u32()
      const length = r.u16()
      r.skip(6)
      return packetOutOf(bufferId, { inPort }, list.read(r.sub(length)), r)
    },
    write: (w, value) => {
      if (value.match && Object.keys(value.match).length > 0) {
        throw new EncodeError('bad-version', 'match', 'a packet-out has no match before OpenFlow 1.5')
      }
      w.u32(value.bufferId ?? NO_BUFFER)
      w.u32(value.inPort)
      const lengthAt = w.reserve(8)
      writeCounted(w, lengthAt, () => list.write(w, value.actions))
      w.bytes(value.data)
    },
  }
}

function packetOut15(v: Version): Codec<PacketOut> {
  const list = actions(v)
  const matches = match(v)
  return {
    size: 0,
    read: r => {
      const bufferId = r.u32()
      const length = r.u16()
      r.skip(2)
      const fields = matches.read(r)
      const inPort = fields.in_port
      if (typeof inPort !== 'number') return r.fail('bad-value', 'a packet-out without in_port')
      const more = Object.keys(fields).length > 1 ? { match: fields } : {}
      return packetOutOf(bufferId, { inPort, ...more }, list.read(r.sub(length)), r)
    },
    write: (w, value) => {
      w.u32(value.bufferId ?? NO_BUFFER)
      const lengthAt = w.reserve(4)
      const { inPort, match: fields } = value
      // A match that was read knows the order in which it was: a copy would not.
      matches.write(w, fields?.in_port === inPort ? fields : { ...fields, in_port: inPort })
      writeCounted(w, lengthAt, () => list.write(w, value.actions))
      w.bytes(value.data)
    },
  }
}

function packetOutOf(
  bufferId: number,
  head: Pick<PacketOut, 'inPort' | 'match'>,
  list: readonly Action[],
  r: Reader,
): PacketOut {
  return { ...(bufferId !== NO_BUFFER && { bufferId }), ...head, actions: list, data: r.rest() }
}

function writeCounted(w: Writer, lengthAt: number, body: () => void): void {
  const start = w.length
  body()
  w.patchU16(lengthAt, w.length - start)
}

/** OFPT_PACKET_OUT by version. */
export const packetOut = (v: Version): Codec<PacketOut> => (v === 6 ? packetOut15(v) : packetOut13(v))
