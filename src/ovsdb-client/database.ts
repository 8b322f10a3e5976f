/** One database of a server: transactions and monitors, over whichever connection its client has at the moment. */
import type { Tables } from './column.ts'
import { NotConnected, RequestCanceled, TimedOut, TryAgain } from './errors.ts'
import { Monitor, type MonitorSession, monitorOf } from './monitor.ts'
import type { AnyOperation, Operation, ResultsOf } from './operation.ts'
import type { Selection } from './plan.ts'
import type { Replica } from './replica.ts'
import type { RequestOptions } from './rpc.ts'
import type { DatabaseSchema } from './schema.ts'
import { decodeResults, encodeOperations } from './transaction.ts'

/** How a monitor starts. */
export interface MonitorOptions<R> extends Pick<RequestOptions, 'signal'> {
  /**
   * Goes on with a replica of the same selection from an earlier connection, instead of making a new one: it keeps its
   * rows, and tells only what has changed since.
   */
  readonly resume?: R | undefined
}

/** How an optimistic change is repeated. */
export interface RetryOptions extends RequestOptions {
  /** How often to try before the last error is thrown. Default 10. */
  readonly attempts?: number
  /** Milliseconds to wait for the replica to move on before it is fetched anew. Default 1000. */
  readonly patience?: number
}

/** A database opened by `client.database(name)`. It outlives connections: what it does fails only while there is none. */
export class Database<T extends Tables> {
  readonly name: string
  readonly #tables: T
  readonly #monitors = new Set<Monitor>()
  /** Callers who wait for a first copy. */
  readonly #waiting = new Set<(reason: Error) => void>()
  #session: MonitorSession | undefined
  #schema: DatabaseSchema

  /** @internal */
  constructor(name: string, tables: T) {
    this.name = name
    this.#tables = tables
    this.#schema = { name, version: '0.0.0', tables: new Map(), source: '' }
  }

  /** The server's schema, as of the latest connection. */
  get schema(): DatabaseSchema {
    return this.#schema
  }

  /** Connected, and the server will do. */
  get isOpen(): boolean {
    return this.#session !== undefined
  }

  /**
   * Carries out the operations as one transaction: all of them or none. Gives one result for each operation, in its
   * place. Rejects with the TransactionError of the operation that failed, with InvalidOperation (nothing was sent) for
   * what the schema does not know, and with ConnectionLost when the answer never came: it is not sent again.
   *
   * A replica of this database holds what was committed by the time that this resolves (relays excepted).
   */
  async transact<const O extends readonly Operation<T>[]>(
    operations: O,
    options: RequestOptions = {},
  ): Promise<ResultsOf<T, O>> {
    const schema = this.#schema
    const session = this.#session
    if (!session) throw new NotConnected(`database ${this.name} is not connected; the transaction was not sent`)
    const list = operations as readonly AnyOperation[]
    const params = [this.name, ...encodeOperations(schema, list)]
    const results = await session.rpc.request('transact', params, options, json => decodeResults(schema, list, json))
    return results as unknown as ResultsOf<T, O>
  }

  /**
   * Carries out a change that depends on what a replica holds. `build` reads the replica and gives the operations,
   * with `verify(…)` for what they depend on. When another writer was first, it is called again once the replica has
   * moved on, or after it was fetched anew.
   */
  async retry<S extends Selection<T>, const O extends readonly Operation<T>[]>(
    replica: Replica<T, S>,
    build: () => O,
    { attempts = 10, patience = 1000, ...options }: RetryOptions = {},
  ): Promise<ResultsOf<T, O>> {
    for (let left = attempts; ; left--) {
      const moved = Promise.withResolvers<boolean>()
      const move = () => moved.resolve(true)
      replica.once('change', move)
      try {
        return await this.transact(build(), options)
      } catch (error) {
        const isRace = error instanceof TimedOut || error instanceof TryAgain
        if (!isRace || left <= 1) throw error
        const timer = setTimeout(() => moved.resolve(false), patience)
        const hasMoved = await moved.promise
        clearTimeout(timer)
        if (!hasMoved) await replica.resync()
      } finally {
        replica.removeListener('change', move)
      }
    }
  }

  /**
   * Copies the selected tables and columns, and keeps the copy up to date, also across reconnects. Resolves with the
   * first whole copy.
   */
  async monitor<const S extends Selection<T>>(
    selection: S,
    { resume, signal }: MonitorOptions<Replica<T, S>> = {},
  ): Promise<Replica<T, S>> {
    const earlier = resume && (monitorOf(resume) as unknown as Monitor<T, S>)
    const monitor = earlier ?? new Monitor<T, S>(this.name, selection, this.#tables)
    const entry = monitor as unknown as Monitor
    const synced = Promise.withResolvers<void>()
    const give = () => synced.resolve()
    const abort = () => synced.reject(new RequestCanceled('monitor', signal?.reason))
    monitor.onClose = () => this.#monitors.delete(entry)
    monitor.onRefused = synced.reject
    monitor.replica.once('synced', give)
    signal?.addEventListener('abort', abort)
    this.#monitors.add(entry)
    this.#waiting.add(synced.reject)
    try {
      signal?.throwIfAborted()
      if (this.#session) monitor.start(this.#session, this.#schema).catch(() => {})
      await synced.promise
    } catch (error) {
      monitor.replica.removeListener('synced', give)
      monitor.replica.close()
      throw error
    } finally {
      monitor.onRefused = undefined
      signal?.removeEventListener('abort', abort)
      this.#waiting.delete(synced.reject)
    }
    return monitor.replica
  }

  /** @internal The server has ended one of the monitors. */
  get isInterrupted(): boolean {
    return this.isOpen && [...this.#monitors].some(monitor => monitor.isStopped)
  }

  /** @internal Takes up work on a new connection. */
  async attach(session: MonitorSession, schema: DatabaseSchema): Promise<void> {
    this.#schema = schema
    this.#session = session
    await Promise.all(Array.from(this.#monitors, monitor => monitor.start(session, schema)))
  }

  /** @internal The connection is gone, or the database. */
  detach(): void {
    this.#session = undefined
    for (const monitor of this.#monitors) monitor.stop()
  }

  /** @internal There will be no other connection. */
  end(reason: Error): void {
    this.detach()
    for (const reject of this.#waiting) reject(reason)
  }
}
