// Which ports most likely sent what is dropped by a flow that all ports of a chassis share: a flow for each port would
// cost every chassis a table of them. Less passes the check at such a port than came to it; both are counted per port.
import { CHECKS, type DropFlows } from './feed-drops.ts'
import type { Reading } from './feed-readings.ts'

/** After which of them a drop takes what the next does not let pass. */
const CHECK_OF: Readonly<Record<string, number>> = { spoofed_mac: 0, spoofed_address: 1 }
/** The share of what was dropped that one port must have lost. */
const SHARE = 0.3
const MOST = 3

/** What was lost, at drops for one reason, since somebody looks. */
interface Loss {
  dropped: number
  readonly byPort: Map<string, number>
}

const addTo = (map: Map<string, number>, key: string, n: number) => map.set(key, (map.get(key) ?? 0) + n)

/** The suspects of one chassis. */
export class Suspects {
  readonly #losses = new Map<string, Loss>()

  /** Compares what came and what passed between two readings. */
  take(flows: DropFlows, { elapsed, changed, before }: Reading): void {
    if (elapsed === 0) return
    const passed = CHECKS.map(() => new Map<string, number>())
    const dropped = new Map<string, number>()
    for (const { cookie, packets } of changed) {
      const more = packets - (before.get(cookie) ?? 0)
      const check = flows.checkOf(cookie)
      if (check) addTo(passed[check.index]!, check.port, more)
      const reason = flows.find(cookie)?.drop?.reason
      if (reason !== undefined && reason in CHECK_OF) addTo(dropped, reason, more)
    }
    for (const [reason, lost] of dropped) {
      const index = CHECK_OF[reason]!
      const loss = this.#losses.get(reason) ?? { dropped: 0, byPort: new Map<string, number>() }
      this.#losses.set(reason, loss)
      loss.dropped += lost
      for (const [port, came] of passed[index]!) {
        const missing = came - (passed[index + 1]!.get(port) ?? 0)
        if (missing > 0) addTo(loss.byPort, port, Math.min(missing, lost))
      }
    }
  }

  /** The ports that most likely sent what was dropped for a reason, the likeliest first. */
  of(reason: string): readonly string[] {
    const { dropped = 0, byPort = new Map<string, number>() } = this.#losses.get(reason) ?? {}
    return [...byPort]
      .filter(([, missing]) => missing >= dropped * SHARE)
      .sort(([, a], [, b]) => b - a)
      .slice(0, MOST)
      .map(([port]) => port)
  }
}
