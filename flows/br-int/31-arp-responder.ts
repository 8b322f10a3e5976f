/**
 * Answers ARP for every known address of a network.
 *
 * In:   ARP requests of local ports, and from outside for addresses of routers; found says whether the address is known, with
 *       its MAC.
 * Out:  answer, the reply; requests for other addresses go on to l2_lookup.
 */
import { ARP_REPLY, ARP_REQUEST, arp, goto, move, setField } from 'node-openflow/flow'
import { table } from '#compiler'
import { found, IPV4_ADDRESS, neighborMac } from '../registers.ts'
import { l2Lookup } from './60-l2-lookup.ts'
import { answer } from './91-answer.ts'

const ANSWER = 10

export const arpResponder = table('arp_responder', {
  bridge: 'br-int',
  number: 31,
  match: ['reg2', 'eth_type', 'arp_op'],
  next: [l2Lookup, answer],
  miss: [goto(l2Lookup)],
  fixed: [
    {
      priority: ANSWER,
      match: arp({ ...found.is(1), arp_op: ARP_REQUEST }),
      actions: [
        move('eth_src', 'eth_dst'),
        move(neighborMac.part, 'eth_src'),
        setField('arp_op', ARP_REPLY),
        move('arp_sha', 'arp_tha'),
        move(neighborMac.part, 'arp_sha'),
        move('arp_spa', 'arp_tpa'),
        move(IPV4_ADDRESS, 'arp_spa'),
        goto(answer),
      ],
    },
  ],
})
