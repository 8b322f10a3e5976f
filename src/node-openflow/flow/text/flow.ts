// Flows in text: what `ovs-ofctl dump-flows` prints, and what `ovs-ofctl add-flow`, `mod-flows` and `del-flows` take.

import { brief, within } from '../../wire/index.ts'
import type { Action } from '../actions.ts'
import { type Flow, FlowFlags, PRIORITY } from '../flow.ts'
import { settle } from './around.ts'
import { type Names, parseGroupId, parsePort, parseTable, printPort, printTable } from './names.ts'
import { bigOf, numberOf, type Pair, pairs, refuse } from './pairs.ts'
import { parseActions } from './parse-actions.ts'
import { gatherMatch } from './parse-match.ts'
import { printActions } from './print-actions.ts'
import { matchKeys } from './print-match.ts'

/** What a switch tells of a flow besides the flow itself. */
export interface FlowCounters {
  readonly durationSec?: number
  readonly durationNsec?: number
  /** Seconds since the last packet. */
  readonly idleSec?: number
  readonly packetCount?: bigint
  readonly byteCount?: bigint
}

/** How a flow is printed. */
export interface PrintOptions {
  /** With counters and age, and with the cookie and table even if they are 0; as `dump-flows` without `--no-stats`. */
  readonly stats?: boolean
  readonly names?: Names
}

const flagWords = [
  ['send_flow_rem', FlowFlags.sendFlowRem],
  ['check_overlap', FlowFlags.checkOverlap],
  ['reset_counts', FlowFlags.resetCounts],
  ['no_packet_counts', FlowFlags.noPacketCounts],
  ['no_byte_counts', FlowFlags.noByteCounts],
] as const

/** Seconds as ovs-ofctl prints them: with as many decimals as are needed, three for milliseconds. */
function printDuration(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return `${seconds}s`
  const decimals = String(nanoseconds).padStart(9, '0')
  return `${seconds}.${nanoseconds % 1e6 === 0 ? decimals.slice(0, 3) : decimals.replace(/0+$/, '')}s`
}

// The order in which instructions are carried out, and printed; all actions are one of them.
const ranks: { readonly [type: string]: number } = {
  clear_actions: 2,
  write_actions: 3,
  write_metadata: 4,
  goto_table: 5,
}
const rank = (action: Action) => ranks[action.type] ?? 1

function inOrder(actions: readonly Action[]): readonly Action[] {
  let last = 0
  for (const action of actions) {
    if (rank(action) < last) return actions.toSorted((a, b) => rank(a) - rank(b))
    last = rank(action)
  }
  return actions
}

/** A flow as `ovs-ofctl --no-stats dump-flows` prints it. */
export function printFlow(flow: Flow & FlowCounters, options: PrintOptions = {}): string {
  const { stats = false, names } = options
  const { cookie = 0n, table = 0 } = flow
  let text = ''
  if (stats || cookie !== 0n) text += `cookie=0x${cookie.toString(16)}, `
  if (stats) text += `duration=${printDuration(flow.durationSec ?? 0, flow.durationNsec ?? 0)}, `
  if (stats || table !== 0 || names?.tables?.[table] !== undefined) text += `table=${printTable(table, names)}, `
  if (stats) text += `n_packets=${flow.packetCount ?? '?'}, n_bytes=${flow.byteCount ?? '?'}, `
  if (flow.idleTimeout) text += `idle_timeout=${flow.idleTimeout}, `
  if (flow.hardTimeout) text += `hard_timeout=${flow.hardTimeout}, `
  for (const [word, bit] of flagWords) if ((flow.flags ?? 0) & bit) text += `${word} `
  if (flow.importance) text += `importance=${flow.importance}, `
  if (stats && flow.idleSec !== undefined) text += `idle_age=${flow.idleSec}, `
  const { priority = PRIORITY } = flow
  const keys = matchKeys(flow.match, names)
  if (priority !== PRIORITY) keys.unshift(`priority=${priority}`)
  if (keys.length > 0) text += `${keys.join(',')} `
  return `${text}actions=${printActions(inOrder(flow.actions), names)}`
}

const ALL_TABLES = 255

const commands = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const

/** What is to be done with a flow. */
export type FlowCommand = (typeof commands)[number]

/** A change of flows: a flow, what to do with it, and for `delete` which flows are meant besides by the match. */
export interface FlowChange extends Flow {
  readonly command: FlowCommand
  /** Only flows whose cookies are `cookie` in these bits. */
  readonly cookieMask?: bigint
  readonly outPort?: number
  readonly outGroup?: number
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Where `actions=` starts and what follows it. */
function splitActions(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('action')
  if (at < 0) return [text, undefined]
  const equals = text.indexOf('=', at)
  return equals < 0 ? [text, undefined] : [text.slice(0, at), text.slice(equals + 1)]
}

const counters = new Set(['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age'])
const ignored = new Set(['no_readonly_table', 'allow_hidden_fields'])

function takeCookie(change: Mutable<FlowChange>, text: string): void {
  const [value, mask] = text.split('/') as [string, string?]
  change.cookie = bigOf(value, 64, 'cookie')
  if (mask === undefined) {
    if (change.command.startsWith('delete')) refuse(`to match on a cookie give a mask: cookie=${value}/-1`)
    return
  }
  if (change.command === 'add') refuse('a new flow has a cookie without a mask')
  change.cookieMask = bigOf(mask, 64, 'the mask of the cookie')
}

function takeOption(change: Mutable<FlowChange>, { key, value }: Pair, names: Names | undefined): boolean {
  const flag = flagWords.find(([word]) => word === key)
  if (flag) change.flags = (change.flags ?? 0) | flag[1]
  else if (ignored.has(key) || counters.has(key)) return true
  else if (key === 'table') change.table = parseTable(value, names)
  else if (key === 'priority') change.priority = numberOf(value, 16, key)
  else if (key === 'idle_timeout') change.idleTimeout = numberOf(value, 16, key)
  else if (key === 'hard_timeout') change.hardTimeout = numberOf(value, 16, key)
  else if (key === 'importance') change.importance = numberOf(value, 16, key)
  else if (key === 'cookie') takeCookie(change, value)
  else if (key === 'out_port') change.outPort = parsePort(value, names)
  else if (key === 'out_group') change.outGroup = parseGroupId(value)
  else return false
  return true
}

function parse(text: string, command: FlowCommand, names: Names | undefined): FlowChange {
  const isDelete = command.startsWith('delete')
  const [head, tail] = isDelete ? [text, undefined] : splitActions(text)
  if (!isDelete && tail === undefined) refuse(`a flow needs actions: ${brief(text)}`)
  const change: Mutable<FlowChange> = { command, match: {}, actions: [] }
  const match = gatherMatch(names)
  for (const pair of pairs(head)) {
    if (!takeOption(change, pair, names) && !match.take(pair)) {
      refuse(`there is no field ${brief(pair.key)}; ovs-fields(7) lists them`)
    }
  }
  change.match = match.done()
  try {
    if (tail !== undefined) change.actions = settle(parseActions(tail, names), change.match)
  } catch (error) {
    throw within('actions', error)
  }
  return change
}

/** The flow that a text says, in the syntax of ovs-ofctl(8): `table=1,priority=5,arp actions=drop`. Counters are passed over. */
export function parseFlow(text: string, names?: Names): Flow {
  const { command, cookieMask, outPort, outGroup, ...flow } = parse(text, 'add', names)
  if (outPort !== undefined || outGroup !== undefined) refuse('out_port and out_group say which flows to delete')
  return flow
}

/** The change that a text says: a flow after `add` (or nothing), `modify`, `modify_strict`, `delete` or `delete_strict`. */
export function parseFlowMod(text: string, names?: Names): FlowChange {
  const found = /^\s*([a-z_]+)(?=[,\s]|$)[,\s]*/.exec(text)
  const command = commands.find(word => word === found?.[1])
  return command ? parse(text.slice((found as RegExpExecArray)[0].length), command, names) : parse(text, 'add', names)
}

/** A change of flows as `ovs-ofctl add-flows` takes it: a new flow as `printFlow` prints it, another change after its command. */
export function printFlowMod(change: FlowChange, options: PrintOptions = {}): string {
  const { command, cookieMask, outPort, outGroup, ...flow } = change
  if (command === 'add') return printFlow(flow, options)
  const isDelete = command.startsWith('delete')
  const { table, cookie = 0n, ...rest } = isDelete ? { ...flow, actions: [] } : flow
  const head: string[] = []
  if (cookieMask !== undefined) head.push(`cookie=0x${cookie.toString(16)}/0x${cookieMask.toString(16)}`)
  else if (!isDelete && cookie !== 0n) head.push(`cookie=0x${cookie.toString(16)}`)
  if (table !== undefined && table !== ALL_TABLES) head.push(`table=${printTable(table, options.names)}`)
  if (outPort !== undefined) head.push(`out_port=${printPort(outPort, options.names)}`)
  if (outGroup !== undefined) head.push(`out_group=${outGroup}`)
  const { priority, ...loose } = rest
  const text = printFlow(command.endsWith('strict') ? rest : loose, options)
  return [command, ...head, isDelete ? text.replace(/ ?actions=drop$/, '') : text].filter(Boolean).join(' ')
}
