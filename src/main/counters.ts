// What the switches counted, put down to what asked for the flows: the fabric's part of the API's counters.
import type { CounterView, DropView, SilentView, SnatCountView } from '#api'
import type { Bridge, Compiler, FlowEntry, Pipeline } from '#compiler'
import { Gate } from '#fabric/programming/gate'
import type { FlowCounters, Programming } from '#fabric/programming/index'
import { routerSnatted, snatCounted } from '#flows/br-int/51-router-snatted'
import { entriesOfSet } from './chassis-flows.ts'
import { dropReason } from './drop-reason.ts'
import { flowText } from './flow-text.ts'

/** Whose counters. */
interface Counted {
  readonly compiler: Compiler
  readonly programming: Programming
  readonly pipeline: Pipeline
}

/**
 * Flows of a table that are asked for one by one, by cookie, of which Open vSwitch has an index: 0.2 ms each when many are
 * under way, against 30 µs for each flow of the table when it is read as a whole.
 */
const FEW = 64
/** Chassis that are asked at a time. */
const WIDTH = 8

/** The counters as the API asks for them. */
export const counterView = ({ compiler, programming, pipeline }: Counted): CounterView => {
  const { tableAt, nameOf } = flowText(pipeline)
  const gate = new Gate(WIDTH)

  const countersOf = async (chassis: string, entries: readonly FlowEntry[]) => {
    const found = new Map<bigint, FlowCounters>()
    const read = async (bridge: Bridge, table: number, cookie?: bigint) => {
      for await (const part of programming.counted(chassis, bridge, table, cookie))
        for (const counters of part) found.set(counters.cookie, counters)
    }
    const tables = Map.groupBy(entries, ({ bridge, table }) => `${bridge} ${table}`)
    await Promise.all(
      [...tables.values()].flatMap(ofTable => {
        const { bridge, table } = ofTable[0] as FlowEntry
        return ofTable.length > FEW ? [read(bridge, table)] : ofTable.map(({ cookie }) => read(bridge, table, cookie))
      }),
    )
    return found
  }

  /** Asks each chassis for the counters of its entries, and hands on what it tells. */
  const ask = async (
    chassis: readonly string[],
    entriesAt: (chassis: string) => readonly FlowEntry[],
    take: (chassis: string, entry: FlowEntry, counters: FlowCounters) => void,
  ): Promise<readonly SilentView[]> => {
    const silent: SilentView[] = []
    const askOne = async (id: string) => {
      try {
        const entries = entriesAt(id)
        const counters = await countersOf(id, entries)
        for (const entry of entries) {
          const counted = counters.get(entry.cookie)
          if (counted !== undefined) take(id, entry, counted)
        }
      } catch (error) {
        silent.push({ chassis: id, reason: error instanceof Error ? error.message : String(error) })
      }
    }
    await Promise.all(chassis.toSorted().map(id => gate.run(() => askOne(id))))
    return silent
  }

  return {
    hits: async rules => {
      const keysOf = new Map<FlowEntry, readonly string[]>()
      const perSet = new Map(
        [...Map.groupBy(rules, rule => rule.flowSet)].map(([set, wanted]) => {
          const bySource = new Map(wanted.map(({ key, kind, id }) => [`${kind} ${id}`, key]))
          const entries = entriesOfSet(compiler, set).filter(entry => {
            const keys = entry.sources.flatMap(({ kind, id }) => bySource.get(`${kind} ${id}`) ?? [])
            keysOf.set(entry, keys)
            return keys.length > 0
          })
          return [set, entries]
        }),
      )
      const chassis = [...new Set([...perSet.keys()].flatMap(set => [...compiler.subscribers(set)]))]
      const hits = new Map<string, { chassis: string; packets: number; bytes: number }[]>()
      const silent = await ask(
        chassis,
        id => [...perSet].flatMap(([set, entries]) => (compiler.subscribers(set).has(id) ? entries : [])),
        (id, entry, { packets, bytes }) => {
          for (const key of keysOf.get(entry) ?? []) {
            const counts = hits.get(key) ?? []
            hits.set(key, counts)
            const count = counts.find(({ chassis }) => chassis === id)
            if (count === undefined) counts.push({ chassis: id, packets, bytes })
            else {
              count.packets += packets
              count.bytes += bytes
            }
          }
        },
      )
      return { hits, silent }
    },
    drops: async chassis => {
      const reasonOf = (entry: FlowEntry) => dropReason(entry, tableAt(entry.bridge, entry.table))
      const perSet = new Map<string, readonly FlowEntry[]>()
      const dropsOf = (set: string) => {
        const known = perSet.get(set)
        if (known !== undefined) return known
        const found = entriesOfSet(compiler, set).filter(reasonOf)
        perSet.set(set, found)
        return found
      }
      const drops: DropView[] = []
      const silent = await ask(
        chassis,
        id => [...compiler.subscriptions(id)].flatMap(dropsOf),
        (id, entry, { cookie, packets, bytes }) => {
          const { bridge, table, sources } = entry
          const reason = reasonOf(entry)
          if (reason === undefined) return
          drops.push({
            ...{ chassis: id, bridge, table: nameOf(bridge, table), ...reason },
            ...{ cookie, packets, bytes, sources },
          })
        },
      )
      return { drops, silent }
    },
    snat: async asked => {
      const routerOf = new Map<FlowEntry, string>()
      const perChassis = new Map<string, FlowEntry[]>()
      for (const { router, chassis } of asked) {
        const set = `router/${router}`
        const entries = entriesOfSet(compiler, set).filter(isSnatCount)
        for (const entry of entries) routerOf.set(entry, router)
        for (const id of chassis) {
          if (!compiler.subscribers(set).has(id)) continue
          const known = perChassis.get(id)
          if (known === undefined) perChassis.set(id, [...entries])
          else known.push(...entries)
        }
      }
      const counts = new Map<string, SnatCountView>()
      await ask(
        [...perChassis.keys()],
        id => perChassis.get(id) ?? [],
        (id, entry, { packets }) => {
          const router = routerOf.get(entry)!
          const key = `${router} ${id}`
          const count = counts.get(key) ?? { router, chassis: id, connections: 0, exhausted: 0 }
          const what = entry.priority === snatCounted.connections ? 'connections' : 'exhausted'
          counts.set(key, { ...count, [what]: count[what] + packets })
        },
      )
      return [...counts.values()]
    },
  }
}

const isSnatCount = ({ bridge, table, priority }: FlowEntry) =>
  bridge === 'br-int' &&
  table === routerSnatted.number &&
  (priority === snatCounted.connections || priority === snatCounted.exhausted)
