/**
 * Sends an answer back out of the port that the question came in by, tagged as that was.
 *
 * In:   answers of responders and routers.
 * Out:  the port that the packet came in by; with the VLAN tag of the network where that is a provider network.
 *
 *   table=91, priority=10,metadata=0x3,in_port=20 actions=push_vlan:0x8100,set_field:4218->vlan_vid,IN_PORT
 */
import { IN_PORT, output } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { uplinkOf } from '../facts.ts'
import { hasGateways } from '../gateways.ts'
import { network } from '../registers.ts'
import { pushTag } from '../vlan.ts'

const PROVIDER = 10

export const answer = table('answer', {
  bridge: 'br-int',
  number: 91,
  match: ['in_port', 'metadata'],
  miss: [output(IN_PORT)],
  rules: [
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const uplink = uplinkOf(attachment, view)
        if (!uplink || uplink.isTunnel || uplink.vlan === 0 || !hasGateways(attachment.network, view)) return []
        return [{ in: attachment.chassis, network: uplink.network, port: uplink.port, vlan: uplink.vlan }]
      },
      example: { in: 'host1', network: 3, port: 20, vlan: 122 },
      flow: row => ({
        priority: PROVIDER,
        match: { in_port: row.port, ...network.is(row.network) },
        actions: [...pushTag(row.vlan), output(IN_PORT)],
      }),
    }),
  ],
})
