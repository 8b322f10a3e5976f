// Figures of the fabric for Prometheus, read when they are asked for.
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Bridge, Compiler } from '#compiler'
import type { ChassisSessions } from '#fabric/chassis/index'
import type { Programming } from '#fabric/programming/index'
import { chassis } from '#model'
import type { Store } from '#store'

const bridges: readonly Bridge[] = ['br-int', 'br-tun']

/** Adds them to a registry. */
export const addFabricMetrics = (
  registry: Registry,
  {
    store,
    compiler,
    programming,
    sessions,
  }: {
    readonly store: Store
    readonly compiler: Compiler
    readonly programming: Programming
    readonly sessions: ChassisSessions
  },
): void => {
  const registers = [registry]
  new Gauge({
    ...{ name: 'flowright_chassis', help: 'Chassis by state of their OVSDB session', labelNames: ['state'], registers },
    collect() {
      const up = [...sessions.states()].filter(state => state.isUp).length
      this.set({ state: 'up' }, up)
      this.set({ state: 'down' }, store.count(chassis) - up)
    },
  })
  new Gauge({
    name: 'flowright_flows',
    help: 'Flows that a bridge of a chassis should hold',
    labelNames: ['chassis', 'bridge'],
    registers,
    collect() {
      this.reset()
      for (const id of programming.chassis)
        for (const bridge of bridges) this.set({ chassis: id, bridge }, compiler.flowCount(id, bridge))
    },
  })
  new Gauge({
    name: 'flowright_drift',
    help: 'Deviations found and repaired since the start',
    labelNames: ['chassis', 'bridge'],
    registers,
    collect() {
      this.reset()
      for (const id of programming.chassis)
        for (const bridge of bridges)
          this.set({ chassis: id, bridge }, programming.status(id)?.bridges[bridge].drift ?? 0)
    },
  })
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  counter('flowright_flow_mods_total', 'Flows written or deleted in switches', () => programming.counters.flowMods)
  counter('flowright_bundles_total', 'Bundles sent to switches', () => programming.counters.bundles)
  counter(
    'flowright_packet_ins_total',
    'Packets that came to the controller',
    () => programming.packetIns.counts.handled,
  )
  counter(
    'flowright_packet_ins_dropped_total',
    'Packets dropped for exceeding the rate of their chassis',
    () => programming.packetIns.counts.dropped,
  )
  new Gauge({
    ...{ name: 'flowright_flow_conflicts', help: 'Flows refused because two records want one match', registers },
    collect() {
      this.set(compiler.conflicts.length)
    },
  })
  new Gauge({
    ...{ name: 'flowright_revision', help: 'The last durable revision', registers },
    collect() {
      this.set(store.revision)
    },
  })
}
