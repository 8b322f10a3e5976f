// What the tables of routers need to know: the interfaces by which a router is on networks, and those of a network; and how
// packets come into a router and leave it.
import { type Action, move, setField } from 'node-openflow/flow'
import { derive, type View } from '#compiler'
import {
  type Network,
  networks,
  type Port,
  ports,
  type Router,
  type RouterPort,
  routerPorts,
  routers,
  type Subnet,
  type SubnetPool,
  subnetPools,
  subnets,
} from '#model'
import { isV6, lengthOf, supernet } from './addresses.ts'
import { networkFacts } from './facts.ts'
import { setAll } from './register.ts'
import { commit, external, guarded, related, routerMac, tooBig, way } from './registers.ts'

/** What of a subnet matters to routers. */
export const subnetFacts = derive('subnet', subnets, (s: Subnet, view: View) => ({
  cidr: s.cidr,
  gatewayIp: s.gatewayIp,
  /** Id of the address scope that its addresses are in; null: in none. */
  scope: s.subnetPoolId === null ? null : (view.value(scopeOf, s.subnetPoolId) ?? null),
}))

const scopeOf = derive('scope', subnetPools, (p: SubnetPool) => p.addressScopeId ?? undefined)

/** An address of a router, and what is known of the subnet that it is on. */
export interface InterfaceAddress {
  readonly ip: string
  /** The prefix that is reached by it. */
  readonly cidr: string
  readonly gatewayIp: string | null
  readonly scope: string | null
}

/** What of a router matters to its flows, its routes apart. */
export const routerFacts = derive('router', routers, (r: Router) => ({
  key: r.key,
  up: r.adminStateUp,
  enableSnat: r.enableSnat,
  distributed: r.distributed,
}))

/** The MTU of a network. */
export const mtuOf = derive('mtu', networks, (n: Network) => n.mtu)

/** The conntrack zone where a router translates, and where its firewall knows connections: beyond those of networks. */
export const routerZone = (router: number): number => 4096 + router

/** The addresses of a port of a router. */
export const interfaceAddresses = (port: Port, view: View): readonly InterfaceAddress[] =>
  port.fixedIps.flatMap(({ ipAddress: ip, subnetId }) => {
    const facts = view.value(subnetFacts, subnetId)
    return facts === undefined ? [] : [{ ip, ...facts }]
  })

/** An interface of a router as its flows need it; a gateway is none. */
export const interfaceFacts = derive('router_interface', routerPorts, (p: RouterPort, view: View) => {
  const router = view.value(routerFacts, p.routerId)
  const port = view.get(ports, p.id)
  const network = view.value(networkFacts, p.networkId)
  if (p.role !== 'interface' || router === undefined || port === undefined || network === undefined) return undefined
  return {
    in: p.routerId,
    router: router.key,
    port: port.key,
    network: network.key,
    mac: port.macAddress,
    up: router.up && port.adminStateUp && network.up,
    mtu: view.value(mtuOf, p.networkId) ?? 0,
    addresses: interfaceAddresses(port, view),
  }
})

/** An interface of a router that is up, if a port is one. */
export const upInterface = ({ id }: RouterPort, view: View) => {
  const facts = view.value(interfaceFacts, id)
  return facts?.up ? [facts] : []
}

/** The ports by which routers are on a network, gateways apart. */
export const interfacePortsOn = (network: string, view: View): readonly RouterPort[] =>
  view.by(routerPorts, 'network', network).filter(({ role }) => role === 'interface')

/** Whether a router is on a network, as more than by its gateway. */
export const isRouted = (network: string, view: View): boolean => interfacePortsOn(network, view).length > 0

/** The interfaces of routers on a network. */
export const interfacesOn = (network: string, view: View) =>
  interfacePortsOn(network, view).flatMap(({ id }) => view.value(interfaceFacts, id) ?? [])

/** Those that have an address of a family. */
export const ofFamily = <I extends { readonly addresses: readonly InterfaceAddress[] }>(
  interfaces: readonly I[],
  v6: boolean,
): readonly I[] => interfaces.filter(({ addresses }) => addresses.some(({ ip }) => isV6(ip) === v6))

/** The interfaces of a router. */
export const interfacesOf = (router: string, view: View) =>
  view.by(routerPorts, 'router', router).flatMap(({ id }) => view.value(interfaceFacts, id) ?? [])

/** The largest packets that come into a router: from the networks that it connects, and by its gateway. */
const largestMtus = derive('largest_mtus', routers, (r: Router, view: View) => {
  const largest = (role: RouterPort['role']) =>
    view
      .by(routerPorts, 'router', r.id)
      .reduce((mtu, p) => (p.role === role ? Math.max(mtu, view.value(mtuOf, p.networkId) ?? 0) : mtu), 0)
  return { inside: largest('interface'), outside: largest('gateway') }
})

/** Whether packets may come into a router that are too big for an MTU: from inside, and from outside. */
export const isTight = (router: string, mtu: number, view: View): Record<'inside' | 'outside', boolean> => {
  const { inside, outside } = view.value(largestMtus, router) ?? { inside: 0, outside: 0 }
  return { inside: mtu < inside, outside: mtu < outside }
}

const ETHERNET_HEADER = 14

/** Compares the size of a packet with what a network takes: too_big says whether it is larger. */
export const checkSize = (mtu: number): Action => ({
  type: 'check_pkt_larger',
  length: mtu + ETHERNET_HEADER,
  dst: tooBig.part,
})

/** Whether an address lies in a prefix (canonical text). */
export const isIn = (ip: string, cidr: string): boolean =>
  isV6(ip) === isV6(cidr) && supernet(ip, lengthOf(cidr)) === cidr

/** Forgets what the firewall of a router that the packet was in before knew. */
const nothingGuarded = setAll([way, 0], [related, 0], [guarded, 0])

/** As a packet comes into a router: the connection that it was judged by, and a router that it was in before, are forgotten. */
export const enterRouter: readonly Action[] = [{ type: 'ct_clear' }, commit.set(0), external.set(0), nothingGuarded]

/**
 * As a packet leaves the last router: the connection that it was translated by is forgotten, it bears the MAC that the router
 * sends from, and it may go out where it came in.
 */
export const leaveRouter: readonly Action[] = [
  { type: 'ct_clear' },
  move(routerMac.part, 'eth_src'),
  setField('in_port', 0),
]
