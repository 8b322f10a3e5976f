/**
 * The active side: goes through the remotes of a server or cluster, and connects again with back-off whenever a
 * connection ends.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientOptions } from './client.ts'
import { InvalidOperation } from './errors.ts'
import { dial, parseRemote, type Remote, type TlsOptions } from './remote.ts'

/** Where to and how to connect. */
export interface ConnectOptions extends ClientOptions {
  /** "tcp:HOST:PORT", "ssl:HOST:PORT", "unix:PATH"; several: the servers of a cluster, tried in turn. */
  readonly remotes: string | readonly string[]
  /** Keys and certificates, for "ssl:". */
  readonly tls?: TlsOptions
  /** How long one attempt to connect may take. Default 5000. */
  readonly connectTimeout?: number
  /** Waits between attempts, doubling from `min` to `max`. Default 1000 to 8000. */
  readonly backoff?: { readonly min: number; readonly max: number }
  /** Source of chance for the order of remotes and the jitter of waits: 0 to 1. Default Math.random. */
  readonly random?: () => number
}

type Place = { readonly text: string; readonly remote: Remote }

/**
 * Connects to an OVSDB server or cluster, and stays connected. Returns at once: `await client.database(name)` waits
 * for the connection. Throws InvalidOperation for a remote that cannot be understood.
 */
export function connect(options: ConnectOptions): Client {
  const texts = typeof options.remotes === 'string' ? options.remotes.split(',') : options.remotes
  if (texts.length === 0) throw new InvalidOperation('give at least one remote')
  const places = texts.map(text => ({ text, remote: parseRemote(text) }))
  const client = new Client(options)
  void stayConnected(client, shuffle(places, options.random), options)
  return client
}

async function stayConnected(client: Client, places: readonly Place[], options: ConnectOptions): Promise<void> {
  const { tls, connectTimeout = 5000, backoff = { min: 1000, max: 8000 }, random = Math.random } = options
  let failures = 0
  for (let turn = 0; !client.isClosed; turn++) {
    const { text, remote } = places[turn % places.length]!
    // Every remote is tried once without a wait.
    const wait = Math.min(backoff.min * 2 ** Math.max(failures - places.length - 1, 0), backoff.max)
    try {
      if (failures > places.length) await sleep(wait * (1 - random() / 4), undefined, { signal: client.end })
      const socket = await dial(remote, tls, connectTimeout, client.end)
      const began = performance.now()
      const wasReady = await client.serve(socket, text)
      // A spell as long as the wait before it counts as healthy; short ones must not become a spin.
      failures = wasReady && performance.now() - began >= wait ? 0 : failures + 1
    } catch (error) {
      failures++
      client.failed(error as Error, text)
    }
  }
}

function shuffle<E>(list: readonly E[], random = Math.random): readonly E[] {
  const shuffled = [...list]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!]
  }
  return shuffled
}
