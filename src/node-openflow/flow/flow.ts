// Flows as data, and short ways to write matches and actions down.

import { EncodeError } from '../wire/index.ts'
import type { Action, ActionOf, Ct } from './actions.ts'
import type { Bundle, Multipath } from './choice-actions.ts'
import type { Nat } from './conntrack.ts'
import { fieldOf } from './field.ts'
import type { AnyValue, FieldAlias, FieldName, FieldValue } from './fields.ts'
import type { Resubmit, ToController } from './forwarding.ts'
import type { Learn } from './learn.ts'
import type { Match } from './match.ts'
import type { Subfield } from './subfield.ts'

/** Bits of a flow's `flags` (OFPFF_*). */
export const FlowFlags = {
  sendFlowRem: 1,
  checkOverlap: 2,
  resetCounts: 4,
  noPacketCounts: 8,
  noByteCounts: 16,
} as const

/** A flow: which packets it takes, in which table and before which others, and what it does with them. */
export interface Flow {
  /** Missing: 0. */
  readonly table?: number
  /** 0 to 65535; missing: 32768. */
  readonly priority?: number
  readonly cookie?: bigint
  readonly match: Match
  /** Actions and instructions; none: drop. */
  readonly actions: readonly Action[]
  /** Seconds without a packet after which the flow goes; missing: never. */
  readonly idleTimeout?: number
  /** Seconds after which the flow goes; missing: never. */
  readonly hardTimeout?: number
  readonly importance?: number
  /** FlowFlags. */
  readonly flags?: number
}

/** OFP_DEFAULT_PRIORITY. */
export const PRIORITY = 0x8000

/** Ethertypes. */
export const ETH_TYPE = {
  ip: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  qinq: 0x88a8,
  nsh: 0x894f,
} as const

/** Values of arp_op. */
export const ARP_REQUEST = 1
/** A reply. */
export const ARP_REPLY = 2

const TCP = 6
const UDP = 17
const ICMP = 1
const ICMP6 = 58
const SCTP = 132

type Builder = (match?: Match) => Match
const builder =
  (base: Match): Builder =>
  match => ({ ...base, ...match })

/** Any Ethernet frame. */
export const eth: Builder = builder({})
/** ARP. */
export const arp: Builder = builder({ eth_type: ETH_TYPE.arp })
/** Reverse ARP. */
export const rarp: Builder = builder({ eth_type: ETH_TYPE.rarp })
/** IPv4. */
export const ip: Builder = builder({ eth_type: ETH_TYPE.ip })
/** IPv6. */
export const ipv6: Builder = builder({ eth_type: ETH_TYPE.ipv6 })
/** MPLS. */
export const mpls: Builder = builder({ eth_type: ETH_TYPE.mpls })
/** TCP in IPv4. */
export const tcp: Builder = builder({ eth_type: ETH_TYPE.ip, nw_proto: TCP })
/** TCP in IPv6. */
export const tcp6: Builder = builder({ eth_type: ETH_TYPE.ipv6, nw_proto: TCP })
/** UDP in IPv4. */
export const udp: Builder = builder({ eth_type: ETH_TYPE.ip, nw_proto: UDP })
/** UDP in IPv6. */
export const udp6: Builder = builder({ eth_type: ETH_TYPE.ipv6, nw_proto: UDP })
/** SCTP in IPv4. */
export const sctp: Builder = builder({ eth_type: ETH_TYPE.ip, nw_proto: SCTP })
/** SCTP in IPv6. */
export const sctp6: Builder = builder({ eth_type: ETH_TYPE.ipv6, nw_proto: SCTP })
/** ICMP in IPv4. */
export const icmp: Builder = builder({ eth_type: ETH_TYPE.ip, nw_proto: ICMP })
/** ICMPv6. */
export const icmp6: Builder = builder({ eth_type: ETH_TYPE.ipv6, nw_proto: ICMP6 })

/** A table, by its number or by something that has it. */
export type TableRef = number | { readonly number: number }
const tableNumber = (table: TableRef) => (typeof table === 'number' ? table : table.number)

/** Sends the packet out of a port, or of the port whose number is in a field. */
export const output = (port: number | Subfield, maxLen?: number): ActionOf<'output'> =>
  maxLen === undefined ? { type: 'output', port } : { type: 'output', port, maxLen }

/** Writes a value into a field, or only where `mask` has ones. */
export const setField = <F extends FieldName | FieldAlias>(
  field: F,
  value: FieldValue<F>,
  mask?: FieldValue<F>,
): ActionOf<'set_field'> => {
  const plain: AnyValue = fieldOf(field).kind === 'big' ? BigInt(value as bigint) : (value as AnyValue)
  const base = { type: 'set_field', field, value: plain } as const
  return mask === undefined ? base : { ...base, mask: mask as AnyValue }
}

/** Writes an integer into some bits of a field: `load(5, 'reg0[0..15]')`. */
export const load = (value: number | bigint, dst: Subfield): ActionOf<'load'> => ({ type: 'load', dst, value })

/** Copies a field into another. */
export const move = (src: Subfield, dst: Subfield): ActionOf<'move'> => ({ type: 'move', src, dst })

/** Goes on in another table, after all other actions. */
export const goto = (table: TableRef): ActionOf<'goto_table'> => ({ type: 'goto_table', table: tableNumber(table) })

/** Looks the packet up in another table, or as from another port, and comes back. */
export const resubmit = (to: Omit<Resubmit, 'table'> & { readonly table?: TableRef }): ActionOf<'resubmit'> => {
  const { table, ...rest } = to
  return { type: 'resubmit', ...rest, ...(table !== undefined && { table: tableNumber(table) }) }
}

/** Sends the packet to controllers. */
export const controller = (options: ToController = {}): ActionOf<'controller'> => ({ type: 'controller', ...options })
/** Hands the packet to a group. */
export const group = (id: number): ActionOf<'group'> => ({ type: 'group', group: id })
/** Passes the packet through a meter. */
export const meter = (id: number): ActionOf<'meter'> => ({ type: 'meter', meter: id })
/** Adds a VLAN tag, whose VLAN a set_field then sets. */
export const pushVlan = (etherType: number = ETH_TYPE.vlan): ActionOf<'push_vlan'> => ({ type: 'push_vlan', etherType })
/** Takes the outermost VLAN tag off. */
export const popVlan = (): ActionOf<'pop_vlan'> => ({ type: 'pop_vlan' })
/** Decrements the TTL of IP. */
export const decTtl = (controllers?: readonly number[]): ActionOf<'dec_ttl'> =>
  controllers ? { type: 'dec_ttl', controllers } : { type: 'dec_ttl' }
/** Makes a flow. */
export const learn = (options: Learn): ActionOf<'learn'> => ({ type: 'learn', ...options })
/** Gives the packet to the connection tracker. */
export const ct = (options: Ct = {}): ActionOf<'ct'> => ({ type: 'ct', ...options })
/** Translates addresses; stands in the actions of ct. */
export const nat = (options: Nat = {}): ActionOf<'nat'> => ({ type: 'nat', ...options })
/** Carries out actions on a copy of the packet. */
export const clone = (...actions: readonly Action[]): ActionOf<'clone'> => ({ type: 'clone', actions })
/** Does nothing; the bytes can be read back. */
export const note = (bytes: Uint8Array): ActionOf<'note'> => ({ type: 'note', note: bytes })
/** One clause, counted from 1, of a conjunctive match: `conjunction(7, 1, 2)` is the first of two. */
export const conjunction = (id: number, clause: number, clauses: number): ActionOf<'conjunction'> => {
  if (!(clause >= 1 && clause <= clauses)) {
    throw new EncodeError('bad-value', 'clause', `${clause} is not between 1 and ${clauses}`)
  }
  return { type: 'conjunction', clause: clause - 1, clauses, id }
}
/** Puts actions into the action set. */
export const writeActionSet = (...actions: readonly Action[]): ActionOf<'write_actions'> => ({
  type: 'write_actions',
  actions,
})
/** Empties the action set. */
export const clearActions = (): ActionOf<'clear_actions'> => ({ type: 'clear_actions' })
/** Writes metadata on the way to the next table. */
export const writeMetadata = (metadata: bigint, mask?: bigint): ActionOf<'write_metadata'> =>
  mask === undefined ? { type: 'write_metadata', metadata } : { type: 'write_metadata', metadata, mask }
/** Loads the number of a link that a hash of the packet chooses. */
export const multipath = (options: Multipath): ActionOf<'multipath'> => ({ type: 'multipath', ...options })
/** Outputs to a port that a hash of the packet, or which ports are up, chooses. */
export const bundle = (options: Bundle): ActionOf<'bundle'> => ({ type: 'bundle', ...options })
/** No actions: the packet ends here. */
export const drop = (): readonly Action[] => []
