// What the tables of gateways need to know: where a router's gateway is, what it has on its external network, and where each
// floating IP is translated. See docs/decisions/0015.
import { type Action, bundle } from 'node-openflow/flow'
import { derive, type Placed, type View } from '#compiler'
import {
  attachments,
  bindings,
  chassisPort,
  defaultNetworkSettings,
  type FloatingIp,
  floatingIps,
  gatewayCandidates,
  gatewayChassis,
  largestMtu,
  type Network,
  networks,
  ports,
  type RouterPort,
  routerPorts,
  subnets,
  tunnelTypes,
} from '#model'
import { isV6 } from './addresses.ts'
import { chassisFacts, networkFacts, uplinkOf } from './facts.ts'
import { gateway, NO_GATEWAY } from './registers.ts'
import { interfaceAddresses, interfacesOf, mtuOf, routerFacts, subnetFacts } from './routers.ts'

/** What fits through any tunnel, between any two chassis. */
export const TRANSIT_MTU: number = largestMtu(
  tunnelTypes.map(networkType => ({ networkType })),
  defaultNetworkSettings,
)

const isExternal = derive(
  'is_external',
  networks,
  ({ id }: Network, view: View) => view.by(routerPorts, 'external', id).length > 0,
)

/** Whether routers have gateways on a network. */
export const hasGateways = (network: string, view: View): boolean => view.value(isExternal, network) ?? false

/** The OpenFlow ports that stand for the chassis that may be the gateway of a gateway port's router, best first. */
const candidates = derive('gateway_candidates', routerPorts, (p: RouterPort, view: View) => {
  const network = view.value(networkFacts, p.networkId)
  const router = view.value(routerFacts, p.routerId)
  if (network === undefined || router === undefined) return []
  return gatewayCandidates(gatewayChassis(view), network.segments, router.key).flatMap(id => {
    const at = view.value(chassisFacts, id)
    return at === undefined ? [] : [{ chassis: id, port: chassisPort(at.key) }]
  })
})

/** The chassis that may be the gateway of a gateway port's router, best first, each with the port that stands for it. */
export const candidatesOf = (gatewayPort: string, view: View) => view.value(candidates, gatewayPort) ?? []

/** A gateway as its flows need it; an interface is none. */
export const gatewayFacts = derive('gateway', routerPorts, (p: RouterPort, view: View) => {
  if (p.role !== 'gateway') return undefined
  const router = view.value(routerFacts, p.routerId)
  const port = view.get(ports, p.id)
  const network = view.value(networkFacts, p.networkId)
  if (router === undefined || port === undefined || network === undefined) return undefined
  const addresses = interfaceAddresses(port, view)
  const own = addresses.find(({ ip }) => !isV6(ip))
  return {
    in: p.routerId,
    router: router.key,
    port: port.key,
    network: network.key,
    networkId: p.networkId,
    mac: port.macAddress,
    up: router.up && port.adminStateUp && network.up,
    addresses,
    /** What other addresses are translated to: undefined when they are not. */
    snat: router.enableSnat ? own?.ip : undefined,
    enableSnat: router.enableSnat,
    distributed: router.distributed,
    mtu: view.value(mtuOf, p.networkId) ?? 0,
    /** The ports of the chassis that it may be on, best first. */
    at: candidatesOf(p.id, view).map(one => one.port) as readonly number[],
  }
})

/** The gateway that a port is, if it is one and not down. */
export const upGateway = ({ id }: RouterPort, view: View) => {
  const facts = view.value(gatewayFacts, id)
  return facts?.up ? [facts] : []
}

/** The gateway of a router. */
export const gatewayOf = (router: string, view: View) => {
  const port = view.by(routerPorts, 'router', router).find(({ role }) => role === 'gateway')
  return port && view.value(gatewayFacts, port.id)
}

/** The subnets of an external network: routers reach them without a next hop. */
export const subnetsOf = (network: string, view: View) =>
  view.by(subnets, 'network', network).flatMap(({ id }) => view.value(subnetFacts, id) ?? [])

/** Chooses the chassis where a gateway is now: the first that lives. */
export const chooseGateway = (at: readonly number[]): Action =>
  at.length === 0
    ? gateway.set(NO_GATEWAY)
    : bundle({ fields: 'eth_src', basis: 0, algorithm: 'active_backup', members: at, dst: gateway.part })

/**
 * Where a floating IP is translated: the id of the chassis of its port, where that has the external network's physical
 * network; else `gateway`: on the gateway, wherever that is.
 */
export const floatingPlace = (f: FloatingIp, distributed: boolean, view: View): string => {
  if (!distributed || f.portId === null) return GATEWAY
  const active = view.by(bindings, 'port', f.portId).find(({ state }) => state === 'active')
  const attachment = active && view.get(attachments, `${active.chassis}/${f.floatingNetworkId}`)
  const uplink = attachment && uplinkOf(attachment, view)
  return active === undefined || uplink === undefined || uplink.isTunnel ? GATEWAY : active.chassis
}

/** The place of floating IPs that are translated on the gateway. */
export const GATEWAY = 'gateway'

/** A floating IP as its flows need it; undefined while it stands for nothing. */
export const floatingFacts = derive('floating_ip', floatingIps, (f: FloatingIp, view: View) => {
  if (f.routerId === null) return undefined
  const by = gatewayOf(f.routerId, view)
  const port = view.get(ports, f.floatingPortId)
  if (!by?.up || by.networkId !== f.floatingNetworkId || port === undefined) return undefined
  return {
    place: floatingPlace(f, by.distributed, view),
    routerId: f.routerId,
    router: by.router,
    network: by.network,
    /** Key of the gateway, as a port. */
    port: by.port,
    mac: port.macAddress,
    ip: f.floatingIpAddress,
    /** Null: only ports are forwarded. */
    fixedIp: f.fixedIpAddress,
    at: by.at,
  }
})

/** What rows are made of that are about a floating IP: its facts, and the instance of the scope that they are in. */
export type FloatingRow = NonNullable<ReturnType<typeof floatingFacts.compute>> & Placed

/** A floating IP, if it is translated on the chassis of its port; there its flows are. */
export const floatingHere = ({ id }: FloatingIp, view: View) => {
  const facts = view.value(floatingFacts, id)
  if (facts === undefined || facts.place === GATEWAY || facts.fixedIp === null) return []
  return [{ ...facts, in: facts.place, fixedIp: facts.fixedIp }]
}

/** A floating IP, if it is translated on the gateway; its flows are its router's. */
export const floatingAtGateway = ({ id }: FloatingIp, view: View): readonly FloatingRow[] => {
  const facts = view.value(floatingFacts, id)
  return facts?.place === GATEWAY ? [{ ...facts, in: facts.routerId }] : []
}

/**
 * The IPv4 senders that leave a router by its gateway as they are: those of subnets of the address scope that the external
 * network is in; all (no prefix) where the router does not translate.
 */
export const untranslated = (
  { in: of, networkId, enableSnat }: NonNullable<ReturnType<typeof gatewayOf>>,
  view: View,
): readonly (string | undefined)[] => {
  if (!enableSnat) return [undefined]
  const scopes = subnetsOf(networkId, view).flatMap(({ cidr, scope }) => (isV6(cidr) || scope === null ? [] : [scope]))
  const inside = interfacesOf(of, view).flatMap(({ addresses }) => addresses)
  const same = inside.filter(({ cidr, scope }) => !isV6(cidr) && scope !== null && scopes.includes(scope))
  return [...new Set(same.map(({ cidr }) => cidr))]
}
