// Actions that change one header of a packet: of OpenFlow 1.0 and 1.1, most of them set_field since.

import { type Codec, pad, u16, type Writer } from '../wire/index.ts'
import { type ActionRow, close, niciraForm, open, openNicira, standard, standardForm, zerosOnly } from './action-row.ts'
import { codeOf, fieldOf, type Version, writeHeader } from './field.ts'
import type { AnyValue, FieldName } from './fields.ts'
import { writeValue } from './value.ts'

/** Writes a value whole into a field, as OpenFlow 1.2 and later do where 1.0 had an action of its own. */
function putField(w: Writer, name: FieldName, value: AnyValue, version: Version): void {
  const field = fieldOf(name)
  const start = open(w, 25)
  writeHeader(w, codeOf(field, version), false, field.bytes)
  writeValue(w, field, value)
  close(w, start)
}

/** An action of OpenFlow 1.1 that is still read, and written as a set_field. */
export function replaced<N extends string, T extends AnyValue>(
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

export const setVlanVid: ActionRow<SetVlan> = {
  forms: [standardForm(1, r => ({ vid: r.u16() }))],
  write: (w, { vid, push }, version) => {
    if (push) pushVlanRow.write(w, { etherType: ETH_VLAN }, version)
    putField(w, 'vlan_vid', 0x1000 | vid, version)
  },
}

export const setVlanPcp: ActionRow<{ readonly pcp: number; readonly push?: boolean }> = {
  forms: [standardForm(2, r => ({ pcp: r.u8() }))],
  write: (w, { pcp, push }, version) => {
    if (push) pushVlanRow.write(w, { etherType: ETH_VLAN }, version)
    putField(w, 'vlan_pcp', pcp, version)
  },
}

export const pushVlanRow = standard(17, { etherType: u16, _pad: pad(2) })

/** mod_tp_src and mod_tp_dst: which protocol's port is only known in a flow, so the action of OpenFlow 1.1 is kept. */
export const transport = (num: number) => standard(num, { port: u16, _pad: pad(2) })

/** Decrements the TTL; packets whose TTL is used up go to controllers, by default those with id 0. */
export const decTtl: ActionRow<{ readonly controllers?: readonly number[] }> = {
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

/** set_tunnel and set_tunnel64: written as a set_field of tun_id. */
export function setTunnelRow(): ActionRow<{ readonly id: bigint; readonly wide?: boolean }> {
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
