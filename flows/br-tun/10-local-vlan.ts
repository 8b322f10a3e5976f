/**
 * From the local VLAN to the network: its key, the VNI and the kind of tunnel. What goes to the gateway of a router has
 * another VLAN, and the key of the gateway's chassis in its destination MAC.
 *
 * In:   frames from br-int, tagged with the local VLAN of their network on this chassis.
 * Out:  unicast, untagged, with tun_id and the tunnel port; tunnel_type with tun_id and the receiving chassis.
 *
 *   table=10, priority=10,dl_vlan=2
 *   actions=pop_vlan,set_field:0x3->metadata,set_field:0x64->tun_id,set_field:0x2->reg2,goto_table:20
 */
import { drop, goto, move, popVlan, setField } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments, TRANSIT_VLAN, TRANSIT_VNI } from '#model'
import { TUNNEL_PORTS } from '#model/ofports'
import { tunnelSegmentAt } from '../facts.ts'
import { destinationChassis, tunnelNetwork, tunnelPort } from '../registers.ts'
import { tagged } from '../vlan.ts'
import { tunnelType } from './15-tunnel-type.ts'
import { unicast } from './20-unicast.ts'

const NETWORK = 10

export const localVlan = table('local_vlan', {
  bridge: 'br-tun',
  number: 10,
  match: ['vlan_vid'],
  next: [tunnelType, unicast],
  miss: drop(),
  drops: { 0: 'unknown_network' },
  fixed: [
    {
      priority: NETWORK,
      match: { vlan_vid: tagged(TRANSIT_VLAN) },
      actions: [
        popVlan(),
        move('eth_dst[0..13]', destinationChassis.slice(0, 13)),
        setField('tun_id', BigInt(TRANSIT_VNI)),
        goto(tunnelType),
      ],
    },
  ],
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
