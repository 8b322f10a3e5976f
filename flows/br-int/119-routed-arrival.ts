/**
 * Has the connection of what a router sent from another chassis known here, in the zone of the router: the two directions of a
 * connection are routed on two chassis, each of which must know an answer when it sees one.
 *
 * In:   by resubmit, frames from outside, on networks of routers with firewall groups.
 * Out:  back; the connection of a frame from such a router's MAC is committed, without recirculation. On a provider network with
 *       several routers it cannot be told which one sent it: it is known to all of them, as it was opened to the receiver.
 *
 *   table=119, priority=10,ip,metadata=0x3,dl_src=fa:16:3e:00:00:01 actions=ct(commit,zone=4098)
 *   table=119, priority=10,ip,metadata=0x3,dl_src=0a:ee:de:00:00:00/ff:ff:ff:ff:00:00
 *   actions=ct(commit,zone=4098)
 */
import { ct, drop, ip, ipv6 } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { networks, routerPorts } from '#model'
import { anyChassisMac } from '../chassis-mac.ts'
import { networkFacts } from '../facts.ts'
import { routerGuards } from '../firewalls.ts'
import { network } from '../registers.ts'
import { interfaceFacts, interfacesOn, ofFamily, routerZone } from '../routers.ts'

const ROUTED = 10

export const routedArrival = table('routed_arrival', {
  bridge: 'br-int',
  number: 119,
  match: ['metadata', 'eth_src', 'eth_type'],
  miss: drop(),
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id, routerId }, view) => {
        const facts = view.value(routerGuards, routerId) && view.value(interfaceFacts, id)
        if (facts === undefined) return []
        const { in: of, network: net, mac, router } = facts
        return [false, true].map(v6 => ({ in: of, network: net, mac, zone: routerZone(router), v6 }))
      },
      example: { in: 'r', network: 3, mac: 'fa:16:3e:00:00:01', zone: 4098, v6: false },
      flow: row => ({
        priority: ROUTED,
        match: (row.v6 ? ipv6 : ip)({ ...network.is(row.network), eth_src: row.mac }),
        actions: [ct({ commit: true, zone: row.zone })],
      }),
    }),
    each(networks, {
      scope: 'network',
      merge: 'union',
      order: row => row.zone,
      rows: ({ id }, view) => {
        const { key, segments = [] } = view.value(networkFacts, id) ?? {}
        const physical = new Set(segments.flatMap(({ physicalNetwork }) => physicalNetwork ?? []))
        if (key === undefined || physical.size === 0) return []
        const interfaces = interfacesOn(id, view)
        return [false, true].flatMap(v6 => {
          const several = ofFamily(interfaces, v6)
          if (several.length < 2) return []
          const guarded = several.filter(one => view.value(routerGuards, one.in) !== undefined)
          const zones = new Set(guarded.map(one => routerZone(one.router)))
          return [...physical].flatMap(physicalNetwork =>
            [...zones].map(zone => ({ in: id, network: key, physicalNetwork, zone, v6 })),
          )
        })
      },
      example: { in: 'net', network: 3, physicalNetwork: 'physnet1', zone: 4098, v6: false },
      flow: row => ({
        priority: ROUTED,
        match: (row.v6 ? ipv6 : ip)({ ...network.is(row.network), eth_src: anyChassisMac(row.physicalNetwork) }),
        actions: [ct({ commit: true, zone: row.zone })],
      }),
    }),
  ],
})
