// Figures of the fabric for Prometheus, read when they are asked for.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { bridges, type Compiler } from '#compiler'
import type { ChassisSessions } from '#fabric/chassis/index'
import type { PortStatus } from '#fabric/port-status'
import type { HistogramValues, Programming } from '#fabric/programming/index'
import { PACKET_IN } from '#flows/packet-in'
import { chassis } from '#model'
import type { Store } from '#store'
import type { DropTotal } from './drop-totals.ts'

/** A histogram that is kept elsewhere, as the registry asks for it. */
const keptHistogram = (name: string, help: string, values: () => HistogramValues) => ({
  ...{ name, help },
  get: async () => {
    const { buckets, sum, count } = values()
    const bucket = (le: number | string, value: number) => ({ labels: { le }, value, metricName: `${name}_bucket` })
    return {
      ...{ name, help, type: 'histogram', aggregator: 'sum' },
      values: [
        ...buckets.map(({ le, count: below }) => bucket(le, below)),
        bucket('+Inf', count),
        { labels: {}, value: sum, metricName: `${name}_sum` },
        { labels: {}, value: count, metricName: `${name}_count` },
      ],
    }
  },
})

/** Follows a store and times its transactions: from their run to being durable. To be called before other followers are. */
export const timedStore = (store: Store, clock: () => number): Histogram => {
  const histogram = new Histogram({
    ...{ name: 'flowright_store_commit_seconds', help: 'Time until a transaction is durable', registers: [] },
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  })
  store.follow(({ at }) => histogram.observe(Math.max(0, clock() - at) / 1000))
  return histogram
}

const kinds = Object.entries(PACKET_IN)

/** Adds them to a registry. */
export const addFabricMetrics = (
  registry: Registry,
  {
    store,
    compiler,
    programming,
    sessions,
    status,
    stored,
    drops,
  }: {
    readonly store: Store
    readonly compiler: Compiler
    readonly programming: Programming
    readonly sessions: ChassisSessions
    readonly status: PortStatus
    readonly stored: Histogram
    readonly drops: () => Promise<readonly DropTotal[]>
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
  const latency = keptHistogram(
    'flowright_programming_seconds',
    'Time from a change to its acknowledgement by a chassis',
    () => programming.latency,
  )
  // The registry reads `get` alone; its type asks for a class of the library.
  registry.registerMetric(latency as unknown as Gauge)
  counter('flowright_read_backs_total', 'Flow tables read back from switches', () => programming.counters.readBacks)
  counter(
    'flowright_encoded_bytes_total',
    'Bytes of flow-mods encoded, each once for all chassis',
    () => programming.bytesEncoded,
  )
  new Gauge({
    ...{ name: 'flowright_ports_pending', help: 'Ports that are bound and not yet ACTIVE', registers },
    collect() {
      this.set(status.pending)
    },
  })
  counter('flowright_bundles_total', 'Bundles sent to switches', () => programming.counters.bundles)
  const perKind = (name: string, help: string, what: 'handled' | 'dropped') =>
    new Counter({
      ...{ name, help, labelNames: ['kind'], registers },
      collect() {
        this.reset()
        for (const [kind, code] of kinds) this.inc({ kind }, programming.packetIns.perCode.get(code)?.[what] ?? 0)
      },
    })
  perKind('flowright_packet_ins_total', 'Packets that came to the controller, by what for', 'handled')
  const tooMany = 'Packets to the controller that were dropped for exceeding the rate of their chassis'
  perKind('flowright_packet_ins_dropped_total', tooMany, 'dropped')
  new Counter({
    name: 'flowright_dropped_packets_total',
    help: 'Packets that flows of ours dropped, by reason, as switches counted them last',
    labelNames: ['chassis', 'reason'],
    registers,
    async collect() {
      const totals = await drops()
      this.reset()
      for (const { chassis: id, reason, packets } of totals) this.inc({ chassis: id, reason }, packets)
    },
  })
  registry.registerMetric(stored)
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
