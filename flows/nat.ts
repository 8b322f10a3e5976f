// Translation of addresses, in the conntrack zone of a router.
import { type ActionOf, ct, nat } from 'node-openflow/flow'
import type { Table } from '#compiler'
import { routerZone } from './routers.ts'

/** What an address is to become. */
export interface Translation {
  /** Which address: the sender's or the receiver's. */
  readonly direction: 'src' | 'dst'
  readonly ip: string
  /** The port, too. */
  readonly port?: number | undefined
}

/**
 * Translates a packet as its connection says, and goes on in a table. A connection that is new is translated as `to` says, and
 * kept; without it, nothing begins here.
 */
export const translate = (router: number, table: Table, to?: Translation): ActionOf<'ct'> => {
  const zone = routerZone(router)
  if (to === undefined) return ct({ zone, table: table.number, actions: [nat()] })
  const { direction, ip, port } = to
  const ports = port === undefined ? {} : { portMin: port }
  return ct({ commit: true, zone, table: table.number, actions: [nat({ direction, addressMin: ip, ...ports })] })
}
