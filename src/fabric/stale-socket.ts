// A Unix socket outlives a process that was killed, and would keep the next one from listening.
import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'

/** Removes the socket at `path` if nobody listens there; anything else stays, for listening to fail on. */
export const removeStaleSocket = async (path: string): Promise<void> => {
  const found = await lstat(path).catch(() => undefined)
  if (!found?.isSocket()) return
  const isServed = await new Promise<boolean>(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
  if (!isServed) await unlink(path)
}
