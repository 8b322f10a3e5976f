// Extra routes of routers: each leads over a neighbour on one of the router's subnets.
import { contains, parseIp, parsePrefix } from '../ip.ts'
import { refuse } from '../refusal.ts'
import { type ExtraRoute, gatewayOf, interfacesOf, type Router } from '../router.ts'
import { type Subnet, subnetOf, subnets } from '../subnet.ts'
import type { Reader } from '../transaction.ts'

const maxRoutes = 30

const isSame = (a: ExtraRoute, b: ExtraRoute) => a.destination === b.destination && a.nexthop === b.nexthop

/** Routes with others added; those that are there already are not doubled. */
export const routesWith = (old: readonly ExtraRoute[], added: readonly ExtraRoute[]): ExtraRoute[] => [
  ...old,
  ...added.filter((route, i) => ![...old, ...added.slice(0, i)].some(other => isSame(other, route))),
]

/** Routes without others, whether these were there or not. */
export const routesWithout = (old: readonly ExtraRoute[], removed: readonly ExtraRoute[]): ExtraRoute[] =>
  old.filter(route => !removed.some(other => isSame(other, route)))

/** Refuses routes that the router's interfaces and gateway, as they are now, cannot follow. */
export function requireRoutes(reader: Reader, router: Router): void {
  const { routes } = router
  if (routes.length === 0) return
  if (routes.length > maxRoutes) throw refuse('RoutesExhausted', { router: router.id, limit: maxRoutes })
  const text = JSON.stringify(routes.slice(0, 5))
  const gateway = gatewayOf(reader, router.id)
  const ips = [...interfacesOf(reader, router.id), ...(gateway ? [gateway] : [])].flatMap(port => port.fixedIps)
  const reached = new Set(ips.map(ip => subnetOf(reader, ip.subnetId).cidr))
  if (gateway) for (const { cidr } of reader.by(subnets, 'network', gateway.networkId)) reached.add(cidr)
  const prefixes = [...reached].map(cidr => parsePrefix(cidr)!)
  for (const { nexthop } of routes) {
    const ip = parseIp(nexthop)!
    if (!prefixes.some(prefix => contains(prefix, ip)))
      throw refuse('InvalidRoutes', { routes: text, reason: 'the nexthop is not connected with router' })
    if (ips.some(own => own.ipAddress === nexthop))
      throw refuse('InvalidRoutes', { routes: text, reason: 'the nexthop is used by router' })
  }
}

/** Refuses to take a subnet from a router that has a route over it. */
export function requireNoRouteOver(router: Router, subnet: Subnet): void {
  const prefix = parsePrefix(subnet.cidr)!
  if (router.routes.some(({ nexthop }) => contains(prefix, parseIp(nexthop)!)))
    throw refuse('RouterInterfaceInUseByRoute', { router: router.id, subnet: subnet.id })
}
