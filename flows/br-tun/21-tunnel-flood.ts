/**
 * Copies a frame to every chassis with members of its network: head-end replication. The same flow on every chassis: the
 * own one is among them, and vtep drops that copy.
 *
 * In:   broadcast, multicast and unknown unicast that leaves.
 * Out:  vtep, once for each chassis.
 *
 * A network has at most 500 such chassis: beyond, the datapath's actions for one packet would pass 64 kB, where it stops
 * without a word.
 *
 *   table=21, priority=10,metadata=0x3 actions=set_field:0x1->reg1,resubmit(,22)
 */
import { drop, resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { chassisFacts, tunnelSegmentAt } from '../facts.ts'
import { destinationChassis, tunnelNetwork } from '../registers.ts'
import { vtep } from './22-vtep.ts'

const MEMBERS = 10

const LIMIT = 500

export const tunnelFlood = table('tunnel_flood', {
  bridge: 'br-tun',
  number: 21,
  match: ['metadata'],
  next: [vtep],
  miss: drop(),
  drops: { 0: 'no_member' },
  rules: [
    each(attachments, {
      scope: 'network',
      merge: 'union',
      limit: LIMIT,
      order: row => row.chassis,
      rows: (attachment, view) => {
        const reach = tunnelSegmentAt(attachment, view)
        const at = view.value(chassisFacts, attachment.chassis)
        return !attachment.isMember || reach === undefined || !at?.tunnelIp
          ? []
          : [{ in: attachment.network, network: reach.network, chassis: at.key }]
      },
      example: { in: 'net', network: 3, chassis: 1 },
      flow: ({ network, chassis }) => ({
        priority: MEMBERS,
        match: tunnelNetwork.is(network),
        actions: [destinationChassis.set(chassis), resubmit({ table: vtep })],
      }),
    }),
  ],
})
