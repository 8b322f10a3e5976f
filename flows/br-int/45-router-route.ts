/**
 * The routing table of every router: the longest prefix that the destination lies in. The same flows on every chassis.
 *
 * In:   packets that a router is to forward.
 * Out:  network_zone, with the network that the packet goes to, the next hop and the MAC to send it from. Without a route, the
 *       controller, which answers by ICMP.
 *
 *   table=45, priority=59,ip,reg13=0x2,nw_dst=10.0.0.0/24
 *   actions=set_field:0x3->metadata,set_field:0xfa163e0000010000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffff00000000->xxreg1,move:NXM_OF_IP_DST[]->NXM_NX_XXREG1[0..31],goto_table:52
 *   table=45, priority=42,ip,reg13=0x2,nw_dst=192.168.0.0/16
 *   actions=set_field:0x3->metadata,set_field:0xfa163e0000010000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffff0a000005->xxreg1,goto_table:52
 */
import { controller, goto, ip, ipv6, type Match, move } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { routerPorts, routers } from '#model'
import { addressBits, IPV4_MAPPED, isV6, lengthOf, macBits, onWire } from '../addresses.ts'
import { routerErrorUserdata } from '../packet-in.ts'
import { IPV4_ADDRESS, neighborAddress, network, router, routerMac } from '../registers.ts'
import { interfaceFacts, isIn } from '../routers.ts'
import { networkZone } from './52-network-zone.ts'

/** And twice the length of the prefix, and 1 for a subnet of the router: it goes before another route to the same. */
const ROUTE = 10
const CONNECTED = 1

const to = (key: number, prefix: string): Match => {
  const at = router.is(key)
  if (lengthOf(prefix) === 0) return isV6(prefix) ? ipv6(at) : ip(at)
  return isV6(prefix) ? ipv6({ ...at, ipv6_dst: onWire(prefix) }) : ip({ ...at, ip_dst: onWire(prefix) })
}

const itself = (prefix: string) =>
  isV6(prefix)
    ? [move('ipv6_dst', neighborAddress.part)]
    : [neighborAddress.set(IPV4_MAPPED), move('ip_dst', IPV4_ADDRESS)]

export const routerRoute = table('router_route', {
  bridge: 'br-int',
  number: 45,
  match: ['reg13', 'eth_type', 'ip_dst', 'ipv6_dst'],
  next: [networkZone],
  miss: [controller({ userdata: routerErrorUserdata('noRoute') })],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(interfaceFacts, id)
        if (!facts?.up) return []
        const { in: of, router: key, network: net, mac, addresses } = facts
        return [...new Set(addresses.map(({ cidr }) => cidr))].map(prefix => ({
          in: of,
          router: key,
          network: net,
          mac,
          prefix,
        }))
      },
      example: { in: 'r', router: 2, network: 3, mac: 'fa:16:3e:00:00:01', prefix: '10.0.0.0/24' },
      flow: row => ({
        priority: ROUTE + 2 * lengthOf(row.prefix) + CONNECTED,
        match: to(row.router, row.prefix),
        actions: [
          ...[network.set(row.network), routerMac.set(macBits(row.mac)), ...itself(row.prefix)],
          goto(networkZone),
        ],
      }),
    }),
    each(routers, {
      scope: 'router',
      rows: ({ id, key, routes }, view) => {
        const own = view.by(routerPorts, 'router', id).flatMap(port => view.value(interfaceFacts, port.id) ?? [])
        const first = new Map(routes.toReversed().map(route => [route.destination, route]))
        return [...first.values()].flatMap(({ destination: prefix, nexthop }) => {
          const by = own.find(({ up, addresses }) => up && addresses.some(({ cidr }) => isIn(nexthop, cidr)))
          if (by === undefined) return []
          return [{ in: id, router: key, network: by.network, mac: by.mac, prefix, nexthop }]
        })
      },
      example: {
        ...{ in: 'r', router: 2, network: 3, mac: 'fa:16:3e:00:00:01' },
        ...{ prefix: '192.168.0.0/16', nexthop: '10.0.0.5' },
      },
      flow: row => ({
        priority: ROUTE + 2 * lengthOf(row.prefix),
        match: to(row.router, row.prefix),
        actions: [
          network.set(row.network),
          routerMac.set(macBits(row.mac)),
          neighborAddress.set(addressBits(row.nexthop)),
          goto(networkZone),
        ],
      }),
    }),
  ],
})
