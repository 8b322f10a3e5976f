// Packets whose next hop nobody knows yet are held here while it is asked for. Flows come to know the answer; what is held goes
// back into the tables a few times, and what comes out unknown again is held again, until the sender is told that the host is
// unreachable.
import type { PacketIn } from './programming/index.ts'

/** When (ms after the first packet) what is held goes back into the tables. */
const RETURNS = [20, 100, 500, 1000] as const
/** Before which of these the next hop is asked for once more. */
const ASKED_AGAIN: readonly number[] = [100, 500]
/** How long (ms) after the last of them senders are told at once that the host is unreachable. */
const GIVEN_UP = 1000
/** Packets held for one next hop, and for all; next hops under way from one chassis, and from all. */
const HELD = { each: 3, all: 1000 } as const
const HOPS = { chassis: 200, all: 1000 } as const

/** An address on a network, asked for from a chassis. */
export interface NextHop {
  readonly chassis: string
  /** Network id. */
  readonly network: string
  readonly ip: string
}

/** A packet that lacks its next hop, as it came to us. */
export type Held = Pick<PacketIn, 'chassis' | 'inPort' | 'fields' | 'packet'>

/** What holding packets needs. */
interface NextHopsOptions {
  /** Asks for a next hop. */
  readonly ask: (hop: NextHop) => void
  /** Lets a packet look for its next hop again, with all that the tables knew of it. */
  readonly resume: (held: Held) => void
  /** Tells the sender that the next hop is not there. */
  readonly unreachable: (held: Held) => void
}

interface Search {
  readonly hop: NextHop
  packets: Held[]
  /** How often what is held went back so far. */
  returns: number
  timer: NodeJS.Timeout
}

/** Next hops that are being looked for. */
export class NextHops {
  readonly #options: NextHopsOptions
  readonly #searches = new Map<string, Search>()
  readonly #perChassis = new Map<string, number>()
  #held = 0
  /** How often packets were held and put back, packets dropped as too many, and those answered as unreachable. */
  readonly counts = { held: 0, resumed: 0, dropped: 0, unreachable: 0 }

  constructor(options: NextHopsOptions) {
    this.#options = options
  }

  /** How many packets are held now. */
  get held(): number {
    return this.#held
  }

  /** A packet lacks its next hop. */
  want(hop: NextHop, held: Held): void {
    const key = `${hop.chassis} ${hop.network} ${hop.ip}`
    const search = this.#searches.get(key) ?? this.#begin(key, hop)
    if (search === undefined) {
      this.counts.dropped++
      return
    }
    if (search.returns === RETURNS.length) {
      this.#unreachable(held)
      return
    }
    if (search.packets.length >= HELD.each || this.#held >= HELD.all) {
      this.counts.dropped++
      return
    }
    // What arrives is a view of a larger buffer.
    search.packets.push({ ...held, packet: Buffer.from(held.packet) })
    this.#held++
    this.counts.held++
  }

  /** Forgets what is held. */
  close(): void {
    for (const { timer } of this.#searches.values()) clearTimeout(timer)
    this.#searches.clear()
    this.#held = 0
  }

  #begin(key: string, hop: NextHop): Search | undefined {
    const here = this.#perChassis.get(hop.chassis) ?? 0
    if (this.#searches.size >= HOPS.all || here >= HOPS.chassis) return undefined
    this.#perChassis.set(hop.chassis, here + 1)
    const search: Search = { hop, packets: [], returns: 0, timer: this.#after(RETURNS[0], () => this.#return(key)) }
    this.#searches.set(key, search)
    this.#options.ask(hop)
    return search
  }

  /** Lets what is held try again. */
  #return(key: string): void {
    const search = this.#searches.get(key)
    if (search === undefined) return
    const at = RETURNS[search.returns] ?? 0
    search.returns++
    const next = RETURNS[search.returns]
    const packets = search.packets
    search.packets = []
    this.#held -= packets.length
    if (ASKED_AGAIN.includes(at) && packets.length > 0) this.#options.ask(search.hop)
    search.timer =
      next === undefined
        ? this.#after(GIVEN_UP, () => this.#end(key, search))
        : this.#after(next - at, () => this.#return(key))
    this.counts.resumed += packets.length
    for (const held of packets) this.#options.resume(held)
  }

  #end(key: string, { hop }: Search): void {
    this.#searches.delete(key)
    const left = (this.#perChassis.get(hop.chassis) ?? 1) - 1
    if (left === 0) this.#perChassis.delete(hop.chassis)
    else this.#perChassis.set(hop.chassis, left)
  }

  #unreachable(held: Held): void {
    this.counts.unreachable++
    this.#options.unreachable(held)
  }

  #after(ms: number, work: () => void): NodeJS.Timeout {
    return setTimeout(work, ms).unref()
  }
}
