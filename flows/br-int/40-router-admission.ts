/**
 * Lets routers have what is sent to them. Routing is done where the sender is, so what local ports send is for a router here;
 * what comes from outside, for a gateway or a floating IP.
 *
 * In:   frames of local ports that may be sent; from a provider network, what is no question; from router_neighbor, what one
 *       router sends to the next.
 * Out:  router_input, for the MAC of an interface on the frame's network; router_unnat, for that of a floating IP of this
 *       chassis; gateway_admission, for that of a gateway or of a floating IP that is there, with the place of the gateway. What a
 *       router sends to an address of a router that is not here, out of the chassis. The rest to l2_lookup. Here the last
 *       verdict in the sender's network is spoken: its connection is committed there, and then forgotten, so that the
 *       receiver is judged by a pass of its own in the zone of the network that the packet goes to.
 *
 *   table=40, priority=10,metadata=0x3,dl_dst=fa:16:3e:00:00:01
 *   actions=resubmit(,101),ct_clear,set_field:0/0x400->reg2,set_field:0/0x20000->reg2,set_field:0/0x2b00000->reg2,set_field:0x2->reg13,
 *   set_field:0x6->reg14,goto_table:44
 *   table=40, priority=10,metadata=0x3,dl_dst=fa:16:3e:00:00:01
 *   actions=set_field:0x2->reg13,set_field:0x6->reg14,bundle_load(eth_src,0,active_backup,ofport,
 *   NXM_NX_REG3[16..31],members:16385,16386),goto_table:41
 */
import { type Action, drop, goto, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { chassisPort, floatingIps, routerPorts } from '#model'
import { chooseGateway, floatingAtGateway, floatingHere, gatewayFacts } from '../gateways.ts'
import { pick } from '../pick.ts'
import { network, ORIGIN, origin, router, routerInterface } from '../registers.ts'
import { ROUTER_ADMISSION } from '../restart.ts'
import { enterRouter, interfaceFacts, leaveRouter } from '../routers.ts'
import { gatewayAdmission } from './41-gateway-admission.ts'
import { routerUnnat } from './42-router-unnat.ts'
import { routerInput } from './44-router-input.ts'
import { l2Lookup } from './60-l2-lookup.ts'
import { receiver } from './65-receiver.ts'
import { commitTable } from './101-commit.ts'

const INTERFACE = 10
const ELSEWHERE = 5

/** A MAC of a router on a network. */
interface Entrance {
  readonly router: number
  /** Key of the interface or gateway. */
  readonly port: number
  readonly network: number
  readonly mac: string
  readonly up: boolean
}

/** What rows have of an entrance, beside whether it is up. */
const entrance = ['in', 'router', 'port', 'network', 'mac'] as const

const enter = (row: Entrance, ...actions: readonly Action[]) => ({
  priority: INTERFACE,
  match: { ...network.is(row.network), eth_dst: row.mac },
  actions: row.up ? actions : drop(),
})

const place = (row: Entrance) => [router.set(row.router), routerInterface.set(row.port)]

const atGateway = (row: Entrance & { readonly at: readonly number[] }) =>
  enter(row, ...place(row), chooseGateway(row.at), goto(gatewayAdmission))

const example: Entrance = { router: 2, port: 6, network: 3, mac: 'fa:16:3e:00:00:01', up: true }
const gatewayExample = { in: 'r', ...example, at: [chassisPort(1), chassisPort(2)] as readonly number[] }

export const routerAdmission = table('router_admission', {
  bridge: 'br-int',
  number: ROUTER_ADMISSION,
  match: ['metadata', 'eth_dst', 'reg2'],
  next: [gatewayAdmission, routerUnnat, routerInput, l2Lookup, receiver, commitTable],
  miss: [goto(l2Lookup)],
  drops: { [INTERFACE]: 'router_down' },
  fixed: [{ priority: ELSEWHERE, match: origin.is(ORIGIN.router), actions: [...leaveRouter, goto(receiver)] }],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(interfaceFacts, id)
        return facts === undefined ? [] : [pick(facts, ...entrance, 'up')]
      },
      example: { in: 'r', ...example },
      flow: row => enter(row, resubmit({ table: commitTable }), ...enterRouter, ...place(row), goto(routerInput)),
    }),
    each(routerPorts, {
      scope: 'router',
      rows: ({ id }, view) => {
        const facts = view.value(gatewayFacts, id)
        return facts === undefined ? [] : [pick(facts, ...entrance, 'up', 'at')]
      },
      example: gatewayExample,
      flow: atGateway,
    }),
    each(floatingIps, {
      scope: 'router',
      rows: (floatingIp, view) =>
        floatingAtGateway(floatingIp, view).map(facts => ({ ...pick(facts, ...entrance, 'at'), up: true })),
      example: gatewayExample,
      flow: atGateway,
    }),
    each(floatingIps, {
      scope: 'chassis',
      rows: (floatingIp, view) =>
        floatingHere(floatingIp, view).map(facts => ({ ...pick(facts, ...entrance), up: true })),
      example: { in: 'host1', ...example },
      flow: row => enter(row, resubmit({ table: commitTable }), ...enterRouter, ...place(row), goto(routerUnnat)),
    }),
  ],
})
