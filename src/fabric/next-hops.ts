// Packets whose next hop on an external network nobody knows yet are held here while it is asked for. The switch learns the
// answer itself; what is held goes back into its tables a few times, and what comes out unknown again is held again, until
// the sender is told that the host is unreachable.
import { arpRequest } from './arp.ts'
import { neighborSolicitation } from './nd.ts'
import type { PacketIn } from './programming/index.ts'
import { TokenBuckets } from './token-bucket.ts'
import type { WayOut } from './way-out.ts'
import { withTag } from './way-out.ts'

/** When (ms after the first packet) what is held goes back into the tables. */
const RETURNS = [20, 100, 500, 1000] as const
/** Before which of these the next hop is asked for once more. */
const ASKED_AGAIN: readonly number[] = [100, 500]
/** How long (ms) after the last of them senders are told at once that the host is unreachable. */
const GIVEN_UP = 1000
/** Packets held for one next hop, and for all; next hops under way from one chassis, and from all. */
const HELD = { each: 3, all: 1000 } as const
const HOPS = { chassis: 200, all: 1000 } as const
/** Questions a second from one chassis, and at once. */
const QUESTIONS = { rate: 100, burst: 200 } as const

/** An address on a network, asked for from a chassis. */
export interface NextHop {
  readonly chassis: string
  /** Network id. */
  readonly network: string
  readonly ip: string
}

/** A packet that lacks its next hop, as it came to us. */
export type Held = Pick<PacketIn, 'chassis' | 'inPort' | 'fields' | 'packet'>

/** What asking needs. */
interface NextHopsOptions {
  /** How frames for a network leave a chassis; undefined where they cannot. */
  readonly wayOut: (hop: NextHop) => WayOut | undefined
  /** The MAC from which a chassis asks on a physical network. */
  readonly chassisMac: (physicalNetwork: string, chassisKey: number) => string
  /** Sends a frame out of a port of a chassis' br-int. */
  readonly emit: (chassis: string, port: number, frame: Uint8Array) => void
  /** Lets a packet look for its next hop again, with all that the tables knew of it. */
  readonly resume: (held: Held) => void
  /** Tells the sender that the next hop is not there. */
  readonly unreachable: (held: Held) => void
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
}

interface Search {
  readonly hop: NextHop
  packets: Held[]
  /** How often what is held went back so far. */
  returns: number
  timer: NodeJS.Timeout
}

/** Next hops on external networks that are being looked for. */
export class NextHops {
  readonly #options: NextHopsOptions
  readonly #searches = new Map<string, Search>()
  readonly #perChassis = new Map<string, number>()
  readonly #budgets = new TokenBuckets(QUESTIONS.rate, QUESTIONS.burst, 10_000)
  #held = 0
  /** Questions sent and those that were too many; packets held, sent on, dropped as too many, and answered as unreachable. */
  readonly counts = { asked: 0, unasked: 0, held: 0, resumed: 0, dropped: 0, unreachable: 0 }

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

  /** Asks for a next hop from its chassis; the answer is learned by the switch. */
  ask(hop: NextHop): void {
    const { wayOut, chassisMac, emit, now } = this.#options
    const way = wayOut(hop)
    if (way === undefined) return
    if (!this.#budgets.take(hop.chassis, now())) {
      this.counts.unasked++
      return
    }
    const mac = chassisMac(way.physicalNetwork, way.chassisKey)
    const question = hop.ip.includes(':') ? neighborSolicitation(mac, hop.ip) : arpRequest(mac, hop.ip)
    this.counts.asked++
    emit(hop.chassis, way.port, withTag(question, way.vlan))
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
    this.ask(hop)
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
    if (ASKED_AGAIN.includes(at) && packets.length > 0) this.ask(search.hop)
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
