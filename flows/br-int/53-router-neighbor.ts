/**
 * Sends a routed packet to its next hop.
 *
 * In:   routed packets; found says whether the next hop is known, with its MAC and port.
 * Out:  receiver, with the MACs of the link and one hop less to go; the sender's MAC stays until then, as ICMP errors go to
 *       it. What goes to another router enters that one at router_admission: a step back, which every packet takes less
 *       often than its TTL says. A packet whose next hop is not known goes to the controller: it asks for one on an external
 *       network, and sends the packet on; else it answers by ICMP.
 */
import { controller, decTtl, goto, move, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { eachFamily } from '../conntrack.ts'
import { nextHopUserdata, routerErrorUserdata } from '../packet-in.ts'
import { isAll } from '../register.ts'
import { external, found, foundRouter, neighborMac } from '../registers.ts'
import { ROUTER_ADMISSION } from '../restart.ts'
import { leaveRouter } from '../routers.ts'
import { receiver } from './65-receiver.ts'

const ROUTER = 20
const HOST = 10
const WANTED = 5

const toNextHop = [decTtl(), move(neighborMac.part, 'eth_dst')] as const

export const routerNeighbor = table('router_neighbor', {
  bridge: 'br-int',
  number: 53,
  match: ['reg2', 'eth_type'],
  next: [receiver],
  back: [ROUTER_ADMISSION],
  miss: [controller({ userdata: routerErrorUserdata('noNeighbor') })],
  fixed: [
    ...eachFamily(isAll([found, 1], [foundRouter, 1])).map(match => ({
      priority: ROUTER,
      match,
      actions: [...toNextHop, resubmit({ table: ROUTER_ADMISSION })],
    })),
    ...eachFamily(found.is(1)).map(match => ({
      priority: HOST,
      match,
      actions: [...toNextHop, ...leaveRouter, goto(receiver)],
    })),
    { priority: WANTED, match: isAll([found, 0], [external, 1]), actions: [controller({ userdata: nextHopUserdata })] },
  ],
})
