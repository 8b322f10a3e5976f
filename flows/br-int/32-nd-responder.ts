/**
 * Answers neighbour solicitations (RFC 4861) for every known IPv6 address of a network.
 *
 * In:   neighbour solicitations of local ports, and from outside for addresses of routers; found says whether the
 *       address is known, with its MAC.
 * Out:  nd_reply, as an advertisement that lacks only its flags and its link-layer address; solicitations for other
 *       addresses go on.
 */
import { goto, icmp6, move, setField } from 'node-openflow/flow'
import { table } from '#compiler'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION } from '../neighbor-discovery.ts'
import { found, neighborAddress, neighborMac } from '../registers.ts'
import { ndReply } from './33-nd-reply.ts'
import { l2Lookup } from './60-l2-lookup.ts'

const ANSWER = 10

export const ndResponder = table('nd_responder', {
  bridge: 'br-int',
  number: 32,
  match: ['reg2', 'eth_type', 'nw_proto', 'icmpv6_type', 'icmpv6_code'],
  next: [ndReply, l2Lookup],
  miss: [goto(l2Lookup)],
  fixed: [
    {
      priority: ANSWER,
      match: icmp6({ ...found.is(1), icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0 }),
      actions: [
        move('eth_src', 'eth_dst'),
        move(neighborMac.part, 'eth_src'),
        move('ipv6_src', 'ipv6_dst'),
        move(neighborAddress.part, 'ipv6_src'),
        setField('icmpv6_type', NEIGHBOR_ADVERTISEMENT),
        goto(ndReply),
      ],
    },
  ],
})
