/** The passive side: servers dial us (`ovs-vsctl set-manager tcp:US:6640`), each gets a client of its own. */
import { EventEmitter } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { Client, type ClientOptions } from './client.ts'
import { DEFAULT_PORT, type Peer, peerOf, type TlsOptions } from './remote.ts'

/** Where to listen: a TCP port ("ptcp", with `tls` "pssl"), or a path ("punix"). */
export interface ListenOptions extends ClientOptions {
  /** The address to bind. Default: every address. */
  readonly host?: string
  /** Default 6640; 0 lets the system choose. */
  readonly port?: number
  /** A Unix socket instead of a port. */
  readonly path?: string
  /** Our certificate and key, and the CA that the servers' certificates must be signed by. */
  readonly tls?: TlsOptions
  /** Milliseconds that a TLS handshake may take. Default 10000. */
  readonly handshakeTimeout?: number
  /** Further connections are closed at once. Default: no limit. */
  readonly maxConnections?: number
}

interface Events {
  /** A server dialled in, or whoever `peer` is; what it is for, the application decides. */
  client: [Client, peer: Peer]
  /** A connection failed before it came to anything, such as by a bad certificate. */
  refused: [Error, address: string | undefined]
  /** No longer listening. */
  closed: []
}

/** A listening socket, and the clients that came through it. */
export class Listener extends EventEmitter<Events> {
  readonly #server: Server
  readonly #clients = new Set<Client>()

  /** @internal */
  constructor(server: Server, options: ListenOptions) {
    super()
    this.#server = server
    const accept = (socket: Socket) => this.#accept(socket, options)
    server.on(options.tls ? 'secureConnection' : 'connection', accept)
    server.on('tlsClientError', (error: Error, socket: Socket) => this.emit('refused', error, socket.remoteAddress))
    server.on('close', () => this.emit('closed'))
    if (options.maxConnections !== undefined) server.maxConnections = options.maxConnections
  }

  /** The port listened on; undefined for a path. */
  get port(): number | undefined {
    const address = this.#server.address() as AddressInfo | string | null
    return typeof address === 'object' ? address?.port : undefined
  }

  /** The path listened on; undefined for a port. */
  get path(): string | undefined {
    const address = this.#server.address() as AddressInfo | string | null
    return typeof address === 'string' ? address : undefined
  }

  /** The clients that are connected. */
  get clients(): readonly Client[] {
    return [...this.#clients]
  }

  /** Stops listening and closes every client. Resolves when all of it is gone. */
  async close(): Promise<void> {
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    for (const client of this.#clients) client.close()
    await closed.promise
  }

  /** Closes at the end of a block: `await using listener = await listen(…)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #accept(socket: Socket, options: ListenOptions): void {
    const client = new Client(options, peerOf(socket))
    this.#clients.add(client)
    client.once('closed', () => this.#clients.delete(client))
    // The application attaches its listeners first.
    this.emit('client', client, peerOf(socket))
    void client.accept(socket)
  }
}

/** Listens for servers that dial us. Resolves when the socket is bound, rejects if it cannot be. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host, port = DEFAULT_PORT, path, tls, handshakeTimeout = 10_000 } = options
  const server = tls
    ? createTlsServer({ rejectUnauthorized: true, ...tls, requestCert: true, handshakeTimeout, noDelay: true })
    : createServer({ noDelay: true })
  const listener = new Listener(server, options)
  const bound = Promise.withResolvers<void>()
  server.once('error', bound.reject)
  server.listen(path === undefined ? { port, ...(host === undefined ? {} : { host }) } : { path }, bound.resolve)
  await bound.promise
  server.removeListener('error', bound.reject)
  return listener
}
