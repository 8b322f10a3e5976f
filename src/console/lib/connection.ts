// A connection to the event feed that comes back by itself and takes up where it left off. Used by the page, and by the
// worker that keeps flows.
import type { FeedMessage, FeedRequest } from '#api/feed-messages'

/** How the connection stands. */
export type ConnectionState = 'connecting' | 'live' | 'lost' | 'refused'

/** Who listens. */
export interface Listener {
  message(message: FeedMessage): void
  state(state: ConnectionState): void
  /** What to say first on each connection, in this order: where it left off, then what it watches. */
  opening(): readonly FeedRequest[]
}

/** A connection that is kept up. */
export interface Connection {
  send(request: FeedRequest): void
  close(): void
}

const FIRST_DELAY = 250
const LONGEST_DELAY = 5000
/** How long (ms) opening may take. */
const PATIENCE = 8000

const base64url = (text: string) =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Connects, and again whenever the connection is lost. `token`: a Keystone token; '' for none. */
export const connect = (origin: string, token: string, listener: Listener): Connection => {
  let socket: WebSocket | undefined
  let delay = FIRST_DELAY
  let timer = 0
  let isClosed = false

  const open = () => {
    const url = `${origin.replace(/^http/, 'ws')}/flowright/v1/events`
    const opened = new WebSocket(url, token === '' ? [] : ['flowright', `token.${base64url(token)}`])
    socket = opened
    let wasLive = false
    const patience = setTimeout(() => opened.close(), PATIENCE)
    opened.onopen = () => {
      clearTimeout(patience)
      for (const request of listener.opening()) opened.send(JSON.stringify(request))
    }
    opened.onmessage = ({ data }) => {
      const message = JSON.parse(data as string) as FeedMessage
      if (message.type === 'hello') {
        wasLive = true
        delay = FIRST_DELAY
        listener.state('live')
      }
      listener.message(message)
    }
    opened.onclose = () => {
      clearTimeout(patience)
      if (isClosed || socket !== opened) return
      listener.state(wasLive ? 'connecting' : 'lost')
      timer = setTimeout(open, delay * (0.75 + Math.random() / 2)) as unknown as number
      delay = Math.min(delay * 2, LONGEST_DELAY)
    }
  }
  listener.state('connecting')
  open()
  return {
    send: request => {
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(request))
    },
    close: () => {
      isClosed = true
      clearTimeout(timer)
      socket?.close()
    },
  }
}
