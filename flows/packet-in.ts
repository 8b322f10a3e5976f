// What a packet that comes to the controller is for: the first byte of the controller action's userdata says it, the
// rest belongs to that purpose. The fabric's handlers read what the tables wrote here.

/** Purposes, the first byte of userdata. */
export const PACKET_IN = { cutOver: 1, routerError: 2 } as const

/** Why a router cannot deliver a packet; its place here is the byte that follows the purpose. */
const ROUTER_ERRORS = ['expired', 'noRoute', 'noNeighbor', 'notServed'] as const

/** A router tells the sender by ICMP why it cannot deliver its packet: the purpose and the reason. */
export const routerErrorUserdata = (why: (typeof ROUTER_ERRORS)[number]): Uint8Array =>
  Uint8Array.from([PACKET_IN.routerError, ROUTER_ERRORS.indexOf(why)])

/** A guest announced itself where its port's binding is pending: the purpose and the port's id, 16 bytes. */
export const cutOverUserdata = (portId: string): Uint8Array =>
  Uint8Array.from([PACKET_IN.cutOver, ...Buffer.from(portId.replaceAll('-', ''), 'hex')])

/** The port's id, from what follows the purpose. */
export const portOfCutOver = (rest: Uint8Array): string =>
  Buffer.from(rest)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')

/** Why a router cannot deliver the packet, from what follows the purpose. */
export const routerErrorOf = (rest: Uint8Array) => ROUTER_ERRORS[rest[0] ?? -1]
