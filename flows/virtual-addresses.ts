// Addresses that several ports may have: who speaks for one tells the controller, which tells routers.
import { type Action, controller } from 'node-openflow/flow'
import type { View } from '#compiler'
import { withoutHostLength } from '#model'
import { isHost } from './addresses.ts'
import type { Sender } from './facts.ts'
import { addressSpokenUserdata } from './packet-in.ts'
import { isRouted } from './routers.ts'

/** Whether a sender's address is an allowed address pair, on a network of a router. */
export const isVirtual = (
  { ip }: Sender,
  port: { readonly ips: readonly string[]; readonly network: string },
  view: View,
): boolean =>
  !port.ips.includes(withoutHostLength(ip)) && isHost(ip) && !ip.startsWith('fe80:') && isRouted(port.network, view)

/** Sends a copy of what a port says of such an address to the controller. */
export const tellOf = (isSpoken: boolean): readonly Action[] =>
  isSpoken ? [controller({ userdata: addressSpokenUserdata })] : []
