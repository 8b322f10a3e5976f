/**
 * What is for the router itself, and what it must not forward.
 *
 * In:   packets in a router.
 * Out:  router_route, what is to be forwarded. Pings of any address of the router are answered here (RFC 792, RFC 4443), the
 *       answer going back to the port that they came in by; to those that another router sent over the external network it is
 *       routed, as they may have been translated. Other packets for the router, and those whose TTL is used up, go to the
 *       controller, which answers by ICMP; but what comes from inside for the address of the gateway, or for a floating IP of
 *       which ports are forwarded, may answer what went through: it goes out, and comes back in. What a router with firewall
 *       groups is to forward is tracked first, in its zone, unless its connection is known already.
 *
 *   table=44, priority=50,icmp,reg13=0x2,nw_dst=10.0.0.1,icmp_type=8,icmp_code=0
 *   actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG2[0..47],move:NXM_OF_ETH_DST[]->NXM_OF_ETH_SRC[],
 *   move:NXM_NX_XXREG2[0..47]->NXM_OF_ETH_DST[],move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],set_field:10.0.0.1->ip_src,
 *   set_field:0->icmp_type,set_field:64->nw_ttl,goto_table:91
 *   table=44, priority=60,icmp,reg2=0x3/0x3,reg13=0x2,reg14=0x6,nw_dst=203.0.113.2,icmp_type=8,icmp_code=0
 *   actions=move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],set_field:203.0.113.2->ip_src,set_field:0->icmp_type,
 *   set_field:64->nw_ttl,goto_table:45
 *   table=44, priority=40,ip,reg13=0x2,reg14=0x6,nw_dst=203.0.113.9 actions=controller(userdata=02.03)
 *   table=44, priority=16,ip,reg2=0/0x300000,reg13=0x2
 *   actions=set_field:0x3/0x3->reg2,set_field:0x800000/0x800000->reg2,ct(table=45,zone=4098)
 */
import { controller, ct, drop, goto, icmp, icmp6, ip, ipv6, type Match, move, setField } from 'node-openflow/flow'
import { each, type Placed, table } from '#compiler'
import { floatingIps, routerPorts, routers } from '#model'
import { isV6, onWire } from '../addresses.ts'
import { eachFamily } from '../conntrack.ts'
import { routerGuards } from '../firewalls.ts'
import { floatingAtGateway, upGateway } from '../gateways.ts'
import { routerErrorUserdata } from '../packet-in.ts'
import { pick } from '../pick.ts'
import { guarded, neighborMac, ORIGIN, origin, router, routerInterface, WAY, way } from '../registers.ts'
import { routerZone, upInterface } from '../routers.ts'
import { routerRoute } from './45-router-route.ts'
import { answer } from './91-answer.ts'

const ECHO_BACK = 60
const ECHO = 50
const OWN = 40
const NOT_ROUTABLE = 30
const EXPIRED = 20
const UNTRACKED = 16
const GUARDED = 15
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

/** What becomes of a packet for an address of a router. */
type Reaction = 'echo' | 'echo back' | 'not served'

/** An address of a router, and where packets for it come in: undefined is anywhere. */
interface Own {
  readonly router: number
  readonly own: string
  readonly by: number | undefined
  readonly reaction: Reaction
}

const echoed = (own: string) =>
  isV6(own)
    ? [move('ipv6_src', 'ipv6_dst'), setField('ipv6_src', own), setField('icmpv6_type', 129)]
    : [move('ip_src', 'ip_dst'), setField('ip_src', own), setField('icmp_type', 0)]

const HOPS = setField('nw_ttl', 64)

const react = ({ router: key, own, by, reaction }: Own) => {
  const place = { ...router.is(key), ...(by === undefined ? {} : routerInterface.is(by)) }
  if (reaction === 'not served')
    return {
      priority: OWN,
      match: isV6(own) ? ipv6({ ...place, ipv6_dst: own }) : ip({ ...place, ip_dst: own }),
      actions: [controller({ userdata: routerErrorUserdata('notServed') })],
    }
  const isBack = reaction === 'echo back'
  const at = { ...place, ...(isBack ? origin.is(ORIGIN.router) : {}) }
  return {
    priority: isBack ? ECHO_BACK : ECHO,
    match: isV6(own)
      ? icmp6({ ...at, ipv6_dst: own, icmpv6_type: 128, icmpv6_code: 0 })
      : icmp({ ...at, ip_dst: own, icmp_type: 8, icmp_code: 0 }),
    actions: [...[...(isBack ? [] : swapMacs), ...echoed(own), HOPS], isBack ? goto(routerRoute) : goto(answer)],
  }
}

export const routerInput = table('router_input', {
  bridge: 'br-int',
  number: 44,
  match: [
    ...['reg2', 'reg13', 'reg14', 'eth_type', 'ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'nw_ttl', 'nw_proto'],
    ...['icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code'],
  ],
  next: [routerRoute, answer],
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
    ...eachFamily().map(match => ({
      priority: FORWARDED,
      match,
      actions: [origin.set(ORIGIN.router), goto(routerRoute)],
    })),
  ],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upInterface(port, view).flatMap(facts =>
          facts.addresses.flatMap(({ ip: own }): readonly (Own & Placed)[] => [
            { ...pick(facts, 'in', 'router'), own, by: undefined, reaction: 'echo' },
            { ...pick(facts, 'in', 'router'), own, by: undefined, reaction: 'not served' },
          ]),
        ),
      example: { in: 'r', router: 2, own: '10.0.0.1', by: undefined, reaction: 'echo' } as Own & Placed,
      flow: react,
    }),
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upGateway(port, view).flatMap(facts =>
          facts.addresses.flatMap(({ ip: own }): readonly (Own & Placed)[] => [
            { ...pick(facts, 'in', 'router'), own, by: undefined, reaction: 'echo' },
            { ...pick(facts, 'in', 'router'), own, by: facts.port, reaction: 'echo back' },
            { ...pick(facts, 'in', 'router'), own, by: facts.port, reaction: 'not served' },
          ]),
        ),
      example: { in: 'r', router: 2, own: '203.0.113.2', by: 6, reaction: 'echo back' } as Own & Placed,
      flow: react,
    }),
    each(floatingIps, {
      scope: 'router',
      rows: (floatingIp, view) =>
        floatingAtGateway(floatingIp, view)
          .filter(({ fixedIp }) => fixedIp === null)
          .flatMap(facts =>
            (['echo', 'echo back', 'not served'] as const).map((reaction): Own & Placed => ({
              ...pick(facts, 'in', 'router'),
              own: facts.ip,
              by: facts.port,
              reaction,
            })),
          ),
      example: { in: 'r', router: 2, own: '203.0.113.9', by: 6, reaction: 'not served' } as Own & Placed,
      flow: react,
    }),
    each(routers, {
      scope: 'router',
      rows: ({ id, key }, view) =>
        view.value(routerGuards, id) === undefined
          ? []
          : [true, false].flatMap(isUntracked =>
              [false, true].map(v6 => ({ in: id, router: key, zone: routerZone(key), isUntracked, v6 })),
            ),
      example: { in: 'r', router: 2, zone: 4098, isUntracked: true, v6: false },
      flow: ({ router: key, zone, isUntracked, v6 }) => ({
        priority: isUntracked ? UNTRACKED : GUARDED,
        match: (v6 ? ipv6 : ip)({ ...router.is(key), ...(isUntracked ? way.is(WAY.unknown) : {}) }),
        actions: [
          ...[origin.set(ORIGIN.router), guarded.set(1)],
          isUntracked ? ct({ zone, table: routerRoute.number }) : goto(routerRoute),
        ],
      }),
    }),
  ],
})
