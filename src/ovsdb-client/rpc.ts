/**
 * One JSON-RPC 1.0 connection to a peer: requests with their answers, notifications, echo both ways. It lives as long
 * as its socket and knows nothing of databases.
 */
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import {
  ConnectionLost,
  Disconnected,
  NotConnected,
  type OvsdbError,
  ProtocolError,
  RequestCanceled,
  RequestTimeout,
  RpcError,
  UnknownDatabase,
} from './errors.ts'
import { FrameReader } from './framing.ts'
import { isArray, isObject, type Json, type JsonObject, joinParts, parseMessage } from './json.ts'

/** Limits of a connection. */
export interface RpcOptions {
  /** The largest message to accept, in bytes. Default 512 MiB. */
  readonly maxMessageSize?: number
  /** Silence, in milliseconds, after which the peer is probed, and again until it is given up. 0: never. Default 5000. */
  readonly probeInterval?: number
  /** The same while a first copy of a database is awaited, which keeps a server busy. Default 60000. */
  readonly syncInterval?: number
}

/** Limits of one request. */
export interface RequestOptions {
  /** Milliseconds to wait for the answer; then RequestTimeout. Default: as long as the connection lasts. */
  readonly timeout?: number
  /** Gives the request up: RequestCanceled. */
  readonly signal?: AbortSignal
}

interface Pending {
  readonly method: string
  readonly answer: (result: Json) => void
  readonly answerPart: ((result: Json) => void) | undefined
  readonly fail: (error: OvsdbError) => void
}

/** A peer that takes our answers to its echoes but reads none of them is cut off beyond this many unsent bytes. */
const MAX_UNREAD_ANSWERS = 16 * 1024 * 1024

const DEFAULT_MAX_MESSAGE = 512 * 1024 * 1024

/** A JSON-RPC connection. `close` is emitted once, with the reason, after every open request has been rejected. */
export class Rpc extends EventEmitter<{ notification: [method: string, params: readonly Json[]]; close: [Error] }> {
  #socket: Duplex
  #reader: FrameReader
  #pending = new Map<number, Pending>()
  /** The message that is arriving in parts, as far as it goes. */
  #parts: Json
  #lastId = 0
  #reason: Error | undefined
  #probeInterval: number
  #syncInterval: number
  #syncs = 0
  #quietSince = performance.now()
  #isProbing = false
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Duplex, options: RpcOptions = {}) {
    super()
    this.#socket = socket
    this.#reader = new FrameReader(options.maxMessageSize ?? DEFAULT_MAX_MESSAGE)
    this.#probeInterval = options.probeInterval ?? 5000
    this.#syncInterval = options.syncInterval ?? 60_000
    socket.on('data', chunk => this.#receive(chunk))
    socket.on('error', error => this.close(error))
    socket.on('end', () => this.close(new Disconnected('closed by peer', 'the peer closed the connection')))
    socket.on('close', () => this.close(new Disconnected('closed by peer', 'the connection was closed')))
    this.#watch()
  }

  /** Why the connection ended, once it has. */
  get reason(): Error | undefined {
    return this.#reason
  }

  /**
   * Sends a request. `read` turns the result into what the promise gives; it runs in the order in which messages
   * arrived, before the next one is looked at. With `readPart`, a large result full of rows comes in parts of the same
   * shape: all but the last go there. Rejects with RpcError for an error of the server, NotConnected if
   * nothing was sent, ConnectionLost, RequestTimeout or RequestCanceled if the outcome is unknown.
   */
  request<T = Json>(
    method: string,
    params: readonly Json[],
    options: RequestOptions = {},
    read: (result: Json) => T = result => result as T,
    readPart?: (result: Json) => void,
  ): Promise<T> {
    const { timeout, signal } = options
    return new Promise((resolve, reject) => {
      if (this.#reason) return reject(new NotConnected(undefined, this.#reason))
      if (signal?.aborted) return reject(new RequestCanceled(method, signal.reason))
      const id = ++this.#lastId
      const settle = () => {
        this.#pending.delete(id)
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      const cancel = (error: OvsdbError) => {
        settle()
        // Only change-aware sessions hear back from a cancel, so nobody waits for that.
        if (method === 'transact') this.notify('cancel', [id])
        reject(error)
      }
      const abort = () => cancel(new RequestCanceled(method, signal?.reason))
      const timer =
        timeout === undefined ? undefined : setTimeout(() => cancel(new RequestTimeout(method, timeout)), timeout)
      signal?.addEventListener('abort', abort)
      this.#pending.set(id, {
        method,
        answerPart: readPart,
        answer: result => {
          settle()
          try {
            resolve(read(result))
          } catch (error) {
            reject(error)
            if (error instanceof ProtocolError) this.close(error)
          }
        },
        fail: error => {
          settle()
          reject(error)
        },
      })
      this.#send({ id, method, params })
    })
  }

  /** Sends a notification. */
  notify(method: string, params: readonly Json[]): void {
    this.#send({ id: null, method, params })
  }

  /** Allows the longer interval of silence until the promise settles: the server is busy with a first copy. */
  async patiently<T>(sync: Promise<T>): Promise<T> {
    this.#syncs++
    try {
      return await sync
    } finally {
      this.#syncs--
    }
  }

  /** Ends the connection; open requests are rejected. */
  close(reason: Error = new Disconnected('closed', 'closed by this side')): void {
    if (this.#reason) return
    this.#reason = reason
    clearTimeout(this.#timer)
    this.#socket.destroy()
    for (const { method, fail } of [...this.#pending.values()]) fail(new ConnectionLost(method, reason))
    this.emit('close', reason)
  }

  #send(message: JsonObject): void {
    if (!this.#reason) this.#socket.write(JSON.stringify(message))
  }

  #receive(chunk: Buffer): void {
    this.#quietSince = performance.now()
    this.#isProbing = false
    if (this.#reason) return
    try {
      for (const frame of this.#reader.push(chunk)) {
        this.#take(parseMessage(frame), frame.isPart)
        if (this.#reason) return
      }
    } catch (error) {
      this.close(error as Error)
      if (!(error instanceof ProtocolError)) throw error
    }
  }

  #take(message: Json, isPart: boolean): void {
    const { id, result } = isObject(message) ? message : {}
    const answerPart = isPart && typeof id === 'number' ? this.#pending.get(id)?.answerPart : undefined
    if (answerPart) answerPart(result)
    else {
      const whole = this.#parts === undefined ? message : joinParts(this.#parts, message)
      this.#parts = isPart ? whole : undefined
      if (!isPart) this.#dispatch(whole)
    }
  }

  #dispatch(message: Json): void {
    if (!isObject(message)) throw new ProtocolError('a message is not an object')
    const { id = null, method, params, result, error = null } = message
    if (typeof method === 'string') {
      if (!isArray(params)) throw new ProtocolError(`"${method}" has no array of params`)
      if (id === null) this.emit('notification', method, params)
      else this.#answer(id, method, params)
    } else if (method === undefined && id !== null && (result !== undefined || error !== null)) {
      const pending = typeof id === 'number' ? this.#pending.get(id) : undefined
      // An answer to nothing that is open belongs to a request given up.
      if (!pending) return
      if (error === null) pending.answer(result ?? null)
      else pending.fail(rpcError(pending.method, error))
    } else throw new ProtocolError('a message is neither request, notification nor answer')
  }

  #answer(id: Json, method: string, params: readonly Json[]): void {
    if (method === 'echo') this.#send({ id, result: params, error: null })
    else this.#send({ id, result: null, error: 'unknown method' })
    if (this.#socket.writableLength > MAX_UNREAD_ANSWERS) {
      this.close(new Disconnected('peer does not read', 'the peer sends requests but does not read our answers'))
    }
  }

  /** Probes a silent peer, and gives it up after a second silent interval. Any byte counts as life. */
  #watch(): void {
    if (!this.#probeInterval) return
    const wait = Math.max(this.#quietSince + this.#interval - performance.now(), 0)
    // Bytes that arrived while this process was busy are read (setImmediate) before silence is concluded.
    this.#timer = setTimeout(() => setImmediate(() => this.#checkLife()), wait)
    this.#timer.unref()
  }

  get #interval(): number {
    return this.#syncs ? Math.max(this.#syncInterval, this.#probeInterval) : this.#probeInterval
  }

  #checkLife(): void {
    if (this.#reason) return
    if (performance.now() - this.#quietSince >= this.#interval) {
      if (this.#isProbing) {
        const text = `the peer was silent for ${2 * this.#interval} ms and did not answer an echo`
        this.close(new Disconnected('inactivity', text))
        return
      }
      this.#isProbing = true
      this.#quietSince = performance.now()
      this.request('echo', []).catch(() => {})
    }
    this.#watch()
  }
}

function rpcError(method: string, error: Json): OvsdbError {
  const isDetailed = isObject(error)
  const code = isDetailed ? String(error.error ?? 'error') : String(error)
  const details = isDetailed ? String(error.details ?? '') : ''
  if (code === 'canceled') return new RequestCanceled(method)
  const Kind = code === 'unknown database' ? UnknownDatabase : RpcError
  return new Kind(method, code, details, error)
}
