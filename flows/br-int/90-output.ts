/**
 * The last step on br-int: to a local port, or out of the chassis.
 *
 * In:   frames that may be delivered; local_port is the receiver's, or 0.
 * Out:  the local port; else, for frames of local ports, the way by which the network leaves this chassis: tagged with
 *       its local VLAN to br-tun, or with its provider VLAN (flat: untagged) to the provider bridge; there from a MAC of
 *       this chassis what a router sends, unless by its gateway. What came from outside ends here when its port is not local,
 *       and so does what is for outside on a network of one chassis.
 *
 *   table=90, priority=20,reg15=0,metadata=0x3 actions=push_vlan:0x8100,set_field:4098->vlan_vid,output:1
 *   table=90, priority=25,reg2=0x3/0x20003,reg15=0,metadata=0x3
 *   actions=set_field:0a:ee:de:00:00:01->eth_src,push_vlan:0x8100,set_field:4218->vlan_vid,output:20
 */
import { drop, output, setField } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { attachments } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { chassisMac } from '../chassis-mac.ts'
import { chassisFacts, uplinkOf } from '../facts.ts'
import { isAll } from '../register.ts'
import { external, localPort, network, ORIGIN, origin } from '../registers.ts'
import { isRouted } from '../routers.ts'
import { pushTag } from '../vlan.ts'

const SPLIT_HORIZON = 30
const ROUTED = 25
const LEAVE = 20
const NOWHERE = 10

/** Out by a port, with a VLAN tag unless that is 0. */
const leave = ({ vlan, port }: { readonly vlan: number; readonly port: number }) => [...pushTag(vlan), output(port)]

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
        actions: leave(row),
      }),
    }),
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const uplink = uplinkOf(attachment, view)
        const at = view.value(chassisFacts, attachment.chassis)
        if (at === undefined || !uplink || uplink.isTunnel || !isRouted(attachment.network, view)) return []
        const { network: net, port, vlan, physicalNetwork } = uplink
        return [{ in: attachment.chassis, network: net, port, vlan, mac: chassisMac(physicalNetwork, at.key) }]
      },
      example: { in: 'host1', network: 3, vlan: 122, port: 20, mac: chassisMac('physnet1', 1) },
      flow: row => ({
        priority: ROUTED,
        match: { ...localPort.is(0), ...network.is(row.network), ...isAll([origin, ORIGIN.router], [external, 0]) },
        actions: [setField('eth_src', row.mac), ...leave(row)],
      }),
    }),
  ],
})
