// Flows that were removed, by timeout or by request.

import type { Match, Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { u8 } from '../wire/index.ts'
import { flowRemovedReasons } from './channel.ts'
import { match, readNxMatch, writeNxMatch } from './parts.ts'
import { oneOf } from './shape.ts'
import { oxs, type Stats, UNKNOWN_COUNT } from './stats.ts'
import { ALL_TABLES } from './table.ts'

/** A flow that was removed (7.4.2). Counters that the switch does not tell are missing. */
export interface FlowRemoved extends Stats {
  readonly reason: keyof typeof flowRemovedReasons | number
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
  readonly idleTimeout: number
  readonly hardTimeout: number
  readonly match: Match
}

const reasons = oneOf(u8, flowRemovedReasons)

function flowRemoved13(v: Version): Codec<FlowRemoved> {
  const matches = match(v)
  return {
    size: 0,
    read: r => {
      const cookie = r.u64()
      const priority = r.u16()
      const reason = reasons.read(r)
      const table = r.u8()
      const durationSec = r.u32()
      const durationNsec = r.u32()
      const idleTimeout = r.u16()
      const hardTimeout = r.u16()
      const packetCount = r.u64()
      const byteCount = r.u64()
      const times = { durationSec, durationNsec, packetCount, byteCount }
      return { reason, table, priority, cookie, idleTimeout, hardTimeout, ...times, match: matches.read(r) }
    },
    write: (w, value) => {
      w.u64(value.cookie)
      w.u16(value.priority)
      reasons.write(w, value.reason)
      w.u8(value.table)
      w.u32(value.durationSec ?? 0)
      w.u32(value.durationNsec ?? 0)
      w.u16(value.idleTimeout)
      w.u16(value.hardTimeout)
      w.u64(value.packetCount ?? UNKNOWN_COUNT)
      w.u64(value.byteCount ?? UNKNOWN_COUNT)
      matches.write(w, value.match)
    },
  }
}

function flowRemoved15(v: Version): Codec<FlowRemoved> {
  const matches = match(v)
  return {
    size: 0,
    read: r => {
      const table = r.u8()
      const reason = reasons.read(r)
      const priority = r.u16()
      const idleTimeout = r.u16()
      const hardTimeout = r.u16()
      const cookie = r.u64()
      const fields = matches.read(r)
      return { reason, table, priority, cookie, idleTimeout, hardTimeout, match: fields, ...oxs.read(r) }
    },
    write: (w, value) => {
      w.u8(value.table)
      reasons.write(w, value.reason)
      w.u16(value.priority)
      w.u16(value.idleTimeout)
      w.u16(value.hardTimeout)
      w.u64(value.cookie)
      matches.write(w, value.match)
      oxs.write(w, value)
    },
  }
}

/** OFPT_FLOW_REMOVED by version. */
export const flowRemoved = (v: Version): Codec<FlowRemoved> => (v === 6 ? flowRemoved15(v) : flowRemoved13(v))

/** NXT_FLOW_REMOVED: a table of 0 on the wire is none, others are counted from 1. */
export function nxFlowRemoved(_: Version): Codec<FlowRemoved> {
  return {
    size: 0,
    read: r => {
      const cookie = r.u64()
      const priority = r.u16()
      const reason = reasons.read(r)
      const table = r.u8()
      const durationSec = r.u32()
      const durationNsec = r.u32()
      const idleTimeout = r.u16()
      const matchLength = r.u16()
      const packetCount = r.u64()
      const byteCount = r.u64()
      const fields = readNxMatch(r, matchLength)
      return {
        reason,
        table: table === 0 ? ALL_TABLES : table - 1,
        priority,
        cookie,
        idleTimeout,
        hardTimeout: 0,
        durationSec,
        durationNsec,
        packetCount,
        byteCount,
        match: fields,
      }
    },
    write: (w, value) => {
      w.u64(value.cookie)
      w.u16(value.priority)
      reasons.write(w, value.reason)
      w.u8((value.table + 1) & 0xff)
      w.u32(value.durationSec ?? 0)
      w.u32(value.durationNsec ?? 0)
      w.u16(value.idleTimeout)
      const lengthAt = w.reserve(2)
      w.u64(value.packetCount ?? UNKNOWN_COUNT)
      w.u64(value.byteCount ?? UNKNOWN_COUNT)
      writeNxMatch(w, lengthAt, value.match)
    },
  }
}
