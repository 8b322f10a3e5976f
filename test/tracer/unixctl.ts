// A connection to ovs-vswitchd's control socket, JSON-RPC 1.0 as ovs-appctl speaks it: one process for many commands.
import { connect } from 'node:net'

/** An open connection. */
export interface Unixctl {
  /** Sends a command and resolves with what it prints; rejects with the error. One at a time. */
  call(method: string, ...params: readonly string[]): Promise<string>
  close(): void
}

interface Reply {
  readonly result: string | null
  readonly error: string | null
}

/** Connects to a control socket. */
export const openUnixctl = async (path: string): Promise<Unixctl> => {
  const socket = connect(path)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  let text = ''
  let waiting: ((reply: Reply) => void) | undefined
  let id = 0
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
    // A reply is one JSON object; before it is whole, it does not end in a brace that closes it.
    if (!text.trimEnd().endsWith('}')) return
    let reply: Reply
    try {
      reply = JSON.parse(text) as Reply
    } catch {
      return
    }
    text = ''
    waiting?.(reply)
  })
  return {
    call: async (method, ...params) => {
      const reply = await new Promise<Reply>(resolve => {
        waiting = resolve
        socket.write(JSON.stringify({ method, params, id: id++ }))
      })
      if (reply.error !== null) throw new Error(`${method} ${params.join(' ')}: ${reply.error}`)
      return reply.result ?? ''
    },
    close: () => void socket.destroy(),
  }
}
