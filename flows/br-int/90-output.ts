/**
 * The last step on br-int: to a local port, or out of the chassis.
 *
 * In:   frames that may be delivered; local_port is the receiver's, or 0.
 * Out:  the local port; else, for frames of local ports, the way by which the network leaves this chassis: tagged with
 *       its local VLAN to br-tun, or with its provider VLAN (flat: untagged) to the provider bridge. What came from
 *       outside ends here when its port is not local, and so does what is for outside on a network of one chassis.
 *
 *   table=90, priority=20,reg15=0,metadata=0x3 actions=push_vlan:0x8100,set_field:4098->vlan_vid,output:1
 */
import { drop, output } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { uplinkOf } from '../facts.ts'
import { localPort, network, ORIGIN, origin } from '../registers.ts'
import { pushTag } from '../vlan.ts'

const SPLIT_HORIZON = 30
const LEAVE = 20
const NOWHERE = 10

export const outputTable = table('output', {
  bridge: 'br-int',
  number: 90,
  match: ['reg2', 'reg15', 'metadata'],
  fixed: [
    ...[ORIGIN.tunnel, ORIGIN.provider].map(from => ({
      priority: SPLIT_HORIZON,
      match: { ...localPort.is(0), ...origin.is(from) },
      actions: drop(),
    })),
    { priority: NOWHERE, match: localPort.is(0), actions: drop() },
  ],
  miss: [output(localPort.part)],
  drops: { [SPLIT_HORIZON]: 'not_returned', [NOWHERE]: 'no_way_out' },
  rules: [
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
        match: { ...localPort.is(0), ...network.is(row.network) },
        actions: row.vlan === 0 ? [output(row.port)] : [...pushTag(row.vlan), output(row.port)],
      }),
    }),
  ],
})
