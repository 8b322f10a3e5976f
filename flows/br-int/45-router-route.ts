/**
 * The routing table of every router: the longest prefix that the destination lies in. The same flows on every chassis.
 *
 * In:   packets that a router is to forward; from classify, those that another chassis routed, for the gateway.
 * Out:  router_firewall, with the network that the packet goes to, the next hop and the MAC to send it from; external is set
 *       when that is the external network. Where a network takes smaller packets than may come, the packet's size is compared
 *       with that (too_big); of packets from inside only if another network inside takes larger ones. Without a route, the
 *       controller, which answers by ICMP. Networks of different address scopes are not routed to one another.
 *
 *   table=45, priority=108,ip,reg13=0x2,nw_dst=10.0.0.0/24
 *   actions=set_field:0x3->metadata,set_field:0xfa163e0000010000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffff00000000->xxreg1,move:NXM_OF_IP_DST[]->NXM_NX_XXREG1[0..31],goto_table:46
 *   table=45, priority=75,ip,reg13=0x2,reg14=0x7,nw_dst=192.168.0.0/16
 *   actions=set_field:0x3->metadata,set_field:0xfa163e0000010000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffff0a000005->xxreg1,check_pkt_larger(1464)->NXM_NX_REG2[18],goto_table:46
 *   table=45, priority=5,ip,reg13=0x2
 *   actions=set_field:0x20000/0x20000->reg2,set_field:0x3->metadata,
 *   set_field:0xfa163e0000060000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   set_field:0xffffcb007101->xxreg1,check_pkt_larger(1514)->NXM_NX_REG2[18],goto_table:46
 */
import { type Action, controller, drop, goto, ip, ipv6, type Match, move } from 'node-openflow/flow'
import { each, table, type View } from '#compiler'
import { type Router, routerPorts, routers } from '#model'
import { addressBits, IPV4_MAPPED, isV6, lengthOf, macBits, onWire } from '../addresses.ts'
import { gatewayOf, subnetsOf } from '../gateways.ts'
import { routerErrorUserdata } from '../packet-in.ts'
import { pick } from '../pick.ts'
import { external, IPV4_ADDRESS, neighborAddress, network, router, routerInterface, routerMac } from '../registers.ts'
import { checkSize, interfacesOf, isIn, isTight, upInterface } from '../routers.ts'
import { routerFirewall } from './46-router-firewall.ts'

/**
 * And four times the length of the prefix. A subnet of the router goes before another route to the same; before each, what
 * holds for packets that came in by one port only: that they may be too large, or do not go there from another address scope.
 */
const ROUTE = 10
const CONNECTED = 2
const FROM_ONE = 1
const DEFAULT_GATEWAY = 5

const priorityOf = (prefix: string, more: number) => ROUTE + 4 * lengthOf(prefix) + more

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
  /** What the network takes, where packets may be larger. */
  readonly mtu: number | undefined
  /** Key of the gateway by which a packet came in that takes this route; undefined: any packet. */
  readonly by: number | undefined
}

const nextHop = (prefix: string, nexthop: string | undefined): readonly Action[] => {
  if (nexthop !== undefined) return [neighborAddress.set(addressBits(nexthop))]
  return isV6(prefix)
    ? [move('ipv6_dst', neighborAddress.part)]
    : [neighborAddress.set(IPV4_MAPPED), move('ip_dst', IPV4_ADDRESS)]
}

const follow = ({ prefix, network: net, mac, nexthop, mtu }: Route): readonly Action[] => [
  network.set(net),
  routerMac.set(macBits(mac)),
  ...nextHop(prefix, nexthop),
  ...(mtu === undefined ? [] : [checkSize(mtu)]),
]

const inside = (row: Route, isConnected: boolean) => ({
  priority: priorityOf(row.prefix, (isConnected ? CONNECTED : 0) + (row.by === undefined ? 0 : FROM_ONE)),
  match: to(row.router, row.prefix, row.by === undefined ? {} : routerInterface.is(row.by)),
  actions: [...follow(row), goto(routerFirewall)],
})

/** A route to a network inside. Only what comes from outside may be too large for most. */
const routesInside = <R extends Omit<Route, 'mtu' | 'by'> & { readonly in: string }>(
  row: R,
  mtu: number,
  view: View,
) => {
  const tight = isTight(row.in, mtu, view)
  const route = { ...row, mtu: tight.inside ? mtu : undefined, by: undefined as number | undefined }
  const gateway = tight.outside && !tight.inside ? gatewayOf(row.in, view) : undefined
  return gateway === undefined ? [route] : [route, { ...route, mtu, by: gateway.port as number | undefined }]
}

/** The prefixes that all addresses lie in. */
const ANY: readonly string[] = ['0.0.0.0/0', '::/0']

/** Of routes to one destination, the first. */
const firstTo = (routes: Router['routes']) => [
  ...new Map(routes.toReversed().map(route => [route.destination, route])).values(),
]

const example: Route & { readonly in: string } = {
  ...{ in: 'r', router: 2, network: 3, mac: 'fa:16:3e:00:00:01', prefix: '10.0.0.0/24' },
  ...{ nexthop: undefined, mtu: undefined, by: undefined },
}

export const routerRoute = table('router_route', {
  bridge: 'br-int',
  number: 45,
  match: ['reg13', 'reg14', 'eth_type', 'ip_dst', 'ipv6_dst'],
  next: [routerFirewall],
  miss: [controller({ userdata: routerErrorUserdata('noRoute') })],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upInterface(port, view).flatMap(facts => {
          const row = { ...pick(facts, 'in', 'router', 'network', 'mac'), nexthop: undefined }
          const prefixes = new Set(facts.addresses.map(({ cidr }) => cidr))
          return [...prefixes].flatMap(prefix => routesInside({ ...row, prefix }, facts.mtu, view))
        }),
      example,
      flow: row => inside(row, true),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upInterface(port, view).flatMap(facts => {
          const row = { ...pick(facts, 'in', 'router'), by: facts.port }
          const others = interfacesOf(facts.in, view).filter(other => other.up && other.port !== facts.port)
          return [false, true].flatMap(v6 => {
            const own = facts.addresses.filter(({ ip: address }) => isV6(address) === v6).map(({ scope }) => scope)
            if (own.length === 0) return []
            const foreign = others
              .flatMap(({ addresses }) => addresses)
              .filter(({ cidr, scope }) => isV6(cidr) === v6 && !own.includes(scope))
            return [...new Set(foreign.map(({ cidr }) => cidr))].map(prefix => ({ ...row, prefix }))
          })
        }),
      example: { in: 'r', router: 2, by: 6, prefix: '10.0.0.0/24' },
      flow: row => ({
        priority: priorityOf(row.prefix, CONNECTED + FROM_ONE),
        match: to(row.router, row.prefix, routerInterface.is(row.by)),
        actions: drop(),
      }),
    }),
    each(routers, {
      scope: 'router',
      rows: ({ id, key, routes }, view) => {
        const own = interfacesOf(id, view)
        return firstTo(routes).flatMap(({ destination: prefix, nexthop }) => {
          const on = own.find(({ up, addresses }) => up && addresses.some(({ cidr }) => isIn(nexthop, cidr)))
          if (on === undefined) return []
          return routesInside({ in: id, router: key, network: on.network, mac: on.mac, prefix, nexthop }, on.mtu, view)
        })
      },
      example: { ...example, prefix: '192.168.0.0/16', nexthop: '10.0.0.5' as string, mtu: 1450, by: 7 },
      flow: row => inside(row, false),
    }),
    each(routers, {
      scope: 'router',
      rows: ({ id, key, routes }, view) => {
        const gateway = gatewayOf(id, view)
        if (!gateway?.up) return []
        const subnets = subnetsOf(gateway.networkId, view)
        const mtu = isTight(id, gateway.mtu, view).inside ? gateway.mtu : undefined
        const row = { in: id, router: key, network: gateway.network, mac: gateway.mac, mtu, by: undefined }
        const inner = interfacesOf(id, view).flatMap(one => (one.up ? one.addresses : []))
        const connected = new Set(subnets.map(({ cidr }) => cidr))
        const extra = firstTo(routes).filter(
          ({ nexthop }) =>
            subnets.some(({ cidr }) => isIn(nexthop, cidr)) && !inner.some(({ cidr }) => isIn(nexthop, cidr)),
        )
        return [
          ...[...connected].map(prefix => ({ ...row, prefix, nexthop: undefined, more: CONNECTED })),
          ...extra.map(({ destination: prefix, nexthop }) => ({ ...row, prefix, nexthop, more: 0 })),
          ...ANY.flatMap(prefix => {
            const up = gateway.addresses.find(({ ip: own, gatewayIp }) => isV6(own) === isV6(prefix) && gatewayIp)
            return up?.gatewayIp ? [{ ...row, prefix, nexthop: up.gatewayIp, more: DEFAULT_GATEWAY - ROUTE }] : []
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
        actions: [external.set(1), ...follow(row), goto(routerFirewall)],
      }),
    }),
  ],
  drops: Object.fromEntries(
    Array.from({ length: 129 }, (_, length) => [ROUTE + 4 * length + CONNECTED + FROM_ONE, 'other_scope']),
  ),
})
