/**
 * Which chassis has the receiver. The same flows on every chassis with the network, if it travels in tunnels.
 *
 * In:   frames that leave; metadata is their network's key.
 * Out:  vtep, with the chassis' key; tunnel_flood for broadcast, multicast and addresses that no port has. A port that is
 *       bound nowhere gets nothing.
 *
 *   table=20, priority=20,metadata=0x3,dl_dst=fa:16:3e:00:00:05 actions=set_field:0x1->reg1,goto_table:22
 */
import { drop, goto } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { ports } from '#model'
import { isTunnel, networkFacts, placeOf, portFacts } from '../facts.ts'
import { destinationChassis, tunnelNetwork } from '../registers.ts'
import { tunnelFlood } from './21-tunnel-flood.ts'
import { vtep } from './22-vtep.ts'

const KNOWN = 20

export const unicast = table('unicast', {
  bridge: 'br-tun',
  number: 20,
  match: ['metadata', 'eth_dst'],
  next: [vtep, tunnelFlood],
  miss: [goto(tunnelFlood)],
  drops: { [KNOWN]: 'not_bound' },
  rules: [
    each(ports, {
      scope: 'network',
      rows: (port, view) => {
        const facts = view.value(portFacts, port.id)
        return facts === undefined || !view.value(networkFacts, facts.network)?.segments.some(isTunnel)
          ? []
          : [{ in: facts.network, network: facts.networkKey, mac: facts.mac, chassis: placeOf(port, view) }]
      },
      example: { in: 'net', network: 3, mac: 'fa:16:3e:00:00:05', chassis: 1 as number | undefined },
      flow: ({ network, mac, chassis }) => ({
        priority: KNOWN,
        match: { ...tunnelNetwork.is(network), eth_dst: mac },
        actions: chassis === undefined ? drop() : [destinationChassis.set(chassis), goto(vtep)],
      }),
    }),
  ],
})
