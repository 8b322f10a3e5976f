// The controller as the client: it dials a switch that listens, once or again and again.

import { EventEmitter } from 'node:events'
import { type Connection, open } from './connection.ts'
import type { ConnectionOptions } from './options.ts'
import { type Address, stream } from './transport.ts'

/** Connects to a switch that listens (`ptcp:`, `pssl:`, `punix:`); resolves when version and features are known. */
export async function connect(address: Address, options: ConnectionOptions = {}): Promise<Connection> {
  return open(await stream(address, options.handshakeTimeout ?? 10_000), options)
}

/** How to try again. */
export interface ReconnectOptions {
  /** The first wait, in ms; default 1,000. */
  readonly minDelay?: number
  /** The longest wait, in ms; default 8,000. */
  readonly maxDelay?: number
  /** Numbers from 0 to 1, for jitter; default Math.random. */
  readonly random?: () => number
}

/** What a Dialer tells. */
export type DialerEvents = {
  /** Connected: version and features are known. Set listeners at once. */
  connection: [connection: Connection]
  /** The connection is closed. */
  disconnection: [connection: Connection, error: Error | undefined]
  /** An attempt failed; the next one comes after so many ms. */
  failure: [error: Error, delay: number]
}

/** Keeps a connection to a switch: after each loss and failure it waits, longer each time, and dials again. */
export class Dialer extends EventEmitter<DialerEvents> {
  private readonly address: Address
  private readonly options: ConnectionOptions & ReconnectOptions
  private delay: number
  private timer: NodeJS.Timeout | undefined
  private isStopped = false
  /** The connection, while there is one. */
  current: Connection | undefined

  constructor(address: Address, options: ConnectionOptions & ReconnectOptions) {
    super()
    this.address = address
    this.options = options
    this.delay = options.minDelay ?? 1_000
    setImmediate(() => void this.dial())
  }

  /** Closes the connection, if any, and dials no more. */
  async close(): Promise<void> {
    this.isStopped = true
    clearTimeout(this.timer)
    await this.current?.close()
  }

  private async dial(): Promise<void> {
    if (this.isStopped) return
    let connection: Connection
    try {
      connection = await connect(this.address, this.options)
    } catch (error) {
      if (this.isStopped) return
      const delay = this.again()
      this.emit('failure', error as Error, delay)
      return
    }
    if (this.isStopped) return connection.destroy()
    const since = performance.now()
    this.current = connection
    connection.once('close', error => {
      this.current = undefined
      // A connection that held for longer than the wait was a healthy one.
      if (performance.now() - since > this.delay) this.delay = this.options.minDelay ?? 1_000
      if (!this.isStopped) this.again()
      this.emit('disconnection', connection, error)
    })
    this.emit('connection', connection)
  }

  /** Dials after the next wait: between half of it and all of it, so that many do not come at once. */
  private again(): number {
    const { random = Math.random, maxDelay = 8_000 } = this.options
    const delay = Math.round(this.delay * (0.5 + random() / 2))
    this.delay = Math.min(this.delay * 2, maxDelay)
    this.timer = setTimeout(() => void this.dial(), delay)
    return delay
  }
}

/** Keeps a connection to a switch that listens, with back-off and jitter; see the events of Dialer. */
export function stayConnected(address: Address, options: ConnectionOptions & ReconnectOptions = {}): Dialer {
  return new Dialer(address, options)
}
