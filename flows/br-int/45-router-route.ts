/**
 * The routing table of every router: the longest prefix that the destination lies in. The same flows on every chassis.
 *
 * In:   packets that a router is to forward; from classify, those that another chassis routed, for the gateway.
 * Out:  network_zone, with the network that the packet goes to, the next hop and the MAC to send it from; router_gateway, when
 *       that is the external network. Where a network takes smaller packets than another of the router, the packet's size is
 *       compared with that (too_big). Without a route, the controller, which answers by ICMP. Networks of different address
 *       scopes are not routed to one another.
 *
 *   table=45, priority=83,ip,reg13=0x2,nw_dst=10.0.0.0/24
 *   actions=set_field:0x3->metadata,set_field:0xfa163e0000010000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffff00000000->xxreg1,move:NXM_OF_IP_DST[]->NXM_NX_XXREG1[0..31],goto_table:52
 *   table=45, priority=58,ip,reg13=0x2,nw_dst=192.168.0.0/16
 *   actions=set_field:0x3->metadata,set_field:0xfa163e0000010000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffff0a000005->xxreg1,goto_table:52
 *   table=45, priority=5,ip,reg13=0x2
 *   actions=set_field:0x20000/0x20000->reg2,set_field:0x3->metadata,
 *   set_field:0xfa163e0000060000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffffcb007101->xxreg1,check_pkt_larger(1514)->NXM_NX_REG2[18],goto_table:48
 */
import { type Action, controller, drop, goto, ip, ipv6, type Match, move } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { routerPorts, routers } from '#model'
import { addressBits, IPV4_MAPPED, isV6, lengthOf, macBits, onWire } from '../addresses.ts'
import { gatewayOf, subnetsOf } from '../gateways.ts'
import { routerErrorUserdata } from '../packet-in.ts'
import { external, IPV4_ADDRESS, neighborAddress, network, router, routerInterface, routerMac } from '../registers.ts'
import { checkSize, interfaceFacts, interfacesOf, isIn, tightMtu } from '../routers.ts'
import { routerGateway } from './48-router-gateway.ts'
import { networkZone } from './52-network-zone.ts'

/**
 * And three times the length of the prefix. A subnet of the router goes before another route to the same; before it, that
 * packets of other address scopes do not go there.
 */
const ROUTE = 10
const CONNECTED = 1
const OTHER_SCOPE = 2
const DEFAULT_GATEWAY = 5

const priorityOf = (prefix: string, more = 0) => ROUTE + 3 * lengthOf(prefix) + more

const to = (key: number, prefix: string, more: Match = {}): Match => {
  const at = { ...router.is(key), ...more }
  if (lengthOf(prefix) === 0) return isV6(prefix) ? ipv6(at) : ip(at)
  return isV6(prefix) ? ipv6({ ...at, ipv6_dst: onWire(prefix) }) : ip({ ...at, ip_dst: onWire(prefix) })
}

/** A route: to which network, and to whom there; without a next hop, to the destination itself. */
interface Route {
  readonly router: number
  readonly prefix: string
  readonly network: number
  readonly mac: string
  readonly nexthop: string | undefined
  /** What the network takes, where other networks of the router take more. */
  readonly mtu: number | undefined
}

const nextHop = (prefix: string, nexthop: string | undefined): readonly Action[] => {
  if (nexthop !== undefined) return [neighborAddress.set(addressBits(nexthop))]
  return isV6(prefix)
    ? [move('ipv6_dst', neighborAddress.part)]
    : [neighborAddress.set(IPV4_MAPPED), move('ip_dst', IPV4_ADDRESS)]
}

const by = ({ prefix, network: net, mac, nexthop, mtu }: Route): readonly Action[] => [
  network.set(net),
  routerMac.set(macBits(mac)),
  ...nextHop(prefix, nexthop),
  ...(mtu === undefined ? [] : [checkSize(mtu)]),
]

const inside = (row: Route) => [...by(row), goto(networkZone)]
const outside = (row: Route) => [external.set(1), ...by(row), goto(routerGateway)]

const ANY = { 4: '0.0.0.0/0', 6: '::/0' } as const
const families = [4, 6] as const

const example: Route & { readonly in: string } = {
  ...{ in: 'r', router: 2, network: 3, mac: 'fa:16:3e:00:00:01', prefix: '10.0.0.0/24' },
  ...{ nexthop: undefined, mtu: undefined },
}

export const routerRoute = table('router_route', {
  bridge: 'br-int',
  number: 45,
  match: ['reg13', 'reg14', 'eth_type', 'ip_dst', 'ipv6_dst'],
  next: [routerGateway, networkZone],
  miss: [controller({ userdata: routerErrorUserdata('noRoute') })],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(interfaceFacts, id)
        if (!facts?.up) return []
        const { in: of, router: key, network: net, mac, addresses } = facts
        const row = { in: of, router: key, network: net, mac, nexthop: undefined, mtu: tightMtu(facts, view) }
        return [...new Set(addresses.map(({ cidr }) => cidr))].map(prefix => ({ ...row, prefix }))
      },
      example,
      flow: row => ({
        priority: priorityOf(row.prefix, CONNECTED),
        match: to(row.router, row.prefix),
        actions: inside(row),
      }),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(interfaceFacts, id)
        if (!facts?.up) return []
        const { in: of, router: key, port, addresses } = facts
        const others = interfacesOf(of, view).filter(other => other.up && other.port !== port)
        return families.flatMap(family => {
          const own = addresses.filter(({ ip: address }) => isV6(address) === (family === 6)).map(({ scope }) => scope)
          if (own.length === 0) return []
          const foreign = others
            .flatMap(other => other.addresses)
            .filter(({ cidr, scope }) => isV6(cidr) === (family === 6) && !own.includes(scope))
          return [...new Set(foreign.map(({ cidr }) => cidr))].map(prefix => ({
            ...{ in: of, router: key, by: port, prefix },
          }))
        })
      },
      example: { in: 'r', router: 2, by: 6, prefix: '10.0.0.0/24' },
      flow: row => ({
        priority: priorityOf(row.prefix, OTHER_SCOPE),
        match: to(row.router, row.prefix, routerInterface.is(row.by)),
        actions: drop(),
      }),
    }),
    each(routers, {
      scope: 'router',
      rows: ({ id, key, routes }, view) => {
        const own = interfacesOf(id, view)
        const first = new Map(routes.toReversed().map(route => [route.destination, route]))
        return [...first.values()].flatMap(({ destination: prefix, nexthop }) => {
          const on = own.find(({ up, addresses }) => up && addresses.some(({ cidr }) => isIn(nexthop, cidr)))
          if (on === undefined) return []
          return [{ in: id, router: key, network: on.network, mac: on.mac, prefix, nexthop, mtu: tightMtu(on, view) }]
        })
      },
      example: { ...example, prefix: '192.168.0.0/16', nexthop: '10.0.0.5' },
      flow: row => ({
        priority: priorityOf(row.prefix),
        match: to(row.router, row.prefix),
        actions: inside(row),
      }),
    }),
    each(routers, {
      scope: 'router',
      rows: ({ id, key, routes }, view) => {
        const gateway = gatewayOf(id, view)
        if (!gateway?.up) return []
        const subnets = subnetsOf(gateway.networkId, view)
        const row = { in: id, router: key, network: gateway.network, mac: gateway.mac, mtu: tightMtu(gateway, view) }
        const inner = interfacesOf(id, view).flatMap(one => (one.up ? one.addresses : []))
        const first = new Map(routes.toReversed().map(route => [route.destination, route]))
        const connected = new Set(subnets.map(({ cidr }) => cidr))
        const extra = [...first.values()].filter(
          ({ nexthop }) =>
            subnets.some(({ cidr }) => isIn(nexthop, cidr)) && !inner.some(({ cidr }) => isIn(nexthop, cidr)),
        )
        return [
          ...[...connected].map(prefix => ({ ...row, prefix, nexthop: undefined, more: CONNECTED })),
          ...extra.map(({ destination: prefix, nexthop }) => ({ ...row, prefix, nexthop, more: 0 })),
          ...families.flatMap(family => {
            const up = gateway.addresses.find(({ ip: own, gatewayIp }) => isV6(own) === (family === 6) && gatewayIp)
            return up?.gatewayIp
              ? [{ ...row, prefix: ANY[family], nexthop: up.gatewayIp, more: DEFAULT_GATEWAY - ROUTE }]
              : []
          }),
        ]
      },
      example: {
        ...{ ...example, prefix: '0.0.0.0/0', mac: 'fa:16:3e:00:00:06', nexthop: '203.0.113.1' as string | undefined },
        ...{ mtu: 1500 as number | undefined, more: DEFAULT_GATEWAY - ROUTE },
      },
      flow: row => ({
        priority: priorityOf(row.prefix, row.more),
        match: to(row.router, row.prefix),
        actions: outside(row),
      }),
    }),
  ],
  drops: Object.fromEntries(
    Array.from({ length: 129 }, (_, length) => [ROUTE + 3 * length + OTHER_SCOPE, 'other_scope']),
  ),
})
