// The controller as the server: switches dial in.

import { EventEmitter } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { Connection } from './connection.ts'
import type { ConnectionOptions } from './options.ts'
import { type Address, serve } from './transport.ts'

/** What a server tells. */
export type ServerEvents = {
  /** A switch has connected: its version and features are known. Set listeners at once. */
  connection: [connection: Connection]
  /** A switch's connection is closed; told before the `connection` that replaced it. */
  disconnection: [connection: Connection, error: Error | undefined]
  /** A peer that did not get as far as a connection. */
  refused: [error: Error, address: string | undefined]
  /** The server itself failed after it had begun to listen. */
  error: [error: Error]
}

/** Accepts switches. One datapath has one main connection: a newer one replaces the older. */
export class OpenFlowServer extends EventEmitter<ServerEvents> {
  /** Main connections by datapath id. */
  readonly datapaths = new Map<bigint, Connection>()
  /** All connections, auxiliary ones too. */
  readonly connections = new Set<Connection>()
  /** Resolves when it listens. */
  readonly ready: Promise<void>
  private readonly server: Server
  private readonly options: ConnectionOptions
  private readonly opening = new Set<Connection>()

  constructor(address: Address, options: ConnectionOptions) {
    super()
    this.options = options
    this.server = serve(
      address,
      options.handshakeTimeout ?? 10_000,
      stream => void this.accept(stream),
      (error, stream) => {
        this.emit('refused', error, stream.remoteAddress)
        stream.destroy()
      },
    )
    this.ready = new Promise((resolve, reject) => {
      this.server.once('listening', resolve)
      this.server.once('error', reject)
    })
    this.ready.then(
      () => this.server.on('error', error => this.emit('error', error)),
      () => {},
    )
    if (address.path !== undefined) this.server.listen(address.path)
    else this.server.listen(address.port, address.host ?? '127.0.0.1')
  }

  /** Where it listens; undefined for a Unix socket. */
  get address(): AddressInfo | undefined {
    const address = this.server.address()
    return typeof address === 'object' && address !== null ? address : undefined
  }

  /** Accepts no more, and closes all connections. */
  async close(): Promise<void> {
    const done = new Promise<void>(resolve => this.server.close(() => resolve()))
    for (const connection of this.opening) connection.destroy()
    await Promise.all([...this.connections].map(connection => connection.close()))
    await done
  }

  private async accept(stream: Socket): Promise<void> {
    const address = stream.remoteAddress
    const connection = new Connection(stream, this.options)
    this.opening.add(connection)
    try {
      await connection.ready
    } catch (error) {
      this.emit('refused', error as Error, address)
      return
    } finally {
      this.opening.delete(connection)
    }
    const { datapathId } = connection
    const isMain = connection.features.auxiliaryId === undefined
    if (isMain) {
      this.datapaths.get(datapathId)?.destroy(new Error('the datapath has connected anew'))
      this.datapaths.set(datapathId, connection)
    }
    this.connections.add(connection)
    connection.once('close', error => {
      this.connections.delete(connection)
      if (this.datapaths.get(datapathId) === connection) this.datapaths.delete(datapathId)
      this.emit('disconnection', connection, error)
    })
    this.emit('connection', connection)
  }
}

/** Listens for switches; resolves when it does. Default host: 127.0.0.1. */
export async function listen(address: Address, options: ConnectionOptions = {}): Promise<OpenFlowServer> {
  const server = new OpenFlowServer(address, options)
  await server.ready
  return server
}
