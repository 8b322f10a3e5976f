// What the tables of routers need to know: the interfaces by which a router is on networks, and those of a network.
import { derive, type View } from '#compiler'
import { ports, type Router, type RouterPort, routerPorts, routers, type Subnet, subnets } from '#model'
import { isV6, lengthOf, supernet } from './addresses.ts'
import { networkFacts } from './facts.ts'

/** An address of a router, and the prefix that is reached by it. */
export interface InterfaceAddress {
  readonly ip: string
  readonly cidr: string
}

const routerFacts = derive('router', routers, (r: Router) => ({ key: r.key, up: r.adminStateUp }))

const cidrOf = derive('cidr', subnets, (s: Subnet) => s.cidr)

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
    addresses: port.fixedIps.flatMap(({ ipAddress: ip, subnetId }): readonly InterfaceAddress[] => {
      const cidr = view.value(cidrOf, subnetId)
      return cidr === undefined ? [] : [{ ip, cidr }]
    }),
  }
})

/** The interfaces of routers on a network. */
export const interfacesOn = (network: string, view: View): readonly RouterPort[] =>
  view.by(routerPorts, 'network', network).filter(({ role }) => role === 'interface')

/** Whether an address lies in a prefix (canonical text). */
export const isIn = (ip: string, cidr: string): boolean =>
  isV6(ip) === isV6(cidr) && supernet(ip, lengthOf(cidr)) === cidr
