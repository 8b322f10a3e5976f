/**
 * Answers neighbour solicitations (RFC 4861) for every known IPv6 address of a network.
 *
 * In:   frames of local ports.
 * Out:  nd_reply, as an advertisement that lacks only its link-layer address; duplicate address detection (source ::),
 *       solicitations without a source link-layer address, unknown addresses and the rest go on.
 *
 *   table=31, priority=10,icmp6,metadata=0x3,icmp_type=135,icmp_code=0,nd_target=fd00::5
 *   actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:fa:16:3e:00:00:05->eth_src,
 *   move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[],set_field:fd00::5->ipv6_src,set_field:136->icmpv6_type,goto_table:32
 */
import { goto, icmp6, move, setField } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { ports } from '#model'
import { isV6 } from '../addresses.ts'
import { addressOwners } from '../facts.ts'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION, NO_OPTION } from '../neighbor-discovery.ts'
import { network } from '../registers.ts'
import { ndReply } from './32-nd-reply.ts'
import { l2Lookup } from './60-l2-lookup.ts'

const PROBE = 20
const ANSWER = 10

export const ndResponder = table('nd_responder', {
  bridge: 'br-int',
  number: 31,
  match: ['eth_type', 'nw_proto', 'metadata', 'icmpv6_type', 'icmpv6_code', 'nd_target', 'ipv6_src', 'nd_sll'],
  next: [ndReply, l2Lookup],
  fixed: [
    {
      priority: PROBE,
      match: icmp6({ icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0, ipv6_src: '::' }),
      actions: [goto(l2Lookup)],
    },
    {
      priority: PROBE,
      match: icmp6({ icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0, nd_sll: NO_OPTION }),
      actions: [goto(l2Lookup)],
    },
  ],
  miss: [goto(l2Lookup)],
  rules: [
    each(ports, {
      scope: 'network',
      rows: (port, view) => addressOwners(port, view).filter(owner => isV6(owner.ip)),
      example: { in: 'net', network: 3, ip: 'fd00::5', mac: 'fa:16:3e:00:00:05' },
      flow: ({ network: net, ip, mac }) => ({
        priority: ANSWER,
        match: icmp6({ ...network.is(net), icmpv6_type: NEIGHBOR_SOLICITATION, icmpv6_code: 0, nd_target: ip }),
        actions: [
          move('eth_src', 'eth_dst'),
          setField('eth_src', mac),
          move('ipv6_src', 'ipv6_dst'),
          setField('ipv6_src', ip),
          setField('icmpv6_type', NEIGHBOR_ADVERTISEMENT),
          goto(ndReply),
        ],
      }),
    }),
  ],
})
