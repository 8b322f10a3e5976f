/**
 * Answers ARP for every known address of a network, so that broadcast ARP never leaves the host (l2population).
 *
 * In:   frames of local ports; gratuitous ARP was taken out before, as it must reach the others.
 * Out:  the reply, to the port it came from; probes (sender address 0, RFC 5227), unknown addresses and all that is no
 *       ARP go on.
 *
 *   table=30, priority=10,arp,metadata=0x3,arp_tpa=10.0.0.5,arp_op=1
 *   actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:fa:16:3e:00:00:05->eth_src,set_field:2->arp_op,
 *   move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:fa:16:3e:00:00:05->arp_sha,
 *   move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:10.0.0.5->arp_spa,IN_PORT
 */
import { ARP_REPLY, ARP_REQUEST, arp, goto, IN_PORT, move, output, setField } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { ports } from '#model'
import { isV6 } from '../addresses.ts'
import { addressOwners } from '../facts.ts'
import { network } from '../registers.ts'
import { ndResponder } from './31-nd-responder.ts'

const PROBE = 20
const ANSWER = 10

export const arpResponder = table('arp_responder', {
  bridge: 'br-int',
  number: 30,
  match: ['eth_type', 'metadata', 'arp_op', 'arp_tpa', 'arp_spa'],
  next: [ndResponder],
  fixed: [{ priority: PROBE, match: arp({ arp_spa: '0.0.0.0' }), actions: [goto(ndResponder)] }],
  miss: [goto(ndResponder)],
  rules: [
    each(ports, {
      scope: 'network',
      rows: (port, view) => addressOwners(port, view).filter(owner => !isV6(owner.ip)),
      example: { in: 'net', network: 3, ip: '10.0.0.5', mac: 'fa:16:3e:00:00:05' },
      flow: ({ network: net, ip, mac }) => ({
        priority: ANSWER,
        match: arp({ ...network.is(net), arp_tpa: ip, arp_op: ARP_REQUEST }),
        actions: [
          move('eth_src', 'eth_dst'),
          setField('eth_src', mac),
          setField('arp_op', ARP_REPLY),
          move('arp_sha', 'arp_tha'),
          setField('arp_sha', mac),
          move('arp_spa', 'arp_tpa'),
          setField('arp_spa', ip),
          output(IN_PORT),
        ],
      }),
    }),
  ],
})
