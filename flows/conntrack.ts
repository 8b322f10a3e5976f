// Connection tracking (ovs-fields(7), section "Conntrack Fields") as tables here want it: states, and the zone of the network.
import {
  type ActionOf,
  ct,
  ip,
  ipv6,
  type Masked,
  type Match,
  masked,
  type Subfield,
  type TableRef,
} from 'node-openflow/flow'
import { zone } from './registers.ts'

const FLAGS = { new: 1, est: 2, rel: 4, rpl: 8, inv: 16, trk: 32 } as const

type State = { readonly [F in keyof typeof FLAGS]?: boolean }

const bitsOf = (state: State, wanted: (is: boolean) => boolean) =>
  Object.entries(FLAGS).reduce((bits, [flag, bit]) => {
    const is = state[flag as keyof State]
    return is !== undefined && wanted(is) ? bits | bit : bits
  }, 0)

/** A match on flags that are set or not: `state({ trk: true, inv: false })` is +trk-inv. */
export const state = (state: State): { readonly ct_state: Masked<number> } => ({
  ct_state: masked(
    bitsOf(state, is => is),
    bitsOf(state, () => true),
  ),
})

/** What went through conntrack and belongs, or could belong, to a connection. */
export const VALID: State = { trk: true, inv: false }

/** Where a connection's label has the keys of its originator's and its responder's ports; 0 where one is not known here. */
export const LABEL: { readonly originator: Subfield; readonly responder: Subfield } = {
  originator: 'ct_label[0..31]',
  responder: 'ct_label[32..63]',
}

/** The match with each family that conntrack knows: IPv4, IPv6. */
export const eachFamily = (match: Match = {}): readonly Match[] => [ip(match), ipv6(match)]

/** Has the packet tracked; it goes on in a table, with its registers, as a packet whose state is known. */
export const track = (table: TableRef): ActionOf<'ct'> =>
  ct({ zone: zone.part, table: typeof table === 'number' ? table : table.number })

/** Ends the connection that the packet belongs to and starts one that it is the first packet of; goes on in a table. */
export const startOwn = (table: number): ActionOf<'ct'> => ct({ commit: true, force: true, zone: zone.part, table })
