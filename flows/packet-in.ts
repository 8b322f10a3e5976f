// What a packet that comes to the controller is for: the first byte of the controller action's userdata says it, the
// rest belongs to that purpose. The fabric's handlers read what the tables wrote here.

/** Purposes, the first byte of userdata. */
export const PACKET_IN = { cutOver: 1, routerError: 2 } as const

/** Why a router cannot deliver a packet: the byte that follows the purpose. */
export const ROUTER_ERROR = { expired: 0, noRoute: 1, noNeighbor: 2, notServed: 3 } as const

/** A router tells the sender by ICMP why it cannot deliver its packet: the purpose and the reason. */
export const routerErrorUserdata = (why: keyof typeof ROUTER_ERROR): Uint8Array =>
  Uint8Array.from([PACKET_IN.routerError, ROUTER_ERROR[why]])

/** A guest announced itself where its port's binding is pending: the purpose and the port's id, 16 bytes. */
export const cutOverUserdata = (portId: string): Uint8Array =>
  Uint8Array.from([PACKET_IN.cutOver, ...Buffer.from(portId.replaceAll('-', ''), 'hex')])

/** The port's id, from what follows the purpose. */
export const portOfCutOver = (rest: Uint8Array): string =>
  Buffer.from(rest)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
