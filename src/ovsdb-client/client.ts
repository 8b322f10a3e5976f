/**
 * A client: one conversation with an OVSDB server or cluster, over one connection after another. Databases, replicas
 * and locks belong to the conversation; each new connection takes them up where the last one left them.
 */
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { AnyTables, Tables } from './column.ts'
import { Database } from './database.ts'
import { Disconnected, NotConnected, RequestCanceled, SchemaMismatch, UnknownDatabase } from './errors.ts'
import { isArray, type Json } from './json.ts'
import { Lock } from './lock.ts'
import { MonitorSession } from './monitor.ts'
import { type Peer, peerOf } from './remote.ts'
import { type RequestOptions, Rpc, type RpcOptions } from './rpc.ts'
import { checkSchema, noTables, parseSchema } from './schema.ts'
import { type DatabaseStatus, objection, type ServerInfo, watchServer } from './server-info.ts'
import { tell } from './tell.ts'

/** What a client demands and how long it waits. Times in milliseconds. */
export interface ClientOptions extends RpcOptions {
  /** Use only the leader of a cluster; leave a server that is no longer leader at once. Default false. */
  readonly leaderOnly?: boolean
  /** The cluster that servers must belong to. Default: that of the first one reached. */
  readonly clusterId?: string
}

/** How to open a database. */
export interface OpenOptions<T extends Tables> extends Pick<RequestOptions, 'signal'> {
  /** The tables and columns that the caller uses, checked against the server's schema. Default: any, untyped. */
  readonly tables?: T
  /** The lowest schema version that will do, "x.y.z". */
  readonly minVersion?: string
  /** Milliseconds to wait for a server that will do. Default 30000. */
  readonly timeout?: number
}

interface Events {
  /** A server was reached that will do, and every monitor is in step with it. */
  connected: [Peer]
  /** A connection ended, or an attempt to connect failed; from the remote named. */
  disconnected: [Error, remote: string]
  /** The server dropped a database that is open here; it is taken up again when it returns. */
  removed: [database: string]
  /** No connection will follow. */
  closed: [Error]
}

interface Entry {
  readonly database: Database<Tables>
  readonly tables: Tables
  readonly minVersion: string | undefined
  /** Settles the caller's wait; undefined once it was opened. */
  waiting: PromiseWithResolvers<void> | undefined
  /** The schema in `_Server` when it was opened. */
  schema: string | undefined
  /** Where it is being opened. */
  opening: Link | undefined
}

/** One connection, as far as it got. */
interface Link {
  readonly session: MonitorSession
  readonly peer: Peer
  server: ServerInfo | undefined
}

/** A conversation with a server. Made by `connect`, or by `listen` for servers that dial us. */
export class Client extends EventEmitter<Events> {
  readonly #options: ClientOptions
  readonly #caller: Peer | undefined
  readonly #entries = new Set<Entry>()
  readonly #locks = new Map<string, Lock>()
  readonly #end = new AbortController()
  /** The log index seen of each cluster: a server behind it is out of date. */
  readonly #indexes = new Map<string, bigint>()
  readonly #clusters = new Map<string, string>()
  #link: Link | undefined
  #isReady = false
  #lastFailure: Error | undefined

  /** @internal */
  constructor(options: ClientOptions, caller?: Peer) {
    super()
    this.#options = options
    this.#caller = caller
  }

  /** Who is at the other end; undefined while there is no connection. One that dialled us is known from the start. */
  get peer(): Peer | undefined {
    return this.#link?.peer ?? this.#caller
  }

  /** Connected to a server that will do, and every monitor is in step with it. */
  get isConnected(): boolean {
    return this.#isReady
  }

  /** @internal Fires when it is closed. */
  get end(): AbortSignal {
    return this.#end.signal
  }

  /** `close` was called, or a client that was dialled lost its connection. */
  get isClosed(): boolean {
    return this.#end.signal.aborted
  }

  /**
   * Opens a database: waits for a server that has it and will do, reads its schema and checks it. Rejects with
   * UnknownDatabase, SchemaMismatch, or NotConnected if no server would do in time (its `cause` is the last failure).
   */
  async database<T extends Tables = AnyTables>(name: string, options: OpenOptions<T> = {}): Promise<Database<T>> {
    const { tables = noTables as T, minVersion, timeout = 30_000, signal } = options
    if (this.isClosed) throw new NotConnected('the client is closed')
    const database = new Database<T>(name, tables)
    const waiting = Promise.withResolvers<void>()
    const entry: Entry = {
      database: database as unknown as Database<Tables>,
      tables,
      minVersion,
      waiting,
      schema: undefined,
      opening: undefined,
    }
    const expire = () => {
      const last = this.#lastFailure ? `; last: ${this.#lastFailure.message}` : ''
      const text = `database ${name} could not be opened within ${timeout} ms${last}`
      waiting.reject(new NotConnected(text, this.#lastFailure))
    }
    const abort = () => waiting.reject(new RequestCanceled(`open ${name}`, signal?.reason))
    const timer = setTimeout(expire, timeout)
    signal?.addEventListener('abort', abort)
    this.#entries.add(entry)
    try {
      signal?.throwIfAborted()
      if (this.#link) this.#openOrLeave(this.#link, entry)
      await waiting.promise
    } catch (error) {
      this.#entries.delete(entry)
      throw error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    return database
  }

  /** The names of the server's databases. */
  async databases(options?: RequestOptions): Promise<readonly string[]> {
    const names = await this.request('list_dbs', [], options)
    return isArray(names) ? names.map(String) : []
  }

  /** What the server says about one of its databases: model, leader, cluster. Undefined from servers that do not tell. */
  status(database: string): DatabaseStatus | undefined {
    return this.#link?.server?.database(database)
  }

  /** Holds or waits for a lock, also across reconnects, until it is released. */
  lock(name: string): Lock {
    const known = this.#locks.get(name)
    if (known) return known
    const lock = new Lock(name, () => this.#locks.delete(name))
    this.#locks.set(name, lock)
    // A failure is the connection's: the next one asks again.
    if (this.#link) lock.request(this.#link.session.rpc).catch(() => {})
    return lock
  }

  /** Sends any request, such as `convert` or `get_server_id`, and gives its result as JSON. */
  async request(method: string, params: readonly Json[], options?: RequestOptions): Promise<Json> {
    if (!this.#link) throw new NotConnected()
    return await this.#link.session.rpc.request(method, params, options)
  }

  /** Ends the conversation. */
  close(reason: Error = new Disconnected('closed', 'the client was closed')): void {
    if (this.isClosed) return
    this.#end.abort(reason)
    const error = new NotConnected(`the client was closed: ${reason.message}`, reason)
    for (const { waiting, database } of this.#entries) {
      waiting?.reject(error)
      database.end(error)
    }
    tell(() => this.emit('closed', reason))
  }

  /** Closes at the end of a block: `using client = connect(…)`. */
  [Symbol.dispose](): void {
    this.close()
  }

  /** @internal A connection, or an attempt at one, has failed. */
  failed(reason: Error, remote: string): void {
    if (this.isClosed) return
    this.#lastFailure = reason
    tell(() => this.emit('disconnected', reason, remote))
  }

  /** @internal Serves the one socket of a peer that dialled us, and closes with it. */
  async accept(socket: Socket): Promise<void> {
    await this.serve(socket)
    this.close(this.#lastFailure)
  }

  /** @internal Talks over a socket until it ends; gives whether it ever was ready for use. */
  async serve(socket: Socket, name?: string): Promise<boolean> {
    const peer = peerOf(socket, name)
    const rpc = new Rpc(socket, this.#options)
    const ended = Promise.withResolvers<Error>()
    const link: Link = { session: new MonitorSession(rpc), peer, server: undefined }
    let wasReady = false
    rpc.on('notification', (method, [lock]) => {
      if (method === 'locked') this.#locks.get(String(lock))?.granted()
      else if (method === 'stolen') this.#locks.get(String(lock))?.lose('stolen')
      else if (method === 'monitor_canceled') this.#databaseChanged(link)
    })
    // Also a peer that has not yet shown to be a server must go when the client does.
    const abort = () => rpc.close(this.#end.signal.reason)
    this.#end.signal.addEventListener('abort', abort)
    rpc.once('close', reason => {
      this.#end.signal.removeEventListener('abort', abort)
      if (this.#link === link) this.#detach()
      ended.resolve(reason)
    })
    try {
      if (this.isClosed) throw new Disconnected('closed', 'the client was closed')
      link.server = await watchServer(link.session, () => this.#serverChanged(link))
      this.#link = link
      await Promise.all(Array.from(this.#entries, entry => this.#open(link, entry)))
      await Promise.all(Array.from(this.#locks.values(), lock => lock.request(rpc)))
      if (!rpc.reason) {
        wasReady = true
        this.#isReady = true
        tell(() => this.emit('connected', peer))
      }
    } catch (error) {
      rpc.close(error as Error)
    }
    this.failed(await ended.promise, peer.name)
    return wasReady
  }

  #detach(): void {
    this.#link = undefined
    this.#isReady = false
    for (const { database } of this.#entries) database.detach()
    for (const lock of this.#locks.values()) lock.lose('disconnected')
  }

  #openOrLeave(link: Link, entry: Entry): void {
    this.#open(link, entry).catch(error => link.session.rpc.close(error))
  }

  /** Opens a database on a connection. Rejects if the connection should be left for another. */
  async #open(link: Link, entry: Entry): Promise<void> {
    // The server may tell of itself at any time, a cluster with every commit: opened once is enough.
    if (entry.opening === link) return
    const { database, tables, minVersion } = entry
    entry.opening = link
    try {
      this.#judge(link, database.name)
      entry.schema = link.server?.database(database.name)?.schema
      const schema = parseSchema(await link.session.rpc.request('get_schema', [database.name]))
      await database.attach(link.session, checkSchema(schema, tables, minVersion))
      entry.waiting?.resolve()
      entry.waiting = undefined
    } catch (error) {
      const isFinal = error instanceof UnknownDatabase || error instanceof SchemaMismatch
      if (!isFinal || !entry.waiting) throw error
      // The caller hears of it; the connection may serve other databases.
      entry.waiting.reject(error)
      this.#entries.delete(entry)
    } finally {
      if (entry.opening === link) entry.opening = undefined
    }
  }

  /** Throws if the server will not do for a database. */
  #judge(link: Link, name: string): void {
    const status = link.server?.database(name)
    if (!status) return
    const { leaderOnly = false } = this.#options
    const clusterId = this.#options.clusterId ?? this.#clusters.get(name)
    const problem = objection(status, { leaderOnly, clusterId, minIndex: this.#indexes.get(name) ?? 0n })
    if (problem) throw new Disconnected('unsuitable server', problem)
    if (status.cid) this.#clusters.set(name, status.cid)
    if (status.index !== undefined) this.#indexes.set(name, BigInt(status.index))
  }

  /** A database was converted or removed: open it anew. Not every server tells more than that monitors have ended. */
  #databaseChanged(link: Link): void {
    for (const entry of this.#entries) {
      const { database } = entry
      if (!database.isInterrupted) continue
      database.detach()
      this.#open(link, entry).catch(error => {
        if (error instanceof UnknownDatabase) tell(() => this.emit('removed', database.name))
        else link.session.rpc.close(error)
      })
    }
  }

  #serverChanged(link: Link): void {
    if (this.#link !== link) return
    for (const entry of this.#entries) {
      const { database } = entry
      const status = link.server?.database(database.name)
      if (!status) {
        if (!database.isOpen) continue
        database.detach()
        tell(() => this.emit('removed', database.name))
      } else if (!database.isOpen) this.#openOrLeave(link, entry)
      else {
        try {
          if (status.schema !== entry.schema) {
            throw new Disconnected('schema changed', `${database.name}: the server has converted the database`)
          }
          this.#judge(link, database.name)
        } catch (error) {
          link.session.rpc.close(error as Error)
          return
        }
      }
    }
  }
}
