// The flows of a chassis that drop, by cookie: found once, then followed.
import type { LiveFlow, LiveView } from './live-view.ts'
import { inSlices } from './slices.ts'

/** The drops of one chassis. */
export class DropFlows {
  readonly #byCookie = new Map<bigint, LiveFlow>()
  readonly #gone = new Set<LiveFlow>()
  readonly #stop: () => void
  #isClosed = false
  #isFilled = false

  constructor(live: LiveView, chassis: string) {
    this.#stop = live.onFlows(chassis, (added, removed) => {
      for (const flow of removed) {
        if (!this.#isFilled) this.#gone.add(flow)
        if (this.#byCookie.get(flow.cookie) === flow) this.#byCookie.delete(flow.cookie)
      }
      for (const flow of added) this.#add(flow)
    })
    void this.#fill(live.flows(chassis).flows)
  }

  /** The flow with a cookie, if it drops. */
  find(cookie: bigint): LiveFlow | undefined {
    return this.#byCookie.get(cookie)
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
  }

  async #fill(flows: Iterable<LiveFlow>): Promise<void> {
    await inSlices(
      flows,
      flow => this.#add(flow),
      () => !this.#isClosed,
    )
    this.#isFilled = true
    this.#gone.clear()
  }

  #add(flow: LiveFlow): void {
    if (flow.drop && !this.#gone.has(flow)) this.#byCookie.set(flow.cookie, flow)
  }
}
