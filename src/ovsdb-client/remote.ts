/**
 * Where a peer is, in the words of ovsdb(7) ("tcp:10.0.0.1:6640", "ssl:[fd00::1]:6640", "unix:/run/db.sock"), and how
 * to get a socket to it.
 */
import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectTls, type SecureContextOptions, type TLSSocket } from 'node:tls'
import { Disconnected, InvalidOperation } from './errors.ts'

/** A parsed remote. */
export type Remote =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number }

/** Keys for TLS, in PEM. Both ends of OVSDB show a certificate and check the other's against `ca`, not its host name. */
export interface TlsOptions extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'minVersion' | 'ciphers'> {
  /** Default true; false accepts any certificate (to be judged by the application). */
  readonly rejectUnauthorized?: boolean
}

/** Who is at the other end of a connection. */
export interface Peer {
  /** As in `remotes`; for one that dialled us "tcp:ADDRESS:PORT", "ssl:…" or "unix:". */
  readonly name: string
  /** The IP address, where there is one. */
  readonly address: string | undefined
  /** Our own IP address on that connection, where there is one: where the peer can reach us. */
  readonly localAddress: string | undefined
  /** The certificate that it showed, where TLS is in use. */
  readonly certificate:
    | { readonly subject: Readonly<Record<string, string>>; readonly fingerprint256: string; readonly raw: Buffer }
    | undefined
  /** The certificate is signed by our CA. */
  readonly isAuthorized: boolean
}

/** OVSDB's port (IANA). */
export const DEFAULT_PORT = 6640

/** Parses an active remote. Throws InvalidOperation for anything else. */
export function parseRemote(text: string): Remote {
  const path = /^unix:(.+)$/.exec(text)?.[1]
  if (path) return { kind: 'unix', path }
  const match = /^(tcp|ssl):(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text)
  const port = match?.[4] === undefined ? DEFAULT_PORT : Number(match[4])
  if (!match || port < 1 || port > 65535) {
    throw new InvalidOperation(
      `"${text}" is not a remote; give tcp:HOST:PORT, ssl:HOST:PORT or unix:PATH, IPv6 in brackets`,
    )
  }
  return { kind: match[1] as 'tcp' | 'ssl', host: match[2] ?? match[3]!, port }
}

/** Dials. Rejects after `timeout` milliseconds, or when the signal fires; no half-open socket is left behind. */
export function dial(
  remote: Remote,
  tls: TlsOptions | undefined,
  timeout: number,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = open(remote, tls)
    const give = (outcome: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      socket.removeListener('error', fail)
      outcome()
    }
    const fail = (error: Error) =>
      give(() => {
        // The socket may complain again while it dies.
        socket.on('error', () => {})
        socket.destroy()
        reject(error)
      })
    const abort = () => fail(new Disconnected('closed', 'closed while connecting'))
    const timer = setTimeout(
      () => fail(new Disconnected('connect timeout', `no connection within ${timeout} ms`)),
      timeout,
    )
    signal.addEventListener('abort', abort)
    socket.once('error', fail)
    socket.once(remote.kind === 'ssl' ? 'secureConnect' : 'connect', () => give(() => resolve(socket)))
  })
}

function open(remote: Remote, tls: TlsOptions | undefined): Socket {
  if (remote.kind === 'unix') return connectSocket({ path: remote.path })
  const { kind, host, port } = remote
  if (kind === 'tcp') return connectSocket({ host, port, noDelay: true })
  return connectTls({ host, port, ...tls, checkServerIdentity: () => undefined }).setNoDelay(true)
}

/** Describes the other end of a connected socket. */
export function peerOf(socket: Socket, name?: string): Peer {
  const { remoteAddress: address, remotePort } = socket
  const tls = isTls(socket) ? socket : undefined
  const shown = tls?.getPeerCertificate()
  const host = address?.includes(':') ? `[${address}]` : address
  return {
    name: name ?? (address ? `${tls ? 'ssl' : 'tcp'}:${host}:${remotePort}` : 'unix:'),
    address,
    localAddress: socket.localAddress,
    certificate: shown?.raw && {
      subject: { ...shown.subject } as Record<string, string>,
      fingerprint256: shown.fingerprint256,
      raw: shown.raw,
    },
    isAuthorized: tls?.authorized ?? false,
  }
}

const isTls = (socket: Socket): socket is TLSSocket => 'getPeerCertificate' in socket
