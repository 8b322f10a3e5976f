// The store over any engine. Transactions run at once on the newest state and wait in flight until the engine has them;
// one append is under way at a time, and all that arrive meanwhile form the next (group commit). When the engine
// refuses, everything in flight is taken back; when another controller came first, it is run again on top of that.
import type { Doc, Kind } from '#model/kind'
import type { Change, Commit, Origin, Transaction, Written } from '#model/transaction'
import type { Engine, LogEntry } from './engine.ts'
import { StoreUnavailable } from './errors.ts'
import { numbers } from './pool.ts'
import type { Replica } from './replica.ts'
import type { Store, Upgrade } from './store.ts'
import { type Outcome, run } from './working.ts'

/** How often a rehearsal waits for a moment without transactions in flight. */
const TURNS = 50

/** A transaction that ran, but is not known to be durable. */
interface Flight {
  readonly origin: Origin
  readonly work: (tx: Transaction) => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  outcome: Outcome
}

export class LiveStore implements Store {
  readonly upgrade: Upgrade | undefined
  readonly #engine: Engine
  readonly #clock: () => number
  readonly #replica: Replica
  readonly #followers = new Set<(commit: Commit) => void>()
  /** In the append that is under way. */
  #sent: Flight[] = []
  /** On top of those. */
  #waiting: Flight[] = []
  /** Appended by others while an append of ours is under way. */
  #ahead: LogEntry[] = []
  /** Durable; followers are being told. */
  readonly #unpublished: Commit[] = []
  #publishing = false
  #appending = false
  #scheduled = false
  #running = false
  #revision: number
  #trouble: StoreUnavailable | undefined
  #closing: Promise<void> | undefined

  constructor(engine: Engine, replica: Replica, clock: () => number, upgrade?: Upgrade) {
    this.#engine = engine
    this.#replica = replica
    this.#clock = clock
    this.#revision = replica.revision
    this.upgrade = upgrade
    engine.watch(entries => this.#others(entries))
  }

  get revision(): number {
    return this.#revision
  }

  get trouble(): StoreUnavailable | undefined {
    return this.#trouble
  }

  transact<R>(origin: Origin, work: (tx: Transaction) => R): Promise<R> {
    if (this.#running) throw new Error('a transaction cannot be started inside another')
    if (this.#closing) return Promise.reject(new StoreUnavailable('closed', 'the store is closed'))
    return new Promise((resolve, reject) => {
      this.#start(origin, work, resolve as (value: unknown) => void, reject)
    })
  }

  settled(): Promise<void> {
    return new Promise(resolve => {
      const done = () => resolve()
      this.#start({ source: 'store' }, () => {}, done, done)
    })
  }

  async rehearse<R>(
    origin: Origin,
    work: (tx: Transaction) => unknown,
    see: (changes: readonly Change[]) => R,
  ): Promise<R> {
    for (let turn = 0; this.#sent.length + this.#waiting.length > 0; turn++) {
      if (turn === TURNS) throw new StoreUnavailable('busy', 'too many changes are under way; try again')
      await this.settled()
    }
    const { result, changes, undo } = this.#run(origin, work)
    undo()
    if ('error' in result) throw result.error
    return see(changes)
  }

  follow(listener: (commit: Commit) => void, options: { readonly fromStart?: boolean } = {}): () => void {
    if (options.fromStart) listener(this.#everything())
    const follower = (commit: Commit) => listener(commit) // the same listener may follow twice
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  written<T extends Doc>(kind: Kind<T>, id: string): Written | undefined {
    return this.#replica.table(kind).get(id)?.written
  }

  backup(path: string): Promise<void> {
    return this.#engine.backup(path)
  }

  close(): Promise<void> {
    this.#closing ??= this.settled().then(() => this.#engine.close())
    return this.#closing
  }

  get<T extends Doc>(kind: Kind<T>, id: string): T | undefined {
    return this.#replica.get(kind, id)
  }

  all<T extends Doc>(kind: Kind<T>): Iterable<T> {
    return this.#replica.all(kind)
  }

  by<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): Iterable<T> {
    return this.#replica.by(kind, index, value)
  }

  holder<T extends Doc>(kind: Kind<T>, uniqueKey: string): T | undefined {
    return this.#replica.holder(kind, uniqueKey)
  }

  count<T extends Doc>(kind: Kind<T>): number {
    return this.#replica.count(kind)
  }

  countBy<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): number {
    return this.#replica.countBy(kind, index, value)
  }

  /** One that changes nothing, or throws, waits all the same: what it has read may be taken back. */
  #start(origin: Origin, work: Flight['work'], resolve: Flight['resolve'], reject: Flight['reject']): void {
    const outcome = this.#run(origin, work)
    this.#waiting.push({ origin, work, resolve, reject, outcome })
    if (outcome.log === undefined && this.#sent.length === 0 && this.#waiting.length === 1) this.#append()
    else this.#schedule()
  }

  #run(origin: Origin, work: (tx: Transaction) => unknown): Outcome {
    this.#running = true
    try {
      return run(this.#replica, origin, this.#clock(), work)
    } finally {
      this.#running = false
    }
  }

  /** Transactions of one turn of the event loop go together. */
  #schedule(): void {
    if (this.#scheduled || this.#appending) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#append()
    })
  }

  #append(): void {
    if (this.#appending || this.#waiting.length === 0) return
    this.#sent = this.#waiting
    this.#waiting = []
    const batch = this.#sent.flatMap(({ outcome }) => outcome.log ?? [])
    if (batch.length === 0) {
      this.#durable()
      return
    }
    this.#appending = true
    this.#engine.append(batch).then(
      missed => {
        this.#appending = false
        this.#trouble = undefined
        if (missed === undefined) this.#durable()
        else this.#ahead.unshift(...missed)
        this.#catchUp()
        if (this.#sent.length > 0)
          this.#refused(new Error('the engine refused to append and did not say what came first'))
        this.#append()
      },
      error => {
        this.#appending = false
        this.#refused(error)
        this.#catchUp()
      },
    )
  }

  #refused(error: unknown): void {
    this.#trouble = error instanceof StoreUnavailable ? error : new StoreUnavailable('io-error', String(error))
    for (const flight of this.#rewind()) flight.reject(this.#trouble)
  }

  /** What was sent is durable: followers first, then those who wait for it. */
  #durable(): void {
    const flights = this.#sent
    this.#sent = []
    for (const { outcome } of flights) {
      if (outcome.log === undefined) continue
      this.#revision = outcome.log.revision
      this.#unpublished.push({ ...outcome.log, changes: outcome.changes })
    }
    this.#publish()
    for (const { outcome, resolve, reject } of flights) {
      if ('error' in outcome.result) reject(outcome.result.error)
      else resolve(outcome.result.value)
    }
  }

  /** A follower may start transactions, follow and stop following. */
  #publish(): void {
    if (this.#publishing) return
    this.#publishing = true
    for (let next = this.#unpublished.shift(); next !== undefined; next = this.#unpublished.shift()) {
      const { revision, at, origin, changes } = next
      for (const follower of [...this.#followers]) {
        try {
          follower({ revision, at, origin, changes })
        } catch (error) {
          // A follower's mistake is nobody else's: it surfaces as an uncaught exception.
          queueMicrotask(() => {
            throw error
          })
        }
      }
    }
    this.#publishing = false
  }

  /** Takes back all that is in flight and returns it, oldest first. */
  #rewind(): Flight[] {
    const flights = [...this.#sent, ...this.#waiting]
    this.#sent = []
    this.#waiting = []
    for (let i = flights.length; i-- > 0; ) flights[i]!.outcome.undo()
    return flights
  }

  #others(entries: readonly LogEntry[]): void {
    this.#ahead.push(...entries)
    if (!this.#appending) this.#catchUp()
  }

  /** Takes in what others appended, below what is in flight here: that runs again on top. */
  #catchUp(): void {
    const entries = this.#ahead.filter(({ revision }) => revision > this.#revision)
    entries.sort((a, b) => a.revision - b.revision)
    this.#ahead = []
    if (entries[0]?.revision !== this.#revision + 1) {
      this.#ahead = entries
      return
    }
    const flights = this.#rewind()
    for (const entry of entries) {
      if (entry.revision === this.#revision + 1) {
        this.#revision = entry.revision
        this.#unpublished.push({ ...entry, changes: this.#replica.apply(entry) })
      } else if (entry.revision > this.#revision) this.#ahead.push(entry)
    }
    for (const flight of flights) {
      flight.outcome = this.#run(flight.origin, flight.work)
      this.#waiting.push(flight)
    }
    this.#publish()
    this.#schedule()
  }

  /** All records that followers have been told of, as one commit. */
  #everything(): Commit {
    const inFlight = new Map<string, Change>()
    const flights = [...this.#sent, ...this.#waiting].map(({ outcome }) => outcome)
    for (const { changes } of [...this.#unpublished, ...flights]) {
      for (const change of changes) {
        const key = `${change.kind.name}/${change.id}`
        if (!inFlight.has(key)) inFlight.set(key, change)
      }
    }
    const changes: Change[] = []
    for (const table of this.#replica.tables()) {
      const kind = table.kind
      if (kind.name === numbers.name) continue
      for (const { doc } of table.all()) {
        if (!inFlight.has(`${kind.name}/${doc.id}`)) changes.push({ kind, id: doc.id, before: undefined, after: doc })
      }
      for (const { kind: of, id, before } of inFlight.values()) {
        if (of.name === kind.name && before) changes.push({ kind, id, before: undefined, after: before })
      }
    }
    const revision = (this.#unpublished[0]?.revision ?? this.#revision + 1) - 1
    return { revision, at: this.#clock(), origin: { source: 'store' }, changes }
  }
}
