/**
 * Takes frames only from the VTEPs of chassis that have members of the network.
 *
 * In:   frames out of a tunnel, with its VNI and sender.
 * Out:  to_local, with the network's key.
 *
 *   table=30, priority=10,tun_id=0x64,tun_src=192.0.2.1,in_port=2 actions=set_field:0x3->metadata,goto_table:40
 */
import { drop, goto } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { TUNNEL_PORTS } from '#model/ofports'
import { isV6 } from '../addresses.ts'
import { chassisFacts, tunnelSegmentAt } from '../facts.ts'
import { tunnelNetwork } from '../registers.ts'
import { toLocal } from './40-to-local.ts'

const MEMBER = 10

export const admit = table('admit', {
  bridge: 'br-tun',
  number: 30,
  match: ['in_port', 'tun_id', 'tun_src', 'tun_ipv6_src'],
  next: [toLocal],
  miss: drop(),
  drops: { 0: 'not_admitted' },
  rules: [
    each(attachments, {
      scope: 'network',
      merge: 'same',
      rows: (attachment, view) => {
        const reach = tunnelSegmentAt(attachment, view)
        const at = view.value(chassisFacts, attachment.chassis)
        return reach === undefined || !at?.tunnelIp
          ? []
          : [
              {
                in: attachment.network,
                network: reach.network,
                vni: reach.vni,
                port: TUNNEL_PORTS[reach.type],
                vtep: at.tunnelIp,
              },
            ]
      },
      example: { in: 'net', network: 3, vni: 100, port: 2 as number, vtep: '192.0.2.1' },
      flow: row => ({
        priority: MEMBER,
        match: { in_port: row.port, tun_id: BigInt(row.vni), [isV6(row.vtep) ? 'tun_ipv6_src' : 'tun_src']: row.vtep },
        actions: [tunnelNetwork.set(row.network), goto(toLocal)],
      }),
    }),
  ],
})
