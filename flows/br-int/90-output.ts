/**
 * The last step on br-int: to a local port, or out of the chassis.
 *
 * In:   frames with a destination port key; metadata is the network's key.
 * Out:  the local port; else, for frames of local ports, the way by which the network leaves this chassis: tagged with
 *       its local VLAN to br-tun, or with its provider VLAN (flat: untagged) to the provider bridge. What came from
 *       outside ends here when its port is not local.
 *
 *   table=90, priority=30,reg1=0x5 actions=output:7
 *   table=90, priority=10,metadata=0x3 actions=push_vlan:0x8100,set_field:4098->vlan_vid,output:1
 */
import { drop, output } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments, bindings } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { activePort, uplinkOf } from '../facts.ts'
import { destinationPort, network, ORIGIN, origin } from '../registers.ts'
import { pushTag } from '../vlan.ts'

const LOCAL = 30
const SPLIT_HORIZON = 20
const LEAVE = 10

export const outputTable = table('output', {
  bridge: 'br-int',
  number: 90,
  match: ['reg1', 'reg2', 'metadata'],
  miss: drop(),
  fixed: [
    { priority: SPLIT_HORIZON, match: { ...origin.is(ORIGIN.tunnel) }, actions: drop() },
    { priority: SPLIT_HORIZON, match: { ...origin.is(ORIGIN.provider) }, actions: drop() },
  ],
  rules: [
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = activePort(binding, view)
        if (port === undefined) return []
        return [{ in: binding.chassis, port: port.key, ofport: port.up ? binding.ofport : undefined }]
      },
      example: { in: 'host1', port: 5, ofport: 7 as number | undefined },
      flow: ({ port, ofport }) => ({
        priority: LOCAL,
        match: { ...destinationPort.is(port) },
        actions: ofport === undefined ? drop() : [output(ofport)],
      }),
    }),
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const uplink = uplinkOf(attachment, view)
        if (uplink === undefined) return []
        const { network: net, port, vlan } = uplink
        return [{ in: attachment.chassis, network: net, port, vlan }]
      },
      example: { in: 'host1', network: 3, vlan: 2, port: PATCH_TUN },
      flow: row => ({
        priority: LEAVE,
        match: { ...network.is(row.network) },
        actions: row.vlan === 0 ? [output(row.port)] : [...pushTag(row.vlan), output(row.port)],
      }),
    }),
  ],
})
