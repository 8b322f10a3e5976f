// What a packet that comes to the controller is for: the first byte of the controller action's userdata says it, the
// rest belongs to that purpose. The fabric's handlers read what the tables wrote here.

/** Purposes, the first byte of userdata. */
export const PACKET_IN = { cutOver: 1, routerError: 2, nextHopWanted: 3, portRejected: 4, addressSpoken: 5 } as const

/** Why a router does not deliver a packet; its place here is the byte that follows the purpose. */
const ROUTER_ERRORS = ['expired', 'noRoute', 'noNeighbor', 'notServed', 'tooBig', 'rejected'] as const

/** One of these reasons. */
export type RouterErrorReason = (typeof ROUTER_ERRORS)[number]

/**
 * A router tells the sender why it does not deliver its packet, by ICMP or, where a firewall rejects TCP, by a reset: the
 * purpose and the reason.
 */
export const routerErrorUserdata = (why: Exclude<RouterErrorReason, 'tooBig'>): Uint8Array =>
  Uint8Array.from([PACKET_IN.routerError, ROUTER_ERRORS.indexOf(why)])

/** The packet is too big for the network that it goes to, whose MTU follows in two bytes. */
export const tooBigUserdata = (mtu: number): Uint8Array =>
  Uint8Array.from([PACKET_IN.routerError, ROUTER_ERRORS.indexOf('tooBig'), mtu >> 8, mtu & 255])

/** Nobody knows who has the packet's next hop, on an external network: it is asked for, and the packet sent on. */
export const nextHopUserdata: Uint8Array = Uint8Array.from([PACKET_IN.nextHopWanted])

/** The firewall group of a VM's port rejects the packet: its sender is told in the name of the one that it is for. */
export const portRejectedUserdata: Uint8Array = Uint8Array.from([PACKET_IN.portRejected])

/** A guest announced itself where its port's binding is pending: the purpose and the port's id, 16 bytes. */
export const cutOverUserdata = (portId: string): Uint8Array =>
  Uint8Array.from([PACKET_IN.cutOver, ...Buffer.from(portId.replaceAll('-', ''), 'hex')])

/** The port's id, from what follows the purpose. */
export const portOfCutOver = (rest: Uint8Array): string =>
  Buffer.from(rest)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')

/** A port speaks for an address that others may have too, by ARP or a neighbour advertisement: a copy of what it says. */
export const addressSpokenUserdata: Uint8Array = Uint8Array.from([PACKET_IN.addressSpoken])

/** Why a router does not deliver the packet, from what follows the purpose. */
export const routerErrorOf = (rest: Uint8Array): RouterErrorReason | undefined => ROUTER_ERRORS[rest[0] ?? -1]

/** The MTU that a packet is too big for, from what follows the purpose. */
export const mtuOf = (rest: Uint8Array): number => ((rest[1] ?? 0) << 8) | (rest[2] ?? 0)
