// Where packets go: out of ports, through queues, into tables again, to controllers.

import { type Reader, u8, u32, type Writer } from '../wire/index.ts'
import {
  type ActionRow,
  close,
  named,
  nicira,
  niciraForm,
  open,
  openNicira,
  port16,
  standard,
  standardForm,
  zerosOnly,
} from './action-row.ts'
import { CONTROLLER, IN_PORT } from './ports.ts'
import { bitsOf, isShort, packBits, readSubfield, type Subfield, writeFieldHeader } from './subfield.ts'

/** Sends the packet to a port, or to the port whose number is in a field. */
export interface Output {
  readonly port: number | Subfield
  /** The most bytes of the packet that a controller gets; missing: all, for other ports 0. */
  readonly maxLen?: number
  readonly form?: 'reg2'
}

export const outputRow: ActionRow<Output> = {
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

/** Outputs with a queue; a set_queue, an output and a pop_queue since OpenFlow 1.1. */
export const enqueue: ActionRow<{ readonly port: number; readonly queue: number }> = {
  forms: [],
  write: (w, { port, queue }, version) => {
    setQueue.write(w, { queue }, version)
    outputRow.write(w, { port, maxLen: 0xffff }, version)
    popQueue.write(w, {}, version)
  },
}

export const setQueue = standard(21, { queue: u32 })
export const popQueue = nicira(5, {})

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

export const resubmitRow: ActionRow<Resubmit> = {
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

export const controllerRow: ActionRow<ToController> = {
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
