// Has switches forget connections of addresses that changed hands: of a floating IP or a forwarded port that stands for
// another, of the address that a router translates to, of a port that is nowhere any more. Flows decide what is let through
// and where it goes; but a connection goes on as it began, to whom it began with, and one that never ended keeps another
// with the same ports from beginning.
import {
  attachments,
  type Binding,
  bindings,
  type Change,
  type Commit,
  type Doc,
  floatingIps,
  type Kind,
  type Port,
  type PortForwarding,
  portForwardings,
  ports,
  routers,
} from '#model'
import type { Store } from '#store'
import type { Connections } from './programming/index.ts'
import { TokenBuckets } from './token-bucket.ts'
import { type Translation, translationsOf } from './translations.ts'

/**
 * When (ms after the flows are there) connections are forgotten: again, since for a moment the datapath does as the former
 * flows said, and begins anew what was forgotten; and since Open vSwitch 3.1.0 may pass over some when it forgets many.
 */
const TIMES = [0, 300, 1000] as const
/**
 * So often a second on one chassis, and at once; what is too much waits for so many ms. Each time Open vSwitch goes through all
 * its connections, in the thread that takes in flows, too: 100,000 take it 40 ms.
 */
const PACE = { rate: 5, burst: 20, wait: 100 } as const
/** How long (ms) a chassis may take to acknowledge flows; after that nothing is forgotten there. */
const PATIENCE = 60_000

/** Connections that are translated in some way. */
export interface Remembered {
  readonly connections: Connections
  /** In which way, beyond what `connections` says: those of another way are to be forgotten. */
  readonly why: string
  /** The chassis where they may be. */
  readonly at: () => readonly string[]
}

/** What forgetting needs. */
interface ForgottenOptions {
  readonly store: Store
  /** What is remembered by way of a floating IP, its forwarded ports included, or of the gateway of a router. */
  readonly remembered: (of: Translation) => readonly Remembered[]
  readonly forget: (chassis: string, connections: Connections) => void
  /** Resolves when a chassis holds the flows of a revision, with false when it does not in time (ms). */
  readonly acknowledged: (chassis: string, revision: number, timeout: number) => Promise<boolean>
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
}

/** Forgets connections of addresses that changed hands. */
export class Forgotten {
  readonly #options: ForgottenOptions
  readonly #known = new Map<Translation, ReadonlyMap<string, Remembered>>()
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #budgets = new TokenBuckets(PACE.rate, PACE.burst, 10_000)
  readonly #stop: () => void
  #isClosed = false

  constructor(options: ForgottenOptions) {
    this.#options = options
    const { store } = options
    for (const { id } of store.all(floatingIps)) this.#note(`floating ip ${id}`)
    for (const { id } of store.all(routers)) this.#note(`gateway ${id}`)
    this.#stop = store.follow(commit => this.#changed(commit))
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #changed({ changes, revision }: Commit): void {
    const { store } = this.#options
    for (const of of new Set(changes.flatMap(change => [...translations(store, change)]))) {
      const before = this.#known.get(of)
      const after = this.#note(of)
      for (const [said, { at, connections }] of before ?? [])
        if (!after.has(said)) for (const chassis of at()) void this.#forget(chassis, connections, revision)
    }
    for (const { chassis, connections } of leftAddresses(store, changes))
      void this.#forget(chassis, connections, revision)
  }

  #note(of: Translation): ReadonlyMap<string, Remembered> {
    const now = new Map(
      this.#options.remembered(of).map(one => [`${one.why} ${JSON.stringify(one.connections)}`, one] as const),
    )
    if (now.size > 0) this.#known.set(of, now)
    else this.#known.delete(of)
    return now
  }

  async #forget(chassis: string, connections: Connections, revision: number): Promise<void> {
    if (await this.#options.acknowledged(chassis, revision, PATIENCE)) this.#send(chassis, connections, 0)
  }

  /** Forgets connections for the so-manieth time, and later again. */
  #send(chassis: string, connections: Connections, times: number): void {
    if (this.#isClosed) return
    const { forget, now } = this.#options
    const again = (ms: number, next: number) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#send(chassis, connections, next)
      }, ms).unref()
      this.#timers.add(timer)
    }
    if (!this.#budgets.take(chassis, now())) {
      again(PACE.wait, times)
      return
    }
    forget(chassis, connections)
    const [at, next] = [TIMES[times], TIMES[times + 1]]
    if (at !== undefined && next !== undefined) again(next - at, times + 1)
  }
}

function* translations(store: Store, change: Change): Iterable<Translation> {
  yield* translationsOf(store, change)
  const forwarding = before(portForwardings, change) ?? (change.after as PortForwarding | undefined)
  if (change.kind.name === portForwardings.name && forwarding) yield `floating ip ${forwarding.floatingIpId}`
}

/** What a record was, if the change is one of its kind. */
const before = <T extends Doc>({ name }: Kind<T>, change: Change): T | undefined =>
  change.kind.name === name ? (change.before as T | undefined) : undefined

/**
 * Connections of addresses that ports had on the chassis where they were, in the zone of their network: all, of a port that was
 * deleted or is bound nowhere any more; else those of the addresses that were taken from it. A port that went elsewhere keeps
 * its connections: those on its former chassis that it speaks to go on by what is known there.
 */
function* leftAddresses(
  store: Pick<Store, 'get' | 'by' | 'countBy'>,
  changes: readonly Change[],
): Iterable<{ readonly chassis: string; readonly connections: Connections }> {
  const former = new Map(changes.flatMap(change => before(ports, change) ?? []).map(port => [port.id, port]))
  const left = changes.flatMap(change => (change.after === undefined ? (before(bindings, change) ?? []) : []))
  for (const binding of left) {
    const port = former.get(binding.port) ?? store.get(ports, binding.port)
    if (port !== undefined && store.countBy(bindings, 'port', port.id) === 0)
      yield* forget(store, binding, port.fixedIps)
  }
  for (const port of former.values()) {
    const has = new Set(store.get(ports, port.id)?.fixedIps.map(({ ipAddress }) => ipAddress))
    const taken = port.fixedIps.filter(({ ipAddress }) => !has.has(ipAddress))
    for (const binding of store.by(bindings, 'port', port.id)) yield* forget(store, binding, taken)
  }
}

/** A network that left the chassis is none of ours: its zone is emptied before another gets it. */
function* forget(store: Pick<Store, 'get'>, { chassis, network }: Binding, addresses: Port['fixedIps']) {
  const zone = store.get(attachments, `${chassis}/${network}`)?.localVlan
  if (zone === undefined) return
  for (const { ipAddress } of addresses)
    for (const original of [{ src: ipAddress }, { dst: ipAddress }]) yield { chassis, connections: { zone, original } }
}
