// What is to be repaired on a bridge, gathered for a moment so that a flood of drift becomes a few bundles. Whoever
// keeps undoing our repairs slows them down, to two a second at most.
import type { FlowEntry } from '#compiler/flow-set'
import type { Difference } from './comparison.ts'
import type { InstalledFlow } from './switch.ts'

const FIRST_DELAY = 10
const LONGEST_DELAY = 500
/** How long (ms) nobody may interfere before repairs are quick again. */
const CALM = 5000

/** What to repair now. */
export interface RepairsDue {
  readonly entries: readonly FlowEntry[]
  readonly strays: readonly InstalledFlow[]
  /** Everything that a first read-back found is in it: afterwards the bridge is as it should be. */
  readonly isComplete: boolean
}

/** The repairs of one connection. */
export class Repairs {
  readonly #now: () => number
  readonly #wake: () => void
  readonly #entries = new Set<FlowEntry>()
  readonly #strays = new Set<InstalledFlow>()
  #isComplete = false
  #isStampGone = false
  #timer: NodeJS.Timeout | undefined
  #isDue = false
  #delay = FIRST_DELAY
  #lastTaken = 0

  /** `wake` is called when repairs fall due. */
  constructor(now: () => number, wake: () => void) {
    this.#now = now
    this.#wake = wake
  }

  /** Whether all that a first read-back found is here. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  addEntry(entry: FlowEntry): void {
    this.#entries.add(entry)
    this.#schedule()
  }

  addStray(flow: InstalledFlow): void {
    this.#strays.add(flow)
    this.#schedule()
  }

  addStamp(): void {
    this.#isStampGone = true
    this.#schedule()
  }

  /** What a read-back found, due at once. `isFirst`: the stamp did not tell what the switch held. */
  addDifference(difference: Difference, isFirst: boolean): void {
    for (const entry of difference.missing) this.#entries.add(entry)
    for (const { entry } of difference.changed) this.#entries.add(entry)
    for (const flow of difference.strays) this.#strays.add(flow)
    if (isFirst) this.#isComplete = true
    this.#isDue = true
  }

  /** Takes what is due; undefined when nothing is. */
  take(): RepairsDue | undefined {
    if (!this.#isDue) return undefined
    this.#isDue = false
    if (this.#entries.size + this.#strays.size === 0 && !this.#isComplete && !this.#isStampGone) return undefined
    const now = this.#now()
    this.#delay = now - this.#lastTaken < CALM ? Math.min(this.#delay * 2, LONGEST_DELAY) : FIRST_DELAY
    this.#lastTaken = now
    const due = { entries: [...this.#entries], strays: [...this.#strays], isComplete: this.#isComplete }
    this.clear()
    return due
  }

  /** Forgets all, for a read-back that will tell it anew. */
  clear(): void {
    this.#entries.clear()
    this.#strays.clear()
    this.#isComplete = false
    this.#isStampGone = false
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#isDue = true
      this.#wake()
    }, this.#delay)
  }
}
