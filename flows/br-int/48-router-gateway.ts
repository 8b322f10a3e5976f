/**
 * How a packet leaves its router for the outside: as a floating IP from here, or by the gateway, wherever that is.
 *
 * In:   packets for the external network of the router that they are in.
 * Out:  router_snatted, translated, from the addresses of ports of this chassis that have floating IPs here; router_transit,
 *       with the place of the gateway: the first chassis that lives of those that it may be on. What is too big for the
 *       external network goes to the controller, which answers by ICMP. Where networks of the router take more than fits
 *       through a tunnel, the packet's size is compared with that.
 *
 *   table=48, priority=20,ip,reg13=0x2,nw_src=10.0.0.5
 *   actions=set_field:0x3/0x3->reg2,set_field:0xfa163e0000090000000000000000/0xffffffffffff0000000000000000->xxreg2,
 *   ct(commit,table=51,zone=4098,nat(src=203.0.113.9))
 *   table=48, priority=10,reg13=0x2
 *   actions=bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG3[16..31],members:16385,16386),
 *   check_pkt_larger(1464)->NXM_NX_REG2[18],goto_table:49
 */
import { controller, drop, goto, ip } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { chassisPort, floatingIps, routerPorts } from '#model'
import { macBits } from '../addresses.ts'
import { chooseGateway, floatingHere, TRANSIT_MTU, upGateway } from '../gateways.ts'
import { translate } from '../nat.ts'
import { tooBigUserdata } from '../packet-in.ts'
import { pick } from '../pick.ts'
import { ORIGIN, origin, router, routerMac, tooBig } from '../registers.ts'
import { checkSize, isTight } from '../routers.ts'
import { routerTransit } from './49-router-transit.ts'
import { routerSnatted } from './51-router-snatted.ts'

const TOO_BIG = 30
const FLOATING_IP = 20
const GATEWAY = 10

export const routerGateway = table('router_gateway', {
  bridge: 'br-int',
  number: 48,
  match: ['reg2', 'reg13', 'eth_type', 'ip_src'],
  next: [routerTransit, routerSnatted],
  miss: drop(),
  drops: { 0: 'no_gateway' },
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upGateway(port, view)
          .filter(facts => isTight(facts.in, facts.mtu, view).inside)
          .map(facts => pick(facts, 'in', 'router', 'mtu')),
      example: { in: 'r', router: 2, mtu: 1400 },
      flow: row => ({
        priority: TOO_BIG,
        match: { ...router.is(row.router), ...tooBig.is(1) },
        actions: [controller({ userdata: tooBigUserdata(row.mtu) })],
      }),
    }),
    each(floatingIps, {
      scope: 'chassis',
      rows: (floatingIp, view) =>
        floatingHere(floatingIp, view).map(facts => pick(facts, 'in', 'router', 'ip', 'fixedIp', 'mac')),
      example: { in: 'host1', router: 2, ip: '203.0.113.9', fixedIp: '10.0.0.5', mac: 'fa:16:3e:00:00:09' },
      flow: row => ({
        priority: FLOATING_IP,
        match: ip({ ...router.is(row.router), ip_src: row.fixedIp }),
        actions: [
          origin.set(ORIGIN.router),
          routerMac.set(macBits(row.mac)),
          translate(row.router, routerSnatted, { direction: 'src', ip: row.ip }),
        ],
      }),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upGateway(port, view).map(facts => ({
          ...pick(facts, 'in', 'router', 'at'),
          isChecked: isTight(facts.in, TRANSIT_MTU, view).inside,
        })),
      example: {
        ...{ in: 'r', router: 2, isChecked: true },
        at: [chassisPort(1), chassisPort(2)] as readonly number[],
      },
      flow: row => ({
        priority: GATEWAY,
        match: router.is(row.router),
        actions: [chooseGateway(row.at), ...(row.isChecked ? [checkSize(TRANSIT_MTU)] : []), goto(routerTransit)],
      }),
    }),
  ],
})
