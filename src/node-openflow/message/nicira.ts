// Open vSwitch's own messages that belong to no other topic: Geneve options as match fields, flushing connection
// tracking, and settings of the connection (nicira-ext.h).

import type { Codec, Reader, Writer } from '../wire/index.ts'
import { ipv6, list, pad, u8, u16, u32, u64 } from '../wire/index.ts'
import { nonzero, oneOf, openProperty, putProperty, record } from './shape.ts'

const tlvMap = record({ optionClass: u16, optionType: u8, optionLength: u8, index: u16, _pad: pad(2) })

/** NXT_TLV_TABLE_MOD: maps tunnel options to the fields tun_metadata<index>. */
export const tlvTableMod = record({
  command: oneOf(u16, { add: 0, delete: 1, clear: 2 }),
  _pad: pad(6),
  mappings: list(tlvMap),
})

/** NXT_TLV_TABLE_REPLY: what is mapped, and how much may be. */
export const tlvTableReply = record({ maxOptionSpace: u32, maxFields: u16, _pad: pad(10), mappings: list(tlvMap) })

/** NXT_CT_FLUSH_ZONE: forgets the connections of a zone. */
export const ctFlushZone = record({ _pad: pad(6), zone: u16 })

/** Which connections: what is left out matches any. */
export interface CtTuple {
  /** IPv6, or IPv4 as `::ffff:10.0.0.1`. */
  readonly src?: string
  readonly dst?: string
  readonly srcPort?: number
  readonly dstPort?: number
  readonly icmpId?: number
  readonly icmpType?: number
  readonly icmpCode?: number
  /** Properties that this library does not know. */
  readonly properties?: readonly RawProperty[]
}

/** A property by its number. */
export interface RawProperty {
  readonly code: number
  readonly data: Uint8Array
}

/** NXT_CT_FLUSH: forgets the connections that match. Properties are written in the order of the object's keys. */
export interface CtFlush {
  readonly ipProto?: number
  readonly zone?: number
  readonly orig?: CtTuple
  readonly reply?: CtTuple
  /** Open vSwitch 3.6 and later. */
  readonly mark?: number
  readonly markMask?: number
  readonly labels?: bigint
  readonly labelsMask?: bigint
  /** Properties that this library does not know. */
  readonly properties?: readonly RawProperty[]
}

type PropertyTable = { readonly [name: string]: readonly [number, Codec<unknown>] }

/** 16-bit properties have two bytes of padding that count. */
const short: Codec<number> = {
  size: 4,
  read: u16.read,
  write: (w, v) => {
    w.u16(v)
    w.zeros(2)
  },
}
const u128: Codec<bigint> = { size: 16, read: r => r.uint(16), write: (w, v) => w.uint(v, 16) }

const tupleTable: PropertyTable = {
  src: [0, ipv6],
  dst: [1, ipv6],
  srcPort: [2, short],
  dstPort: [3, short],
  icmpId: [4, short],
  icmpType: [5, u8],
  icmpCode: [6, u8],
}

/** Nested properties begin at a multiple of 8. */
const tuple: Codec<CtTuple> = {
  size: 0,
  read: r => {
    r.skip(4)
    return readTable(r, tupleTable, {}) as CtTuple
  },
  write: (w, value) => {
    w.zeros(4)
    writeTable(w, tupleTable, value)
  },
}

const flushTable: PropertyTable = {
  orig: [0, tuple],
  reply: [1, tuple],
  zone: [2, short],
  mark: [3, u32],
  markMask: [4, u32],
  labels: [5, u128],
  labelsMask: [6, u128],
}

function readTable(r: Reader, table: PropertyTable, value: Record<string, unknown>): unknown {
  const names = Object.keys(table)
  const raw: RawProperty[] = []
  while (r.remaining > 0) {
    const { code, body } = openProperty(r)
    const name = names.find(n => table[n]?.[0] === code)
    if (name === undefined) raw.push({ code, data: body.rest() })
    else value[name] = table[name]?.[1].read(body)
  }
  return raw.length > 0 ? { ...value, properties: raw } : value
}

function writeTable(w: Writer, table: PropertyTable, value: object): void {
  for (const [name, member] of Object.entries(value)) {
    const row = Object.hasOwn(table, name) ? table[name] : undefined
    if (row && member !== undefined) putProperty(w, row[0], () => row[1].write(w, member))
  }
  for (const raw of (value as CtTuple).properties ?? []) putProperty(w, raw.code, () => w.bytes(raw.data))
}

/** The protocol, then properties. */
export const ctFlush: Codec<CtFlush> = {
  size: 0,
  read: r => {
    const ipProto = r.u8()
    r.skip(7)
    return readTable(r, flushTable, ipProto === 0 ? {} : { ipProto }) as CtFlush
  },
  write: (w, value) => {
    w.u8(value.ipProto ?? 0)
    w.zeros(7)
    writeTable(w, flushTable, value)
  },
}

/** NXT_FLOW_MOD_TABLE_ID: whether a flow_mod's command carries a table (OpenFlow 1.0's use). */
export const flowModTableId = record({ set: u8, _pad: pad(7) })

/** NXT_SET_PACKET_IN_FORMAT: in which form packets are to come. */
export const setPacketInFormat = record({ packetInFormat: oneOf(u32, { standard: 0, nxt: 1, nxt2: 2 }) })

/** NXT_SET_CONTROLLER_ID: which `controller` actions mean this connection. */
export const setControllerId = record({ _pad: pad(6), controllerId: u16 })

const ipfix = record({
  totalFlows: u64,
  currentFlows: u64,
  packets: u64,
  ipv4Packets: u64,
  ipv6Packets: u64,
  errorPackets: u64,
  ipv4ErrorPackets: u64,
  ipv6ErrorPackets: u64,
  txPackets: u64,
  txErrors: u64,
  collectorSetId: nonzero(u32),
  _pad: pad(4),
})

/** NXST_IPFIX_BRIDGE, reply. */
export const ipfixBridgeReply = ipfix

/** NXST_IPFIX_FLOW, reply. */
export const ipfixFlowReply = record({ entries: list(ipfix) })
