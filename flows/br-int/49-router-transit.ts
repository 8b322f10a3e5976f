/**
 * Sends a packet to the chassis where the gateway is. It stays in its router: it goes on there where router_route is.
 *
 * In:   packets for the outside, and the place of the gateway.
 * Out:  router_snat, where that is this chassis; else br-tun, tagged with a VLAN that no network has, its destination MAC the
 *       router's key and the place. One that came from another chassis is only ever passed on to a better one: each time it
 *       has one hop less to go. What is too big for a tunnel goes to the controller, which answers by ICMP.
 *       Where a firewall of the router knows connections, that of what leaves here is known here, too.
 *
 *   table=49, priority=40,reg3=0x40010000/0xffff0000 actions=set_field:0x3/0x3->reg2,goto_table:50
 */
import { controller, decTtl, drop, goto, move, output, resubmit, setField } from 'node-openflow/flow'
import { table } from '#compiler'
import { TRANSIT_VLAN } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { eachFamily } from '../conntrack.ts'
import { eachGatewayChassis } from '../gateway-rules.ts'
import { TRANSIT_MTU } from '../gateways.ts'
import { tooBigUserdata } from '../packet-in.ts'
import { gateway, NO_GATEWAY, ORIGIN, origin, router, tooBig } from '../registers.ts'
import { pushTag } from '../vlan.ts'
import { routerSnat } from './50-router-snat.ts'
import { routerCommit } from './118-router-commit.ts'

const HERE = 40
const NOWHERE = 30
const TOO_BIG = 20
const RELAYED = 10

/** Locally administered. */
const TRANSIT_MAC = ['02:00:00:00:00:00', 'ff:00:00:00:00:00'] as const

const transit = [
  setField('eth_dst', ...TRANSIT_MAC),
  move(router.slice(0, 23), 'eth_dst[16..39]'),
  move(gateway.part, 'eth_dst[0..15]'),
  setField('in_port', 0),
  ...pushTag(TRANSIT_VLAN),
  output(PATCH_TUN),
]

export const routerTransit = table('router_transit', {
  bridge: 'br-int',
  number: 49,
  match: ['reg2', 'reg3', 'eth_type'],
  next: [routerSnat, routerCommit],
  fixed: [
    { priority: NOWHERE, match: gateway.is(NO_GATEWAY), actions: drop() },
    {
      priority: TOO_BIG,
      match: tooBig.is(1),
      actions: [controller({ userdata: tooBigUserdata(TRANSIT_MTU) })],
    },
    ...eachFamily(origin.is(ORIGIN.tunnel)).map(match => ({
      priority: RELAYED,
      match,
      actions: [decTtl(), ...transit],
    })),
  ],
  miss: [resubmit({ table: routerCommit }), ...transit],
  drops: { [NOWHERE]: 'no_gateway' },
  rules: [
    eachGatewayChassis(({ here }) => ({
      priority: HERE,
      match: gateway.is(here),
      actions: [origin.set(ORIGIN.router), goto(routerSnat)],
    })),
  ],
})
