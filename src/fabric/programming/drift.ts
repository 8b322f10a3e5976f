// A journal of what others did to our flows: the newest events of a bridge for people to read, all of them counted.
// A flood is summed up, not recorded one by one.
import type { Bridge, Source } from '#compiler/flow-set'
import type { FlowData } from './switch.ts'

/** One deviation found and repaired. */
export interface DriftEvent {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly chassis: string
  readonly bridge: Bridge
  /**
   * removed: a flow of ours was gone; changed: one had other actions, timeouts or cookie; added: one had our mark but
   * nobody asked for it; many: `count` more within a second, not recorded singly.
   */
  readonly kind: 'removed' | 'changed' | 'added' | 'many'
  readonly count: number
  /** The flow as it should be, or, for one that was added, as it was; none for `many`. */
  readonly flow?: FlowData
  /** Who asked for the flow. */
  readonly sources: readonly Source[]
  /** How it was found. */
  readonly by: 'monitor' | 'read-back'
}

/** What a deviation is, before the journal adds time and place. */
export interface Drift extends Pick<DriftEvent, 'kind' | 'by'> {
  /** An entry or a flow that was read: asked for its flow only if the event is recorded singly. */
  readonly of: { readonly flow: FlowData; readonly sources?: readonly Source[] }
}

const PER_SECOND = 20
const KEPT = 200

/** The journal of one bridge. */
export class DriftJournal {
  readonly #chassis: string
  readonly #bridge: Bridge
  readonly #now: () => number
  readonly #tell: (event: DriftEvent) => void
  readonly #events: DriftEvent[] = []
  #second = 0
  #inSecond = 0
  #unrecorded = 0
  /** Deviations so far, recorded singly or not. */
  count = 0

  constructor(chassis: string, bridge: Bridge, now: () => number, tell: (event: DriftEvent) => void) {
    this.#chassis = chassis
    this.#bridge = bridge
    this.#now = now
    this.#tell = tell
  }

  /** The newest events, oldest first. */
  get events(): readonly DriftEvent[] {
    this.#sumUp(this.#now())
    return this.#events
  }

  record(drift: Drift): void {
    const at = this.#now()
    this.count++
    this.#sumUp(at)
    if (++this.#inSecond > PER_SECOND) this.#unrecorded++
    else {
      const { kind, by, of } = drift
      const { flow, sources = [] } = of
      this.#add({ at, chassis: this.#chassis, bridge: this.#bridge, kind, by, count: 1, flow, sources })
    }
  }

  /** Ends the second that the last event fell into, when another has begun. */
  #sumUp(at: number): void {
    const second = Math.floor(at / 1000)
    if (second === this.#second) return
    const count = this.#unrecorded
    this.#second = second
    this.#inSecond = 0
    this.#unrecorded = 0
    if (count === 0) return
    const where = { at, chassis: this.#chassis, bridge: this.#bridge }
    this.#add({ ...where, kind: 'many', count, sources: [], by: 'monitor' })
  }

  #add(event: DriftEvent): void {
    this.#events.push(event)
    if (this.#events.length > KEPT) this.#events.shift()
    this.#tell(event)
  }
}
