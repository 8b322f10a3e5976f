// Actions that choose by a hash of the packet, or by which ports are up.

import { type Reader, u16 } from '../wire/index.ts'
import { type ActionRow, close, named, niciraForm, openNicira, port16, zerosOnly } from './action-row.ts'
import { bitsOf, packBits, readSubfield, type Subfield, writeFieldHeader } from './subfield.ts'

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

export const bundleRow: ActionRow<Bundle> = {
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

export const multipathRow: ActionRow<Multipath> = {
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
