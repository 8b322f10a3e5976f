/**
 * The kind of tunnel to a chassis for what belongs to no network: VXLAN wherever the receiver has it, and where the sender
 * lacks what is best for a gateway, the best that both have.
 *
 * In:   BFD, and packets for the gateways of routers, with the receiving chassis' key and tun_id.
 * Out:  vtep, with the tunnel port.
 *
 *   table=15, priority=10,reg1=0x2 actions=set_field:0x4->reg2,goto_table:22
 *   table=15, priority=20,reg1=0x3 actions=set_field:0x3->reg2,goto_table:22
 */
import { goto } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { chassis, gatewayChassis } from '#model'
import { TUNNEL_PORTS } from '#model/ofports'
import { commonType, peerFacts } from '../peers.ts'
import { destinationChassis, tunnelPort } from '../registers.ts'
import { vtep } from './22-vtep.ts'

const COMMON = 20
const OTHER = 10

export const tunnelType = table('tunnel_type', {
  bridge: 'br-tun',
  number: 15,
  match: ['reg1'],
  next: [vtep],
  miss: [tunnelPort.set(TUNNEL_PORTS.vxlan), goto(vtep)],
  rules: [
    each(chassis, {
      scope: 'fabric',
      rows: ({ id }, view) => {
        const peer = view.value(peerFacts, id)
        return peer === undefined || peer.type === 'vxlan'
          ? []
          : [{ in: '', chassis: peer.key, port: TUNNEL_PORTS[peer.type] }]
      },
      example: { in: '', chassis: 2, port: 4 as number },
      flow: row => ({
        priority: OTHER,
        match: destinationChassis.is(row.chassis),
        actions: [tunnelPort.set(row.port), goto(vtep)],
      }),
    }),
    each(chassis, {
      scope: 'chassis',
      rows: ({ id }, view) => {
        const sender = view.value(peerFacts, id)
        if (sender === undefined) return []
        return Array.from(gatewayChassis(view)).flatMap(other => {
          const receiver = view.value(peerFacts, other.id)
          if (receiver === undefined || other.id === id) return []
          const type = commonType(sender.types, receiver.types)
          return type === undefined || type === receiver.type
            ? []
            : [{ in: id, chassis: receiver.key, port: TUNNEL_PORTS[type] }]
        })
      },
      example: { in: 'host1', chassis: 3, port: 3 as number },
      flow: row => ({
        priority: COMMON,
        match: destinationChassis.is(row.chassis),
        actions: [tunnelPort.set(row.port), goto(vtep)],
      }),
    }),
  ],
})
