// A client of the event feed for tests: collects what it is told.
import { until } from './ovs.ts'

/** A connected client. */
export interface FeedClient {
  /** Everything received, in order. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it looks for
  readonly messages: any[]
  send(request: object): void
  /** The first message, received or to come, for which `is` holds. */
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it looks for
  find(what: string, is: (message: any) => unknown): Promise<any>
  close(): Promise<void>
}

/** Connects to the feed of a controller, `host:port`. Rejects when it is refused. */
export const followFeed = async (
  api: string,
  headers: Record<string, string> = {},
  protocols: string[] = [],
): Promise<FeedClient> => {
  const { WebSocket } = await import('ws')
  const socket = new WebSocket(`ws://${api}/flowright/v1/events`, protocols, { headers })
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it looks for
  const messages: any[] = []
  socket.on('message', data => messages.push(JSON.parse(String(data))))
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return {
    messages,
    send: request => socket.send(typeof request === 'string' ? request : JSON.stringify(request)),
    find: async (what, is) => {
      await until(what, () => messages.some(is))
      return messages.find(is)
    },
    close: () =>
      new Promise(resolve => {
        socket.once('close', () => resolve())
        socket.close()
      }),
  }
}
