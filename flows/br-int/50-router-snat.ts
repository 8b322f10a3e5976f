/**
 * Translates what leaves by the gateway: its sender's address becomes one of the external network.
 *
 * In:   packets for the outside, on the chassis where the gateway is.
 * Out:  router_snatted: from a port that has a floating IP there, as that; else as the gateway's address. Senders of the
 *       address scope of the external network keep their addresses, as all do where the router does not translate; but
 *       answers by forwarded ports come from the floating IP. IPv6 goes on to network_zone, its connection known to the
 *       firewall of the router.
 *
 *   table=50, priority=30,ip,reg13=0x2,nw_src=10.0.0.5
 *   actions=set_field:0xfa163e0000090000000000000000/0xffffffffffff0000000000000000->xxreg2,ct(commit,table=51,
 *   zone=4098,nat(src=203.0.113.9))
 *   table=50, priority=20,ip,reg13=0x2,nw_src=10.0.0.0/24 actions=ct(table=51,zone=4098,nat)
 *   table=50, priority=10,ip,reg13=0x2 actions=ct(commit,table=51,zone=4098,nat(src=203.0.113.2))
 */
import { drop, goto, ip, ipv6, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { floatingIps, routerPorts } from '#model'
import { macBits, onWire } from '../addresses.ts'
import { eachSnatAddress } from '../gateway-rules.ts'
import { floatingAtGateway, untranslated, upGateway } from '../gateways.ts'
import { translate } from '../nat.ts'
import { pick } from '../pick.ts'
import { router, routerMac } from '../registers.ts'
import { routerSnatted } from './51-router-snatted.ts'
import { networkZone } from './52-network-zone.ts'
import { routerCommit } from './118-router-commit.ts'

const FLOATING_IP = 30
const UNTRANSLATED = 20
const GATEWAY = 10

export const routerSnat = table('router_snat', {
  bridge: 'br-int',
  number: 50,
  match: ['reg13', 'eth_type', 'ip_src'],
  next: [routerSnatted, networkZone, routerCommit],
  miss: drop(),
  drops: { 0: 'no_translation' },
  fixed: [{ priority: GATEWAY, match: ipv6(), actions: [resubmit({ table: routerCommit }), goto(networkZone)] }],
  rules: [
    each(floatingIps, {
      scope: 'router',
      rows: (floatingIp, view) =>
        floatingAtGateway(floatingIp, view).flatMap(({ fixedIp, ...facts }) =>
          fixedIp === null ? [] : [{ ...pick(facts, 'in', 'router', 'ip', 'mac'), fixedIp }],
        ),
      example: { in: 'r', router: 2, ip: '203.0.113.9', fixedIp: '10.0.0.5', mac: 'fa:16:3e:00:00:09' },
      flow: row => ({
        priority: FLOATING_IP,
        match: ip({ ...router.is(row.router), ip_src: row.fixedIp }),
        actions: [
          routerMac.set(macBits(row.mac)),
          translate(row.router, routerSnatted, { direction: 'src', ip: row.ip }),
        ],
      }),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upGateway(port, view).flatMap(facts =>
          untranslated(facts, view).map(prefix => ({ ...pick(facts, 'in', 'router'), prefix })),
        ),
      example: { in: 'r', router: 2, prefix: '10.0.0.0/24' as string | undefined },
      flow: row => ({
        priority: row.prefix === undefined ? GATEWAY : UNTRANSLATED,
        match: ip({ ...router.is(row.router), ...(row.prefix === undefined ? {} : { ip_src: onWire(row.prefix) }) }),
        actions: [translate(row.router, routerSnatted)],
      }),
    }),
    eachSnatAddress(row => ({
      priority: GATEWAY,
      match: ip(router.is(row.router)),
      actions: [translate(row.router, routerSnatted, { direction: 'src', ip: row.ip })],
    })),
  ],
})
