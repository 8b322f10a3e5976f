/**
 * Lets routers have what is sent to them. Routing is done where the sender is, so only there is anything for a router.
 *
 * In:   frames of local ports that may be sent; from router_neighbor, what one router sends to the next.
 * Out:  router_input, for the MAC of an interface on the frame's network; the rest to l2_lookup. Here the last verdict in
 *       the sender's network is spoken: its connection is committed there, and then forgotten, so that the receiver is
 *       judged by a pass of its own in the zone of the network that the packet goes to.
 *
 *   table=40, priority=10,metadata=0x3,dl_dst=fa:16:3e:00:00:01
 *   actions=resubmit(,101),ct_clear,set_field:0/0x400->reg2,set_field:0x3/0x3->reg2,set_field:0x2->reg13,
 *   set_field:0x6->reg14,goto_table:44
 */
import { drop, goto, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { routerPorts } from '#model'
import { commit, network, ORIGIN, origin, router, routerInterface } from '../registers.ts'
import { ROUTER_ADMISSION } from '../restart.ts'
import { interfaceFacts } from '../routers.ts'
import { routerInput } from './44-router-input.ts'
import { l2Lookup } from './60-l2-lookup.ts'
import { commitTable } from './101-commit.ts'

const INTERFACE = 10

export const routerAdmission = table('router_admission', {
  bridge: 'br-int',
  number: ROUTER_ADMISSION,
  match: ['metadata', 'eth_dst'],
  next: [routerInput, l2Lookup, commitTable],
  miss: [goto(l2Lookup)],
  drops: { [INTERFACE]: 'router_down' },
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(interfaceFacts, id)
        if (facts === undefined) return []
        const { in: of, router: key, port, network: net, mac, up } = facts
        return [{ in: of, router: key, port, network: net, mac, up }]
      },
      example: { in: 'r', router: 2, port: 6, network: 3, mac: 'fa:16:3e:00:00:01', up: true },
      flow: row => ({
        priority: INTERFACE,
        match: { ...network.is(row.network), eth_dst: row.mac },
        actions: row.up
          ? [
              resubmit({ table: commitTable }),
              { type: 'ct_clear' },
              ...[commit.set(0), origin.set(ORIGIN.router), router.set(row.router), routerInterface.set(row.port)],
              goto(routerInput),
            ]
          : drop(),
      }),
    }),
  ],
})
