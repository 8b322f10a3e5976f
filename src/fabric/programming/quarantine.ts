// Entries that a switch refused: kept out of bundles, so that the others proceed, and shown with the reason. An entry
// leaves when it goes or changes, or when the switch is read back as a whole and everything is tried again.
import type { FlowEntry } from '#compiler/flow-set'

/** A refused entry. */
export interface Quarantined {
  readonly entry: FlowEntry
  /** The OpenFlow error that the switch answered. */
  readonly error: string
  /** Milliseconds since the epoch. */
  readonly since: number
}

const U64 = (n: bigint) => BigInt.asUintN(64, n)

/** The refused entries of one bridge. */
export class Quarantine {
  readonly #entries = new Map<FlowEntry, Quarantined>()
  readonly #now: () => number
  readonly #tell: (quarantined: Quarantined) => void
  #digest = 0n

  constructor(now: () => number, tell: (quarantined: Quarantined) => void) {
    this.#now = now
    this.#tell = tell
  }

  get size(): number {
    return this.#entries.size
  }

  /** Sum of the entries' digests modulo 2^64: what the bridge lacks. */
  get digest(): bigint {
    return this.#digest
  }

  get list(): readonly Quarantined[] {
    return [...this.#entries.values()]
  }

  has(entry: FlowEntry): boolean {
    return this.#entries.has(entry)
  }

  add(entry: FlowEntry, error: string): void {
    if (this.#entries.has(entry)) return
    const quarantined = { entry, error, since: this.#now() }
    this.#entries.set(entry, quarantined)
    this.#digest = U64(this.#digest + entry.digest)
    this.#tell(quarantined)
  }

  /** Lets an entry go; says whether it was here. */
  release(entry: FlowEntry): boolean {
    if (!this.#entries.delete(entry)) return false
    this.#digest = U64(this.#digest - entry.digest)
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#digest = 0n
  }
}
