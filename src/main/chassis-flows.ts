// What several views show of the running fabric: the flows that a chassis should hold, and deviations in words.
import type { DriftView } from '#api'
import type { Compiler, FlowEntry } from '#compiler'
import type { DriftEvent } from '#fabric/programming/index'
import type { FlowText } from './flow-text.ts'

/** The flows of a flow set; none where there is no such set. */
export const entriesOfSet = (compiler: Compiler, flowSet: string): readonly FlowEntry[] => [
  ...(compiler.flowSet(flowSet)?.entries.values() ?? []),
]

/** The flows that a chassis should hold, flow set by flow set. */
export const entriesAt = (compiler: Compiler, chassis: string): readonly FlowEntry[] =>
  [...compiler.subscriptions(chassis)].flatMap(set => entriesOfSet(compiler, set))

/** A deviation as the API shows it, with the flow in words. */
export const showDrift = (
  { at, bridge, kind, count, flow, sources }: DriftEvent,
  print: FlowText['print'],
): DriftView => ({
  ...{ at, bridge, kind, count, sources },
  text: flow ? print(bridge, flow) : '',
})
