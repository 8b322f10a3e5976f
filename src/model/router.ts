// Routers, and the ports that they have on networks. Routing itself is distributed: every chassis routes what its own
// ports send, so a router is in no place but its gateway.
import { finder } from './finder.ts'
import { type Kind, kind, type Pool } from './kind.ts'
import { type Port, ports } from './port.ts'
import type { Reader } from './transaction.ts'

/** A route beyond those to the router's own subnets. */
export interface ExtraRoute {
  /** A prefix in canonical text. */
  readonly destination: string
  /** An address on one of the router's subnets, in canonical text. */
  readonly nexthop: string
}

/** A router. Its ports are RouterPort records. */
export interface Router {
  readonly id: string
  /** Stands for the router in the data plane. */
  readonly key: number
  readonly projectId: string
  readonly name: string
  /** A router that is not up routes nothing. */
  readonly adminStateUp: boolean
  /** Whether floating IPs are translated on the chassis of their ports; else on the gateway chassis. */
  readonly distributed: boolean
  /** Whether other gateway chassis stand by. */
  readonly ha: boolean
  /** Whether addresses that have no floating IP leave as the gateway's address. */
  readonly enableSnat: boolean
  /** In the order in which they were given; several of one destination share its traffic. */
  readonly routes: readonly ExtraRoute[]
  readonly availabilityZoneHints: readonly string[]
}

/** All routers. */
export const routers: Kind<Router, 'project'> = kind<Router>()('router', {
  unique: r => [`key ${r.key}`],
  index: { project: r => [r.projectId] },
})

/** Router keys. So few, because a router's conntrack zone (16 bits) is its key beyond the zones of networks. */
export const routerKeys: Pool = { name: 'router_key', first: 1, last: 0xffff - 4096 }

/** The router of an id. Throws RouterNotFound. */
export const routerOf = finder(routers, 'RouterNotFound')

/**
 * That a port is a router's. This record says so, and no port's `device_id` alone: any project may write what it likes
 * there. The port has the MAC address and the addresses; its subnets are those of its addresses.
 */
export interface RouterPort {
  /** The port's id. */
  readonly id: string
  readonly routerId: string
  readonly networkId: string
  /** The one gateway is the router's port on an external network. */
  readonly role: 'interface' | 'gateway'
}

/** The ports of all routers, by router and by network: `connected` finds interfaces alone, `external` gateways. */
export const routerPorts: Kind<RouterPort, 'router' | 'network' | 'connected' | 'external'> = kind<RouterPort>()(
  'router_port',
  {
    unique: p => (p.role === 'gateway' ? [`gateway ${p.routerId}`] : []),
    index: {
      router: p => [p.routerId],
      network: p => [p.networkId],
      connected: p => (p.role === 'interface' ? [p.networkId] : []),
      external: p => (p.role === 'gateway' ? [p.networkId] : []),
    },
  },
)

/** The ports of a router on the networks that it connects, without the gateway. */
export const interfacesOf = (reader: Reader, routerId: string): readonly Port[] =>
  Array.from(reader.by(routerPorts, 'router', routerId)).flatMap(({ id, role }) =>
    role === 'interface' ? [reader.get(ports, id)!] : [],
  )

/** The port of a router on its external network. */
export function gatewayOf(reader: Reader, routerId: string): Port | undefined {
  const gateway = reader.holder(routerPorts, `gateway ${routerId}`)
  return gateway && reader.get(ports, gateway.id)
}

/** The device owner of a router's interfaces. */
export const interfaceOwner = (router: Pick<Router, 'distributed'>): string =>
  router.distributed ? 'network:router_interface_distributed' : 'network:router_interface'
