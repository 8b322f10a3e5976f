/**
 * Drops what a firewall group of the router does not allow.
 *
 * In:   judged packets in a router.
 * Out:  router_gateway or network_zone, what is allowed, as its way is; the connection of what stays inside is committed if it is
 *       new, so that its answers are known. What is rejected, to the controller, which tells the sender.
 *
 *   table=47, priority=10,reg12=0x3 actions=drop
 */
import { controller, drop, goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { state } from '../conntrack.ts'
import { dropByGroup, guardDrops, guardVerdict } from '../guarding.ts'
import { routerErrorUserdata } from '../packet-in.ts'
import { isAll } from '../register.ts'
import { allowed, external } from '../registers.ts'
import { routerGateway } from './48-router-gateway.ts'
import { networkZone } from './52-network-zone.ts'
import { routerCommit } from './118-router-commit.ts'

const NEW = 50
const OUTSIDE = 40

export const routerFirewallVerdict = table('router_firewall_verdict', {
  bridge: 'br-int',
  number: 47,
  match: ['reg2', 'reg12', 'ct_state'],
  next: [routerGateway, networkZone, routerCommit],
  fixed: [
    {
      priority: NEW,
      match: { ...isAll([allowed, 1], [external, 0]), ...state({ trk: true, new: true }) },
      actions: [resubmit({ table: routerCommit }), goto(networkZone)],
    },
    { priority: OUTSIDE, match: isAll([allowed, 1], [external, 1]), actions: [goto(routerGateway)] },
    ...guardVerdict([goto(networkZone)], controller({ userdata: routerErrorUserdata('rejected') })),
  ],
  miss: drop(),
  drops: guardDrops('router_firewall'),
  rules: [dropByGroup],
})
