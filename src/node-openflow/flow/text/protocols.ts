// The words of ovs-ofctl that stand for an Ethernet type and perhaps a protocol of IP.

/** Ethernet types. */
export const IPV4 = 0x0800
/** Of IPv6. */
export const IPV6 = 0x86dd
/** Of ARP. */
export const ARP = 0x0806
/** Of RARP. */
export const RARP = 0x8035
/** Protocols of IP. */
export const [ICMP, TCP, UDP, ICMP6, SCTP] = [1, 6, 17, 58, 132]

/** Words that stand for an Ethernet type and perhaps a protocol: the printed one first. */
const protocols: readonly (readonly [string, number, number?])[] = [
  ['ip', IPV4],
  ['ipv4', IPV4],
  ['ip4', IPV4],
  ['arp', ARP],
  ['icmp', IPV4, ICMP],
  ['tcp', IPV4, TCP],
  ['udp', IPV4, UDP],
  ['sctp', IPV4, SCTP],
  ['ipv6', IPV6],
  ['ip6', IPV6],
  ['icmp6', IPV6, ICMP6],
  ['tcp6', IPV6, TCP],
  ['udp6', IPV6, UDP],
  ['sctp6', IPV6, SCTP],
  ['rarp', RARP],
  ['mpls', 0x8847],
  ['mplsm', 0x8848],
]
/** Words to types and protocols. */
export const protocolByName = new Map(protocols.map(row => [row[0], row]))
/** `type/protocol`, or `type/`, to words. */
export const protocolByNumbers = new Map(
  [...protocols].reverse().map(([name, type, proto]) => [`${type}/${proto ?? ''}`, name]),
)
