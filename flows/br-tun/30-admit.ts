/**
 * Takes frames only from the VTEPs of chassis: those of a network from chassis that have it; BFD, back to the port that
 * stands for its sender, and on gateways packets for them.
 *
 * In:   frames out of a tunnel, with its VNI and sender.
 * Out:  to_local, with the network's key; br-int.
 *
 *   table=30, priority=10,tun_id=0x64,tun_src=192.0.2.1,in_port=2 actions=set_field:0x3->metadata,goto_table:40
 *   table=30, priority=10,tun_id=0xfffffe,tun_src=192.0.2.1 actions=output:16385
 *   table=30, priority=10,tun_id=0xfffffe,tun_src=192.0.2.2 actions=output:16386
 *   table=30, priority=10,tun_id=0xfffffd,tun_src=192.0.2.1
 *   actions=push_vlan:0x8100,set_field:8191->vlan_vid,output:1
 */
import { drop, goto, output } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments, BFD_VNI, type Chassis, chassis, chassisPort, TRANSIT_VLAN, TRANSIT_VNI } from '#model'
import { PATCH_INT, TUNNEL_PORTS } from '#model/ofports'
import { isV6 } from '../addresses.ts'
import { chassisFacts, tunnelSegmentAt } from '../facts.ts'
import { peerFacts } from '../peers.ts'
import { tunnelNetwork } from '../registers.ts'
import { pushTag } from '../vlan.ts'
import { toLocal } from './40-to-local.ts'

const MEMBER = 10
const CHASSIS = 10

const from = (vtep: string) => ({ [isV6(vtep) ? 'tun_ipv6_src' : 'tun_src']: vtep })

interface Sender {
  readonly in: string
  readonly chassis: number
  readonly vtep: string
}

const one: Sender = { in: '', chassis: 1, vtep: '192.0.2.1' }
const another: Sender = { in: '', chassis: 2, vtep: '192.0.2.2' }

const bfd = (sender: Sender) => ({
  priority: CHASSIS,
  match: { tun_id: BigInt(BFD_VNI), ...from(sender.vtep) },
  actions: [output(chassisPort(sender.chassis))],
})

/** Gateways run BFD with everybody, the others with gateways. */
const watched = (scope: string, isGateway: boolean) =>
  each<Chassis, Sender>(chassis, {
    scope,
    rows: ({ id }, view) => {
      const peer = view.value(peerFacts, id)
      return peer?.isGateway === isGateway ? [{ in: '', chassis: peer.key, vtep: peer.vtep }] : []
    },
    example: isGateway ? one : another,
    flow: bfd,
  })

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
        match: { in_port: row.port, tun_id: BigInt(row.vni), ...from(row.vtep) },
        actions: [tunnelNetwork.set(row.network), goto(toLocal)],
      }),
    }),
    watched('fabric', true),
    watched('gateways', false),
    each<Chassis, Sender>(chassis, {
      scope: 'gateways',
      rows: ({ id }, view) => {
        const peer = view.value(peerFacts, id)
        return peer === undefined ? [] : [{ in: '', chassis: peer.key, vtep: peer.vtep }]
      },
      example: one,
      flow: ({ vtep }) => ({
        priority: CHASSIS,
        match: { tun_id: BigInt(TRANSIT_VNI), ...from(vtep) },
        actions: [...pushTag(TRANSIT_VLAN), output(PATCH_INT)],
      }),
    }),
  ],
})
