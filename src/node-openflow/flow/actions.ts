// Every action that Open vSwitch 3.1 knows in OpenFlow 1.3 and later, one row each: its numbers and its body, from which
// the types of actions follow. Instructions stand among actions, as in the text of ovs-ofctl; instructions.ts sorts them.

import {
  type Codec,
  EncodeError,
  ipv4,
  mac,
  pad,
  type Reader,
  rest,
  u8,
  u16,
  u32,
  type Writer,
  within,
} from '../wire/index.ts'
import {
  type ActionRow,
  close,
  type Form,
  NICIRA,
  named,
  nicira,
  niciraForm,
  ONF,
  open,
  openNicira,
  port16,
  standard,
  standardForm,
  zerosOnly,
} from './action-row.ts'
import { ctRow, type Nested, natRow } from './conntrack.ts'
import { encapRow } from './encap.ts'
import { codeOf, fieldOf, type Version, writeHeader } from './field.ts'
import type { AnyValue, FieldName } from './fields.ts'
import { learnRow } from './learn.ts'
import { loadRow, moveRow, setFieldRow } from './set-field.ts'
import {
  bitsOf,
  isShort,
  packBits,
  readField,
  readSubfield,
  type Subfield,
  subfield,
  UnknownField,
  writeFieldHeader,
} from './subfield.ts'
import { writeValue } from './value.ts'

/** OFPP_IN_PORT: the port that the packet came in. */
export const IN_PORT = 0xfffffff8
/** OFPP_TABLE, in packet-outs: the flow tables. */
export const TABLE = 0xfffffff9
/** OFPP_NORMAL: as a bridge without OpenFlow would. */
export const NORMAL = 0xfffffffa
/** OFPP_FLOOD: all ports but the one it came in and those that are not for flooding. */
export const FLOOD = 0xfffffffb
/** OFPP_ALL: all ports but the one it came in. */
export const ALL = 0xfffffffc
/** OFPP_CONTROLLER. */
export const CONTROLLER = 0xfffffffd
/** OFPP_LOCAL: the bridge's own port. */
export const LOCAL = 0xfffffffe
/** OFPP_NONE: no port. */
export const NONE = 0xffffffff

/** Sends the packet to a port, or to the port whose number is in a field. */
export interface Output {
  readonly port: number | Subfield
  /** The most bytes of the packet that a controller gets; missing: all, for other ports 0. */
  readonly maxLen?: number
  readonly form?: 'reg2'
}

const outputRow: ActionRow<Output> = {
  forms: [
    standardForm(0, r => {
      const port = r.u32()
      const maxLen = r.u16()
      if (r.remaining !== 6) r.fail('bad-length', 'an output of another length than 16 bytes')
      return maxLen === (port === CONTROLLER ? 0xffff : 0) ? { port } : { port, maxLen }
    }),
    niciraForm(15, r => {
      const packed = r.u16()
      const port = readSubfield(r, packed >> 6, (packed & 0x3f) + 1)
      const maxLen = r.u16()
      zerosOnly(r)
      return maxLen === 0xffff ? { port } : { port, maxLen }
    }),
    niciraForm(32, r => {
      const packed = r.u16()
      const maxLen = r.u16()
      const port = readSubfield(r, packed >> 6, (packed & 0x3f) + 1)
      zerosOnly(r)
      const value: Output = maxLen === 0xffff ? { port } : { port, maxLen }
      return isShort(bitsOf(port).field) ? { ...value, form: 'reg2' } : value
    }),
  ],
  write: (w, { port, maxLen, form }) => {
    if (typeof port === 'number') {
      w.u16(0)
      w.u16(16)
      w.u32(port)
      w.u16(maxLen ?? (port === CONTROLLER ? 0xffff : 0))
      w.zeros(6)
      return
    }
    const bits = bitsOf(port)
    const isLong = form === 'reg2' || !isShort(bits.field)
    const start = openNicira(w, isLong ? 32 : 15)
    w.u16(packBits(bits))
    if (isLong) w.u16(maxLen ?? 0xffff)
    writeFieldHeader(w, bits, 0)
    if (!isLong) w.u16(maxLen ?? 0xffff)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
}

/** Writes a value whole into a field, as OpenFlow 1.2 and later do where 1.0 had an action of its own. */
function putField(w: Writer, name: FieldName, value: AnyValue, version: Version): void {
  const field = fieldOf(name)
  const start = open(w, 25)
  writeHeader(w, codeOf(field, version), false, field.bytes)
  writeValue(w, field, value)
  close(w, start)
}

/** An action of OpenFlow 1.1 that is still read, and written as a set_field. */
function replaced<N extends string, T extends AnyValue>(
  num: number,
  name: N,
  codec: Codec<T>,
  field: FieldName,
  convert: (value: T) => AnyValue = value => value,
): ActionRow<{ readonly [K in N]: T }> {
  return {
    forms: [
      standardForm(num, r => {
        const value = codec.read(r)
        if (r.remaining > 7) r.fail('bad-length', `${r.remaining} bytes left in an action`)
        return { [name]: value } as { readonly [K in N]: T }
      }),
    ],
    write: (w, action, version) => putField(w, field, convert(action[name]), version),
  }
}

const ETH_VLAN = 0x8100

/** Sets the VLAN of a tag that is there, or with `push` of one that is added if there is none. */
export interface SetVlan {
  readonly vid: number
  /** mod_vlan_vid of ovs-ofctl. */
  readonly push?: boolean
}

const setVlanVid: ActionRow<SetVlan> = {
  forms: [standardForm(1, r => ({ vid: r.u16() }))],
  write: (w, { vid, push }, version) => {
    if (push) pushVlanRow.write(w, { etherType: ETH_VLAN }, version)
    putField(w, 'vlan_vid', 0x1000 | vid, version)
  },
}

const setVlanPcp: ActionRow<{ readonly pcp: number; readonly push?: boolean }> = {
  forms: [standardForm(2, r => ({ pcp: r.u8() }))],
  write: (w, { pcp, push }, version) => {
    if (push) pushVlanRow.write(w, { etherType: ETH_VLAN }, version)
    putField(w, 'vlan_pcp', pcp, version)
  },
}

const pushVlanRow = standard(17, { etherType: u16, _pad: pad(2) })

/** mod_tp_src and mod_tp_dst: which protocol's port is only known in a flow, so the action of OpenFlow 1.1 is kept. */
const transport = (num: number) => standard(num, { port: u16, _pad: pad(2) })

/** Outputs with a queue; a set_queue, an output and a pop_queue since OpenFlow 1.1. */
const enqueue: ActionRow<{ readonly port: number; readonly queue: number }> = {
  forms: [],
  write: (w, { port, queue }, version) => {
    setQueue.write(w, { queue }, version)
    outputRow.write(w, { port, maxLen: 0xffff }, version)
    popQueue.write(w, {}, version)
  },
}

const setQueue = standard(21, { queue: u32 })
const popQueue = nicira(5, {})

/** Looks the packet up again, in another table or as if it came in another port. */
export interface Resubmit {
  readonly port?: number
  readonly table?: number
  /** Matches on the original direction of the connection. */
  readonly ct?: boolean
  /** Written as the first resubmit, which knows no tables. */
  readonly form?: 'port'
}

const ANY_TABLE = 255
const readTable = (r: Reader, ct: boolean): Resubmit => {
  const port = port16.read(r)
  const table = r.u8()
  zerosOnly(r)
  const value: { -readonly [K in keyof Resubmit]: Resubmit[K] } = {}
  if (port !== IN_PORT) value.port = port
  if (table !== ANY_TABLE) value.table = table
  if (ct) value.ct = true
  return value
}

const resubmitRow: ActionRow<Resubmit> = {
  forms: [
    niciraForm(1, r => {
      const port = port16.read(r)
      return port === IN_PORT ? { form: 'port' } : { port, form: 'port' }
    }),
    niciraForm(14, r => readTable(r, false)),
    niciraForm(44, r => readTable(r, true)),
  ],
  write: (w, { port, table, ct, form }) => {
    const isOld = form === 'port' && !ct && table === undefined
    const start = openNicira(w, isOld ? 1 : ct ? 44 : 14)
    port16.write(w, port ?? IN_PORT)
    if (!isOld) w.u8(table ?? ANY_TABLE)
    close(w, start)
  },
}

const reasons = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'] as const

/** Sends the packet to controllers. */
export interface ToController {
  /** Missing: all of the packet. */
  readonly maxLen?: number
  /** Only to controllers that have this id (NXT_SET_CONTROLLER_ID); missing: 0. */
  readonly id?: number
  /** Missing: action. */
  readonly reason?: (typeof reasons)[number] | number
  readonly userdata?: Uint8Array
  /** The packet waits in the switch until the controller resumes it. */
  readonly pause?: boolean
  readonly meterId?: number
  readonly form?: 'controller2'
}

const reason8 = named(u8, reasons)
type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function setReason(value: Mutable<ToController>, reason: (typeof reasons)[number] | number): void {
  if (reason !== 'action') value.reason = reason
}

function readController2(r: Reader): ToController {
  r.skip(6)
  const value: Mutable<ToController> = {}
  while (r.remaining > 0) {
    const at = r.offset
    const type = r.u16()
    const length = r.u16()
    if (length < 4) r.fail('bad-length', `a property of ${length} bytes`, at)
    const body = r.sub(length - 4)
    r.skip(Math.min(r.remaining, (8 - (length & 7)) & 7))
    if (type === 0) value.maxLen = body.u16()
    else if (type === 1) value.id = body.u16()
    else if (type === 2) setReason(value, reason8.read(body))
    else if (type === 3) value.userdata = body.rest()
    else if (type === 4) value.pause = true
    else if (type === 5) value.meterId = body.u32()
    else r.fail('bad-type', `controller: a property of type ${type}`, at)
  }
  if (!needsProperties(value)) value.form = 'controller2'
  return value
}

const needsProperties = (value: ToController) =>
  (value.userdata?.length ?? 0) > 0 || value.pause === true || value.meterId !== undefined

function property(w: Writer, type: number, body?: () => void): void {
  const start = open(w, type)
  body?.()
  w.patchU16(start + 2, w.length - start)
  w.align8(start)
}

/** Open vSwitch counts the padding of a property of 16 bits. */
function writePadded16(w: Writer, value: number): void {
  w.u16(value)
  w.zeros(2)
}

const controllerRow: ActionRow<ToController> = {
  forms: [
    niciraForm(20, r => {
      const value: Mutable<ToController> = {}
      const maxLen = r.u16()
      const id = r.u16()
      if (maxLen !== 0xffff) value.maxLen = maxLen
      if (id) value.id = id
      setReason(value, reason8.read(r))
      return value
    }),
    niciraForm(37, readController2),
  ],
  write: (w, value) => {
    const { maxLen = 0xffff, id = 0, reason = 'action', userdata, pause, meterId } = value
    if (!needsProperties(value) && value.form === undefined) {
      const start = openNicira(w, 20)
      w.u16(maxLen)
      w.u16(id)
      reason8.write(w, reason)
      close(w, start)
      return
    }
    const start = openNicira(w, 37)
    w.zeros(6)
    if (maxLen !== 0xffff) property(w, 0, () => writePadded16(w, maxLen))
    if (id) property(w, 1, () => writePadded16(w, id))
    if (reason !== 'action' && reason !== 1) property(w, 2, () => reason8.write(w, reason))
    if (userdata && userdata.length > 0) property(w, 3, () => w.bytes(userdata))
    if (pause) property(w, 4)
    if (meterId !== undefined) property(w, 5, () => w.u32(meterId))
    close(w, start)
  },
}

/** Decrements the TTL; packets whose TTL is used up go to controllers, by default those with id 0. */
const decTtl: ActionRow<{ readonly controllers?: readonly number[] }> = {
  forms: [
    standardForm(24, () => ({})),
    niciraForm(21, r => {
      const count = r.u16()
      r.skip(4)
      if (2 * count > r.remaining) r.fail('truncated', `${count} controllers in ${r.remaining} bytes`)
      const controllers = Array.from({ length: count }, () => r.u16())
      zerosOnly(r)
      return { controllers }
    }),
  ],
  write: (w, { controllers }) => {
    const start = controllers ? openNicira(w, 21) : open(w, 24)
    if (controllers) {
      w.u16(controllers.length)
      w.zeros(4)
      for (const id of controllers) w.u16(id)
    }
    close(w, start)
  },
}

const hashFields = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
] as const
const hash16 = named(u16, hashFields)
const bundle16 = named(u16, ['active_backup', 'hrw'])
const multipath16 = named(u16, ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'])

/** Chooses one of several ports, to output to it or to load its number into a field. */
export interface Bundle {
  readonly fields: (typeof hashFields)[number] | number
  readonly basis: number
  readonly algorithm: 'active_backup' | 'hrw' | number
  readonly members: readonly number[]
  /** bundle_load: where the port's number goes. */
  readonly dst?: Subfield
}

const IN_PORT_HEADER = 2

function readBundle(r: Reader, isLoad: boolean): Bundle {
  const algorithm = bundle16.read(r)
  const fields = hash16.read(r)
  const basis = r.u16()
  const at = r.offset
  if (r.u32() !== IN_PORT_HEADER) r.fail('bad-value', 'members of a bundle that are no ports', at)
  const count = r.u16()
  const packed = r.u16()
  const dst = isLoad ? readSubfield(r, packed >> 6, (packed & 0x3f) + 1) : undefined
  r.skip(isLoad ? 4 : 8)
  if (2 * count > r.remaining) r.fail('truncated', `${count} members in ${r.remaining} bytes`)
  const members = Array.from({ length: count }, () => port16.read(r))
  zerosOnly(r)
  return { fields, basis, algorithm, members, ...(dst !== undefined && { dst }) }
}

const bundleRow: ActionRow<Bundle> = {
  forms: [niciraForm(12, r => readBundle(r, false)), niciraForm(13, r => readBundle(r, true))],
  write: (w, { fields, basis, algorithm, members, dst }) => {
    const bits = dst === undefined ? undefined : bitsOf(dst)
    const start = openNicira(w, bits ? 13 : 12)
    bundle16.write(w, algorithm)
    hash16.write(w, fields)
    w.u16(basis)
    w.u32(IN_PORT_HEADER)
    w.u16(members.length)
    w.u16(bits ? packBits(bits) : 0)
    if (bits) writeFieldHeader(w, bits, 0)
    w.zeros(bits ? 4 : 8)
    for (const port of members) port16.write(w, port)
    close(w, start)
  },
}

/** Loads into a field which of `links` links a packet takes, by a hash of it. */
export interface Multipath {
  readonly fields: (typeof hashFields)[number] | number
  readonly basis: number
  readonly algorithm: 'modulo_n' | 'hash_threshold' | 'hrw' | 'iter_hash' | number
  readonly links: number
  readonly arg: number
  readonly dst: Subfield
}

const multipathRow: ActionRow<Multipath> = {
  forms: [
    niciraForm(10, r => {
      const fields = hash16.read(r)
      const basis = r.u16()
      r.skip(2)
      const algorithm = multipath16.read(r)
      const links = r.u16() + 1
      const arg = r.u32()
      r.skip(2)
      const packed = r.u16()
      return { fields, basis, algorithm, links, arg, dst: readSubfield(r, packed >> 6, (packed & 0x3f) + 1) }
    }),
  ],
  write: (w, { fields, basis, algorithm, links, arg, dst }) => {
    const bits = bitsOf(dst)
    const start = openNicira(w, 10)
    hash16.write(w, fields)
    w.u16(basis)
    w.zeros(2)
    multipath16.write(w, algorithm)
    w.u16(links - 1)
    w.u32(arg)
    w.zeros(2)
    w.u16(packBits(bits))
    writeFieldHeader(w, bits, 0)
    close(w, start)
  },
}

const stack = (num: number): ActionRow<{ readonly field: Subfield }> => ({
  forms: [
    niciraForm(num, r => {
      const offset = r.u16()
      const at = r.at
      readField(r)
      const count = r.u16()
      const end = r.at
      r.at = at
      const field = readSubfield(r, offset, count)
      r.at = end
      zerosOnly(r)
      return { field }
    }),
  ],
  write: (w, { field }) => {
    const bits = bitsOf(field)
    const start = openNicira(w, num)
    w.u16(bits.offset)
    writeFieldHeader(w, bits, 0)
    w.u16(bits.count)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
})

const directions = ['default', 'ingress', 'egress'] as const

/** Samples packets for IPFIX. */
export interface Sample {
  readonly probability: number
  readonly collectorSetId: number
  readonly obsDomainId: number
  readonly obsPointId: number
  readonly samplingPort?: number
  readonly direction?: 'ingress' | 'egress'
  readonly form?: 'sample2' | 'sample3'
}

function readSample(r: Reader, num: 29 | 38 | 41): Sample {
  const value: Mutable<Sample> = {
    probability: r.u16(),
    collectorSetId: r.u32(),
    obsDomainId: r.u32(),
    obsPointId: r.u32(),
  }
  if (num === 29) return value
  const port = port16.read(r)
  if (port !== NONE) value.samplingPort = port
  const at = r.offset
  const direction = directions[r.u8()]
  if (direction === undefined) r.fail('bad-value', 'sample: an unknown direction', at)
  zerosOnly(r)
  if (direction !== 'default' && num === 41) value.direction = direction
  if (num === 38 && port === NONE) value.form = 'sample2'
  if (num === 41 && direction === 'default') value.form = 'sample3'
  return value
}

const sampleRow: ActionRow<Sample> = {
  forms: [
    niciraForm(29, r => readSample(r, 29)),
    niciraForm(38, r => readSample(r, 38)),
    niciraForm(41, r => readSample(r, 41)),
  ],
  write: (w, { probability, collectorSetId, obsDomainId, obsPointId, samplingPort, direction, form }) => {
    const is3 = form === 'sample3' || direction !== undefined
    const is2 = form === 'sample2' || samplingPort !== undefined
    const start = openNicira(w, is3 ? 41 : is2 ? 38 : 29)
    w.u16(probability)
    w.u32(collectorSetId)
    w.u32(obsDomainId)
    w.u32(obsPointId)
    if (is2 || is3) {
      port16.write(w, samplingPort ?? NONE)
      w.u8(directions.indexOf(direction ?? 'default'))
      w.zeros(5)
    }
    close(w, start)
  },
}

const deleteField: ActionRow<{ readonly field: Subfield }> = {
  forms: [
    niciraForm(50, r => {
      const { field, length } = readField(r)
      zerosOnly(r)
      return { field: subfield(field, 0, field.kind === 'bytes' ? 8 * length : field.bits, length) }
    }),
  ],
  write: (w, { field }) => {
    const start = openNicira(w, 50)
    writeFieldHeader(w, bitsOf(field), 0)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
}

const checkPktLarger: ActionRow<{ readonly length: number; readonly dst: Subfield }> = {
  forms: [
    niciraForm(49, r => {
      const length = r.u16()
      const dst = readSubfield(r, r.u16(), 1)
      zerosOnly(r)
      return { length, dst }
    }),
  ],
  write: (w, { length, dst }) => {
    const bits = bitsOf(dst)
    const start = openNicira(w, 49)
    w.u16(length)
    w.u16(bits.offset)
    writeFieldHeader(w, bits, 0)
    w.zeros(24 - (w.length - start))
    close(w, start)
  },
}

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

const nested: Nested = {
  read: (r: Reader, version: Version) => readActions(r, version),
  write: (w: Writer, actions: readonly Action[], version: Version) => writeNested(w, actions, version),
}

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
  set_tunnel: setTunnelRow(),
  encap: encapRow,
  decap: nicira(47, { _pad: pad(2), packetType: u32 }),
  dec_nsh_ttl: nicira(48, {}),
  resubmit: resubmitRow,
  clone: cloneRow,
  ct: ctRow(nested),
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

/** set_tunnel and set_tunnel64: written as a set_field of tun_id. */
function setTunnelRow(): ActionRow<{ readonly id: bigint; readonly wide?: boolean }> {
  return {
    forms: [
      niciraForm(2, r => {
        r.skip(2)
        return { id: BigInt(r.u32()) }
      }),
      niciraForm(9, r => {
        r.skip(6)
        return { id: r.u64(), wide: true }
      }),
    ],
    write: (w, { id }, version) => putField(w, 'tun_id', id, version),
  }
}

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
for (const [type, row] of Object.entries(actionRows) as [string, AnyRow][]) {
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
  const row = (actionRows as { readonly [type: string]: AnyRow | undefined })[action.type]
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
