// Readings of counters, repeated while somebody looks: one at a time per chassis, shared by all who look, and never so
// often that reading takes more than a twentieth of the time. So an open console costs a switch, and us, little.
import { setTimeout as sleep } from 'node:timers/promises'
import type { BridgeName } from './fabric-view.ts'
import type { CountersView, LiveView } from './live-view.ts'

/** The shortest time (ms) between two readings of the same counters. */
const SHORTEST = 1000
/** Time between readings, as a multiple of what one takes. */
const SHARE = 19
/** Time (ms) until a switch that could not be read is tried again. */
const RETRY = 2000

/** Which counters: of one table of a bridge, or of all. */
export interface Scope {
  readonly chassis: string
  readonly bridge: BridgeName
  /** Number of a table. */
  readonly table?: number
}

/** What a reading tells. */
export interface Reading {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Seconds since the reading before; 0 for the first. */
  readonly elapsed: number
  /** Milliseconds that it took. */
  readonly took: number
  /** The flows whose counters are others than in the reading before: all that were ever hit, in the first. */
  readonly changed: readonly CountersView[]
  /** Packets of those in the reading before. */
  readonly before: ReadonlyMap<bigint, number>
}

/** Who looks. */
export interface Reader {
  /** Called with each reading. */
  read(reading: Reading): void
  /** Called when the switch cannot be read, with the reason. */
  trouble(reason: string): void
}

interface Repeated {
  readonly scope: Scope
  readonly readers: Set<Reader>
  readonly latest: Map<bigint, CountersView>
  last: number
}

const keyOf = ({ chassis, bridge, table }: Scope) => JSON.stringify([chassis, bridge, table ?? null])

/** All readings under way. */
export class Readings {
  readonly #live: LiveView
  readonly #repeated = new Map<string, Repeated>()
  /** The reading of a chassis that is under way, and those that wait for it. */
  readonly #turns = new Map<string, Promise<void>>()

  constructor(live: LiveView) {
    this.#live = live
  }

  /** Begins to look. Returns how to stop. */
  look(scope: Scope, reader: Reader): () => void {
    const key = keyOf(scope)
    let repeated = this.#repeated.get(key)
    if (repeated === undefined) {
      repeated = { scope, readers: new Set(), latest: new Map(), last: 0 }
      this.#repeated.set(key, repeated)
      repeated.readers.add(reader)
      void this.#repeat(key, repeated)
    } else if (repeated.last > 0) {
      const { last: at, latest } = repeated
      const changed = [...latest.values()].filter(({ packets }) => packets > 0)
      queueMicrotask(() => reader.read({ at, elapsed: 0, took: 0, changed, before: new Map() }))
    }
    const { readers } = repeated
    readers.add(reader)
    return () => readers.delete(reader)
  }

  async #repeat(key: string, repeated: Repeated): Promise<void> {
    while (repeated.readers.size > 0) {
      let pause = RETRY
      try {
        const took = await this.#inTurn(repeated.scope.chassis, () => this.#read(repeated))
        pause = Math.max(SHORTEST, took * SHARE)
      } catch (error) {
        repeated.last = 0
        for (const reader of repeated.readers) reader.trouble((error as Error).message)
      }
      await sleep(pause, undefined, { ref: false })
    }
    this.#repeated.delete(key)
  }

  async #inTurn<T>(chassis: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(chassis) ?? Promise.resolve()
    const mine = before.then(work)
    const settled = mine.then(
      () => {},
      () => {},
    )
    this.#turns.set(chassis, settled)
    try {
      return await mine
    } finally {
      if (this.#turns.get(chassis) === settled) this.#turns.delete(chassis)
    }
  }

  async #read(repeated: Repeated): Promise<number> {
    const { scope, latest, readers } = repeated
    const begun = performance.now()
    const changed: CountersView[] = []
    const before = new Map<bigint, number>()
    const seen = new Set<bigint>()
    for await (const part of this.#live.counters(scope.chassis, scope.bridge, scope.table))
      for (const counters of part) {
        const { cookie, packets } = counters
        seen.add(cookie)
        const known = latest.get(cookie)
        if (known?.packets === packets || (known === undefined && packets === 0)) continue
        // A flow that was written again counts from zero.
        before.set(cookie, known === undefined || known.packets > packets ? 0 : known.packets)
        latest.set(cookie, counters)
        changed.push(counters)
      }
    for (const cookie of latest.keys()) if (!seen.has(cookie)) latest.delete(cookie)
    const at = Date.now()
    const took = performance.now() - begun
    const elapsed = repeated.last === 0 ? 0 : (at - repeated.last) / 1000
    repeated.last = at
    for (const reader of readers) reader.read({ at, elapsed, took, changed, before })
    return took
  }
}
