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
}

/** NXT_CT_FLUSH: forgets the connections that match the tuples. */
export interface CtFlush {
  readonly ipProto?: number
  readonly zone?: number
  readonly orig?: CtTuple
  readonly reply?: CtTuple
}

const tupleRows: readonly [keyof CtTuple, number, Codec<never>, number][] = [
  ['src', 0, ipv6 as Codec<never>, 0],
  ['dst', 1, ipv6 as Codec<never>, 0],
  ['srcPort', 2, u16 as Codec<never>, 2],
  ['dstPort', 3, u16 as Codec<never>, 2],
  ['icmpId', 4, u16 as Codec<never>, 2],
  ['icmpType', 5, u8 as Codec<never>, 0],
  ['icmpCode', 6, u8 as Codec<never>, 0],
]

function readTuple(r: Reader): CtTuple {
  r.skip(4)
  const tuple: Record<string, unknown> = {}
  while (r.remaining > 0) {
    const { code, body } = openProperty(r)
    const row = tupleRows[code]
    if (!row) r.fail('bad-type', `property ${code} in a connection's tuple`)
    tuple[row[0]] = row[2].read(body)
  }
  return tuple as CtTuple
}

function writeTuple(w: Writer, code: number, tuple: CtTuple): void {
  putProperty(w, code, () => {
    w.zeros(4)
    for (const [name, number, codec, padding] of tupleRows) {
      const value = tuple[name]
      if (value === undefined) continue
      putProperty(w, number, () => {
        codec.write(w, value as never)
        w.zeros(padding)
      })
    }
  })
}

/** The protocol, then nested properties. */
export const ctFlush: Codec<CtFlush> = {
  size: 0,
  read: r => {
    const ipProto = r.u8()
    r.skip(7)
    const value: { -readonly [K in keyof CtFlush]: CtFlush[K] } = ipProto ? { ipProto } : {}
    while (r.remaining > 0) {
      const { code, body } = openProperty(r)
      if (code === 0) value.orig = readTuple(body)
      else if (code === 1) value.reply = readTuple(body)
      else if (code === 2) value.zone = body.u16()
      else r.fail('bad-type', `property ${code} in a connection flush`)
    }
    return value
  },
  write: (w, value) => {
    w.u8(value.ipProto ?? 0)
    w.zeros(7)
    if (value.orig) writeTuple(w, 0, value.orig)
    if (value.reply) writeTuple(w, 1, value.reply)
    const { zone } = value
    if (zone !== undefined) {
      putProperty(w, 2, () => {
        w.u16(zone)
        w.zeros(2)
      })
    }
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
