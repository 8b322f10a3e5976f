// Statistics of flows. From OpenFlow 1.5 on they come as a list of OXS fields; before, as members of the structure
// they belong to. Here they are the same members in every version.

import type { Codec, Reader, Writer } from '../wire/index.ts'
import { fromHex, toHex } from '../wire/index.ts'

/** What a switch counts for a flow, or for many together. What it does not tell is missing. */
export interface Stats {
  readonly durationSec?: number
  readonly durationNsec?: number
  /** Time since a packet last matched. */
  readonly idleSec?: number
  readonly idleNsec?: number
  readonly flowCount?: number
  readonly packetCount?: bigint
  readonly byteCount?: bigint
  /** OXS fields that this library does not know, whole, in hexadecimal. */
  readonly otherStats?: readonly string[]
}

/** What a counter is that a switch does not keep, in structures that have no way to leave it out. */
export const UNKNOWN_COUNT = 0xffffffffffffffffn

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const BASIC = 0x8002
const DURATION = 0
const IDLE_TIME = 1
const FLOW_COUNT = 3
const PACKET_COUNT = 4
const BYTE_COUNT = 5
const lengths: readonly (number | undefined)[] = [8, 8, undefined, 4, 8, 8]

/** struct ofp_stats (OpenFlow 1.5.1, 7.2.4): reserved, length, OXS fields, padding to 8 bytes. */
export const oxs: Codec<Stats> = { size: 0, read: r => readOxs(r, {}), write: writeOxs }

/** Reads struct ofp_stats into `stats`, and gives it. */
export function readOxs<T extends Mutable<Stats>>(r: Reader, stats: T): T {
  r.skip(2)
  const length = r.u16()
  if (length < 4) r.fail('bad-length', `statistics of ${length} bytes`)
  const fields = r.sub(length - 4)
  r.skip((8 - (length & 7)) & 7)
  while (fields.remaining > 0) readField(fields, stats)
  return stats
}

function readField(r: Reader, stats: Mutable<Stats>): void {
  const start = r.at
  const cls = r.u16()
  const field = r.u8() >> 1
  const length = r.u8()
  if (cls === BASIC && length === lengths[field]) {
    if (field === DURATION) {
      stats.durationSec = r.u32()
      stats.durationNsec = r.u32()
    } else if (field === IDLE_TIME) {
      stats.idleSec = r.u32()
      stats.idleNsec = r.u32()
    } else if (field === FLOW_COUNT) stats.flowCount = r.u32()
    else if (field === PACKET_COUNT) stats.packetCount = r.u64()
    else stats.byteCount = r.u64()
    return
  }
  r.skip(length)
  const raw = toHex(r.data.subarray(start, r.at))
  stats.otherStats = [...(stats.otherStats ?? []), raw]
}

/** Fields are written in the order of the object's keys: Open vSwitch has no single one. */
function writeOxs(w: Writer, value: Stats): void {
  const start = w.length
  w.u16(0)
  w.u16(0)
  for (const key of Object.keys(value) as (keyof Stats)[]) writeField(w, key, value)
  w.patchU16(start + 2, w.length - start)
  w.align8(start)
}

function writeField(w: Writer, key: keyof Stats, value: Stats): void {
  if (value[key] === undefined) return
  switch (key) {
    case 'durationSec':
      field(w, DURATION, 8)
      w.u32(value.durationSec as number)
      w.u32(value.durationNsec ?? 0)
      break
    case 'idleSec':
      field(w, IDLE_TIME, 8)
      w.u32(value.idleSec as number)
      w.u32(value.idleNsec ?? 0)
      break
    case 'flowCount':
      field(w, FLOW_COUNT, 4)
      w.u32(value.flowCount as number)
      break
    case 'packetCount':
      field(w, PACKET_COUNT, 8)
      w.u64(value.packetCount as bigint)
      break
    case 'byteCount':
      field(w, BYTE_COUNT, 8)
      w.u64(value.byteCount as bigint)
      break
    case 'otherStats':
      for (const raw of value.otherStats ?? []) w.bytes(fromHex(raw))
  }
}

function field(w: Writer, number: number, length: number): void {
  w.u16(BASIC)
  w.u8(number << 1)
  w.u8(length)
}
