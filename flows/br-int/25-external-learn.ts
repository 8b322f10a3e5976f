/**
 * Learns the MACs of hosts and routers outside from the ARP and neighbour discovery that they send, so that routers know their
 * next hops there. On every chassis with the network: one that stands by as a gateway knows them as well.
 *
 * In:   frames from a provider network on which routers have gateways.
 * Out:  external_input.
 *
 * Addresses of the network's subnets are learned for ten minutes without use, 4,096 at most; gateways of subnets for good.
 *
 *   table=25, priority=10,arp,metadata=0x3,arp_spa=203.0.113.0/24
 *   actions=learn(table=103,idle_timeout=600,priority=10,delete_learned,cookie=0xf10f020000000003,limit=4096,
 *   OXM_OF_METADATA[],NXM_NX_XXREG1[0..31]=NXM_OF_ARP_SPA[],NXM_NX_XXREG1[32..127]=0xffff,
 *   load:NXM_NX_ARP_SHA[]->NXM_NX_XXREG2[0..47],load:0xffffffff->NXM_NX_REG1[],load:0x1->NXM_NX_REG2[13],
 *   load:0->NXM_NX_REG2[14]),goto_table:26
 */
import { arp, goto, icmp6 } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { subnets } from '#model'
import { isV6, onWire } from '../addresses.ts'
import { networkFacts } from '../facts.ts'
import { hasGateways } from '../gateways.ts'
import { learnedNextHop, type NextHopSource } from '../learning.ts'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NO_OPTION } from '../neighbor-discovery.ts'
import { network } from '../registers.ts'
import { subnetFacts } from '../routers.ts'
import { externalInput } from './26-external-input.ts'

const NOT_LEARNED = 30
const GATEWAY = 20
const HOST = 10

const solicitation = { icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0 }
const advertisement = { icmpv6_type: NEIGHBOR_ADVERTISEMENT, icmpv6_code: 0 }

/** What says that an address, or one of a prefix, has a MAC. */
const saying = (source: NextHopSource, of: string) => {
  if (source === 'arp') return arp({ arp_spa: onWire(of) })
  return source === 'advertisement'
    ? icmp6({ ...advertisement, nd_target: onWire(of) })
    : icmp6({ ...solicitation, ipv6_src: onWire(of) })
}

export const externalLearn = table('external_learn', {
  bridge: 'br-int',
  number: 25,
  match: [
    ...['metadata', 'eth_type', 'arp_spa', 'nw_proto', 'icmpv6_type', 'icmpv6_code', 'nd_target', 'ipv6_src'],
    ...['nd_sll', 'nd_tll'],
  ],
  next: [externalInput],
  miss: [goto(externalInput)],
  fixed: [icmp6({ ...solicitation, nd_sll: NO_OPTION }), icmp6({ ...advertisement, nd_tll: NO_OPTION })].map(match => ({
    priority: NOT_LEARNED,
    match,
    actions: [goto(externalInput)],
  })),
  rules: [
    each(subnets, {
      scope: 'network',
      rows: ({ id, networkId }, view) => {
        const [facts, net] = [view.value(subnetFacts, id), view.value(networkFacts, networkId)]
        if (facts === undefined || net === undefined || !hasGateways(networkId, view)) return []
        const sources: readonly NextHopSource[] = isV6(facts.cidr) ? ['advertisement', 'solicitation'] : ['arp']
        return sources.flatMap(source => {
          const row = { in: networkId, network: net.key, source }
          const host = { ...row, of: facts.cidr, isGateway: false }
          return facts.gatewayIp === null ? [host] : [host, { ...row, of: facts.gatewayIp, isGateway: true }]
        })
      },
      example: { in: 'net', network: 3, source: 'arp' as NextHopSource, of: '203.0.113.0/24', isGateway: false },
      flow: row => ({
        priority: row.isGateway ? GATEWAY : HOST,
        match: { ...network.is(row.network), ...saying(row.source, row.of) },
        actions: [learnedNextHop(row.network, row.source, row.isGateway), goto(externalInput)],
      }),
    }),
  ],
})
