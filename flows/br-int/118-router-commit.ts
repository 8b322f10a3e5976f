/**
 * Commits the connection of a routed packet in the zone of a router that has firewall groups, so that answers are known as such. Without
 * recirculation, once the firewall has spoken.
 *
 * In:   by resubmit, packets in a router that it does not translate.
 * Out:  back.
 *
 *   table=118, priority=10,ip,reg13=0x2 actions=ct(commit,zone=4098)
 */
import { ct, drop, ip, ipv6 } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { routers } from '#model'
import { state } from '../conntrack.ts'
import { routerGuards } from '../firewalls.ts'
import { router } from '../registers.ts'
import { routerZone } from '../routers.ts'

const KNOWN = 20
const NEW = 10

export const routerCommit = table('router_commit', {
  bridge: 'br-int',
  number: 118,
  match: ['reg13', 'eth_type', 'ct_state'],
  fixed: [{ priority: KNOWN, match: state({ trk: true, new: false }), actions: drop() }],
  miss: drop(),
  rules: [
    each(routers, {
      scope: 'router',
      rows: ({ id, key }, view) =>
        view.value(routerGuards, id) === undefined
          ? []
          : [false, true].map(v6 => ({ in: id, router: key, zone: routerZone(key), v6 })),
      example: { in: 'r', router: 2, zone: 4098, v6: false },
      flow: row => ({
        priority: NEW,
        match: (row.v6 ? ipv6 : ip)(router.is(row.router)),
        actions: [ct({ commit: true, zone: row.zone })],
      }),
    }),
  ],
})
