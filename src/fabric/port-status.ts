// Makes ports ACTIVE: once the port's own chassis has acknowledged the flows that its binding caused, and so has every
// other connected chassis that must reach it, or two seconds have gone by. Who is late then is listed.
import type { Compiled } from '#compiler/flow-set'
import { type Binding, bindings, ports, setPortStatus } from '#model'
import type { Store } from '#store/store'

/** What acknowledgements are asked of: programming. */
export interface Acknowledgements {
  isAcknowledged(chassis: string, revision: number): boolean
  isConnected(chassis: string): boolean
  onProgress(listener: (chassis: string | undefined) => void): () => void
}

/** A port that became ACTIVE before some chassis could reach it. */
export interface LateChassis {
  readonly port: string
  readonly chassis: readonly string[]
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What making ports ACTIVE needs. */
export interface PortStatusOptions {
  readonly store: Store
  readonly compiled: Compiled
  readonly acknowledgements: Acknowledgements
  /** How long (ms) others are waited for; default 2,000. */
  readonly patience?: number
  readonly now?: () => number
  readonly report?: (what: string) => void
}

const KEPT = 1000
const RETRY = 1000

/** A port on its way to ACTIVE. */
interface Pending {
  readonly port: string
  readonly own: string
  readonly revision: number
  /** The others that must reach it and are not known to have acknowledged; set once its own chassis has. */
  others: string[] | undefined
  /** The chassis it waits for at the moment. */
  on: string | undefined
  timer: NodeJS.Timeout | undefined
}

export class PortStatus {
  readonly #options: PortStatusOptions
  readonly #pending = new Map<string, Pending>()
  /** Ports by the chassis that they wait for: only its progress makes them worth a look. */
  readonly #waiting = new Map<string, Set<Pending>>()
  /** Ports that were looked at before the compiler came to their revision, perhaps. */
  #fresh: Pending[] = []
  #ready: Pending[] = []
  #isWriting = false
  readonly #late: LateChassis[] = []
  readonly #stops: readonly (() => void)[]

  constructor(options: PortStatusOptions) {
    this.#options = options
    const { store, acknowledgements } = options
    for (const { port } of store.all(bindings)) this.#consider(port, store.revision)
    this.#stops = [
      store.follow(commit => {
        for (const change of commit.changes) {
          const doc = change.after ?? change.before
          if (change.kind.name === bindings.name) this.#consider((doc as Binding).port, commit.revision)
          else if (change.kind.name === ports.name) this.#consider(change.id, commit.revision)
        }
      }),
      acknowledgements.onProgress(chassis => this.#progressed(chassis)),
    ]
  }

  /** Ports that became ACTIVE before all chassis could reach them, newest last. */
  get late(): readonly LateChassis[] {
    return this.#late
  }

  /** How many ports are bound and not yet ACTIVE. */
  get pending(): number {
    return this.#pending.size
  }

  close(): void {
    for (const stop of this.#stops) stop()
    for (const pending of this.#pending.values()) clearTimeout(pending.timer)
  }

  /** Begins, or ends, waiting for a port after it or its binding changed. */
  #consider(portId: string, revision: number): void {
    const { store } = this.#options
    const port = store.get(ports, portId)
    const own = store.holder(bindings, `active ${portId}`)?.chassis
    const old = this.#pending.get(portId)
    const isWanted = own !== undefined && port?.adminStateUp === true && port.status !== 'ACTIVE'
    if (isWanted && old?.own === own) return
    if (old) this.#forget(old)
    if (!isWanted) return
    const pending: Pending = { port: portId, own, revision, others: undefined, on: undefined, timer: undefined }
    this.#pending.set(portId, pending)
    this.#fresh.push(pending)
    this.#look(pending)
  }

  #forget(pending: Pending): void {
    clearTimeout(pending.timer)
    this.#pending.delete(pending.port)
    this.#waitFor(pending, undefined)
  }

  #progressed(chassis: string | undefined): void {
    if (chassis !== undefined) {
      for (const pending of [...(this.#waiting.get(chassis) ?? [])]) this.#look(pending)
      return
    }
    const { revision } = this.#options.compiled
    const fresh = this.#fresh
    this.#fresh = fresh.filter(pending => pending.revision > revision)
    for (const pending of fresh)
      if (pending.revision <= revision && this.#pending.get(pending.port) === pending) this.#look(pending)
  }

  /** Waits for the first chassis that has not acknowledged, or finds that all have. */
  #look(pending: Pending): void {
    const { acknowledgements, patience = 2000 } = this.#options
    const { own, revision } = pending
    if (pending.others === undefined) {
      if (!acknowledgements.isAcknowledged(own, revision)) {
        this.#waitFor(pending, own)
        return
      }
      pending.others = this.#others(pending)
      pending.timer = setTimeout(() => this.#lateFor(pending), patience)
    }
    while (pending.others.length > 0) {
      const chassis = pending.others.at(-1)!
      if (acknowledgements.isConnected(chassis) && !acknowledgements.isAcknowledged(chassis, revision)) {
        this.#waitFor(pending, chassis)
        return
      }
      pending.others.pop()
    }
    this.#done(pending)
  }

  /** The chassis other than its own that hold flows of a port. */
  #others({ port, own }: Pending): string[] {
    const { compiled } = this.#options
    const others = new Set<string>()
    for (const flowSet of compiled.flowSetsOf(ports.name, port))
      for (const chassis of compiled.subscribers(flowSet)) others.add(chassis)
    others.delete(own)
    return [...others]
  }

  #waitFor(pending: Pending, chassis: string | undefined): void {
    if (pending.on === chassis) return
    if (pending.on !== undefined) {
      const set = this.#waiting.get(pending.on)
      set?.delete(pending)
      if (set?.size === 0) this.#waiting.delete(pending.on)
    }
    pending.on = chassis
    if (chassis === undefined) return
    const set = this.#waiting.get(chassis) ?? new Set()
    this.#waiting.set(chassis, set.add(pending))
  }

  #lateFor(pending: Pending): void {
    const { acknowledgements, now = Date.now, report = () => {} } = this.#options
    const chassis = (pending.others ?? []).filter(
      c => acknowledgements.isConnected(c) && !acknowledgements.isAcknowledged(c, pending.revision),
    )
    if (chassis.length > 0) {
      this.#late.push({ port: pending.port, chassis, at: now() })
      if (this.#late.length > KEPT) this.#late.shift()
      report(`port ${pending.port} is ACTIVE although ${chassis.slice(0, 10).join(', ')} cannot reach it yet`)
    }
    this.#done(pending)
  }

  #done(pending: Pending): void {
    this.#forget(pending)
    this.#ready.push(pending)
    if (!this.#isWriting) void this.#write()
  }

  /** Writes what is ready; what becomes so meanwhile shares the next transaction. */
  async #write(): Promise<void> {
    const { store, report = () => {} } = this.#options
    this.#isWriting = true
    // The ports that one acknowledgement makes ready share a transaction.
    await Promise.resolve()
    while (this.#ready.length > 0) {
      const batch = this.#ready
      this.#ready = []
      try {
        await store.transact({ source: 'fabric' }, tx => {
          for (const { port, own } of batch)
            if (tx.holder(bindings, `active ${port}`)?.chassis === own) setPortStatus(tx, port, 'ACTIVE')
        })
      } catch (error) {
        report(`port status was not written, trying again: ${String(error)}`)
        this.#ready.push(...batch)
        await new Promise(resolve => setTimeout(resolve, RETRY))
      }
    }
    this.#isWriting = false
  }
}
