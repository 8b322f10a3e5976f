// Ids of instructions, actions and match fields, as table features and port properties list them.

import type { Codec } from '../wire/index.ts'
import { list, rest, u16, u32 } from '../wire/index.ts'
import { length16, type Optional, oneOf, optional, record, sized } from './shape.ts'

/** An instruction's or action's id; an experimenter's has more bytes than its type. */
const empty = new Uint8Array()
const more: Optional<Uint8Array> = optional(
  { size: 0, read: r => (r.remaining > 0 ? r.rest() : empty), write: rest.write },
  empty,
)

const experimenter = { experimenter: 0xffff } as const

/** Instructions by id. */
export const instructionIds = list(
  sized(
    2,
    record({
      id: oneOf(u16, {
        goto_table: 1,
        write_metadata: 2,
        write_actions: 3,
        apply_actions: 4,
        clear_actions: 5,
        meter: 6,
        stat_trigger: 7,
        ...experimenter,
      }),
      _length: length16,
      data: more,
    }),
  ),
)

/** Actions by id. */
export const actionIds = list(
  sized(
    2,
    record({
      id: oneOf(u16, {
        output: 0,
        copy_ttl_out: 11,
        copy_ttl_in: 12,
        set_mpls_ttl: 15,
        dec_mpls_ttl: 16,
        push_vlan: 17,
        pop_vlan: 18,
        push_mpls: 19,
        pop_mpls: 20,
        set_queue: 21,
        group: 22,
        set_nw_ttl: 23,
        dec_nw_ttl: 24,
        set_field: 25,
        push_pbb: 26,
        pop_pbb: 27,
        copy_field: 28,
        meter: 29,
        ...experimenter,
      }),
      _length: length16,
      data: more,
    }),
  ),
)

const EXPERIMENTER_CLASS = 0xffff

/** A match field by its header. */
export interface OxmId {
  /** The class: 0x8000 for OpenFlow's own fields, 0 and 1 for Nicira's, 0xffff for experimenters. */
  readonly class: number
  readonly field: number
  readonly masked?: boolean
  /** The length in the header: bytes of value and mask. */
  readonly bytes: number
  readonly experimenter?: number
}

const oxmId: Codec<OxmId> = {
  size: 0,
  read: r => {
    const header = r.u32()
    const cls = header >>> 16
    return {
      class: cls,
      field: (header >>> 9) & 0x7f,
      ...((header & 0x100) !== 0 && { masked: true }),
      bytes: header & 0xff,
      ...(cls === EXPERIMENTER_CLASS && { experimenter: r.u32() }),
    }
  },
  write: (w, value) => {
    w.u16(value.class)
    w.u8(value.field * 2 + (value.masked ? 1 : 0))
    w.u8(value.bytes)
    if (value.class === EXPERIMENTER_CLASS) u32.write(w, value.experimenter ?? 0)
  },
}

/** Match fields by header. */
export const oxmIds: Codec<readonly OxmId[]> = list(oxmId)
