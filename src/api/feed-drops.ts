// The flows of a chassis that drop, by cookie: found once, then followed.
import { bindings } from '#model'
import type { LiveFlow, LiveView } from './live-view.ts'
import { inSlices } from './slices.ts'

/** The tables that frames of a port pass in turn, by flows of that port. */
export const CHECKS = ['classify', 'port_security', 'address_security'] as const

/** A flow that lets through what a port sends: at which of the checks, and of which port. */
interface Check {
  readonly index: number
  readonly port: string
}

/** The port of a flow of one of the checks: the record that asked for it is a binding. */
const portOfCheck = (sources: readonly { readonly kind: string; readonly id: string }[]): string | undefined => {
  const binding = sources.length === 1 ? sources.find(({ kind }) => kind === bindings.name) : undefined
  return binding?.id.split('@')[0]
}

/** The drops of one chassis. */
export class DropFlows {
  readonly #byCookie = new Map<bigint, LiveFlow>()
  /** Flows of the checks that lead up to drops. */
  readonly #checks = new Map<bigint, Check>()
  readonly #indexes: ReadonlyMap<number, number>
  readonly #gone = new Set<LiveFlow>()
  readonly #stop: () => void
  #isClosed = false
  #isFilled = false

  constructor(live: LiveView, chassis: string) {
    const numbers = CHECKS.map(name => live.tables.find(t => t.bridge === 'br-int' && t.name === name)?.number ?? -1)
    this.#indexes = new Map(numbers.map((number, index) => [number, index]))
    this.#stop = live.onFlows(chassis, (added, removed) => {
      for (const flow of removed) {
        if (!this.#isFilled) this.#gone.add(flow)
        this.#checks.delete(flow.cookie)
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

  /** The check that a flow belongs to. */
  checkOf(cookie: bigint): Check | undefined {
    return this.#checks.get(cookie)
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
    if (this.#gone.has(flow)) return
    if (flow.drop) this.#byCookie.set(flow.cookie, flow)
    const index = flow.bridge === 'br-int' ? this.#indexes.get(flow.table) : undefined
    const port = index === undefined || flow.drop ? undefined : portOfCheck(flow.sources)
    if (index !== undefined && port !== undefined) this.#checks.set(flow.cookie, { index, port })
  }
}
