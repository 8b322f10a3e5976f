// What passes whatever the rules of security groups say, as in Neutron (neutron/agent/firewall.py): a host must get
// addresses and find its neighbours. ARP and neighbour discovery that a port sends are checked by address_security.
import { arp, icmp6, type Match, rarp, udp, udp6 } from 'node-openflow/flow'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, ROUTER_ADVERTISEMENT } from './neighbor-discovery.ts'

const MULTICAST_LISTENER_QUERY = 130

/** Router solicitation, and the messages of multicast listeners (RFC 3810): what a host sends from `::` too. */
export const HOST_MESSAGES: readonly number[] = [131, 132, 133, 143]

/** What a port may always send: as a DHCP client, for routers, and about multicast. */
export const alwaysSent: readonly Match[] = [
  udp({ udp_src: 68, udp_dst: 67 }),
  udp6({ udp_src: 546, udp_dst: 547 }),
  ...[MULTICAST_LISTENER_QUERY, ...HOST_MESSAGES].map(type => icmp6({ icmpv6_type: type })),
]

/** What a port always receives: address resolution, answers to a DHCP client, and what routers tell. */
export const alwaysReceived: readonly Match[] = [
  arp(),
  rarp(),
  udp({ udp_src: 67, udp_dst: 68 }),
  udp6({ udp_src: 547, udp_dst: 546 }),
  ...[MULTICAST_LISTENER_QUERY, ROUTER_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT].map(type =>
    icmp6({ icmpv6_type: type }),
  ),
]
