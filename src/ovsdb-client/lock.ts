/** A named lock of the server (RFC 7047 sections 4.1.8 to 4.1.10), asked for again on every new connection. */
import { EventEmitter } from 'node:events'
import { NotConnected, ProtocolError } from './errors.ts'
import { isObject, type Json } from './json.ts'
import type { Rpc } from './rpc.ts'
import { tell } from './tell.ts'

interface Events {
  /** The lock is ours. */
  acquired: []
  /** It is not any more: stolen by another client, or the connection is gone. */
  lost: ['stolen' | 'disconnected']
}

/**
 * A lock that this client holds or waits for. Put `assertLock(name)` into transactions that need it: they then fail
 * (NotOwner) rather than run without it.
 */
export class Lock extends EventEmitter<Events> {
  readonly name: string
  readonly #onRelease: () => void
  #rpc: Rpc | undefined
  #isOwned = false

  /** @internal */
  constructor(name: string, onRelease: () => void) {
    super()
    this.name = name
    this.#onRelease = onRelease
  }

  /** This client holds the lock, as far as it has heard. */
  get isOwned(): boolean {
    return this.#isOwned
  }

  /** Resolves when the lock is ours. */
  async acquired(signal?: AbortSignal): Promise<void> {
    if (this.#isOwned) return
    await new Promise<void>((resolve, reject) => {
      const give = () => {
        this.removeListener('acquired', give)
        signal?.removeEventListener('abort', give)
        if (signal?.aborted) reject(signal.reason)
        else resolve()
      }
      this.on('acquired', give)
      signal?.addEventListener('abort', give)
      if (signal?.aborted) give()
    })
  }

  /** Takes the lock from whoever holds it. */
  async steal(): Promise<void> {
    if (this.#isOwned) return
    const rpc = this.#rpc
    if (!rpc) throw new NotConnected()
    // Waiting for a lock and stealing it are one request too many for the server.
    await Promise.all([rpc.request('unlock', [this.name]), rpc.request('steal', [this.name], {}, () => this.granted())])
  }

  /** Gives the lock up, or stops waiting for it. */
  async release(): Promise<void> {
    this.#onRelease()
    this.#isOwned = false
    const rpc = this.#rpc
    this.#rpc = undefined
    if (rpc && !rpc.reason) await rpc.request('unlock', [this.name])
  }

  /** @internal Asks for the lock on a new connection. */
  async request(rpc: Rpc): Promise<void> {
    this.#rpc = rpc
    await rpc.request('lock', [this.name], {}, (result: Json) => {
      if (!isObject(result)) throw new ProtocolError('a malformed answer to a lock')
      if (result.locked === true) this.granted()
    })
  }

  /** @internal */
  granted(): void {
    if (this.#isOwned || !this.#rpc) return
    this.#isOwned = true
    tell(() => this.emit('acquired'))
  }

  /** @internal */
  lose(why: 'stolen' | 'disconnected'): void {
    if (why === 'disconnected') this.#rpc = undefined
    if (!this.#isOwned) return
    this.#isOwned = false
    tell(() => this.emit('lost', why))
  }
}
