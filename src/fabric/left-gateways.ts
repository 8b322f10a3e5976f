// Connections that a gateway has left behind: while it is elsewhere they go on, and what the old chassis remembers of them
// becomes wrong. When the gateway returns there, packets far ahead of the TCP window that it knows would be invalid to it.
// So what it remembers is forgotten, and it takes them in anew as any other gateway does.
import type { ActiveChange } from './gateways.ts'

/** What it needs from outside. */
export interface LeftGatewaysOptions {
  readonly isConnected: (chassis: string) => boolean
  /** Makes a chassis forget the connections of a router. */
  readonly forget: (chassis: string, router: string) => void
}

/** Remembers where gateways were. */
export class LeftGateways {
  readonly #options: LeftGatewaysOptions
  /** Chassis -> routers whose gateway was there. */
  readonly #left = new Map<string, Set<string>>()
  readonly #connected = new Set<string>()

  constructor(options: LeftGatewaysOptions) {
    this.#options = options
  }

  /** A gateway has moved. */
  moved({ router, chassis, before }: ActiveChange): void {
    this.#left.get(chassis)?.delete(router)
    if (before === undefined) return
    const left = this.#left.get(before) ?? new Set()
    this.#left.set(before, left.add(router))
    this.#options.forget(before, router)
  }

  /** To be called when the connections of a chassis may have changed: what it was told while it died may not have arrived. */
  connectionChanged(chassis: string): void {
    if (!this.#options.isConnected(chassis)) this.#connected.delete(chassis)
    else if (!this.#connected.has(chassis)) {
      this.#connected.add(chassis)
      for (const router of this.#left.get(chassis) ?? []) this.#options.forget(chassis, router)
    }
  }
}
