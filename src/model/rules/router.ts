// How routers may be made, changed and removed.
import { refuse } from '../refusal.ts'
import { gatewayOf, interfaceOwner, interfacesOf, type Router, routerKeys, routerOf, routers } from '../router.ts'
import { add, change, drop } from '../standard.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { type GatewayRequest, setGateway } from './router-gateway.ts'
import { renameInterfaces } from './router-port.ts'
import { requireRoutes } from './router-route.ts'
import { badRouter } from './router-subnet.ts'

/** A router to be made; the id is the caller's. */
export interface RouterRequest extends Omit<Router, 'key' | 'enableSnat' | 'routes'> {
  readonly description: string
  readonly gateway: GatewayRequest | null
}

/** What may change of a router. A gateway of null takes the one that it has. */
export type RouterChange = Changes<
  Pick<Router, 'name' | 'adminStateUp' | 'distributed' | 'ha' | 'routes'> & {
    readonly description: string
    readonly gateway: GatewayRequest | null
  }
>

/** Whether SNAT is on: said with the gateway, else it is. */
const snatOf = (gateway: GatewayRequest | null) => gateway?.enableSnat ?? true

/** Makes a router with a key of its own, and its gateway if it is to have one. */
export function createRouter(tx: Transaction, { description, gateway, ...rest }: RouterRequest): Router {
  const router = { ...rest, key: tx.allocate(routerKeys), enableSnat: snatOf(gateway), routes: [] }
  add(tx, routers, router, description, 1)
  setGateway(tx, router, gateway)
  return router
}

/** Changes a router. */
export function updateRouter(tx: Transaction, router: Router, request: RouterChange): Router {
  const { description, gateway, ...rest } = request
  const after = {
    ...changed(router, rest),
    enableSnat: gateway === undefined ? router.enableSnat : snatOf(gateway),
  }
  requireDown(router, after)
  if (gateway !== undefined) setGateway(tx, router, gateway)
  if (gateway !== undefined || rest.routes !== undefined) requireRoutes(tx, after)
  if (interfaceOwner(after) !== interfaceOwner(router)) renameInterfaces(tx, router, interfaceOwner(after))
  return change(tx, routers, after, description)
}

/** Removes a router that connects no network. */
export function deleteRouter(tx: Transaction, router: Router): void {
  const left = interfacesOf(tx, router.id)
  if (left.length > 0)
    throw refuse('RouterInUse', {
      id: router.id,
      reason: `has ports still attached: ${left.map(port => port.id).join(', ')}`,
    })
  if (gatewayOf(tx, router.id)) setGateway(tx, routerOf(tx, router.id), null)
  drop(tx, routers, router.id)
  tx.release(routerKeys, router.key)
}

/** What kind of router it is changes only while it is down. */
function requireDown(before: Router, after: Router): void {
  if (!before.adminStateUp && !after.adminStateUp) return
  if (before.distributed !== after.distributed)
    throw badRouter(
      "Cannot change the 'distributed' attribute of active routers. Please set router admin_state_up to False prior to upgrade",
    )
  if (before.ha !== after.ha && after.adminStateUp)
    throw badRouter(
      'Cannot change HA attribute of active routers. Please set router admin_state_up to False prior to upgrade',
    )
}
