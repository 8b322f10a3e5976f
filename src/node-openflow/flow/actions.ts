// Every action that Open vSwitch 3.1 knows in OpenFlow 1.3 and later, one row each: its numbers and its body, from which
// the types of actions follow. Instructions stand among actions, as in the text of ovs-ofctl; instructions.ts sorts them.

import { EncodeError, ipv4, mac, pad, type Reader, rest, u8, u16, u32, type Writer, within } from '../wire/index.ts'
import {
  type ActionRow,
  close,
  type Form,
  NICIRA,
  nicira,
  niciraForm,
  ONF,
  openNicira,
  port16,
  standard,
} from './action-row.ts'
import { bundleRow, multipathRow } from './choice-actions.ts'
import { type CtOf, ctRow, natRow } from './conntrack.ts'
import { encapRow } from './encap.ts'
import type { Version } from './field.ts'
import { controllerRow, enqueue, outputRow, popQueue, resubmitRow, setQueue } from './forwarding.ts'
import { decTtl, pushVlanRow, replaced, setTunnelRow, setVlanPcp, setVlanVid, transport } from './header-actions.ts'
import { learnRow } from './learn.ts'
import { checkPktLarger, deleteField, stack } from './register-actions.ts'
import { sampleRow } from './sample.ts'
import { loadRow, moveRow, setFieldRow } from './set-field.ts'
import { UnknownField } from './subfield.ts'

/** Actions on a copy of the packet, which leave the packet itself as it was. */
export interface Clone {
  readonly actions: readonly Action[]
}

const cloneRow: ActionRow<Clone> = {
  forms: [
    niciraForm(42, (r, version) => {
      r.skip(6)
      return { actions: readActions(r, version) }
    }),
  ],
  write: (w, { actions }, version) => {
    const start = openNicira(w, 42)
    w.zeros(6)
    writeNested(w, actions, version)
    close(w, start)
  },
}

/** ct: gives a packet to the connection tracker. */
export type Ct = CtOf<Action>

const ct: ActionRow<Ct> = ctRow({
  read: (r: Reader, version: Version) => readActions(r, version),
  write: (w: Writer, actions: readonly Action[], version: Version) => writeNested(w, actions, version),
})

function writeNested(w: Writer, actions: readonly Action[], version: Version): void {
  w.enter(() => {
    try {
      writeActions(w, actions, version)
    } catch (error) {
      throw within('actions', error)
    }
  })
}

/** An action that has no meaning outside OpenFlow 1.3's instructions, where it is an instruction. */
const meter = standard(29, { meter: u32 }, 6)

/** The actions, by the names of ovs-actions(7). */
export const actionRows = {
  output: outputRow,
  output_trunc: nicira(39, { port: port16, maxLen: u32 }),
  group: standard(22, { group: u32 }),
  enqueue,
  set_queue: setQueue,
  pop_queue: popQueue,
  controller: controllerRow,
  bundle: bundleRow,
  set_field: setFieldRow,
  load: loadRow,
  move: moveRow,
  push: stack(27),
  pop: stack(28),
  delete_field: deleteField,
  set_vlan_vid: setVlanVid,
  set_vlan_pcp: setVlanPcp,
  push_vlan: pushVlanRow,
  pop_vlan: standard(18, { _pad: pad(4) }),
  mod_dl_src: replaced(3, 'mac', mac, 'eth_src'),
  mod_dl_dst: replaced(4, 'mac', mac, 'eth_dst'),
  mod_nw_src: replaced(5, 'ip', ipv4, 'ip_src'),
  mod_nw_dst: replaced(6, 'ip', ipv4, 'ip_dst'),
  mod_nw_tos: replaced(7, 'tos', u8, 'ip_dscp', tos => tos >> 2),
  mod_nw_ecn: replaced(8, 'ecn', u8, 'nw_ecn'),
  mod_nw_ttl: standard(23, { ttl: u8, _pad: pad(3) }),
  mod_tp_src: transport(9),
  mod_tp_dst: transport(10),
  dec_ttl: decTtl,
  set_mpls_label: replaced(13, 'label', u32, 'mpls_label'),
  set_mpls_tc: replaced(14, 'tc', u8, 'mpls_tc'),
  set_mpls_ttl: standard(15, { ttl: u8, _pad: pad(3) }),
  dec_mpls_ttl: standard(16, { _pad: pad(4) }),
  push_mpls: standard(19, { etherType: u16, _pad: pad(2) }),
  pop_mpls: standard(20, { etherType: u16, _pad: pad(2) }),
  // OpenFlow has these, Open vSwitch has not.
  copy_ttl_out: standard(11, { _pad: pad(4) }),
  copy_ttl_in: standard(12, { _pad: pad(4) }),
  push_pbb: standard(26, { etherType: u16, _pad: pad(2) }),
  pop_pbb: standard(27, { _pad: pad(4) }),
  set_tunnel: setTunnelRow(),
  encap: encapRow,
  decap: nicira(47, { _pad: pad(2), packetType: u32 }),
  dec_nsh_ttl: nicira(48, {}),
  resubmit: resubmitRow,
  clone: cloneRow,
  ct,
  ct_clear: nicira(43, {}),
  nat: natRow,
  check_pkt_larger: checkPktLarger,
  learn: learnRow,
  fin_timeout: nicira(19, { idleTimeout: u16, hardTimeout: u16 }),
  conjunction: nicira(34, { clause: u8, clauses: u8, id: u32 }),
  multipath: multipathRow,
  note: nicira(8, { note: rest }),
  sample: sampleRow,
  exit: nicira(17, {}),
  debug_slow: nicira(254, {}),
  debug_recirc: nicira(255, {}),
  meter,
} as const

/** An action that this library does not know: all of its bytes, header and padding included. */
export interface RawAction {
  readonly type: 'raw'
  readonly bytes: Uint8Array
}

/** Goes on in another table when the actions are done. */
export interface GotoTable {
  readonly type: 'goto_table'
  readonly table: number
}

/** Writes metadata, where `mask` has ones. */
export interface WriteMetadata {
  readonly type: 'write_metadata'
  readonly metadata: bigint
  readonly mask?: bigint
}

/** Puts actions into the packet's action set, which is carried out at the end of the pipeline. */
export interface WriteActions {
  readonly type: 'write_actions'
  readonly actions: readonly Action[]
}

/** Empties the action set. */
export interface ClearActions {
  readonly type: 'clear_actions'
}

/** An instruction that this library does not know. */
export interface RawInstruction {
  readonly type: 'raw_instruction'
  readonly bytes: Uint8Array
}

/** What is an instruction on the wire. */
export type Instruction = GotoTable | WriteMetadata | WriteActions | ClearActions | RawInstruction

type Rows = typeof actionRows
type BodyOf<K extends keyof Rows> = Rows[K] extends ActionRow<infer T> ? T : never

/** One action or instruction, told apart by `type`: the name of ovs-actions(7). */
export type Action = { [K in keyof Rows]: { readonly type: K } & BodyOf<K> }[keyof Rows] | Instruction | RawAction

/** The action of a type. */
export type ActionOf<K extends Action['type']> = Extract<Action, { readonly type: K }>

type AnyRow = ActionRow<unknown>
interface Found {
  readonly type: string
  readonly form: Form<unknown>
}

const tables: { readonly [owner: string]: (Found[] | undefined)[] } = { standard: [], nicira: [], onf: [] }
const rowsByType = new Map(Object.entries(actionRows) as [string, AnyRow][])
for (const [type, row] of rowsByType) {
  for (const form of row.forms) {
    const table = tables[form.owner] as (Found[] | undefined)[]
    table[form.num] = [...(table[form.num] ?? []), { type, form }]
  }
}

const WHOLE = 0xffffffffffffffffn

/** Nicira's action for what OpenFlow 1.1 made an instruction. */
const writeMetadataForm = niciraForm<Omit<WriteMetadata, 'type'>>(22, r => {
  r.skip(6)
  const metadata = r.u64()
  const mask = r.u64()
  return mask === WHOLE ? { metadata } : { metadata, mask }
})
tables.nicira![22] = [{ type: 'write_metadata', form: writeMetadataForm }]

function find(owner: string, num: number, version: Version): Found | undefined {
  const table = tables[owner] as (Found[] | undefined)[]
  const found = table[num]
  if (!found) return undefined
  for (const one of found) if (version >= one.form.from && version <= one.form.to) return one
  return undefined
}

/** Reads actions up to the end of the window. */
export function readActions(r: Reader, version: Version): Action[] {
  const actions: Action[] = []
  while (r.at < r.end) actions.push(readAction(r, version))
  return actions
}

function readAction(r: Reader, version: Version): Action {
  const at = r.at
  const type = r.u16()
  const length = r.u16()
  if (length < 8 || (length & 7) !== 0) r.fail('bad-length', `an action of ${length} bytes`, at - r.origin)
  const body = r.sub(length - 4)
  let found: Found | undefined
  if (type !== 0xffff) found = find('standard', type, version)
  else {
    const experimenter = body.u32()
    const owner = experimenter === NICIRA ? 'nicira' : experimenter === ONF ? 'onf' : undefined
    if (owner !== undefined) found = find(owner, body.u16(), version)
  }
  if (!found) return { type: 'raw', bytes: r.data.slice(at, at + length) }
  try {
    const action = found.form.read(body, version) as object
    return { type: found.type, ...action } as Action
  } catch (error) {
    if (!(error instanceof UnknownField)) throw error
    return { type: 'raw', bytes: r.data.slice(at, at + length) }
  }
}

/** Writes actions one after the other; instructions have no place among them. */
export function writeActions(w: Writer, actions: readonly Action[], version: Version): void {
  for (let i = 0; i < actions.length; i++) {
    try {
      writeAction(w, actions[i] as Action, version)
    } catch (error) {
      throw within(`[${i}]`, error)
    }
  }
}

const instructions = new Set(['goto_table', 'write_metadata', 'write_actions', 'clear_actions', 'raw_instruction'])

/** Writes one action. */
export function writeAction(w: Writer, action: Action, version: Version): void {
  const row = rowsByType.get(action.type)
  if (row) row.write(w, action, version)
  else if (action.type === 'raw') w.bytes(action.bytes)
  else if (action.type === 'write_metadata') {
    const start = openNicira(w, 22)
    w.zeros(6)
    w.u64(action.metadata)
    w.u64(action.mask ?? WHOLE)
    close(w, start)
  } else if (instructions.has(action.type)) {
    throw new EncodeError('bad-type', '', `${action.type} is an instruction and cannot stand among these actions`)
  } else throw new EncodeError('bad-type', 'type', `there is no action ${JSON.stringify(action.type)}`)
}
