// One connection to a host's database, from the first byte to the last: whoever it turns out to be, and if it is anyone.
import { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type Client, Disconnected, type Peer, type Step } from 'ovsdb-client'
import type { Reached } from './controller-target.ts'
import { systemIdOf } from './host-settings.ts'
import { selection, type Tables, tables } from './schema.ts'
import type { Host } from './session.ts'

interface Events {
  /** Its database is copied, the first time or after a new connection. */
  arrived: [Host]
  /** The copy has changed. */
  changed: [Step<Tables, typeof selection>]
  /** It is not connected any more, for the reason given; a host that we dial may arrive again. */
  left: [reason: string]
  /** It will not arrive any more. */
  ended: []
}

const reachedBy = (peer: Peer | undefined): Reached => ({
  isTls: peer?.name.startsWith('ssl:') ?? false,
  localAddress: peer?.localAddress,
})

/** How many times longer than for the rest a host may take for the first copy: it may be large. */
const COPY_PATIENCE = 6
/** Milliseconds until a host that we dial, and that has no such database, is asked again. */
const REOPEN_AFTER = 2000

/** What an error is to an operator: its message, and what caused it. */
const inWords = (error: Error): string => {
  const cause = error.cause instanceof Error ? error.cause.message : ''
  return cause === '' || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`
}

/** A connection to what should be a host's database. */
export class Link extends EventEmitter<Events> {
  readonly #client: Client
  /** The remote that we dial; undefined for one that dialled us. */
  readonly #dialled: string | undefined
  #peer: Peer | undefined
  #host: Host | undefined
  #isUp = false
  #reason = ''

  /** `patience` is how long a peer may take, in milliseconds, to show its database; `who` dialled us, or is dialled. */
  constructor(client: Client, patience: number, who: Peer | string) {
    super()
    this.#client = client
    if (typeof who === 'string') this.#dialled = who
    else this.#peer = who
    client.on('connected', peer => {
      this.#peer = peer
    })
    client.on('disconnected', error => this.#down(inWords(error)))
    client.on('closed', error => {
      this.#down(this.#reason || inWords(error))
      this.emit('ended')
    })
    void this.#open(patience)
  }

  /** Who it is, as far as one can tell: `tcp:192.0.2.1:43210`, or what we dial. */
  get remote(): string {
    return this.#dialled ?? this.#peer?.name.replace(/\[::ffff:([\d.]+)\]/, '$1') ?? ''
  }

  /** The remote without the port that changes from one connection to the next. */
  get address(): string {
    return this.#dialled ?? this.remote.replace(/:\d*$/, '')
  }

  /** Whether it was dialled by us, and will be again. */
  get isDialled(): boolean {
    return this.#dialled !== undefined
  }

  /** Connected, with its database copied. */
  get isUp(): boolean {
    return this.#isUp
  }

  get host(): Host | undefined {
    return this.#host
  }

  /** The host's system-id; '' while it has none. */
  get systemId(): string {
    return this.#host === undefined ? '' : systemIdOf(this.#host.replica)
  }

  /** The common name of the certificate that it showed; undefined without TLS. */
  get certificateName(): string | undefined {
    return this.#peer?.certificate?.subject.CN
  }

  /** Whether the connection is encrypted, so that certificates were shown. */
  get isTls(): boolean {
    return reachedBy(this.#peer).isTls
  }

  /** Whether it answers within `limit` milliseconds: a dead host's connection may look open for long. */
  async answers(limit: number): Promise<boolean> {
    try {
      await this.#client.request('echo', [], { timeout: limit })
      return true
    } catch {
      return false
    }
  }

  /** Ends it for good. */
  close(reason: string): void {
    this.#client.close(new Disconnected('closed', reason))
  }

  async #open(patience: number): Promise<void> {
    for (;;) {
      try {
        const database = await this.#client.database('Open_vSwitch', { tables, timeout: patience })
        const replica = await database.monitor(selection, { signal: AbortSignal.timeout(COPY_PATIENCE * patience) })
        const arrive = () => {
          this.#isUp = true
          this.#host = { database, replica, reached: reachedBy(this.#peer) }
          this.emit('arrived', this.#host)
        }
        replica.on('change', step => this.#isUp && this.emit('changed', step))
        // The client says why, at once after this; a database that was dropped says no more.
        replica.on('stale', () =>
          setImmediate(() => this.#isUp && !replica.isCurrent && this.#down('its database is gone')),
        )
        replica.on('synced', arrive)
        arrive()
        return
      } catch (error) {
        if (this.#client.isClosed) return
        this.#down(inWords(error as Error))
        // One that dialled us may try again; one that we dial is tried until it is there.
        if (!this.isDialled) return this.close(inWords(error as Error))
        await delay(REOPEN_AFTER)
      }
    }
  }

  #down(reason: string): void {
    if (!this.#isUp && reason === this.#reason) return
    this.#isUp = false
    this.#reason = reason
    this.emit('left', reason)
  }
}
