// What is to be written to a bridge: the edits of its model and the repairs of what others changed, as operations.
import { slotOf } from '#compiler/encode'
import type { Bridge, FlowEntry, FlowSet } from '#compiler/flow-set'
import type { Edit } from './change-log.ts'
import { findEntry } from './comparison.ts'
import { type Frames, frameOf } from './frames.ts'
import type { Quarantine } from './quarantine.ts'
import type { RepairsDue } from './repairs.ts'
import { addition, deletion, type Operation } from './write.ts'

/** What was taken to be written. */
export interface Work {
  /** The connection it was taken for. */
  readonly session: object
  readonly additions: readonly Operation[]
  readonly deletions: readonly Operation[]
  /** Digest of what the bridge should hold after all of it, quarantined entries included. */
  readonly digest: bigint
  /** Whether the bridge will be as it should be afterwards, so that a stamp may say so. */
  readonly isWhole: boolean
}

/** The bridge that operations are for. */
export interface Wanted {
  readonly bridge: Bridge
  /** What it shall hold. */
  readonly sets: () => Iterable<FlowSet>
  readonly frames: Frames
  readonly quarantine: Quarantine
}

/** The operations that edits and repairs come to; an edit goes before a repair of the same flow. */
export const operationsOf = (
  wanted: Wanted,
  edits: readonly Edit[],
  repairs: RepairsDue | undefined,
): Pick<Work, 'additions' | 'deletions'> => {
  const { bridge, sets, frames, quarantine } = wanted
  const additions: Operation[] = []
  const deletions: Operation[] = []
  // An entry that no message can hold is quarantined.
  const add = (entry: FlowEntry, was?: FlowEntry): boolean => {
    try {
      additions.push(addition(frames, entry, was))
      return true
    } catch (error) {
      quarantine.add(entry, String(error))
      return false
    }
  }
  for (const { was, want } of edits) {
    const old = was !== undefined && !quarantine.release(was) ? was : undefined
    if (!(want && add(want, old)) && old) deletions.push(deletion(frames, old))
  }
  if (!repairs) return { additions, deletions }
  const edited = new Set(edits.map(({ was, want }) => (want ?? was)?.slot))
  for (const entry of repairs.entries) {
    // What the model no longer asks for, or asks for in another form, is not put back.
    const isWanted = findEntry(sets(), entry.slot) === entry && !quarantine.has(entry)
    if (isWanted && !edited.has(entry.slot)) add(entry)
  }
  for (const flow of repairs.strays) {
    // Somebody may ask for it by now, and it be written.
    if (findEntry(sets(), slotOf(bridge, flow.table, flow.priority, flow.match))) continue
    deletions.push({ isAdd: false, frame: frameOf(flow, false), entry: undefined, was: undefined })
  }
  return { additions, deletions }
}
