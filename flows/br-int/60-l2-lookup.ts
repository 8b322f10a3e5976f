/**
 * Where a frame goes: the port that has its destination address. The same flows on every chassis that
 * has members of the network; one that only routes to it finds the receiver in `neighbor`.
 *
 * In:   frames that may be sent; metadata is their network's key.
 * Out:  receiver, with the destination port's key; flood_conntrack for broadcast and multicast; an address that is no
 *       port's is looked up among those learned. ARP requests and neighbour solicitations that come in from a provider network
 *       for an address of the model go to its port alone. Where an external network has no member, its frames end here.
 *
 *   table=60, priority=20,metadata=0x3,dl_dst=fa:16:3e:00:00:05 actions=set_field:0x5->reg1,goto_table:65
 *   table=60, priority=30,arp,reg2=0x2/0x3,metadata=0x3,arp_tpa=10.0.0.5,arp_op=1
 *   actions=set_field:0x5->reg1,goto_table:65
 */
import { ARP_REQUEST, arp, drop, goto, icmp6, masked, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments, ports } from '#model'
import { isV6 } from '../addresses.ts'
import { addressOwners, networkFacts, portFacts } from '../facts.ts'
import { hasGateways } from '../gateways.ts'
import { NEIGHBOR_SOLICITATION } from '../neighbor-discovery.ts'
import { destinationPort, network, ORIGIN, origin } from '../registers.ts'
import { L2_LOOKUP } from '../restart.ts'
import { l2Learned } from './61-l2-learned.ts'
import { l2Unknown } from './62-l2-unknown.ts'
import { floodConntrack } from './63-flood-conntrack.ts'
import { receiver } from './65-receiver.ts'

const NO_MEMBER = 40
const ASKED_FROM_OUTSIDE = 30
const KNOWN = 20
const GROUP = 10

export const l2Lookup = table('l2_lookup', {
  bridge: 'br-int',
  number: L2_LOOKUP,
  match: ['metadata', 'eth_dst', 'eth_type', 'reg2', 'arp_op', 'arp_tpa', 'nw_proto', 'icmpv6_type', 'nd_target'],
  next: [receiver, floodConntrack, l2Learned, l2Unknown],
  fixed: [
    {
      priority: GROUP,
      match: { eth_dst: masked('01:00:00:00:00:00', '01:00:00:00:00:00') },
      actions: [goto(floodConntrack)],
    },
  ],
  miss: [resubmit({ table: l2Learned }), goto(l2Unknown)],
  drops: { [NO_MEMBER]: 'no_member' },
  rules: [
    each(attachments, {
      scope: 'chassis',
      rows: ({ chassis, network: id, isMember }, view) => {
        const net = view.value(networkFacts, id)
        return net === undefined || isMember || !hasGateways(id, view) ? [] : [{ in: chassis, network: net.key }]
      },
      example: { in: 'host1', network: 3 },
      flow: row => ({ priority: NO_MEMBER, match: network.is(row.network), actions: drop() }),
    }),
    each(ports, {
      scope: 'member',
      rows: (port, view) => {
        const facts = view.value(portFacts, port.id)
        return facts === undefined
          ? []
          : [{ in: facts.network, network: facts.networkKey, mac: facts.mac, port: facts.key }]
      },
      example: { in: 'net', network: 3, mac: 'fa:16:3e:00:00:05', port: 5 },
      flow: ({ network: net, mac, port }) => ({
        priority: KNOWN,
        match: { ...network.is(net), eth_dst: mac },
        actions: [destinationPort.set(port), goto(receiver)],
      }),
    }),
    each(ports, {
      scope: 'member',
      rows: (port, view) =>
        view.value(networkFacts, port.networkId)?.segments.some(s => s.physicalNetwork !== undefined)
          ? addressOwners(port, view).map(owner => ({ ...owner, port: port.key }))
          : [],
      example: { in: 'net', network: 3, ip: '10.0.0.5', mac: 'fa:16:3e:00:00:05', port: 5 },
      flow: ({ network: net, ip, port }) => ({
        priority: ASKED_FROM_OUTSIDE,
        match: {
          ...(isV6(ip)
            ? icmp6({ icmpv6_type: NEIGHBOR_SOLICITATION, nd_target: ip })
            : arp({ arp_tpa: ip, arp_op: ARP_REQUEST })),
          ...network.is(net),
          ...origin.is(ORIGIN.provider),
        },
        actions: [destinationPort.set(port), goto(receiver)],
      }),
    }),
  ],
})
