/**
 * What a network is on this chassis: the conntrack zone of what a router sends there. And who has the next hop.
 *
 * In:   routed packets, with the network that they go to and the next hop.
 * Out:  router_neighbor, with what `neighbor` knows of the next hop. A network that does not reach this chassis is not routed to.
 *
 *   table=52, priority=10,metadata=0x3
 *   actions=set_field:0x2/0xffff->reg3,set_field:0/0x6000->reg2,resubmit(,102),goto_table:53
 */
import { drop, goto, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { networkFacts } from '../facts.ts'
import { network, nothingFound, zone } from '../registers.ts'
import { interfacesOn } from '../routers.ts'
import { routerNeighbor } from './53-router-neighbor.ts'
import { neighbor } from './102-neighbor.ts'

const NETWORK = 10

export const networkZone = table('network_zone', {
  bridge: 'br-int',
  number: 52,
  match: ['metadata'],
  next: [routerNeighbor, neighbor],
  miss: drop(),
  drops: { 0: 'no_way_out' },
  rules: [
    each(attachments, {
      scope: 'chassis',
      rows: ({ chassis, network: id, localVlan }, view) => {
        const net = view.value(networkFacts, id)
        return net === undefined || interfacesOn(id, view).length === 0
          ? []
          : [{ in: chassis, network: net.key, zone: localVlan }]
      },
      example: { in: 'host1', network: 3, zone: 2 },
      flow: row => ({
        priority: NETWORK,
        match: { ...network.is(row.network) },
        actions: [zone.set(row.zone), nothingFound, resubmit({ table: neighbor }), goto(routerNeighbor)],
      }),
    }),
  ],
})
