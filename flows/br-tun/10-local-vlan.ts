/**
 * From the local VLAN to the network: its key, the VNI and the kind of tunnel.
 *
 * In:   frames from br-int, tagged with the local VLAN of their network on this chassis.
 * Out:  unicast, untagged; tun_id and the tunnel port are set.
 *
 *   table=10, priority=10,dl_vlan=2
 *   actions=pop_vlan,set_field:0x3->metadata,set_field:0x64->tun_id,set_field:0x2->reg2,goto_table:20
 */
import { drop, goto, popVlan, setField } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { TUNNEL_PORTS } from '#model/ofports'
import { tunnelSegmentAt } from '../facts.ts'
import { tunnelNetwork, tunnelPort } from '../registers.ts'
import { tagged } from '../vlan.ts'
import { unicast } from './20-unicast.ts'

const NETWORK = 10

export const localVlan = table('local_vlan', {
  bridge: 'br-tun',
  number: 10,
  match: ['vlan_vid'],
  next: [unicast],
  miss: drop(),
  drops: { 0: 'unknown_network' },
  rules: [
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const reach = tunnelSegmentAt(attachment, view)
        return reach === undefined
          ? []
          : [
              {
                in: attachment.chassis,
                vlan: attachment.localVlan,
                network: reach.network,
                vni: reach.vni,
                port: TUNNEL_PORTS[reach.type],
              },
            ]
      },
      example: { in: 'host1', vlan: 2, network: 3, vni: 100, port: 2 as number },
      flow: ({ vlan, network, vni, port }) => ({
        priority: NETWORK,
        match: { vlan_vid: tagged(vlan) },
        actions: [
          popVlan(),
          tunnelNetwork.set(network),
          setField('tun_id', BigInt(vni)),
          tunnelPort.set(port),
          goto(unicast),
        ],
      }),
    }),
  ],
})
