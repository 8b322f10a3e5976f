/**
 * What is for the router itself, and what it must not forward.
 *
 * In:   packets in a router.
 * Out:  router_route, what is to be forwarded. Pings of any address of the router are answered here (RFC 792, RFC 4443).
 *       Other packets for it, and those whose TTL is used up, go to the controller, which answers by ICMP.
 *
 *   table=44, priority=50,icmp,reg13=0x2,nw_dst=10.0.0.1,icmp_type=8,icmp_code=0
 *   actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG2[0..47],move:NXM_OF_ETH_DST[]->NXM_OF_ETH_SRC[],
 *   move:NXM_NX_XXREG2[0..47]->NXM_OF_ETH_DST[],move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],set_field:10.0.0.1->ip_src,
 *   set_field:0->icmp_type,set_field:64->nw_ttl,IN_PORT
 */
import {
  controller,
  drop,
  goto,
  IN_PORT,
  icmp,
  icmp6,
  ip,
  ipv6,
  type Match,
  move,
  output,
  setField,
} from 'node-openflow/flow'
import { each, table } from '#compiler'
import { routerPorts } from '#model'
import { isV6, onWire } from '../addresses.ts'
import { eachFamily } from '../conntrack.ts'
import { routerErrorUserdata } from '../packet-in.ts'
import { neighborMac, router } from '../registers.ts'
import { interfaceFacts } from '../routers.ts'
import { routerRoute } from './45-router-route.ts'

const ECHO = 50
const OWN = 40
const NOT_ROUTABLE = 30
const EXPIRED = 20
const FORWARDED = 10

/** What routers do not forward: link-local, multicast, unspecified and loopback addresses (RFC 1812, RFC 4291). */
const notRoutable: readonly Match[] = [
  ...['224.0.0.0/3', '169.254.0.0/16', '127.0.0.0/8', '0.0.0.0/8'].map(to => ip({ ip_dst: onWire(to) })),
  ...['224.0.0.0/3', '169.254.0.0/16', '127.0.0.0/8', '0.0.0.0/8'].map(from => ip({ ip_src: onWire(from) })),
  ...['fe80::/10', 'ff00::/8', '::/127'].map(to => ipv6({ ipv6_dst: onWire(to) })),
  ...['fe80::/10', 'ff00::/8', '::/127'].map(from => ipv6({ ipv6_src: onWire(from) })),
]

const swapMacs = [
  move('eth_src', neighborMac.part),
  move('eth_dst', 'eth_src'),
  move(neighborMac.part, 'eth_dst'),
] as const

const HOPS = setField('nw_ttl', 64)

const echo = (key: number, own: string) =>
  isV6(own)
    ? {
        match: icmp6({ ...router.is(key), ipv6_dst: own, icmpv6_type: 128, icmpv6_code: 0 }),
        actions: [
          ...[...swapMacs, move('ipv6_src', 'ipv6_dst'), setField('ipv6_src', own)],
          ...[setField('icmpv6_type', 129), HOPS, output(IN_PORT)],
        ],
      }
    : {
        match: icmp({ ...router.is(key), ip_dst: own, icmp_type: 8, icmp_code: 0 }),
        actions: [
          ...[...swapMacs, move('ip_src', 'ip_dst'), setField('ip_src', own)],
          ...[setField('icmp_type', 0), HOPS, output(IN_PORT)],
        ],
      }

const notServed = (key: number, own: string) => ({
  match: isV6(own) ? ipv6({ ...router.is(key), ipv6_dst: own }) : ip({ ...router.is(key), ip_dst: own }),
  actions: [controller({ userdata: routerErrorUserdata('notServed') })],
})

export const routerInput = table('router_input', {
  bridge: 'br-int',
  number: 44,
  match: [
    ...['reg13', 'eth_type', 'ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'nw_ttl', 'nw_proto'],
    ...['icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code'],
  ],
  next: [routerRoute],
  miss: drop(),
  drops: { [NOT_ROUTABLE]: 'not_routable', 0: 'not_routable' },
  fixed: [
    ...notRoutable.map(match => ({ priority: NOT_ROUTABLE, match, actions: drop() })),
    ...[0, 1]
      .flatMap(ttl => eachFamily({ nw_ttl: ttl }))
      .map(match => ({
        priority: EXPIRED,
        match,
        actions: [controller({ userdata: routerErrorUserdata('expired') })],
      })),
    ...eachFamily().map(match => ({ priority: FORWARDED, match, actions: [goto(routerRoute)] })),
  ],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(interfaceFacts, id)
        if (!facts?.up) return []
        const { in: of, router: key, addresses } = facts
        return addresses.flatMap(({ ip: own }) => [true, false].map(isEcho => ({ in: of, router: key, own, isEcho })))
      },
      example: { in: 'r', router: 2, own: '10.0.0.1', isEcho: true },
      flow: row => ({
        priority: row.isEcho ? ECHO : OWN,
        ...(row.isEcho ? echo : notServed)(row.router, row.own),
      }),
    }),
  ],
})
