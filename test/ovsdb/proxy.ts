/** A proxy before a real server: cuts the stream into pieces, rewrites bytes, holds back, drops. */
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What to do to the bytes on their way. */
export interface Proxy {
  /** "tcp:…" */
  readonly remote: string
  /** Connections open now. */
  readonly connections: number
  /** Cuts every connection. */
  drop(): void
  /** Accepts no more connections, cuts those that are open; or accepts again. */
  refuse(isRefusing: boolean): void
  /** Holds back what the server says; what is held is lost when a connection is dropped. */
  hold(isHeld: boolean): void
}

/** How the proxy changes what passes. */
export interface ProxyOptions {
  /** Sends what the server says in pieces of at most this many bytes, each on its own. */
  readonly pieces?: number
  /** Changes what the client says; must not change its length across chunk borders. */
  readonly rewrite?: (bytes: Buffer) => Buffer
  /** Changes what the server says. */
  readonly onServer?: (bytes: Buffer) => Buffer
  /** Sees everything that the client says. */
  readonly onClient?: (text: string) => void
}

/** Starts a proxy before a Unix socket. It ends with the test. */
export async function startProxy(remote: string, options: ProxyOptions = {}): Promise<Proxy> {
  const { pieces, rewrite = bytes => bytes, onServer = bytes => bytes, onClient } = options
  const pairs = new Set<{ near: Socket; far: Socket }>()
  let isRefusing = false
  let isHeld = false
  const server = createServer({ noDelay: true }, near => {
    if (isRefusing) {
      near.destroy()
      return
    }
    const far = connect({ path: remote.replace('unix:', '') })
    const pair = { near, far }
    pairs.add(pair)
    const end = () => {
      near.destroy()
      far.destroy()
      pairs.delete(pair)
    }
    for (const socket of [near, far]) {
      socket.on('error', end)
      socket.on('close', end)
    }
    near.on('data', bytes => {
      onClient?.(bytes.toString())
      far.write(rewrite(bytes))
    })
    if (isHeld) far.pause()
    far.on('data', async bytes => {
      if (!pieces) {
        near.write(onServer(bytes))
        return
      }
      far.pause()
      for (let i = 0; i < bytes.length && !near.destroyed; i += pieces) {
        near.write(bytes.subarray(i, i + pieces))
        // One piece a turn, so that the kernel does not join them.
        await new Promise(setImmediate)
      }
      if (!isHeld) far.resume()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const drop = () => {
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
  }
  onTestFinished(() => {
    drop()
    server.close()
  })
  return {
    remote: `tcp:127.0.0.1:${port}`,
    get connections() {
      return pairs.size
    },
    drop,
    refuse: to => {
      isRefusing = to
      if (to) drop()
    },
    hold: to => {
      isHeld = to
      for (const { far } of pairs) isHeld ? far.pause() : far.resume()
    },
  }
}
