// Where the fields of a packet stand: a packet is a row of 32-bit words. Fields that a packet cannot have at once share a
// place, as in Open vSwitch's struct flow (include/openvswitch/flow.h), so that writing one changes the other as it does
// in the switch: a solicitation that becomes an advertisement, registers side by side, VLAN and priority in one tag.
import { bitsOf, type Field, fields } from 'node-openflow/flow'

// What a packet has, with its size in bits. A slot starts at a word; the most significant word comes first.
const slots = {
  in_port: 16,
  tun_id: 64,
  tun_src: 32,
  tun_dst: 32,
  tun_ipv6_src: 128,
  tun_ipv6_dst: 128,
  tun_flags: 16,
  pkt_mark: 32,
  metadata: 64,
  reg0: 16 * 32,
  ct_state: 32,
  ct_zone: 16,
  ct_mark: 32,
  ct_label: 128,
  ct_nw_proto: 8,
  ct_nw_src: 32,
  ct_nw_dst: 32,
  ct_ipv6_src: 128,
  ct_ipv6_dst: 128,
  ct_tp_src: 16,
  ct_tp_dst: 16,
  eth_src: 48,
  eth_dst: 48,
  eth_type: 16,
  vlan_tci: 16,
  nw_src: 32,
  nw_dst: 32,
  ipv6_src: 128,
  ipv6_dst: 128,
  ipv6_label: 32,
  nw_proto: 8,
  nw_tos: 8,
  nw_ttl: 8,
  nw_frag: 8,
  arp_sha: 48,
  arp_tha: 48,
  tp_src: 16,
  tp_dst: 16,
  tcp_flags: 16,
  nd_target: 128,
  nd_reserved: 32,
} as const

type Slot = keyof typeof slots

// Fields that stand in another's slot: which bits of it, where not all.
const shared: { readonly [field: string]: readonly [Slot, shift?: number, bits?: number] } = {
  in_port_oxm: ['in_port'],
  dl_vlan: ['vlan_tci', 0, 12],
  vlan_vid: ['vlan_tci', 0, 13],
  vlan_pcp: ['vlan_tci', 13, 3],
  dl_vlan_pcp: ['vlan_tci', 13, 3],
  ip_src: ['nw_src'],
  ip_dst: ['nw_dst'],
  ip_dscp: ['nw_tos', 2, 6],
  nw_ecn: ['nw_tos', 0, 2],
  ip_frag: ['nw_frag'],
  arp_op: ['nw_proto'],
  arp_spa: ['nw_src'],
  arp_tpa: ['nw_dst'],
  nd_sll: ['arp_sha'],
  nd_tll: ['arp_tha'],
  nd_options_type: ['tcp_flags', 0, 8],
  icmp_type: ['tp_src', 0, 8],
  icmp_code: ['tp_dst', 0, 8],
  icmpv6_type: ['tp_src', 0, 8],
  icmpv6_code: ['tp_dst', 0, 8],
}
const transport = /^(?:tcp|udp|sctp)_(src|dst)$/
const register = /^(x{0,2})reg(\d+)$/

/** Bits of a packet: those of a slot from `shift` on. */
export interface Place {
  /** The slot's first word, and how many it has. */
  readonly word: number
  readonly words: number
  readonly shift: number
  readonly bits: number
}

const starts = new Map<string, number>()
let size = 0
for (const [name, bits] of Object.entries(slots)) {
  starts.set(name, size)
  size += Math.ceil(bits / 32)
}

/** How many words a packet has. */
export const WORDS = size

const slotPlace = (name: Slot, shift = 0, bits: number = slots[name]): Place => ({
  word: starts.get(name) as number,
  words: Math.ceil(slots[name] / 32),
  shift,
  bits,
})

const placeFor = (name: string): Place | undefined => {
  const reg = register.exec(name)
  if (reg) {
    const words = [1, 2, 4][(reg[1] as string).length] as number
    return { word: (starts.get('reg0') as number) + words * Number(reg[2]), words, shift: 0, bits: 32 * words }
  }
  const port = transport.exec(name)
  if (port) return slotPlace(port[1] === 'src' ? 'tp_src' : 'tp_dst')
  const at = shared[name]
  if (at) return slotPlace(...at)
  return name in slots ? slotPlace(name as Slot) : undefined
}

const places = new Map(
  Object.keys(fields).flatMap(name => {
    const place = placeFor(name)
    return place ? [[name, place] as const] : []
  }),
)

/** A field that the tracer does not follow: MPLS, NSH, tunnel options and the like, of which our tables use none. */
export class UnknownField extends Error {
  readonly field: string

  constructor(field: string) {
    super(`the tracer does not follow the field ${field}`)
    this.field = field
  }
}

/** Where a field stands. Throws UnknownField. */
export const placeOf = (field: string): Place => {
  const place = places.get(field)
  if (place === undefined) throw new UnknownField(field)
  return place
}

/** Where some bits of a field stand, such as `reg0[0..15]`, and the field. Throws UnknownField, EncodeError. */
export const placeOfBits = (subfield: string): { readonly field: Field; readonly place: Place } => {
  const { field, offset, count } = bitsOf(subfield)
  const whole = placeOf(field.name)
  const bits = Math.max(0, Math.min(count, whole.bits - offset))
  return { field, place: { ...whole, shift: whole.shift + offset, bits } }
}
