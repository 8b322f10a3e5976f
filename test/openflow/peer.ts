// A switch that misbehaves on command: it shakes hands like any other, and then does what the test tells it to.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode, encode, Framer, type Message, type MessageDraft } from 'node-openflow'

/** One connection as the scripted switch sees it. */
export interface PeerSocket {
  readonly socket: Socket
  /** Messages received, after the handshake. */
  readonly received: Message[]
  /** Resolves to the next message of a type, past ones included once. */
  next(type: Message['type']): Promise<Message>
  send(message: MessageDraft): void
  sendBytes(bytes: Uint8Array): void
}

/** A listening scripted switch. */
export interface Peer {
  readonly path: string
  /** Resolves to the next connection. */
  accept(): Promise<PeerSocket>
  close(): Promise<void>
}

/** How it shakes hands. */
export interface PeerOptions {
  readonly datapathId?: bigint
  readonly auxiliaryId?: number
  /** Called for each message after the handshake; what is returned is sent, with the same xid. */
  readonly answer?: (message: Message, peer: PeerSocket) => MessageDraft | undefined
  /** Does not even say HELLO. */
  readonly mute?: boolean
}

/** Makes a socket a scripted switch. */
export function peerOn(socket: Socket, options: PeerOptions = {}): PeerSocket {
  const framer = new Framer()
  const waiting: { type: string; resolve: (message: Message) => void }[] = []
  const fresh: Message[] = []
  const peer: PeerSocket = {
    socket,
    received: [],
    next: type => {
      const at = fresh.findIndex(m => m.type === type)
      if (at >= 0) return Promise.resolve(fresh.splice(at, 1)[0] as Message)
      return new Promise(resolve => waiting.push({ type, resolve }))
    },
    send: message => peer.sendBytes(encode({ version: 6, xid: 0, ...message } as Message)),
    sendBytes: bytes => void socket.write(bytes),
  }
  const take = (message: Message) => {
    peer.received.push(message)
    const at = waiting.findIndex(w => w.type === message.type)
    if (at >= 0) waiting.splice(at, 1)[0]?.resolve(message)
    else fresh.push(message)
    const reply = options.answer?.(message, peer)
    if (reply) peer.send({ ...reply, xid: message.xid })
  }
  socket.on('error', () => {})
  if (options.mute) {
    socket.resume()
    return peer
  }
  peer.send({ type: 'hello', versions: [6] })
  socket.on('data', (chunk: Uint8Array) => {
    for (const bytes of framer.push(chunk)) {
      const message = decode(new Uint8Array(bytes))
      if (message.type === 'hello') continue
      if (message.type === 'features_request') {
        const { datapathId = 1n, auxiliaryId } = options
        peer.send({
          type: 'features_reply',
          xid: message.xid,
          datapathId,
          buffers: 0,
          tables: 254,
          capabilities: [],
          ...(auxiliaryId !== undefined && { auxiliaryId }),
        })
      } else take(message)
    }
  })
  return peer
}

/** Starts a scripted switch on a Unix socket. */
export async function startPeer(options: PeerOptions = {}): Promise<Peer> {
  const dir = mkdtempSync(join(tmpdir(), 'ofp-peer-'))
  const path = join(dir, 'switch')
  const sockets: PeerSocket[] = []
  const waiting: ((peer: PeerSocket) => void)[] = []
  const server: Server = createServer(socket => {
    const peer = peerOn(socket, options)
    const resolve = waiting.shift()
    if (resolve) resolve(peer)
    else sockets.push(peer)
  })
  await new Promise<void>(resolve => server.listen(path, resolve))
  const all = new Set<Socket>()
  server.on('connection', socket => all.add(socket))
  return {
    path,
    accept: () => {
      const peer = sockets.shift()
      return peer ? Promise.resolve(peer) : new Promise(resolve => waiting.push(resolve))
    },
    close: async () => {
      for (const socket of all) socket.destroy()
      await new Promise(resolve => server.close(resolve))
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A promise that settles after `ms`. */
export const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Waits until `condition` holds, looking every few milliseconds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(5)
  }
}
