// What several tables need to know of a record, computed once. Only what the data plane depends on is in here, so that a
// renamed network or a new revision number makes no row again.
import { derive, type View } from '#compiler'
import {
  type Attachment,
  attachments,
  type Binding,
  bindings,
  type Chassis,
  chassis,
  FLOATING_IP_OWNER,
  floatingIps,
  GATEWAY_OWNER,
  isProgrammed,
  isRouterPort,
  type Network,
  networks,
  type Port,
  ports,
  routerPorts,
  type Segment,
  segmentAt,
  type TunnelType,
} from '#model'
import { PATCH_TUN, TUNNEL_PORTS } from '#model/ofports'
import { isV6, linkLocal } from './addresses.ts'
import { guardOf } from './firewalls.ts'
import { policyId, policyMark } from './policies.ts'
import { OPEN_POLICY } from './registers.ts'

/** A MAC and an address (or prefix) that a port may send from. */
export interface Sender {
  readonly mac: string
  readonly ip: string
}

/** What a port may send from: fixed addresses, allowed address pairs and, once one is IPv6, its link-local addresses. */
const sendersOf = (port: Port): readonly Sender[] => {
  const given = [
    ...port.fixedIps.map(fixed => ({ mac: port.macAddress, ip: fixed.ipAddress })),
    ...port.allowedAddressPairs.map(pair => ({ mac: pair.macAddress, ip: pair.ipAddress })),
  ]
  const macs = unique(given.filter(sender => isV6(sender.ip)).map(sender => sender.mac))
  return macs.length === 0 ? given : [...given, ...macs.map(mac => ({ mac, ip: linkLocal(mac) }))]
}

const unique = (texts: readonly string[]): readonly string[] => (texts.length < 2 ? texts : [...new Set(texts)])

/** What of a network matters to its flows. */
export const networkFacts = derive('network', networks, (n: Network) => ({
  key: n.key,
  up: n.adminStateUp,
  segments: n.segments,
}))

/** What of a chassis matters to the flows of others. */
export const chassisFacts = derive('chassis', chassis, (c: Chassis) => ({
  key: c.key,
  /** '' while it may not take part. */
  tunnelIp: isProgrammed(c) ? c.tunnelIp : '',
  tunnelTypes: c.tunnelTypes,
  providerPorts: c.providerPorts,
}))

/** Whether a port is a router's interface or gateway, or holds a floating IP. */
const isOfRouter = (p: Port, view: View): boolean => {
  // Few ports are asked, lest each of the others waits for a record that never comes.
  if (p.deviceOwner === FLOATING_IP_OWNER) return view.get(floatingIps, p.deviceId)?.floatingPortId === p.id
  return (isRouterPort(p) || p.deviceOwner === GATEWAY_OWNER) && view.get(routerPorts, p.id) !== undefined
}

/** What of a port matters to its flows, those of its place apart. */
export const portFacts = derive('port', ports, (p: Port, view: View) => {
  const network = view.value(networkFacts, p.networkId)
  const guard = isRouterPort(p) ? undefined : guardOf(p.id, view)
  return network === undefined
    ? undefined
    : {
        key: p.key,
        network: p.networkId,
        networkKey: network.key,
        mac: p.macAddress,
        ips: p.fixedIps.map(ip => ip.ipAddress),
        macs: unique([p.macAddress, ...p.allowedAddressPairs.map(pair => pair.macAddress)]),
        senders: sendersOf(p),
        secured: p.portSecurityEnabled,
        /** As the register `policy` holds it; one that is not known allows nothing. */
        policy: p.policy === 0 ? (guard ? OPEN_POLICY : 0) : (view.value(policyMark, policyId(p.policy)) ?? p.policy),
        /** The firewall group that judges what the port sends and receives. */
        firewall: guard,
        up: p.adminStateUp && network.up,
        isRouter: isOfRouter(p, view),
      }
})

const chassisKey = derive('chassis_key', chassis, (c: Chassis) => c.key)

/** The key of the chassis where a port is bound and active. */
export const placeOf = (port: Port, view: View): number | undefined => {
  const active = view.by(bindings, 'port', port.id).find((b: Binding) => b.state === 'active')
  return active === undefined ? undefined : view.value(chassisKey, active.chassis)
}

/** Whether frames of a segment travel in tunnels. */
export const isTunnel = (segment: Segment): segment is Segment & { networkType: TunnelType; segmentationId: number } =>
  segment.networkType in TUNNEL_PORTS

/** An address that one port alone has: what is known to those who ask and to routers. */
export interface AddressOwner {
  /** Network id. */
  readonly in: string
  /** Network key. */
  readonly network: number
  readonly ip: string
  readonly mac: string
}

/**
 * The fixed addresses of a port that nobody else may claim. One that is also an allowed address pair somewhere on the
 * network has no single owner (keepalived moves it), so the question for it must reach the hosts.
 */
export const addressOwners = (port: Port, view: View): readonly AddressOwner[] => {
  const facts = view.value(portFacts, port.id)
  if (facts === undefined || !facts.up) return []
  // A floating IP that stands for nothing answers nobody.
  if (facts.isRouter && port.deviceOwner === FLOATING_IP_OWNER && !view.get(floatingIps, port.deviceId)?.routerId)
    return []
  return facts.ips
    .filter(ip => view.by(ports, 'pair', `${facts.network} ${ip}`).length === 0)
    .map(ip => ({ in: facts.network, network: facts.networkKey, ip, mac: facts.mac }))
}

/** The attachment that carries a binding's network on its chassis. */
export const attachmentOf = (binding: Binding, view: View): Attachment | undefined =>
  view.get(attachments, `${binding.chassis}/${binding.network}`)

/** How frames of an attachment's network travel between its chassis and others, when in a tunnel. */
export const tunnelSegmentAt = (
  attachment: Attachment,
  view: View,
): { readonly network: number; readonly vni: number; readonly type: TunnelType } | undefined => {
  const net = view.value(networkFacts, attachment.network)
  const at = view.value(chassisFacts, attachment.chassis)
  const segment = net && at && segmentAt(net.segments, at)
  return net === undefined || segment === undefined || !isTunnel(segment)
    ? undefined
    : { network: net.key, vni: segment.segmentationId, type: segment.networkType }
}

/** The port of a binding, where it is bound and not only pending. */
export const activePort = (binding: Binding, view: View) =>
  binding.state === 'active' ? view.value(portFacts, binding.port) : undefined

/** The same, of ports with port security. */
export const securedPort = (binding: Binding, view: View) => {
  const port = activePort(binding, view)
  return port?.secured ? port : undefined
}

/** How an attachment's frames enter and leave br-int: the OpenFlow port, and the VLAN there (0: untagged). */
export interface Uplink {
  /** Network key. */
  readonly network: number
  readonly port: number
  readonly vlan: number
  readonly isTunnel: boolean
  /** '' for tunnels. */
  readonly physicalNetwork: string
}

/** The uplink of an attachment; undefined for a network that stays on its chassis. */
export const uplinkOf = (attachment: Attachment, view: View): Uplink | undefined => {
  const net = view.value(networkFacts, attachment.network)
  const at = view.value(chassisFacts, attachment.chassis)
  const segment = net && at && segmentAt(net.segments, at)
  if (net === undefined || segment === undefined || segment.networkType === 'local') return undefined
  if (isTunnel(segment))
    return { network: net.key, port: PATCH_TUN, vlan: attachment.localVlan, isTunnel: true, physicalNetwork: '' }
  const { physicalNetwork = '', segmentationId: vlan = 0 } = segment
  const port = at?.providerPorts[physicalNetwork]
  return port === undefined ? undefined : { network: net.key, port, vlan, isTunnel: false, physicalNetwork }
}
