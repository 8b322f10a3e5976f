// Flows as they are read back, and what was counted for them. Written out by hand, since it runs for every flow.

import { type Flow, type Match, OFP13, type Version } from '../flow/index.ts'
import type { Codec, Reader } from '../wire/index.ts'
import { list } from '../wire/index.ts'
import { instructions, match } from './parts.ts'
import { ANY_PORT } from './port.ts'
import { exhausted } from './shape.ts'
import { oxs, readOxs, type Stats, UNKNOWN_COUNT } from './stats.ts'
import { ALL_TABLES } from './table.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Which flows: a request for flows, or for their sum (7.3.5.2). What is missing matches all. */
export interface FlowStatsRequest {
  readonly table?: number
  readonly outPort?: number
  readonly outGroup?: number
  readonly cookie?: bigint
  readonly cookieMask?: bigint
  readonly match?: Match
  /** OpenFlow 1.5, for aggregates: the statistics that are wanted, by naming them. */
  readonly stats?: Stats
}

/** OFPMP_FLOW_STATS (in OpenFlow 1.5 OFPMP_FLOW_DESC) and OFPMP_AGGREGATE_STATS, request. */
export function flowStatsRequest(v: Version): Codec<FlowStatsRequest> {
  const matches = match(v)
  return {
    size: 0,
    read: r => {
      const table = r.u8()
      r.skip(3)
      const outPort = r.u32()
      const outGroup = r.u32()
      r.skip(4)
      const cookie = r.u64()
      const cookieMask = r.u64()
      return {
        table,
        ...(outPort !== ANY_PORT && { outPort }),
        ...(outGroup !== ANY_PORT && { outGroup }),
        ...((cookie !== 0n || cookieMask !== 0n) && { cookie, cookieMask }),
        match: matches.read(r),
        ...(r.remaining > 0 && { stats: oxs.read(r) }),
      }
    },
    write: (w, value) => {
      w.u8(value.table ?? ALL_TABLES)
      w.zeros(3)
      w.u32(value.outPort ?? ANY_PORT)
      w.u32(value.outGroup ?? ANY_PORT)
      w.zeros(4)
      w.u64(value.cookie ?? 0n)
      w.u64(value.cookieMask ?? 0n)
      matches.write(w, value.match ?? {})
      if (value.stats) oxs.write(w, value.stats)
    },
  }
}

/** A flow as it is read back, with its counters. */
export interface FlowStats extends Flow, Stats {
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
}

function flowStats13(v: Version): Codec<FlowStats> {
  const matches = match(v)
  const all = instructions(v)
  return {
    size: 0,
    read: r => {
      const length = r.u16()
      if (length < 48) r.fail('bad-length', `a flow of ${length} bytes`, r.offset - 2)
      const body = r.sub(length - 2)
      const table = body.u8()
      body.skip(1)
      const durationSec = body.u32()
      const durationNsec = body.u32()
      const priority = body.u16()
      const idleTimeout = body.u16()
      const hardTimeout = body.u16()
      const flags = body.u16()
      const importance = body.u16()
      body.skip(2)
      const cookie = body.u64()
      const packetCount = body.u64()
      const byteCount = body.u64()
      const value: Mutable<FlowStats> = {
        table,
        priority,
        cookie,
        match: matches.read(body),
        actions: all.read(body),
        durationSec,
        durationNsec,
        packetCount,
        byteCount,
      }
      addOptions(value, idleTimeout, hardTimeout, flags, v > OFP13 ? importance : 0)
      return value
    },
    write: (w, value) => {
      const start = w.reserve(2)
      w.u8(value.table)
      w.zeros(1)
      w.u32(value.durationSec ?? 0)
      w.u32(value.durationNsec ?? 0)
      w.u16(value.priority)
      w.u16(value.idleTimeout ?? 0)
      w.u16(value.hardTimeout ?? 0)
      w.u16(value.flags ?? 0)
      w.u16(v > OFP13 ? (value.importance ?? 0) : 0)
      w.zeros(2)
      w.u64(value.cookie)
      w.u64(value.packetCount ?? UNKNOWN_COUNT)
      w.u64(value.byteCount ?? UNKNOWN_COUNT)
      matches.write(w, value.match)
      all.write(w, value.actions)
      w.patchU16(start, w.length - start)
    },
  }
}

function addOptions(
  value: Mutable<FlowStats>,
  idleTimeout: number,
  hardTimeout: number,
  flags: number,
  importance: number,
): void {
  if (idleTimeout !== 0) value.idleTimeout = idleTimeout
  if (hardTimeout !== 0) value.hardTimeout = hardTimeout
  if (flags !== 0) value.flags = flags
  if (importance !== 0) value.importance = importance
}

function flowStats15(v: Version): Codec<FlowStats> {
  const matches = match(v)
  const all = instructions(v)
  return {
    size: 0,
    read: r => {
      const length = r.u16()
      if (length < 24) r.fail('bad-length', `a flow of ${length} bytes`, r.offset - 2)
      const body = r.sub(length - 2)
      body.skip(2)
      const table = body.u8()
      body.skip(1)
      const priority = body.u16()
      const idleTimeout = body.u16()
      const hardTimeout = body.u16()
      const flags = body.u16()
      const importance = body.u16()
      const cookie = body.u64()
      const value: Mutable<FlowStats> = { table, priority, cookie, match: matches.read(body), actions: [] }
      readOxs(body, value)
      value.actions = all.read(body)
      addOptions(value, idleTimeout, hardTimeout, flags, importance)
      return value
    },
    write: (w, value) => {
      const start = w.reserve(4)
      w.u8(value.table)
      w.zeros(1)
      w.u16(value.priority)
      w.u16(value.idleTimeout ?? 0)
      w.u16(value.hardTimeout ?? 0)
      w.u16(value.flags ?? 0)
      w.u16(value.importance ?? 0)
      w.u64(value.cookie)
      matches.write(w, value.match)
      oxs.write(w, value)
      all.write(w, value.actions)
      w.patchU16(start, w.length - start)
    },
  }
}

/** The body of a multipart reply that is a list. */
export interface Entries<T> {
  readonly entries: readonly T[]
}

function entries<T>(item: Codec<T>): Codec<Entries<T>> {
  const all = list(item)
  return { size: 0, read: r => ({ entries: all.read(r) }), write: (w, value) => all.write(w, value.entries) }
}

/** OFPMP_FLOW_STATS, in OpenFlow 1.5 OFPMP_FLOW_DESC, reply. */
export const flowStatsReply = (v: Version): Codec<Entries<FlowStats>> =>
  entries(v === 6 ? flowStats15(v) : flowStats13(v))

/** OFPMP_AGGREGATE_STATS, reply: the sum over flows. */
export function aggregateReply(v: Version): Codec<Stats> {
  if (v === 6) return oxs
  return {
    size: 24,
    read: r => {
      const value = { packetCount: r.u64(), byteCount: r.u64(), flowCount: r.u32() }
      r.skip(4)
      return value
    },
    write: (w, value) => {
      w.u64(value.packetCount ?? UNKNOWN_COUNT)
      w.u64(value.byteCount ?? UNKNOWN_COUNT)
      w.u32(value.flowCount ?? 0)
      w.zeros(4)
    },
  }
}

/** The counters of a flow, without what it does (OpenFlow 1.5, OFPMP_FLOW_STATS). */
export interface FlowCounters extends Stats {
  readonly table: number
  /** 0 if it was asked for, 1 if a trigger sent it. */
  readonly reason: number
  readonly priority: number
  readonly match: Match
}

function flowCounters(v: Version): Codec<FlowCounters> {
  const matches = match(v)
  return {
    size: 0,
    read: (r: Reader) => {
      const length = r.u16()
      if (length < 8) r.fail('bad-length', `a flow of ${length} bytes`, r.offset - 2)
      const body = r.sub(length - 2)
      body.skip(2)
      const table = body.u8()
      const reason = body.u8()
      const priority = body.u16()
      const value = { table, reason, priority, match: matches.read(body), ...oxs.read(body) }
      exhausted(body, 'a flow')
      return value
    },
    write: (w, value) => {
      const start = w.reserve(4)
      w.u8(value.table)
      w.u8(value.reason)
      w.u16(value.priority)
      matches.write(w, value.match)
      oxs.write(w, value)
      w.patchU16(start, w.length - start)
    },
  }
}

/** OFPMP_FLOW_STATS of OpenFlow 1.5, reply. */
export const flowCountersReply = (v: Version): Codec<Entries<FlowCounters>> => entries(flowCounters(v))
