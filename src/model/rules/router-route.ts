// Extra routes of routers: each leads over a neighbour on one of the router's subnets.
import { contains, parseIp, parsePrefix } from '../ip.ts'
import { refuse } from '../refusal.ts'
import { type ExtraRoute, gatewayOf, interfacesOf, type Router } from '../router.ts'
import type { Reader } from '../transaction.ts'
import { subnetsOfRouter } from './router-subnet.ts'

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
  const own = [...interfacesOf(reader, router.id), ...(gateway ? [gateway] : [])].flatMap(port => port.fixedIps)
  const prefixes = subnetsOfRouter(reader, router.id).map(subnet => parsePrefix(subnet.cidr)!)
  for (const { nexthop } of routes) {
    const ip = parseIp(nexthop)!
    if (!prefixes.some(prefix => contains(prefix, ip)))
      throw refuse('InvalidRoutes', { routes: text, reason: 'the nexthop is not connected with router' })
    if (own.some(fixedIp => fixedIp.ipAddress === nexthop))
      throw refuse('InvalidRoutes', { routes: text, reason: 'the nexthop is used by router' })
  }
}
