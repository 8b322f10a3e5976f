/**
 * From the network to its local VLAN on this chassis.
 *
 * In:   frames admitted from a tunnel; metadata is their network's key.
 * Out:  br-int, tagged.
 *
 *   table=40, priority=10,metadata=0x3 actions=push_vlan:0x8100,set_field:4098->vlan_vid,output:1
 */
import { drop, output } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { PATCH_INT } from '#model/ofports'
import { networkFacts } from '../facts.ts'
import { tunnelNetwork } from '../registers.ts'
import { pushTag } from '../vlan.ts'

const NETWORK = 10

export const toLocal = table('to_local', {
  bridge: 'br-tun',
  number: 40,
  match: ['metadata'],
  miss: drop(),
  drops: { 0: 'unknown_network' },
  rules: [
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const net = view.value(networkFacts, attachment.network)
        return net === undefined ? [] : [{ in: attachment.chassis, network: net.key, vlan: attachment.localVlan }]
      },
      example: { in: 'host1', network: 3, vlan: 2 },
      flow: ({ network, vlan }) => ({
        priority: NETWORK,
        match: tunnelNetwork.is(network),
        actions: [...pushTag(vlan), output(PATCH_INT)],
      }),
    }),
  ],
})
