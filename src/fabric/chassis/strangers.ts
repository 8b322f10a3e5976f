// Connections that are no chassis: kept, since one may become one, shown with the reason, and logged once for each.
import type { Link } from './link.ts'

/** A connection that is no chassis, and why. */
export interface Stranger {
  readonly remote: string
  /** The system-id that it reports; '' if none. */
  readonly systemId: string
  readonly since: number
  readonly reason: string
}

/** Where a line goes that says who was turned away. */
type Warn = (facts: object, text: string) => void

/** Turned-away addresses that are remembered, so that each is logged once. */
const MAX_REMEMBERED = 1000

/** The strangers of all links. */
export class Strangers {
  readonly #warn: Warn
  readonly #changed: (systemId: string) => void
  readonly #strangers = new Map<Link, Stranger>()
  readonly #logged = new Set<string>()

  /** `changed` is called with the system-id that a stranger reports when it comes and when it goes. */
  constructor(warn: Warn, changed: (systemId: string) => void) {
    this.#warn = warn
    this.#changed = changed
  }

  /** All of them. */
  get list(): readonly Stranger[] {
    return [...this.#strangers.values()]
  }

  /** Those that report a system-id. */
  claimants(systemId: string): { readonly link: Link; readonly remote: string }[] {
    return Array.from(this.#strangers, ([link, { remote, systemId }]) => ({ link, remote, systemId })).filter(
      claimant => claimant.systemId === systemId,
    )
  }

  /** Keeps a connection that is no chassis for this reason. */
  add(link: Link, reason: string): void {
    const { systemId, remote } = link
    if (this.#strangers.get(link)?.reason === reason) return
    this.#strangers.set(link, { remote, systemId, since: Date.now(), reason })
    this.turnedAway(link.address, reason, { remote, ...(systemId === '' ? {} : { chassis: systemId }) })
    this.#changed(systemId)
  }

  /** A connection that has become a chassis, or is over. */
  remove(link: Link): void {
    const stranger = this.#strangers.get(link)
    if (stranger === undefined) return
    this.#strangers.delete(link)
    this.#changed(stranger.systemId)
  }

  /** Logs what an address was turned away for, once for each reason. */
  turnedAway(address: string, reason: string, facts: object = {}): void {
    const kind = `${address} ${reason.replace(/\d+/g, '')}`
    if (this.#logged.has(kind)) return
    if (this.#logged.size >= MAX_REMEMBERED) this.#logged.clear()
    this.#logged.add(kind)
    this.#warn({ address, reason, ...facts }, 'connection is no chassis')
  }
}
