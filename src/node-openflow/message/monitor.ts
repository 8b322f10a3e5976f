// Flow monitors: a switch tells which flows are added, changed and removed. OpenFlow 1.3 has them as an ONF
// extension with other numbers; the values here are those of 1.4 and later.

import type { Action, Match, Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { list, u8, u16, u32 } from '../wire/index.ts'
import { flowRemovedReasons } from './channel.ts'
import { instructions, match } from './parts.ts'
import { ANY_PORT } from './port.ts'
import { type BitSet, bits, exhausted, oneOf, preset, record } from './shape.ts'

const flags14 = {
  initial: 1 << 0,
  add: 1 << 1,
  removed: 1 << 2,
  modify: 1 << 3,
  instructions: 1 << 4,
  no_abbrev: 1 << 5,
  only_own: 1 << 6,
} as const
const { no_abbrev: _, ...common } = flags14
const flags13 = { ...common, only_own: 1 << 5 } as const

/** A monitor to add, modify or delete (OpenFlow 1.5.1, 7.3.5.17). */
export interface FlowMonitor {
  readonly id: number
  readonly command: 'add' | 'modify' | 'delete' | number
  /** What is to be told, of which changes. */
  readonly flags: BitSet<keyof typeof flags14>
  /** Only flows with an output to this port; ANY_PORT or missing for all. */
  readonly outPort?: number
  /** Only flows with this group; ANY_PORT or missing for all. */
  readonly outGroup?: number
  /** 255 or missing for all tables. */
  readonly table?: number
  readonly match: Match
  /** OpenFlow 1.3: the match's length as announced, where that is not its length; 0 if there is no match at all. */
  readonly matchLength?: number
}

const monitor14 = (v: Version): Codec<FlowMonitor> =>
  record({
    id: u32,
    outPort: preset(u32, ANY_PORT),
    outGroup: preset(u32, ANY_PORT),
    flags: bits(u16, flags14),
    table: preset(u8, 255),
    command: oneOf(u8, { add: 0, modify: 1, delete: 2 }),
    match: match(v),
  })

function monitor13(v: Version): Codec<FlowMonitor> {
  const flags = bits(u16, flags13)
  const matches = match(v)
  return {
    size: 0,
    read: r => {
      const id = r.u32()
      const set = flags.read(r)
      const matchLength = r.u16()
      const outPort = r.u32()
      const table = r.u8()
      r.skip(3)
      const head = { id, command: 'add' as const, flags: set, outPort, table }
      if (matchLength === 0) return { ...head, match: {}, matchLength }
      const start = r.at
      const value = { ...head, match: matches.read(r) }
      // The length that a match gives itself leaves the padding out. Open vSwitch goes by that one.
      const own = ((r.data[start + 2] as number) << 8) | (r.data[start + 3] as number)
      return own === matchLength ? value : { ...value, matchLength }
    },
    write: (w, value) => {
      w.u32(value.id)
      flags.write(w, value.flags as BitSet<keyof typeof flags13>)
      const lengthAt = w.reserve(2)
      w.u32(value.outPort ?? ANY_PORT)
      w.u8(value.table ?? 255)
      w.zeros(3)
      if (value.matchLength === 0) return
      const start = w.length
      matches.write(w, value.match)
      const written = w.peek(start)
      w.patchU16(lengthAt, value.matchLength ?? ((written[2] as number) << 8) | (written[3] as number))
    },
  }
}

/** Monitors to set up. */
export const monitorRequest = (v: Version) => record({ entries: list(v === 4 ? monitor13(v) : monitor14(v)) })

const reasons = { ...flowRemovedReasons } as const

/** A change of a flow, or `initial` for one that was there when the monitor was added. */
export interface FlowChange {
  readonly event: 'initial' | 'added' | 'removed' | 'modified'
  /** Why it was removed. */
  readonly reason: keyof typeof reasons | number
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
  readonly idleTimeout: number
  readonly hardTimeout: number
  readonly match: Match
  /** Empty unless the monitor asked for instructions. */
  readonly actions: readonly Action[]
}

/** What a monitor tells: a change; the change made by one's own request `xid`; that it pauses or goes on. */
export type FlowUpdate =
  | FlowChange
  | { readonly event: 'abbrev'; readonly xid: number }
  | { readonly event: 'paused' }
  | { readonly event: 'resumed' }

const events14 = ['initial', 'added', 'removed', 'modified', 'abbrev', 'paused', 'resumed'] as const
const events13 = ['added', 'removed', 'modified', 'abbrev'] as const
const reason8 = oneOf(u8, reasons)
const reason16 = oneOf(u16, reasons)

function update(v: Version): Codec<FlowUpdate> {
  const events: readonly string[] = v === 4 ? events13 : events14
  const matches = match(v)
  const all = instructions(v)
  return {
    size: 0,
    read: r => {
      const length = r.u16()
      if (length < 8) r.fail('bad-length', `a flow update of ${length} bytes`)
      const body = r.sub(length - 2)
      const number = body.u16()
      const event = events[number] as FlowUpdate['event'] | undefined
      if (event === undefined) return body.fail('bad-value', `flow update event ${number}`, body.offset - 2)
      if (event === 'abbrev') {
        const value = { event, xid: body.u32() }
        exhausted(body, 'a flow update')
        return value
      }
      if (event === 'paused' || event === 'resumed') {
        body.skip(4)
        exhausted(body, 'a flow update')
        return { event }
      }
      if (v === 4) {
        const reason = reason16.read(body)
        const priority = body.u16()
        const idleTimeout = body.u16()
        const hardTimeout = body.u16()
        body.skip(2)
        const table = body.u8()
        body.skip(1)
        const cookie = body.u64()
        const rest = { match: matches.read(body), actions: all.read(body) }
        return { event, reason, table, priority, cookie, idleTimeout, hardTimeout, ...rest }
      }
      const table = body.u8()
      const reason = reason8.read(body)
      const idleTimeout = body.u16()
      const hardTimeout = body.u16()
      const priority = body.u16()
      body.skip(4)
      const cookie = body.u64()
      const rest = { match: matches.read(body), actions: all.read(body) }
      return { event, reason, table, priority, cookie, idleTimeout, hardTimeout, ...rest }
    },
    write: (w, value) => {
      const start = w.length
      w.u16(0)
      w.u16(events.indexOf(v === 4 && value.event === 'initial' ? 'added' : value.event))
      if (value.event === 'abbrev') w.u32(value.xid)
      else if (value.event === 'paused' || value.event === 'resumed') w.zeros(4)
      else if (v === 4) {
        reason16.write(w, value.reason)
        w.u16(value.priority)
        w.u16(value.idleTimeout)
        w.u16(value.hardTimeout)
        const lengthAt = w.reserve(2)
        w.u8(value.table)
        w.zeros(1)
        w.u64(value.cookie)
        const at = w.length
        matches.write(w, value.match)
        const written = w.peek(at)
        w.patchU16(lengthAt, ((written[2] as number) << 8) | (written[3] as number))
        all.write(w, value.actions)
      } else {
        w.u8(value.table)
        reason8.write(w, value.reason)
        w.u16(value.idleTimeout)
        w.u16(value.hardTimeout)
        w.u16(value.priority)
        w.zeros(4)
        w.u64(value.cookie)
        matches.write(w, value.match)
        all.write(w, value.actions)
      }
      w.patchU16(start, w.length - start)
    },
  }
}

/** What monitors tell, in order. */
export const monitorReply = (v: Version) => record({ entries: list(update(v)) })

/** ONFT_FLOW_MONITOR_CANCEL of OpenFlow 1.3; later versions cancel by the command `delete`. */
export const monitorCancel = record({ id: u32 })
