// Figures of gateways for Prometheus, read when they are asked for.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { GatewayWatch } from '#fabric/gateways'
import type { SnatTotals } from './snat-totals.ts'

/** Adds them to a registry. */
export const addGatewayMetrics = (
  registry: Registry,
  gateways: GatewayWatch,
  snat: () => Promise<SnatTotals>,
): void => {
  const registers = [registry]
  new Gauge({
    name: 'flowright_gateway_active',
    help: 'Routers whose gateway a chassis is; chassis is empty for those whose gateway is nowhere',
    labelNames: ['chassis'],
    registers,
    collect() {
      this.reset()
      this.set({ chassis: '' }, 0)
      for (const { active = '' } of gateways.states()) this.inc({ chassis: active })
    },
  })
  new Gauge({
    name: 'flowright_gateway_conflicts',
    help: 'Routers of which two chassis hold themselves the gateway',
    registers,
    collect() {
      this.set(gateways.conflicts.reduce((sum, { routers }) => sum + routers, 0))
    },
  })
  new Gauge({
    name: 'flowright_bfd_sessions',
    help: 'Ends of BFD sessions between chassis, by state',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'up' }, gateways.sessions.up)
      this.set({ state: 'down' }, gateways.sessions.down)
    },
  })
  const translated = (name: string, help: string, what: 'connections' | 'exhausted') =>
    new Counter({
      ...{ name, help, labelNames: ['chassis'], registers },
      async collect() {
        const { perChassis } = await snat()
        this.reset()
        for (const [chassis, counts] of perChassis) this.inc({ chassis }, counts[what])
      },
    })
  const began = "Connections that began from an address of a router's gateway"
  translated('flowright_snat_connections_total', began, 'connections')
  const exhausted = "Packets that were dropped as no port of a gateway's address was left for them"
  translated('flowright_snat_exhausted_packets_total', exhausted, 'exhausted')
}
