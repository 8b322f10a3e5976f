// Figures of gateways for Prometheus, read when they are asked for.
import { Gauge, type Registry } from 'prom-client'
import type { GatewayWatch } from '#fabric/gateways'

/** Adds them to a registry. */
export const addGatewayMetrics = (registry: Registry, gateways: GatewayWatch): void => {
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
}
