/**
 * Names where a frame came from: its port, policy and network, and whether it came from outside this chassis.
 *
 * In:   everything that enters br-int.
 * Out:  frames of local ports to port_security, untagged ones only (a guest's tag must not choose a network); what came
 *       from a tunnel or a provider network, untagged here, to l2_lookup: there what the router of a network sent on another
 *       chassis has the router's MAC again, where it has one interface of the family there. A port whose binding is pending (live
 *       migration) may only announce itself: that reaches the controller, which cuts over. What comes from a provider network
 *       on which routers have gateways, to external_learn; and to router_route, in its router again, what another chassis sends
 *       here because the gateway is here. On networks of routers with firewall groups, the connection is known by routed_arrival
 *       before.
 *
 *   table=0, priority=20,in_port=7,vlan_tci=0x0000/0x1fff
 *   actions=set_field:0x5->reg0,set_field:0x3->metadata,set_field:0x2/0xffff->reg3,set_field:0x7->reg12,goto_table:10
 *   table=0, priority=25,ip,in_port=20,dl_vlan=122,dl_src=0a:ee:de:00:00:00/ff:ff:ff:ff:00:00
 *   actions=set_field:fa:16:3e:00:00:01->eth_src,pop_vlan,set_field:0x3->metadata,set_field:0x2/0xffff->reg3,
 *   set_field:0x2/0x3->reg2,goto_table:60
 */
import {
  type Action,
  arp,
  controller,
  drop,
  eth,
  goto,
  icmp6,
  ip,
  ipv6,
  type Match,
  move,
  popVlan,
  resubmit,
  setField,
} from 'node-openflow/flow'
import { each, table, type View } from '#compiler'
import { type Attachment, attachments, bindings, TRANSIT_VLAN } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { isV6 } from '../addresses.ts'
import { anyChassisMac } from '../chassis-mac.ts'
import { activePort, attachmentOf, portFacts, uplinkOf } from '../facts.ts'
import { isGuarded } from '../firewalls.ts'
import { hasGateways } from '../gateways.ts'
import { ETH_TYPE_RARP, learnedFromOutside } from '../learning.ts'
import { NEIGHBOR_ADVERTISEMENT } from '../neighbor-discovery.ts'
import { cutOverUserdata } from '../packet-in.ts'
import { network, ORIGIN, origin, policy, router, sourcePort, zone } from '../registers.ts'
import { CLASSIFY } from '../restart.ts'
import { interfacesOn, ofFamily } from '../routers.ts'
import { popTag, TAGGED, tagged, UNTAGGED, vidOf } from '../vlan.ts'
import { portSecurity } from './10-port-security.ts'
import { externalLearn } from './25-external-learn.ts'
import { routerRoute } from './45-router-route.ts'
import { l2Lookup } from './60-l2-lookup.ts'
import { routedArrival } from './119-routed-arrival.ts'

const ANNOUNCEMENT = 30
const ROUTED = 25
const PORT = 20
const TRANSIT = 20
const PENDING = 10
const STRANGE_TAG = 5

/** How a guest announces that it now runs here: RARP (QEMU), gratuitous ARP, unsolicited NA. */
const announcements = (ips: readonly string[]): readonly Match[] => [
  eth({ eth_type: ETH_TYPE_RARP }),
  ...ips.map(ip =>
    isV6(ip) ? icmp6({ icmpv6_type: NEIGHBOR_ADVERTISEMENT, nd_target: ip }) : arp({ arp_spa: ip, arp_tpa: ip }),
  ),
]

/** The uplink of a network with ports on the chassis; where there are none, nothing that comes in is for anybody. */
const memberUplink = (attachment: Attachment, view: View) =>
  attachment.isMember ? uplinkOf(attachment, view) : undefined

export const classify = table('classify', {
  bridge: 'br-int',
  number: CLASSIFY,
  match: ['in_port', 'vlan_vid', 'eth_src', 'eth_type', 'arp_spa', 'arp_tpa', 'nw_proto', 'icmpv6_type', 'nd_target'],
  next: [portSecurity, externalLearn, routerRoute, l2Lookup, routedArrival],
  miss: drop(),
  drops: { [PORT]: 'port_down', [PENDING]: 'pending_port', [STRANGE_TAG]: 'tagged', 0: 'unknown_port' },
  fixed: [
    {
      priority: TRANSIT,
      match: { in_port: PATCH_TUN, vlan_vid: tagged(TRANSIT_VLAN) },
      actions: [popVlan(), move('eth_dst[16..39]', router.slice(0, 23)), origin.set(ORIGIN.tunnel), goto(routerRoute)],
    },
    { priority: STRANGE_TAG, match: { vlan_vid: TAGGED }, actions: drop() },
  ],
  rules: [
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = activePort(binding, view)
        const attachment = attachmentOf(binding, view)
        if (port === undefined || attachment === undefined) return []
        const local = { port: port.key, network: port.networkKey, zone: attachment.localVlan }
        return [{ in: binding.chassis, ofport: binding.ofport, ...local, policy: port.policy, up: port.up }]
      },
      example: { in: 'host1', ofport: 7, port: 5, network: 3, zone: 2, policy: 7, up: true },
      flow: row => ({
        priority: PORT,
        match: { in_port: row.ofport, vlan_vid: UNTAGGED },
        actions: row.up
          ? [
              ...[sourcePort.set(row.port), network.set(row.network), zone.set(row.zone), policy.set(row.policy)],
              goto(portSecurity),
            ]
          : drop(),
      }),
    }),
    each(bindings, {
      scope: 'chassis',
      rows: (binding, view) => {
        const port = view.value(portFacts, binding.port)
        if (port === undefined || binding.state !== 'pending' || !port.up) return []
        return announcements(port.ips).map(match => ({
          in: binding.chassis,
          ofport: binding.ofport,
          port: binding.port,
          match,
        }))
      },
      example: {
        in: 'host1',
        ofport: 7,
        port: '00000000-0000-4000-8000-000000000005',
        match: eth({ eth_type: ETH_TYPE_RARP }),
      },
      flow: ({ ofport, port, match }) => ({
        priority: ANNOUNCEMENT,
        match: { in_port: ofport, vlan_vid: UNTAGGED, ...match },
        actions: [controller({ userdata: cutOverUserdata(port) })],
      }),
    }),
    each(bindings, {
      scope: 'chassis',
      rows: binding => (binding.state === 'pending' ? [{ in: binding.chassis, ofport: binding.ofport }] : []),
      example: { in: 'host1', ofport: 7 },
      flow: ({ ofport }) => ({ priority: PENDING, match: { in_port: ofport }, actions: drop() }),
    }),
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const { isMember } = attachment
        const uplink = uplinkOf(attachment, view)
        const isExternal = uplink !== undefined && !uplink.isTunnel && hasGateways(attachment.network, view)
        if (uplink === undefined || !(isMember || isExternal)) return []
        const { network: net, port, vlan, isTunnel } = uplink
        const from: number = isTunnel ? ORIGIN.tunnel : ORIGIN.provider
        const row = { in: attachment.chassis, network: net, zone: attachment.localVlan, port, vlan, from }
        return [{ ...row, isMember, isExternal, guarded: isGuarded(attachment.network, view) }]
      },
      example: {
        ...{ in: 'host1', network: 3, zone: 2, port: PATCH_TUN, vlan: 2, from: ORIGIN.tunnel as number },
        ...{ isMember: true, isExternal: false, guarded: false },
      },
      flow: row => ({
        priority: PORT,
        match: { in_port: row.port, vlan_vid: vidOf(row.vlan) },
        actions: [
          ...popTag(row.vlan),
          network.set(row.network),
          zone.set(row.zone),
          origin.set(row.from),
          ...(row.from === ORIGIN.provider && row.isMember ? [learnedFromOutside(row.network)] : ([] as Action[])),
          ...(row.guarded ? [resubmit({ table: routedArrival })] : []),
          goto(row.isExternal ? externalLearn : l2Lookup),
        ],
      }),
    }),
    each(attachments, {
      scope: 'chassis',
      rows: (attachment, view) => {
        const uplink = memberUplink(attachment, view)
        if (!uplink || uplink.isTunnel) return []
        const { network: net, port, vlan, physicalNetwork } = uplink
        const interfaces = interfacesOn(attachment.network, view)
        return [false, true].flatMap(v6 => {
          const [only, ...others] = ofFamily(interfaces, v6)
          if (only === undefined || others.length > 0) return []
          const row = { in: attachment.chassis, network: net, zone: attachment.localVlan, port, vlan, physicalNetwork }
          return [{ ...row, v6, mac: only.mac, guarded: isGuarded(attachment.network, view) }]
        })
      },
      example: {
        ...{ in: 'host1', network: 3, zone: 2, port: 20, vlan: 122 },
        ...{ physicalNetwork: 'physnet1', v6: false, mac: 'fa:16:3e:00:00:01', guarded: false },
      },
      flow: row => ({
        priority: ROUTED,
        match: (row.v6 ? ipv6 : ip)({
          in_port: row.port,
          vlan_vid: vidOf(row.vlan),
          eth_src: anyChassisMac(row.physicalNetwork),
        }),
        actions: [
          setField('eth_src', row.mac),
          ...popTag(row.vlan),
          ...[network.set(row.network), zone.set(row.zone), origin.set(ORIGIN.provider)],
          ...(row.guarded ? [resubmit({ table: routedArrival })] : []),
          goto(l2Lookup),
        ],
      }),
    }),
  ],
})
