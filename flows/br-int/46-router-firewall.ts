/**
 * Asks the firewall groups of the interfaces by which a packet comes into a router and goes out of it. Egress is out of the network of
 * the interface, ingress into it: so the one by which it comes in is asked for its egress policy, the other for its ingress policy. What
 * answers is judged as the connection was when it was opened, which went the other way.
 *
 * In:   routed packets, with the way out. Those that came in here through a router with groups are guarded, and have been tracked in the
 *       zone of the router: by router_input, or where their addresses were translated (way).
 * Out:  router_firewall_verdict, with what the groups say. What no group is asked about, as it was judged where it came into the
 *       router, or is the router's own, to router_gateway or network_zone, as its way is.
 */
import { type Action, drop, goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { state } from '../conntrack.ts'
import { unjudged } from '../guarding.ts'
import { isAll } from '../register.ts'
import { direction, EGRESS, external, guarded, INGRESS, related, SIDE, side, WAY, way } from '../registers.ts'
import { routerFirewallVerdict } from './47-router-firewall-verdict.ts'
import { routerGateway } from './48-router-gateway.ts'
import { networkZone } from './52-network-zone.ts'
import { routerGuard } from './115-router-guard.ts'

const INVALID = 30
const RELATED = 20
const JUDGED = 10
const OUTSIDE = 5

const ask = (isReply: boolean): readonly Action[] => [
  ...[way.set(isReply ? WAY.reply : WAY.original), ...unjudged],
  ...[side.set(SIDE.in), direction.set(isReply ? INGRESS : EGRESS), resubmit({ table: routerGuard })],
  ...[side.set(SIDE.out), direction.set(isReply ? EGRESS : INGRESS), resubmit({ table: routerGuard })],
  goto(routerFirewallVerdict),
]

const tracked = isAll([guarded, 1], [way, WAY.unknown])

export const routerFirewall = table('router_firewall', {
  bridge: 'br-int',
  number: 46,
  match: ['reg2', 'ct_state'],
  next: [routerFirewallVerdict, routerGateway, networkZone, routerGuard],
  fixed: [
    { priority: INVALID, match: { ...tracked, ...state({ trk: true, inv: true }) }, actions: drop() },
    ...[false, true].flatMap(rpl => [
      {
        priority: RELATED,
        match: { ...tracked, ...state({ trk: true, rel: true, rpl }) },
        actions: [related.set(1), ...ask(rpl)],
      },
      { priority: JUDGED, match: { ...tracked, ...state({ trk: true, rpl }) }, actions: ask(rpl) },
      { priority: JUDGED, match: isAll([guarded, 1], [way, rpl ? WAY.reply : WAY.original]), actions: ask(rpl) },
    ]),
    { priority: OUTSIDE, match: external.is(1), actions: [goto(routerGateway)] },
  ],
  miss: [goto(networkZone)],
  drops: { [INVALID]: 'invalid' },
})
