// Where connections come from and go to: TCP, Unix sockets, and TLS over TCP with certificates on both sides.

import { createServer, connect as dial, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { type ConnectionOptions, createServer as createTlsServer, connect as dialTls, type TLSSocket } from 'node:tls'

/** A certificate and its key, and the authority that must have signed the peer's; PEM texts. */
export interface TlsIdentity {
  readonly key: string | Uint8Array
  readonly cert: string | Uint8Array
  readonly ca: string | Uint8Array
  /** Whether a peer without a certificate signed by `ca` is refused; default true. */
  readonly verify?: boolean
}

/** Where: a host and port, or the path of a Unix socket. */
export type Address =
  | { readonly host?: string; readonly port: number; readonly path?: undefined; readonly tls?: TlsIdentity }
  | { readonly path: string; readonly port?: undefined; readonly host?: undefined; readonly tls?: undefined }

function identity(tls: TlsIdentity) {
  const pem = (value: string | Uint8Array) => (typeof value === 'string' ? value : Buffer.from(value))
  return { key: pem(tls.key), cert: pem(tls.cert), ca: pem(tls.ca), rejectUnauthorized: tls.verify ?? true }
}

/** A server that calls `accept` with each peer's stream, and `refuse` for those that fail before. */
export function serve(
  address: Address,
  handshakeTimeout: number,
  accept: (stream: Socket) => void,
  refuse: (error: Error, stream: Socket) => void,
): Server {
  const { tls } = address
  const server = tls
    ? createTlsServer({ ...identity(tls), requestCert: true, handshakeTimeout }, accept)
    : createServer({ noDelay: true }, accept)
  server.on('tlsClientError', (error: Error, stream: TLSSocket) => refuse(error, stream))
  return server
}

/** A stream to `address`, connected; with TLS, the peer's certificate is verified. */
export function stream(address: Address, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = address.tls ? dialTls(tlsConnectOptions(address, address.tls)) : dial(netOptions(address))
    const timer = setTimeout(() => socket.destroy(new Error(`not connected within ${timeoutMs} ms`)), timeoutMs)
    socket.once('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

function tlsConnectOptions(address: Address, tls: TlsIdentity): ConnectionOptions {
  return {
    ...identity(tls),
    host: address.host ?? 'localhost',
    port: address.port as number,
    // Switches' certificates carry names of switches, not of hosts: the authority is what counts.
    checkServerIdentity: () => undefined,
  }
}

function netOptions(address: Address): NetConnectOpts {
  if (address.path !== undefined) return { path: address.path }
  return { host: address.host ?? 'localhost', port: address.port, noDelay: true }
}
