/**
 * Looks up the address that somebody asks for, in ARP or neighbour solicitations, so that broadcast ARP never leaves the
 * host (l2population).
 *
 * In:   frames of local ports; gratuitous ARP was taken out before, as it must reach the others.
 * Out:  arp_responder and nd_responder, with what `neighbor` knows of the address. Probes (sender address 0, RFC 5227;
 *       duplicate address detection) and solicitations without a source link-layer address go to l2_lookup, all that asks
 *       nothing to router_admission.
 */
import { ARP_REQUEST, arp, goto, icmp6, move, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { IPV4_MAPPED } from '../addresses.ts'
import { NEIGHBOR_SOLICITATION, NO_OPTION } from '../neighbor-discovery.ts'
import { nothingFound } from '../neighbors.ts'
import { IPV4_ADDRESS, neighborAddress } from '../registers.ts'
import { arpResponder } from './31-arp-responder.ts'
import { ndResponder } from './32-nd-responder.ts'
import { routerAdmission } from './40-router-admission.ts'
import { l2Lookup } from './60-l2-lookup.ts'
import { neighbor } from './102-neighbor.ts'

const PROBE = 20
const QUESTION = 10

const solicitation = { icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0 }

export const addressQuestion = table('address_question', {
  bridge: 'br-int',
  number: 30,
  match: ['eth_type', 'arp_op', 'arp_spa', 'nw_proto', 'icmpv6_type', 'icmpv6_code', 'ipv6_src', 'nd_sll'],
  next: [arpResponder, ndResponder, routerAdmission, l2Lookup, neighbor],
  fixed: [
    ...[arp({ arp_spa: '0.0.0.0' }), icmp6({ ...solicitation, ipv6_src: '::' })].map(match => ({
      priority: PROBE,
      match,
      actions: [goto(l2Lookup)],
    })),
    { priority: PROBE, match: icmp6({ ...solicitation, nd_sll: NO_OPTION }), actions: [goto(l2Lookup)] },
    {
      priority: QUESTION,
      match: arp({ arp_op: ARP_REQUEST }),
      actions: [
        nothingFound,
        neighborAddress.set(IPV4_MAPPED),
        move('arp_tpa', IPV4_ADDRESS),
        resubmit({ table: neighbor }),
        goto(arpResponder),
      ],
    },
    {
      priority: QUESTION,
      match: icmp6(solicitation),
      actions: [
        nothingFound,
        move('nd_target', neighborAddress.part),
        resubmit({ table: neighbor }),
        goto(ndResponder),
      ],
    },
  ],
  miss: [goto(routerAdmission)],
})
