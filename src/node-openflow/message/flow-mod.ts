// Flows to be added, changed and removed. Written out by hand, since it runs for every flow of a table.

import { type Flow, OFP13, type Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { EncodeError } from '../wire/index.ts'
import { NO_BUFFER } from './packet.ts'
import { actions, instructions, match, readNxMatch, writeNxMatch } from './parts.ts'
import { ANY_PORT } from './port.ts'

const commands = { add: 0, modify: 1, modify_strict: 2, delete: 3, delete_strict: 4 } as const
const commandNames = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const
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
      if (importance !== 0 && v > OFP13) value.importance = importance
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
      w.u16(v > OFP13 ? (value.importance ?? 0) : 0)
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
      const fields = readNxMatch(r, matchLength)
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
      writeNxMatch(w, lengthAt, value.match)
      all.write(w, value.actions)
    },
  }
}
