// Why packets are dropped: each table says at which priority it drops for which of these reasons, and the counters of
// those flows are put down to them.

/** The reasons, in words. */
export const dropReasons = {
  unknown_port: 'came in where no port of the model is plugged in',
  tagged: 'tagged with a VLAN that means nothing where it came in; guests send untagged frames',
  pending_port: 'sent by a port that is still to move here',
  port_down: 'sent by or for a port that is administratively down',
  spoofed_mac: 'sent from a MAC address that is not of the port',
  spoofed_address: 'sent from an address that is not of the port',
  spoofed_neighbor: 'neighbour discovery of an address that is not of the port',
  forbidden: 'sent as a DHCP server or a router, which a port may not be',
  invalid: 'belongs to no connection and can begin none: connection tracking finds it invalid',
  foreign_connection: 'an ICMP error about a connection that is not of this port',
  no_egress_rule: 'no rule of the security groups of the sender allows it',
  no_ingress_rule: 'no rule of the security groups of the receiver allows it',
  egress_firewall: 'the firewall group of the sender does not allow it',
  ingress_firewall: 'the firewall group of the receiver does not allow it',
  router_firewall: 'a firewall group of the router does not allow it',
  copy_not_allowed: 'a copy of broadcast, multicast or unknown unicast that no rule of the receiver allows',
  router_down: 'for a router, or an interface of one, that is administratively down',
  other_scope: 'for a network of another address scope: such are not routed to one another',
  standby: 'for a gateway that is on another chassis now',
  no_gateway: 'for the outside, and no chassis lives that may be the gateway of its router',
  no_translation: 'for the outside, and its router has no address that it could be translated to',
  nat_exhausted:
    'for the outside, and not translated to an address of its sender: all ports are taken, or a floating IP went',
  not_routable: 'for a router, of addresses or of a protocol that routers do not forward',
  unjudged_protocol: 'of a protocol of layer 3 that no security group can allow',
  not_bound: 'for a port that is plugged in nowhere',
  no_way_out: 'for another chassis, on a network that has no way out of this one',
  not_returned: 'came in from outside and is for no port here, or would go out where it came in',
  no_member: 'its network has no member to receive it',
  unknown_network: 'of a network that this chassis does not know there',
  not_admitted: 'out of a tunnel from an address that is no VTEP of a chassis on that network',
  unknown_vtep: 'for a chassis without VTEP',
  own_copy: 'the copy of broadcast that is for the sending chassis itself',
} as const satisfies Readonly<Record<string, string>>

/** One of them. */
export type DropReason = keyof typeof dropReasons
