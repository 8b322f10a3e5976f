// Flows in messages: to be added, changed and removed, as they were removed, and as they are read back. The codecs
// that run for every flow of a table are written out by hand.

import type { Flow, Match, Version } from '../flow/index.ts'
import type { Codec, Reader, Writer } from '../wire/index.ts'
import { EncodeError, list, u8 } from '../wire/index.ts'
import { flowRemovedReasons } from './channel.ts'
import { NO_BUFFER } from './packet.ts'
import { actions, bareMatch, instructions, match } from './parts.ts'
import { ANY_PORT } from './port.ts'
import { exhausted, oneOf } from './shape.ts'
import { oxs, readOxs, type Stats } from './stats.ts'

const commands = { add: 0, modify: 1, modify_strict: 2, delete: 3, delete_strict: 4 } as const
const commandNames = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const
/** OFPTT_ALL: every table. */
export const ALL_TABLES = 255

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** OFPT_FLOW_MOD (OpenFlow 1.5.1, 7.3.4.2): what to do, and a flow. */
export interface FlowMod extends Flow {
  readonly command: keyof typeof commands | number
  /** modify and delete: only flows whose cookies are `cookie` in these bits. */
  readonly cookieMask?: bigint
  readonly bufferId?: number
  /** delete: only flows with an output to this port; missing for all. */
  readonly outPort?: number
  /** delete: only flows with this group; missing for all. */
  readonly outGroup?: number
}

/** OFPT_FLOW_MOD. */
export function flowMod(v: Version): Codec<FlowMod> {
  const matches = match(v)
  const all = instructions(v)
  return {
    size: 0,
    read: r => {
      const cookie = r.u64()
      const cookieMask = r.u64()
      const table = r.u8()
      const command = r.u8()
      const idleTimeout = r.u16()
      const hardTimeout = r.u16()
      const priority = r.u16()
      const bufferId = r.u32()
      const outPort = r.u32()
      const outGroup = r.u32()
      const flags = r.u16()
      const importance = r.u16()
      const value: Mutable<FlowMod> = {
        command: commandNames[command] ?? command,
        table,
        priority,
        cookie,
        match: matches.read(r),
        actions: all.read(r),
      }
      if (cookieMask !== 0n) value.cookieMask = cookieMask
      if (idleTimeout !== 0) value.idleTimeout = idleTimeout
      if (hardTimeout !== 0) value.hardTimeout = hardTimeout
      if (bufferId !== NO_BUFFER) value.bufferId = bufferId
      if (outPort !== ANY_PORT) value.outPort = outPort
      if (outGroup !== ANY_PORT) value.outGroup = outGroup
      if (flags !== 0) value.flags = flags
      if (importance !== 0) value.importance = importance
      return value
    },
    write: (w, value) => {
      w.u64(value.cookie ?? 0n)
      w.u64(value.cookieMask ?? 0n)
      w.u8(value.table ?? 0)
      w.u8(commandNumber(value.command))
      w.u16(value.idleTimeout ?? 0)
      w.u16(value.hardTimeout ?? 0)
      w.u16(value.priority ?? DEFAULT_PRIORITY)
      w.u32(value.bufferId ?? NO_BUFFER)
      w.u32(value.outPort ?? ANY_PORT)
      w.u32(value.outGroup ?? ANY_PORT)
      w.u16(value.flags ?? 0)
      w.u16(value.importance ?? 0)
      matches.write(w, value.match)
      all.write(w, value.actions)
    },
  }
}

/** OFP_DEFAULT_PRIORITY: what a flow has that says nothing of it. */
export const DEFAULT_PRIORITY = 0x8000

function commandNumber(command: FlowMod['command']): number {
  const number = typeof command === 'number' ? command : commands[command]
  if (number !== undefined) return number
  throw new EncodeError('bad-value', 'command', `${String(command)} is none of ${commandNames.join(', ')}`)
}

/** NXT_FLOW_MOD: actions instead of instructions, 16-bit ports; its table stands in the command's upper byte. */
export function nxFlowMod(v: Version): Codec<FlowMod> {
  const matches = bareMatch(v)
  const all = actions(v)
  return {
    size: 0,
    read: r => {
      const cookie = r.u64()
      const command = r.u16()
      const idleTimeout = r.u16()
      const hardTimeout = r.u16()
      const priority = r.u16()
      const bufferId = r.u32()
      const outPort = r.u16()
      const flags = r.u16()
      const matchLength = r.u16()
      r.skip(6)
      const fields = matches.read(r.sub(matchLength))
      r.skip((8 - (matchLength & 7)) & 7)
      const low = command & 0xff
      const value: Mutable<FlowMod> = {
        command: commandNames[low] ?? low,
        table: command >> 8,
        priority,
        cookie,
        match: fields,
        actions: all.read(r),
      }
      if (idleTimeout !== 0) value.idleTimeout = idleTimeout
      if (hardTimeout !== 0) value.hardTimeout = hardTimeout
      if (bufferId !== NO_BUFFER) value.bufferId = bufferId
      if (outPort !== 0xffff) value.outPort = outPort
      if (flags !== 0) value.flags = flags
      return value
    },
    write: (w, value) => {
      w.u64(value.cookie ?? 0n)
      w.u8(value.table ?? 0)
      w.u8(commandNumber(value.command))
      w.u16(value.idleTimeout ?? 0)
      w.u16(value.hardTimeout ?? 0)
      w.u16(value.priority ?? DEFAULT_PRIORITY)
      w.u32(value.bufferId ?? NO_BUFFER)
      w.u16(value.outPort ?? 0xffff)
      w.u16(value.flags ?? 0)
      const lengthAt = w.reserve(8)
      writeBareMatch(w, lengthAt, value.match, matches)
      all.write(w, value.actions)
    },
  }
}

function writeBareMatch(w: Writer, lengthAt: number, fields: Match, codec: Codec<Match>): void {
  const start = w.length
  codec.write(w, fields)
  w.patchU16(lengthAt, w.length - start)
  w.align8(start)
}

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
      w.u64(value.packetCount ?? UNKNOWN)
      w.u64(value.byteCount ?? UNKNOWN)
      matches.write(w, value.match)
    },
  }
}

/** What a counter is that a switch does not keep, in structures that have no way to leave it out. */
const UNKNOWN = 0xffffffffffffffffn

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
export function nxFlowRemoved(v: Version): Codec<FlowRemoved> {
  const matches = bareMatch(v)
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
      const fields = matches.read(r.sub(matchLength))
      r.skip((8 - (matchLength & 7)) & 7)
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
      w.u64(value.packetCount ?? UNKNOWN)
      w.u64(value.byteCount ?? UNKNOWN)
      writeBareMatch(w, lengthAt, value.match, matches)
    },
  }
}

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
      addOptions(value, idleTimeout, hardTimeout, flags, importance)
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
      w.u16(value.importance ?? 0)
      w.zeros(2)
      w.u64(value.cookie)
      w.u64(value.packetCount ?? UNKNOWN)
      w.u64(value.byteCount ?? UNKNOWN)
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

interface Entries<T> {
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
      w.u64(value.packetCount ?? UNKNOWN)
      w.u64(value.byteCount ?? UNKNOWN)
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
