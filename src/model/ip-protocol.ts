// IP protocols by the names that Neutron takes in security group rules (neutron_lib.constants.IP_PROTOCOL_MAP).

/** Protocol numbers (IANA) by name. */
export const ipProtocols = {
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  ip: 0,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  sctp: 132,
  tcp: 6,
  udp: 17,
  udplite: 136,
  vrrp: 112,
} as const

/** ICMP's protocol number, and that of ICMP of IPv6. */
export const ICMP = ipProtocols.icmp
export const ICMPV6 = ipProtocols.icmpv6

const numbersOf = (...names: readonly (keyof typeof ipProtocols)[]): ReadonlySet<number> =>
  new Set(names.map(name => ipProtocols[name]))

/** The protocols that have ports. */
export const portProtocols = numbersOf('dccp', 'sctp', 'tcp', 'udp', 'udplite')

/** The protocols that only IPv6 has: its ICMP, its encapsulation and its extension headers. */
export const ipv6Protocols = numbersOf(
  ...(['ipv6-encap', 'ipv6-route', 'ipv6-frag', 'ipv6-icmp', 'ipv6-nonxt', 'ipv6-opts'] as const),
)

/** The number of a protocol by name, or by its number as text; undefined when it is neither. */
export function ipProtocol(text: string): number | undefined {
  if (Object.hasOwn(ipProtocols, text)) return ipProtocols[text as keyof typeof ipProtocols]
  return /^\d{1,3}$/.test(text) && Number(text) <= 255 ? Number(text) : undefined
}
