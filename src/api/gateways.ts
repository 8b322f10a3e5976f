// Where the gateways of routers are: GET /flowright/v1/gateways.
import type { FastifyInstance } from 'fastify'
import { chassis, networks, routerOf, routers } from '#model'
import type { Store } from '#store'

/** A chassis that may be the gateway of a router. */
export interface GatewayCandidateView {
  readonly chassis: string
  readonly priority: number
  readonly isConnected: boolean
  /** Whether other chassis see it alive. */
  readonly isLive: boolean
  /** Whether it holds itself active. */
  readonly holdsActive: boolean
}

/** The gateway of a router. */
export interface GatewayStateView {
  readonly router: string
  /** The external network. */
  readonly network: string
  /** Best first. */
  readonly candidates: readonly GatewayCandidateView[]
  /** Where it is; undefined while no chassis that is connected holds itself active. */
  readonly active: string | undefined
  /** The chassis that hold themselves active, if there are several and it lasts. */
  readonly conflict: readonly string[]
}

/** What is known of gateways. */
export interface GatewayView {
  states(): Iterable<GatewayStateView>
  state(router: string): GatewayStateView | undefined
}

/** Serves it. */
export function serveGateways(app: FastifyInstance, store: Store, gateways: GatewayView): void {
  const show = ({ router, network, active, candidates, conflict }: GatewayStateView) => ({
    router: { id: router, name: store.get(routers, router)?.name ?? '' },
    network: { id: network, name: store.get(networks, network)?.name ?? '' },
    active: active ?? null,
    conflict,
    candidates: candidates.map(c => ({
      chassis: c.chassis,
      hostname: store.get(chassis, c.chassis)?.hostname ?? '',
      priority: c.priority,
      connected: c.isConnected,
      live: c.isLive,
      holds_active: c.holdsActive,
    })),
  })
  app.get<{ Querystring: { router?: string } }>('/gateways', async ({ query }) => {
    if (query.router === undefined) return { gateways: Array.from(gateways.states(), show) }
    const found = gateways.state(routerOf(store, query.router).id)
    return { gateways: found === undefined ? [] : [show(found)] }
  })
}
