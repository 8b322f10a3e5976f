// Hands packets that flows sent to the controller to whoever registered for them. The first byte of the userdata of the
// flow's controller action chooses the handler. A chassis that sends too many of one kind is cut short in that kind, so that
// guests who cause some cannot hold up others; what is dropped is counted.
import type { PacketIn } from './switch.ts'

/** Handles one kind of packet-in. What it throws is reported and harms nobody. */
export type PacketInHandler = (packetIn: PacketIn) => void | Promise<void>

/** How many packets of one kind one chassis may send a second, and how many at once. */
const RATE = 500
const BURST = 1000

/** The handlers, by the first byte of userdata. */
export class PacketIns {
  readonly #handlers = new Map<number, PacketInHandler>()
  /** By chassis, then by first byte of userdata. */
  readonly #budgets = new Map<string, Map<number, { left: number; at: number }>>()
  readonly #now: () => number
  readonly #report: (chassis: string, what: string) => void
  /** Packets handled, dropped for exceeding the rate, and sent for a handler that there is not. */
  readonly counts = { handled: 0, dropped: 0, unknown: 0 }
  /** The same by the first byte of userdata. */
  readonly perCode = new Map<number, { handled: number; dropped: number }>()

  constructor(now: () => number, report: (chassis: string, what: string) => void) {
    this.#now = now
    this.#report = report
  }

  /** Registers the handler for userdata that begins with `code` (0 to 255). */
  on(code: number, handler: PacketInHandler): void {
    if (this.#handlers.has(code)) throw new Error(`packet-ins of userdata ${code} have a handler already`)
    this.#handlers.set(code, handler)
  }

  /** Hands a packet to its handler. `userdata` is whole here. */
  dispatch(packetIn: PacketIn): void {
    const code = packetIn.userdata[0] ?? -1
    if (!this.#isWithinRate(packetIn.chassis, code)) {
      this.counts.dropped++
      this.#countsOf(code).dropped++
      return
    }
    const handler = this.#handlers.get(code)
    if (!handler) {
      this.counts.unknown++
      return
    }
    this.counts.handled++
    this.#countsOf(code).handled++
    const failed = (error: unknown) => this.#report(packetIn.chassis, `a packet-in was not handled: ${String(error)}`)
    try {
      void Promise.resolve(handler({ ...packetIn, userdata: packetIn.userdata.subarray(1) })).catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Forgets what a chassis has used of its rate. */
  forget(chassis: string): void {
    this.#budgets.delete(chassis)
  }

  #countsOf(code: number): { handled: number; dropped: number } {
    const counts = this.perCode.get(code) ?? { handled: 0, dropped: 0 }
    this.perCode.set(code, counts)
    return counts
  }

  #isWithinRate(chassis: string, code: number): boolean {
    const now = this.#now()
    const budgets = this.#budgets.get(chassis) ?? new Map<number, { left: number; at: number }>()
    const budget = budgets.get(code) ?? { left: BURST, at: now }
    budget.left = Math.min(BURST, budget.left + ((now - budget.at) * RATE) / 1000) - 1
    budget.at = now
    const isWithin = budget.left >= 0
    if (!isWithin) budget.left = 0
    this.#budgets.set(chassis, budgets.set(code, budget))
    return isWithin
  }
}
