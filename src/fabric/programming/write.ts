// Writes operations and the stamp in one bundle. What the switch refuses is found by xid, or by halving where the
// switch does not say, and quarantined; the others proceed.
import type { FlowEntry } from '#compiler/flow-set'
import type { Change } from './change-log.ts'
import { type Frame, type Frames, frameOf, joined } from './frames.ts'
import type { Quarantine } from './quarantine.ts'
import { stampOf } from './stamp.ts'
import type { BundleResult, Switch } from './switch.ts'

/** One flow to add or to delete. */
export interface Operation {
  readonly isAdd: boolean
  readonly frame: Frame
  /** Missing for a flow that nobody asked for. */
  readonly entry: FlowEntry | undefined
  /** What an addition replaces: deleted when the addition is refused, since it is wanted no more. */
  readonly was: FlowEntry | undefined
}

/** Where operations go. `stamp` is the digest that is true after them; undefined: none is. */
export interface Target {
  readonly switch: Switch
  readonly frames: Frames
  readonly quarantine: Quarantine
  /** Milliseconds that a small bundle may take. */
  readonly patience: number
  readonly stamp: () => bigint | undefined
}

const noStamp = frameOf(stampOf(0n), false)
const ATTEMPTS = 8

/** Operations a millisecond that any switch is expected to manage. */
const PACE = 5

const send = (to: Target, operations: readonly Operation[]): Promise<BundleResult> => {
  const stamp = to.stamp()
  const frames = operations.map(op => op.frame)
  frames.push(stamp === undefined ? noStamp : frameOf(stampOf(stamp), true))
  return to.switch.bundle(joined(frames), to.patience + operations.length / PACE)
}

/** Resolves when the switch holds what it is to hold, quarantined entries aside. Rejects with SwitchLost. */
export const writeOperations = async (to: Target, operations: readonly Operation[]): Promise<void> => {
  let left = operations
  for (let attempt = 1; ; attempt++) {
    const { isCommitted, rejections } = await send(to, left)
    if (isCommitted && rejections.length === 0) return
    const errors = new Map(rejections.map(r => [r.xid, r.error]))
    const refused = left.filter(op => errors.has(op.frame.xid))
    const cause = rejections[0]?.error ?? 'no reason given'
    if (refused.length === 0 && left.length === 0) throw new Error(`the stamp was refused: ${cause}`)
    if (refused.length === 0 && left.length === 1) refused.push(...left)
    if (!isCommitted && left.length > 1 && (refused.length === 0 || attempt > ATTEMPTS)) {
      const pieces = { ...to, stamp: () => undefined }
      await writeOperations(pieces, left.slice(0, left.length >> 1))
      await writeOperations(pieces, left.slice(left.length >> 1))
      left = []
      continue
    }
    for (const { isAdd, entry, frame } of refused)
      if (isAdd && entry) to.quarantine.add(entry, errors.get(frame.xid) ?? cause)
    const outdated = refused.flatMap(({ was }) => (was ? [deletion(to.frames, was)] : []))
    left = isCommitted ? outdated : [...outdated, ...left.filter(op => !refused.includes(op))]
  }
}

/** The operation that adds an entry, over `was` if that stands in its slot. */
export const addition = (frames: Frames, entry: FlowEntry, was?: FlowEntry): Operation => ({
  isAdd: true,
  frame: frames.add(entry),
  entry,
  was,
})

/** The operation that deletes an entry's flow. */
export const deletion = (frames: Frames, entry: FlowEntry): Operation => ({
  isAdd: false,
  frame: frames.remove(entry),
  entry,
  was: undefined,
})

/** What operations do, as a change to be kept. */
export const asChange = (operations: readonly Operation[]): Change => {
  const removed: FlowEntry[] = []
  const added: FlowEntry[] = []
  for (const { entry, was, isAdd } of operations) {
    if (!entry) continue
    if (!isAdd) removed.push(entry)
    else {
      added.push(entry)
      if (was) removed.push(was)
    }
  }
  return { removed, added }
}
