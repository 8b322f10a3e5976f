/**
 * Lets a question from outside be answered on one chassis: where the gateway is that it is about.
 *
 * In:   ARP requests and neighbour solicitations for addresses of gateways, with what is known of them, and where the
 *       gateway is.
 * Out:  arp_responder and nd_responder, where that is here.
 *
 *   table=27, priority=10,arp,reg3=0x40010000/0xffff0000 actions=goto_table:31
 *   table=27, priority=10,ipv6,reg3=0x40010000/0xffff0000 actions=goto_table:32
 */
import { arp, drop, goto, ipv6 } from 'node-openflow/flow'
import { table } from '#compiler'
import { eachGatewayChassis } from '../gateway-rules.ts'
import { gateway } from '../registers.ts'
import { arpResponder } from './31-arp-responder.ts'
import { ndResponder } from './32-nd-responder.ts'

const HERE = 10

export const externalResponder = table('external_responder', {
  bridge: 'br-int',
  number: 27,
  match: ['eth_type', 'reg3'],
  next: [arpResponder, ndResponder],
  miss: drop(),
  drops: { 0: 'standby' },
  rules: [
    eachGatewayChassis(({ here }) => ({
      priority: HERE,
      match: arp(gateway.is(here)),
      actions: [goto(arpResponder)],
    })),
    eachGatewayChassis(({ here }) => ({
      priority: HERE,
      match: ipv6(gateway.is(here)),
      actions: [goto(ndResponder)],
    })),
  ],
})
