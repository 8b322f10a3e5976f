/**
 * What a network is on this chassis: the conntrack zone of what a router sends there. And who has the next hop.
 *
 * In:   routed packets, with the network that they go to and the next hop.
 * Out:  router_neighbor, with what `neighbor` knows of the next hop; of an external network, else what learned_neighbor does. A
 *       network that does not reach this chassis is not routed to. A packet that is too big for the network goes to the
 *       controller, which answers by ICMP.
 *
 *   table=52, priority=10,metadata=0x3
 *   actions=set_field:0x2/0xffff->reg3,set_field:0/0x6000->reg2,resubmit(,103),resubmit(,102),goto_table:53
 */
import { controller, drop, goto, resubmit } from 'node-openflow/flow'
import { each, table, type View } from '#compiler'
import { attachments, networks, virtualAddresses } from '#model'
import { networkFacts } from '../facts.ts'
import { hasGateways } from '../gateways.ts'
import { nothingFound } from '../neighbors.ts'
import { tooBigUserdata } from '../packet-in.ts'
import { network, tooBig, zone } from '../registers.ts'
import { interfacesOn, isRouted, isTight } from '../routers.ts'
import { routerNeighbor } from './53-router-neighbor.ts'
import { neighbor } from './102-neighbor.ts'
import { learnedNeighbor } from './103-learned-neighbor.ts'
import { virtualNeighbor } from './104-virtual-neighbor.ts'

const TOO_BIG = 20
const NETWORK = 10

/** Whether routers ask for an address there that several ports may have. */
const hasVirtual = (network: string, view: View) => view.by(virtualAddresses, 'network', network).length > 0

export const networkZone = table('network_zone', {
  bridge: 'br-int',
  number: 52,
  match: ['metadata', 'reg2'],
  next: [routerNeighbor, neighbor, learnedNeighbor, virtualNeighbor],
  miss: drop(),
  drops: { 0: 'no_way_out' },
  rules: [
    each(networks, {
      scope: 'network',
      rows: ({ id }, view) => {
        const tight = interfacesOn(id, view).find(one => Object.values(isTight(one.in, one.mtu, view)).includes(true))
        return tight === undefined ? [] : [{ in: id, network: tight.network, mtu: tight.mtu }]
      },
      example: { in: 'net', network: 3, mtu: 1450 },
      flow: row => ({
        priority: TOO_BIG,
        match: { ...network.is(row.network), ...tooBig.is(1) },
        actions: [controller({ userdata: tooBigUserdata(row.mtu) })],
      }),
    }),
    each(attachments, {
      scope: 'chassis',
      rows: ({ chassis, network: id, localVlan }, view) => {
        const net = view.value(networkFacts, id)
        const isExternal = hasGateways(id, view)
        return net === undefined || (!isExternal && !isRouted(id, view))
          ? []
          : [{ in: chassis, network: net.key, zone: localVlan, isExternal, hasVirtual: hasVirtual(id, view) }]
      },
      example: { in: 'host1', network: 3, zone: 2, isExternal: true, hasVirtual: false },
      flow: row => ({
        priority: NETWORK,
        match: network.is(row.network),
        actions: [
          ...[zone.set(row.zone), nothingFound],
          // The model has the last word.
          ...(row.isExternal ? [resubmit({ table: learnedNeighbor })] : []),
          ...(row.hasVirtual ? [resubmit({ table: virtualNeighbor })] : []),
          ...[resubmit({ table: neighbor }), goto(routerNeighbor)],
        ],
      }),
    }),
  ],
})
