// Asks hosts on external networks for their MACs: by probes, from the chassis' own MAC, so that no cache of anybody changes. The
// switch learns the answers itself.
import { arpRequest } from './arp.ts'
import { neighborSolicitation } from './nd.ts'
import type { NextHop } from './next-hops.ts'
import { TokenBuckets } from './token-bucket.ts'
import { type WayOut, withTag } from './way-out.ts'

/** Questions a second from one chassis, and at once. */
const QUESTIONS = { rate: 100, burst: 200 } as const

/** What asking needs. */
interface ExternalQuestionsOptions {
  /** How frames for a network leave a chassis; undefined where they cannot. */
  readonly wayOut: (hop: NextHop) => WayOut | undefined
  /** The MAC from which a chassis asks on a physical network. */
  readonly chassisMac: (physicalNetwork: string, chassisKey: number) => string
  /** Sends a frame out of a port of a chassis' br-int. */
  readonly emit: (chassis: string, port: number, frame: Uint8Array) => void
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
}

/** Questions on external networks. */
export class ExternalQuestions {
  readonly #options: ExternalQuestionsOptions
  readonly #budgets = new TokenBuckets(QUESTIONS.rate, QUESTIONS.burst, 10_000)
  /** Questions sent, and those that were too many. */
  readonly counts = { sent: 0, dropped: 0 }

  constructor(options: ExternalQuestionsOptions) {
    this.#options = options
  }

  /** Asks for a next hop from its chassis. */
  ask(hop: NextHop): void {
    const { wayOut, chassisMac, emit, now } = this.#options
    const way = wayOut(hop)
    if (way === undefined) return
    if (!this.#budgets.take(hop.chassis, now())) {
      this.counts.dropped++
      return
    }
    const mac = chassisMac(way.physicalNetwork, way.chassisKey)
    this.counts.sent++
    const question = hop.ip.includes(':') ? neighborSolicitation(mac, hop.ip) : arpRequest(mac, hop.ip)
    emit(hop.chassis, way.port, withTag(question, way.vlan))
  }
}
