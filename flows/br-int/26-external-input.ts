/**
 * Questions from outside for addresses of routers: what is to be answered, and by whom.
 *
 * In:   frames from a provider network on which routers have gateways.
 * Out:  ARP requests for floating IPs of this chassis to arp_responder; those, and neighbour solicitations, for addresses of
 *       gateways, and for floating IPs that are there, to external_responder, with the place of the gateway. The rest to
 *       router_admission.
 *
 *   table=26, priority=10,arp,metadata=0x3,arp_tpa=203.0.113.9,arp_op=1
 *   actions=set_field:0x6000/0x6000->reg2,set_field:0xfa163e000009/0xffffffffffff->xxreg2,
 *   set_field:0xffffcb007109->xxreg1,bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG3[16..31],members:16385,16386),
 *   goto_table:27
 *   table=26, priority=10,arp,metadata=0x3,arp_tpa=203.0.113.9,arp_op=1
 *   actions=set_field:0x6000/0x6000->reg2,set_field:0xfa163e000009/0xffffffffffff->xxreg2,
 *   set_field:0xffffcb007109->xxreg1,goto_table:31
 */
import { ARP_REQUEST, arp, goto, icmp6 } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { chassisPort, floatingIps, routerPorts } from '#model'
import { addressBits, isV6 } from '../addresses.ts'
import { chooseGateway, floatingAtGateway, floatingHere, upGateway } from '../gateways.ts'
import { NEIGHBOR_SOLICITATION } from '../neighbor-discovery.ts'
import { foundNeighbor } from '../neighbors.ts'
import { pick } from '../pick.ts'
import { neighborAddress, network } from '../registers.ts'
import { externalResponder } from './27-external-responder.ts'
import { arpResponder } from './31-arp-responder.ts'
import { routerAdmission } from './40-router-admission.ts'

const QUESTION = 10

/** An address of a network, and its MAC. */
interface Asked {
  readonly network: number
  readonly ip: string
  readonly mac: string
}

const question = ({ network: net, ip }: Asked) =>
  isV6(ip)
    ? icmp6({ ...network.is(net), icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0, nd_target: ip })
    : arp({ ...network.is(net), arp_tpa: ip, arp_op: ARP_REQUEST })

const known = ({ ip, mac }: Asked) => [...foundNeighbor(mac, true), neighborAddress.set(addressBits(ip))]

const atGateway = (row: Asked & { readonly at: readonly number[] }) => ({
  priority: QUESTION,
  match: question(row),
  actions: [...known(row), chooseGateway(row.at), goto(externalResponder)],
})

const asked = { network: 3, ip: '203.0.113.9', mac: 'fa:16:3e:00:00:09' } as const
const example = { in: 'r', ...asked, at: [chassisPort(1), chassisPort(2)] as readonly number[] }

export const externalInput = table('external_input', {
  bridge: 'br-int',
  number: 26,
  match: ['metadata', 'eth_type', 'arp_op', 'arp_tpa', 'nw_proto', 'icmpv6_type', 'icmpv6_code', 'nd_target'],
  next: [externalResponder, arpResponder, routerAdmission],
  miss: [goto(routerAdmission)],
  rules: [
    each(routerPorts, {
      scope: 'router',
      rows: (port, view) =>
        upGateway(port, view).flatMap(facts =>
          facts.addresses.map(({ ip }) => ({ ...pick(facts, 'in', 'network', 'mac', 'at'), ip })),
        ),
      example,
      flow: atGateway,
    }),
    each(floatingIps, {
      scope: 'router',
      rows: (floatingIp, view) =>
        floatingAtGateway(floatingIp, view).map(facts => pick(facts, 'in', 'network', 'mac', 'at', 'ip')),
      example,
      flow: atGateway,
    }),
    each(floatingIps, {
      scope: 'chassis',
      rows: (floatingIp, view) =>
        floatingHere(floatingIp, view).map(facts => pick(facts, 'in', 'network', 'mac', 'ip')),
      example: { in: 'host1', ...asked },
      flow: row => ({ priority: QUESTION, match: question(row), actions: [...known(row), goto(arpResponder)] }),
    }),
  ],
})
