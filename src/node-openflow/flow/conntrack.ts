// Connection tracking: the ct action, which holds actions of its own, and nat, which stands among them.

import { EncodeError, type Reader, readIpv4, readIpv6, type Writer, writeIpv4, writeIpv6 } from '../wire/index.ts'
import { type ActionRow, close, niciraForm, openNicira, zerosOnly } from './action-row.ts'
import type { Version } from './field.ts'
import { bitsOf, packBits, readSubfield, type Subfield, writeFieldHeader } from './subfield.ts'

/** ct: gives a packet to the connection tracker. */
export interface CtOf<A> {
  readonly commit?: boolean
  readonly force?: boolean
  /** Where the tracked packet goes on; missing: nowhere. */
  readonly table?: number
  /** A number, or the field that has it. Missing: 0. */
  readonly zone?: number | Subfield
  /** The port of the application protocol to look into: 21 for FTP, 69 for TFTP. */
  readonly alg?: number
  /** nat, and what `exec(…)` of the text holds. */
  readonly actions?: readonly A[]
}

/** nat: translates a connection's addresses; without `direction`, as was decided when it was committed. */
export interface Nat {
  readonly direction?: 'src' | 'dst'
  readonly addressMin?: string
  readonly addressMax?: string
  readonly portMin?: number
  readonly portMax?: number
  readonly persistent?: boolean
  readonly hash?: boolean
  readonly random?: boolean
}

/** Reads and writes actions inside actions. */
export interface Nested<A> {
  read(r: Reader, version: Version): readonly A[]
  write(w: Writer, actions: readonly A[], version: Version): void
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const CT = 35
const NAT = 36
const COMMIT = 1
const FORCE = 2
const NO_TABLE = 255

function readCt<A>(r: Reader, version: Version, nested: Nested<A>): CtOf<A> {
  const value: Mutable<CtOf<A>> = {}
  const flags = r.u16()
  if (flags & ~3) r.fail('bad-value', `ct: flags 0x${flags.toString(16)}`, r.offset - 2)
  if (flags & COMMIT) value.commit = true
  if (flags & FORCE) value.force = true
  const source = r.sub(4)
  const zone = r.u16()
  if (source.u32() !== 0) {
    source.at -= 4
    value.zone = readSubfield(source, zone >> 6, (zone & 0x3f) + 1)
  } else if (zone) value.zone = zone
  const table = r.u8()
  r.skip(3)
  const alg = r.u16()
  if (table !== NO_TABLE) value.table = table
  if (alg) value.alg = alg
  if (r.remaining > 0) value.actions = nested.read(r, version)
  return value
}

/** ct. */
export function ctRow<A>(nested: Nested<A>): ActionRow<CtOf<A>> {
  return {
    forms: [niciraForm(CT, (r, version) => readCt(r, version, nested))],
    write: (w, action, version) => {
      const start = openNicira(w, CT)
      w.u16((action.commit ? COMMIT : 0) | (action.force ? FORCE : 0))
      const { zone } = action
      if (typeof zone === 'string') {
        const bits = bitsOf(zone)
        writeFieldHeader(w, bits, 0)
        w.u16(packBits(bits))
      } else {
        w.u32(0)
        w.u16(zone ?? 0)
      }
      w.u8(action.table ?? NO_TABLE)
      w.zeros(3)
      w.u16(action.alg ?? 0)
      if (action.actions) nested.write(w, action.actions, version)
      close(w, start)
    },
  }
}

const SRC = 1
const DST = 2
const PERSISTENT = 4
const HASH = 8
const RANDOM = 16
const [V4_MIN, V4_MAX, V6_MIN, V6_MAX, PORT_MIN, PORT_MAX] = [1, 2, 4, 8, 16, 32]

function readNat(r: Reader): Nat {
  r.skip(2)
  const at = r.offset
  const flags = r.u16()
  const present = r.u16()
  if (flags & ~31 || (flags & 3) === 3) r.fail('bad-value', `nat: flags 0x${flags.toString(16)}`, at)
  if (present & ~63) r.fail('bad-value', `nat: a range 0x${present.toString(16)}`, at)
  const value: Mutable<Nat> = {}
  if (flags & 3) value.direction = flags & SRC ? 'src' : 'dst'
  if (flags & PERSISTENT) value.persistent = true
  if (flags & HASH) value.hash = true
  if (flags & RANDOM) value.random = true
  const is4 = (present & (V4_MIN | V4_MAX)) !== 0
  if (is4 && present & (V6_MIN | V6_MAX)) r.fail('bad-value', 'nat: addresses of IPv4 and IPv6', at)
  if (present & (V4_MIN | V6_MIN)) value.addressMin = is4 ? readIpv4(r) : readIpv6(r)
  if (present & (V4_MAX | V6_MAX)) value.addressMax = is4 ? readIpv4(r) : readIpv6(r)
  if (present & PORT_MIN) value.portMin = r.u16()
  if (present & PORT_MAX) value.portMax = r.u16()
  zerosOnly(r)
  return value
}

/** nat. */
export const natRow: ActionRow<Nat> = {
  forms: [niciraForm(NAT, readNat)],
  write: (w, nat) => {
    const { direction, addressMin, addressMax, portMin, portMax } = nat
    const is6 = (addressMin ?? addressMax ?? '').includes(':')
    const start = openNicira(w, NAT)
    w.zeros(2)
    const bits = direction === 'src' ? SRC : direction === 'dst' ? DST : 0
    if (direction !== undefined && bits === 0) {
      throw new EncodeError('bad-value', 'direction', `${String(direction)} is neither src nor dst`)
    }
    w.u16(bits | (nat.persistent ? PERSISTENT : 0) | (nat.hash ? HASH : 0) | (nat.random ? RANDOM : 0))
    const min = addressMin === undefined ? 0 : is6 ? V6_MIN : V4_MIN
    const max = addressMax === undefined ? 0 : is6 ? V6_MAX : V4_MAX
    w.u16(min | max | (portMin === undefined ? 0 : PORT_MIN) | (portMax === undefined ? 0 : PORT_MAX))
    const writeAddress = is6 ? writeIpv6 : writeIpv4
    if (addressMin !== undefined) writeAddress(w, addressMin)
    if (addressMax !== undefined) writeAddress(w, addressMax)
    if (portMin !== undefined) w.u16(portMin)
    if (portMax !== undefined) w.u16(portMax)
    close(w, start)
  },
}
