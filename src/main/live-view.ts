// The running controller as the event feed follows it: flows of a chassis as they come and go, counters, deviations.
import type { LiveFlow, LiveView } from '#api'
import { inSlices } from '#api/slices'
import type { Compiler, FlowEntry, Pipeline } from '#compiler'
import type { Programming } from '#fabric/programming/index'
import { dropReasons } from '#flows/drop-reasons'
import { registers } from '#flows/registers'
import type { ChangeCosts } from './change-costs.ts'
import { entriesAt, showDrift } from './chassis-flows.ts'
import { dropReason } from './drop-reason.ts'
import { documentOf, type FlowText, flowText } from './flow-text.ts'

/** What is followed. */
interface Followed {
  readonly compiler: Compiler
  readonly programming: Programming
  readonly costs: ChangeCosts
  readonly pipeline: Pipeline
}

/** The controller as the feed asks for it. */
export const liveView = ({ compiler, programming, costs, pipeline }: Followed): LiveView => {
  const text = flowText(pipeline)
  const live = remembered(text)
  const entriesOf = (chassis: string) => entriesAt(compiler, chassis)

  return {
    tables: pipeline.tables.map(table => ({
      bridge: table.bridge,
      number: table.number,
      name: table.name,
      ...documentOf(table),
      next: table.next.map(next => next.name),
    })),
    registers: registers.map(({ bridge, name, field, doc }) => ({ bridge, name, field, doc })),
    dropReasons,
    flows: chassis => {
      const entries = entriesOf(chassis)
      return { size: entries.length, flows: entries.values().map(live) }
    },
    cookies: async (chassis, bridge, table, isOf) => {
      const found = new Set<bigint>()
      const look = (entry: FlowEntry) => {
        if (entry.table === table && entry.bridge === bridge && entry.sources.some(isOf)) found.add(entry.cookie)
      }
      await inSlices(entriesOf(chassis), look, () => true)
      return found
    },
    onFlows: (chassis, listener) => {
      const known = new Set(entriesOf(chassis))
      const tell = (added: readonly FlowEntry[], removed: readonly FlowEntry[]) => {
        for (const entry of removed) known.delete(entry)
        for (const entry of added) known.add(entry)
        if (added.length + removed.length > 0) listener(added.map(live), removed.map(live))
      }
      return compiler.onDelta(delta => {
        const isOf = (pair: { readonly chassis: string }) => pair.chassis === chassis
        if (delta.subscribed.some(isOf) || delta.unsubscribed.some(isOf)) {
          const now = new Set(entriesOf(chassis))
          return tell([...now.difference(known)], [...known.difference(now)])
        }
        const ours = delta.flowSets.filter(({ flowSet }) => compiler.subscriptions(chassis).has(flowSet))
        tell(
          ours.flatMap(({ added }) => added),
          ours.flatMap(({ removed }) => removed),
        )
      })
    },
    counters: (chassis, bridge, table) => programming.counted(chassis, bridge, table),
    onCost: listener => costs.onCost(listener),
    onDrift: listener => programming.onDrift(event => listener(event.chassis, showDrift(event, text.print))),
  }
}

/** The same object for the same entry, so that whoever follows can tell flows apart. */
const remembered = (text: FlowText) => {
  const known = new WeakMap<FlowEntry, LiveFlow>()
  return (entry: FlowEntry): LiveFlow => {
    let flow = known.get(entry)
    if (flow === undefined) {
      const { bridge, table, priority, cookie, sources } = entry
      const drop = dropReason(entry, text.tableAt(bridge, table))
      flow = {
        ...{ bridge, table, priority, cookie, sources },
        ...(drop === undefined ? {} : { drop }),
        text: () => text.parts(bridge, entry.flow),
      }
      known.set(entry, flow)
    }
    return flow
  }
}
