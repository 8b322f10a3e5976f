// Where the gateways of routers are, and what they translated: GET /flowright/v1/gateways.
import type { FastifyInstance } from 'fastify'
import { chassis, networks, routers } from '#model'
import type { Store } from '#store'
import { recordsNamed, type Several } from './records-named.ts'

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

/** What a router translated to its gateway's address, on all chassis. */
export interface SnatView {
  /** Connections that began. */
  readonly connections: number
  /** Packets that were dropped as no port was left for them. */
  readonly exhausted: number
}

/** What is known of gateways. */
export interface GatewayView {
  states(): Iterable<GatewayStateView>
  state(router: string): GatewayStateView | undefined
  /** By router; one of which nothing was counted may be missing. */
  snat(): Promise<ReadonlyMap<string, SnatView>>
}

/** Serves it. */
export function serveGateways(app: FastifyInstance, store: Store, gateways: GatewayView): void {
  type Counted = ReadonlyMap<string, SnatView>
  const show = ({ router, network, active, candidates, conflict }: GatewayStateView, counted: Counted) => ({
    router: { id: router, name: store.get(routers, router)?.name ?? '' },
    network: { id: network, name: store.get(networks, network)?.name ?? '' },
    active: active ?? null,
    conflict,
    snat: {
      connections: counted.get(router)?.connections ?? 0,
      exhausted_packets: counted.get(router)?.exhausted ?? 0,
    },
    candidates: candidates.map(c => ({
      chassis: c.chassis,
      hostname: store.get(chassis, c.chassis)?.hostname ?? '',
      priority: c.priority,
      connected: c.isConnected,
      live: c.isLive,
      holds_active: c.holdsActive,
    })),
  })
  const byRouter = { config: { parameters: { router: 'several' } } } as const
  app.get<{ Querystring: { router?: Several } }>('/gateways', byRouter, async ({ query }) => {
    const named = query.router === undefined ? undefined : recordsNamed(query.router, routers, 'RouterNotFound', store)
    const counted = await gateways.snat()
    const states = named?.flatMap(({ id }) => gateways.state(id) ?? []) ?? Array.from(gateways.states())
    return { gateways: states.map(state => show(state, counted)) }
  })
}
