// The event feed at /flowright/v1/events: commits, chassis, deviations and what changes cost, to every client; flows and
// counters to those who ask. A client that was away says where it left off and gets what it missed.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Store } from '#store'
import { type Authenticate, Unauthorized } from './engine/context.ts'
import type { FabricView } from './fabric-view.ts'
import { FeedClient } from './feed-client.ts'
import { showSources } from './feed-flows.ts'
import { type FeedJournal, FeedLog, showCommit } from './feed-log.ts'
import type { FeedMessage } from './feed-messages.ts'
import { FeedShared } from './feed-shared.ts'
import type { LiveView } from './live-view.ts'

/** How often (ms) chassis are looked at while somebody follows. */
const LOOK = 500
/** How often (ms) clients are asked whether they are still there. */
const PING = 20_000
/** How long (ms) a client may take to say goodbye. */
const PARTING = 500

/** What the feed tells of. */
export interface FeedOptions {
  readonly store: Store
  readonly fabric: FabricView
  readonly live: LiveView
  readonly version: string
  readonly authenticate: Authenticate
  /** Where the log outlives the controller; absent: it begins with this run. */
  readonly journal?: FeedJournal
}

const PATH = '/flowright/v1/events'
const encodings = {
  maxPayload: 64 * 1024,
  // Rows of flows shrink to a twentieth; that is done on threads of its own.
  perMessageDeflate: { threshold: 16_384, zlibDeflateOptions: { level: 1 }, serverNoContextTakeover: true },
}

/** Serves it. Only administrators may follow, and pages of our own. */
export const serveFeed = (app: FastifyInstance, options: FeedOptions): void => {
  const { store, fabric, live, version, authenticate, journal } = options
  const log = new FeedLog(store.revision, journal)
  const shared = new FeedShared({ store, fabric, live, log, version, epoch: randomUUID() })
  const clients = new Set<FeedClient>()
  const broadcast = (message: FeedMessage) => {
    const following = [...clients].filter(client => client.isFollowing)
    if (following.length === 0) return
    const text = JSON.stringify(message)
    for (const client of following) client.sendText(text)
  }
  let drifted = 0
  const stops = [
    store.follow(commit => {
      const shown = showCommit(commit)
      log.commit(shown)
      broadcast({ type: 'commits', commits: [shown] })
    }),
    live.onCost(cost => {
      log.cost(cost)
      broadcast({ type: 'costs', costs: [cost] })
    }),
    live.onDrift((chassis, { sources, ...event }) => {
      const shown = { ...event, n: ++drifted, chassis, resources: showSources({ sources }, shared.nameOf) }
      log.drift(shown)
      broadcast({ type: 'drift', events: [shown] })
    }),
  ]
  let looking: NodeJS.Timeout | undefined
  const look = () => {
    const changes = shared.states.look()
    if (changes) broadcast({ type: 'chassis', ...changes })
  }

  const server = new WebSocketServer({ noServer: true, ...encodings })
  const serve = (socket: WebSocket) => {
    look()
    const client = new FeedClient(socket, shared)
    clients.add(client)
    looking ??= setInterval(look, LOOK).unref()
    let isThere = true
    const pinging = setInterval(() => {
      if (!isThere) socket.terminate()
      isThere = false
      socket.ping()
    }, PING).unref()
    socket.on('pong', () => {
      isThere = true
    })
    socket.on('message', data => client.take(String(data)))
    socket.on('error', () => socket.terminate())
    socket.on('close', () => {
      clearInterval(pinging)
      clients.delete(client)
      client.close()
      if (clients.size > 0) return
      clearInterval(looking)
      looking = undefined
    })
  }

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    const status = await admission(request, authenticate)
    if (status === undefined) server.handleUpgrade(request, socket, head, serve)
    else socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  }
  app.server.on('upgrade', upgrade)

  app.addHook('preClose', async () => {
    app.server.off('upgrade', upgrade)
    for (const stop of stops) stop()
    clearInterval(looking)
    shared.close()
    for (const socket of server.clients) socket.close(1001, 'the controller ends')
    setTimeout(() => {
      for (const socket of server.clients) socket.terminate()
    }, PARTING).unref()
  })
}

/** Why a client may not follow, as an HTTP status; undefined when it may. */
const admission = async (
  { url = '', headers }: IncomingMessage,
  authenticate: Authenticate,
): Promise<string | undefined> => {
  if (url.split('?')[0] !== PATH) return '404 Not Found'
  if (headers.origin !== undefined && headers.origin.replace(/^https?:\/\//, '') !== headers.host)
    return '403 Forbidden'
  const token = tokenIn(headers['sec-websocket-protocol'])
  try {
    const { isAdmin } = await authenticate(token === undefined ? headers : { ...headers, 'x-auth-token': token })
    return isAdmin ? undefined : '403 Forbidden'
  } catch (error) {
    return error instanceof Unauthorized ? '401 Unauthorized' : '503 Service Unavailable'
  }
}

/** A browser cannot send headers with a WebSocket: it offers a protocol `token.<base64url>` beside `flowright`. */
const tokenIn = (protocols: string | undefined): string | undefined => {
  const offered = protocols?.split(',').map(protocol => protocol.trim()) ?? []
  const token = offered.find(protocol => protocol.startsWith('token.'))
  return token && Buffer.from(token.slice('token.'.length), 'base64url').toString()
}
