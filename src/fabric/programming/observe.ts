// Finds what others did to our flows in what a flow monitor tells. Our own changes are not in it.
import { isOurs, LEARNED_MARK, slotOf } from '#compiler/encode'
import type { Bridge, FlowEntry } from '#compiler/flow-set'
import { isSame } from './comparison.ts'
import { digestIn, STAMP_COOKIE } from './stamp.ts'
import type { FlowChange, InstalledFlow } from './switch.ts'

/** One thing that others did. */
export type Found =
  | { readonly kind: 'removed' | 'changed'; readonly entry: FlowEntry }
  /** A flow with our mark that nobody asked for. */
  | { readonly kind: 'added'; readonly flow: InstalledFlow }
  /** The stamp is gone, or another. */
  | { readonly kind: 'stamp' }

const judge = (
  { event, flow }: FlowChange,
  bridge: Bridge,
  stamp: bigint | undefined,
  find: (slot: string) => FlowEntry | undefined,
): Found | undefined => {
  const isGone = event === 'removed'
  if (flow.cookie === STAMP_COOKIE)
    return isGone || digestIn(flow.instructions) !== stamp ? { kind: 'stamp' } : undefined
  // What packets teach the switch comes and goes; what others add and remove in slots of their own is theirs.
  if (flow.cookie >> 48n === LEARNED_MARK || (isGone && !isOurs(flow.cookie))) return undefined
  const entry = find(slotOf(bridge, flow.table, flow.priority, flow.match))
  if (entry === undefined) return isGone || !isOurs(flow.cookie) ? undefined : { kind: 'added', flow }
  if (isGone) return { kind: 'removed', entry }
  return isSame(entry, flow) ? undefined : { kind: 'changed', entry }
}

/** What of these changes concerns us. `stamp`: what the bridge's stamp should be; `find`: the entry of a slot. */
export const driftIn = (
  changes: readonly FlowChange[],
  bridge: Bridge,
  stamp: bigint | undefined,
  find: (slot: string) => FlowEntry | undefined,
): readonly Found[] => changes.map(change => judge(change, bridge, stamp, find)).filter(found => found !== undefined)
