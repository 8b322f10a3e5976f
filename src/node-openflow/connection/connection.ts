// One OpenFlow channel over a stream: what arrives is cut into messages and given to whom it belongs, requests find
// their answers and errors by xid, and nothing that waits grows without bound.

import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Version } from '../flow/index.ts'
import {
  decode,
  encode,
  encodeParts,
  Framer,
  type Message,
  type MessageDraft,
  type MessageFor,
} from '../message/index.ts'
import { DecodeError } from '../wire/index.ts'
import { type BundleItem, type BundleOptions, runBundle } from './bundle.ts'
import { ConnectionClosed, HandshakeError, OpenFlowError, ProtocolError } from './errors.ts'
import { type ConnectionEvents, type Peer, peerOf } from './events.ts'
import { ECHO_REPLY, ECHO_REQUEST, ERROR, HELLO, HIGHEST_TYPE, hasMore, isPacketIn, isReply, xidOf } from './header.ts'
import { Liveness } from './liveness.ts'
import { judgeHello, notOpenFlow } from './negotiate.ts'
import { type ConnectionOptions, type Settings, settings } from './options.ts'
import { Outbox } from './outbox.ts'
import { type PacketInHandler, PacketQueue } from './packet-queue.ts'
import { Parts } from './parts.ts'
import { Pending } from './pending.ts'
import type { MultipartType, ReplyTo, RequestDraft, RequestOptions } from './requests.ts'

/** So many messages that nobody asked for may come before the handshake is over. */
const MAX_EARLY = 1_000

/** Makes a stream an OpenFlow connection: resolves when version and features are known. */
export async function open(stream: Duplex, options: ConnectionOptions = {}): Promise<Connection> {
  const connection = new Connection(stream, options)
  await connection.ready
  return connection
}

/** One OpenFlow channel. */
export class Connection extends EventEmitter<ConnectionEvents> {
  /** Resolves when version and features are known; rejects with a HandshakeError or whatever closed the stream. */
  readonly ready: Promise<void>
  /** Who is at the other end. */
  readonly peer: Peer
  /** What the switch says of itself. */
  features!: MessageFor<'features_reply'>
  /** The version spoken: 4, 5 or 6 for OpenFlow 1.3, 1.4 or 1.5. */
  version!: Version

  private readonly stream: Duplex
  private readonly settings: Settings
  private readonly framer = new Framer()
  private readonly outbox: Outbox
  private readonly pending = new Pending()
  private readonly packets: PacketQueue
  private liveness: Liveness | undefined
  private state: 'hello' | 'features' | 'open' | 'closed' = 'hello'
  private settle!: { resolve: () => void; reject: (error: Error) => void }
  private handshakeTimer: NodeJS.Timeout | undefined
  private handler: PacketInHandler | undefined
  /** Unsolicited messages that came before the application could listen. */
  private early: Uint8Array[] | undefined = []
  private bundleErrors: ((message: MessageFor<'error'>) => boolean) | undefined
  private bundles: Promise<unknown> = Promise.resolve()
  private cause: Error | undefined
  private bytesReceived = 0
  private messagesReceived = 0

  constructor(stream: Duplex, options: ConnectionOptions = {}) {
    super()
    this.stream = stream
    this.settings = settings(options)
    this.peer = peerOf(stream)
    this.outbox = new Outbox(stream, this.settings.maxUnsent)
    this.packets = new PacketQueue(this.settings.maxPacketIns, data => this.handlePacketIn(data))
    this.ready = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.ready.catch(() => {})
    stream.on('data', (chunk: Uint8Array) => this.receive(chunk))
    stream.on('error', (error: Error) => this.end(error))
    stream.on('end', () => this.end(new Error('the peer closed the connection')))
    stream.on('close', () => this.end(new Error('the connection was lost')))
    this.handshakeTimer = setTimeout(
      () =>
        this.end(new HandshakeError('timeout', `no OpenFlow handshake within ${this.settings.handshakeTimeout} ms`)),
      this.settings.handshakeTimeout,
    )
    const version = Math.max(...this.settings.versions)
    this.outbox.send(encode({ version, type: 'hello', xid: this.pending.nextXid(), versions: this.settings.versions }))
  }

  /** The switch's datapath id. */
  get datapathId(): bigint {
    return this.features.datapathId
  }

  /** The connection is usable. */
  get isOpen(): boolean {
    return this.state === 'open'
  }

  /** Counters of this connection. */
  get counters(): {
    readonly bytesReceived: number
    readonly messagesReceived: number
    readonly bytesSent: number
    readonly unsent: number
    readonly packetInsWaiting: number
    readonly packetInsDropped: number
    readonly requestsWaiting: number
  } {
    return {
      bytesReceived: this.bytesReceived,
      messagesReceived: this.messagesReceived,
      bytesSent: this.outbox.sent,
      unsent: this.outbox.unsent,
      packetInsWaiting: this.packets.length,
      packetInsDropped: this.packets.dropped,
      requestsWaiting: this.pending.size,
    }
  }

  /**
   * Sets what handles packet-ins. They are given one at a time, in order among themselves; other messages do not wait
   * for them.
   */
  onPacketIn(handler: PacketInHandler): void {
    this.handler = handler
  }

  /** Sends a message without waiting for anything, and gives its xid. Throws BufferFull if too much waits already. */
  send(message: MessageDraft): number {
    const whole = this.complete(message)
    this.outbox.send(encode(whole))
    return whole.xid
  }

  /**
   * Sends encoded messages, each buffer one or several. Their xids must have the top bit set (PERMANENT_XID). Buffers
   * of 8 kB and more are not copied, and must not change afterwards. Resolves when the stream has taken them all.
   */
  sendRaw(buffers: Iterable<Uint8Array>): Promise<void> {
    return this.outbox.sendAll(buffers)
  }

  /** Resolves when little enough waits to be sent. */
  drained(): Promise<void> {
    return this.outbox.drained()
  }

  /**
   * Sends a request and resolves to its reply; the parts of a multipart reply are put together. Rejects with an
   * OpenFlowError, RequestTimeout, ConnectionClosed, or DecodeError.
   */
  async request<const D extends RequestDraft>(message: D, options: RequestOptions = {}): Promise<ReplyTo<D['type']>> {
    const parts = this.ask(message as MessageDraft, options)
    const first = await parts.next()
    if (first.done) throw new ConnectionClosed('unknown', this.cause)
    const reply = first.value as Message & { more?: boolean; entries?: readonly unknown[] }
    if (!reply.more) return reply as ReplyTo<D['type']>
    const { more: _, ...rest } = reply
    const entries = [...(reply.entries ?? [])]
    for await (const part of parts) {
      for (const entry of (part as { entries?: readonly unknown[] }).entries ?? []) entries.push(entry)
    }
    return { ...rest, entries } as unknown as ReplyTo<D['type']>
  }

  /** Sends a multipart request and gives its reply part by part, as the parts come. */
  multipart<const D extends MessageDraft<MultipartType>>(
    message: D,
    options: RequestOptions = {},
  ): AsyncIterableIterator<ReplyTo<D['type']>> {
    return this.ask(message as MessageDraft, options) as unknown as AsyncIterableIterator<ReplyTo<D['type']>>
  }

  /** Resolves when the switch has carried out everything sent before, and all its errors have been told. */
  async barrier(options: RequestOptions = {}): Promise<void> {
    await this.request({ type: 'barrier_request' }, options)
  }

  /**
   * Sends messages that have no reply, then a barrier. Resolves to one result for each: undefined if the switch took
   * it, or its error.
   */
  async transact(
    messages: readonly MessageDraft[],
    options: RequestOptions = {},
  ): Promise<readonly (OpenFlowError | undefined)[]> {
    const results: (OpenFlowError | undefined)[] = messages.map(() => undefined)
    const sent: number[] = []
    try {
      await this.outbox.sendAll(this.track(messages, results, sent))
      await this.barrier(options)
    } finally {
      for (const xid of sent) this.pending.remove(xid)
    }
    return results
  }

  /**
   * Carries out messages as one bundle: all or none. Items are messages, or buffers that hold one or several encoded
   * OFPT_BUNDLE_ADD_MESSAGEs with the bundle's id and flags and permanent xids. Resolves when the switch has
   * committed; rejects with a BundleError that holds the refused messages, or a ConnectionClosed that says whether
   * the bundle may have been committed. One bundle is under way at a time; others wait.
   */
  bundle(items: Iterable<BundleItem>, options: BundleOptions = {}): Promise<void> {
    const run = this.bundles.then(() => {
      this.mustBeOpen()
      return runBundle(
        {
          version: this.version,
          pending: this.pending,
          outbox: this.outbox,
          timeout: this.settings.requestTimeout,
          request: (draft, timeout, slow) => this.single(draft, { timeout }, slow),
          onError: listener => {
            this.bundleErrors = listener
          },
        },
        items,
        options,
      )
    })
    this.bundles = run.catch(() => {})
    return run
  }

  /** Sends what waits, then closes. */
  async close(): Promise<void> {
    if (this.state === 'closed') return
    this.outbox.flush()
    const done = new Promise<void>(resolve => this.stream.once('close', () => resolve()))
    this.finish(undefined)
    this.stream.end()
    const timer = setTimeout(() => this.stream.destroy(), 1_000)
    await done
    clearTimeout(timer)
  }

  /** Closes at once; who waits is told this reason. */
  destroy(reason?: Error): void {
    this.end(reason)
  }

  private *track(
    messages: readonly MessageDraft[],
    results: (OpenFlowError | undefined)[],
    sent: number[],
  ): Generator<Uint8Array> {
    for (let i = 0; i < messages.length; i++) {
      const whole = this.complete(messages[i] as MessageDraft)
      const bytes = encode(whole)
      sent.push(whole.xid)
      const fail = (error: Error) => {
        if (error instanceof OpenFlowError) results[i] = error
      }
      this.pending.add(whole.xid, { what: whole.type, sent: whole, answer: () => false, fail }, 0)
      yield bytes
    }
  }

  private complete(message: MessageDraft): Message {
    this.mustBeOpen()
    return { ...message, version: this.version, xid: message.xid ?? this.pending.nextXid() } as Message
  }

  private mustBeOpen(): void {
    if (this.state !== 'open') throw new ConnectionClosed('none', this.cause)
  }

  private ask(draft: MessageDraft, options: RequestOptions, slow = draft.type === 'barrier_request'): Parts {
    const message = this.complete(draft)
    const buffers = encodeParts(message)
    const { xid, type } = message
    const parts = new Parts(this.settings.maxUnread, () => this.pending.remove(xid))
    const answer = (data: Uint8Array) => {
      const isLast = !hasMore(data)
      parts.push(data, isLast)
      return isLast
    }
    const fail = (error: Error) => parts.fail(error)
    this.pending.add(
      xid,
      { what: type, sent: message, answer, fail, slow },
      options.timeout ?? this.settings.requestTimeout,
    )
    try {
      for (const bytes of buffers) this.outbox.send(bytes)
    } catch (error) {
      this.pending.remove(xid)
      throw error
    }
    return parts
  }

  private async single(draft: MessageDraft, options: RequestOptions, slow: boolean): Promise<Message> {
    const { value, done } = await this.ask(draft, options, slow).next()
    if (done) throw new ConnectionClosed('unknown', this.cause)
    return value
  }

  private receive(chunk: Uint8Array) {
    if (this.state === 'closed') return
    this.bytesReceived += chunk.length
    this.liveness?.heard()
    if (this.state === 'hello' && this.messagesReceived === 0 && this.framer.pending === 0) {
      const reason = notOpenFlow(chunk)
      if (reason) return this.end(new HandshakeError('not-openflow', reason))
    }
    try {
      for (const message of this.framer.push(chunk)) {
        this.messagesReceived++
        this.take(message)
        if ((this.state as string) === 'closed') return
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.end(new ProtocolError('bad-length', `the stream is out of step: ${error.message}`))
    }
  }

  private take(data: Uint8Array) {
    const version = data[0] as number
    const type = data[1] as number
    if (this.state === 'hello') return this.takeHello(data)
    if (version !== this.version && type !== HELLO && type !== ERROR) {
      return this.end(
        new ProtocolError('bad-version', `a message of version ${version} where ${this.version} was agreed`),
      )
    }
    if (type > HIGHEST_TYPE[this.version]) {
      return this.end(new ProtocolError('bad-type', `the stream is out of step: message type ${type}`))
    }
    if (type === HELLO) return
    if (type === ECHO_REQUEST) return this.echo(data)
    if (type === ERROR) return this.takeError(data)
    if (isPacketIn(data)) return this.takePacketIn(data)
    if (isReply(data) && this.pending.answer(xidOf(data), data)) return
    if (type === ECHO_REPLY) return
    if (!this.early) return this.tell(data)
    if (this.early.length >= MAX_EARLY) {
      return this.end(new HandshakeError('not-openflow', `${MAX_EARLY} messages came before the features`))
    }
    this.early.push(data.slice())
  }

  private takeHello(data: Uint8Array) {
    const outcome = judgeHello(data, this.settings.versions, this.pending.nextXid())
    if (outcome.answer) this.outbox.send(outcome.answer)
    if (outcome.version === undefined) return this.end(outcome.error)
    this.version = outcome.version
    this.state = 'features'
    void this.learnFeatures()
  }

  private async learnFeatures(): Promise<void> {
    const xid = this.pending.nextXid()
    const reply = new Promise<Uint8Array>((resolve, reject) => {
      const answer = (data: Uint8Array) => {
        resolve(data)
        return true
      }
      this.pending.add(xid, { what: 'features_request', answer, fail: reject }, 0)
    })
    try {
      this.outbox.send(encode({ version: this.version, type: 'features_request', xid }))
      const message = decode(await reply)
      if (message.type !== 'features_reply') throw new HandshakeError('not-openflow', `${message.type} for features`)
      this.features = message
    } catch (error) {
      return this.end(error as Error)
    }
    if ((this.state as string) === 'closed') return
    this.state = 'open'
    clearTimeout(this.handshakeTimer)
    const { echoInterval, echoMisses } = this.settings
    this.liveness = new Liveness(echoInterval, echoMisses, {
      ask: () => this.tryEcho(),
      dead: ms => this.end(new Error(`the peer gave no sign of life for ${Math.round(ms)} ms`)),
      isBusy: () => this.pending.isSlow,
    })
    this.settle.resolve()
    // The application sets its listeners when `ready` has resolved.
    setImmediate(() => {
      const { early = [] } = this
      this.early = undefined
      for (const data of early) this.tell(data)
      this.packets.start()
    })
  }

  private tryEcho(): void {
    try {
      this.outbox.send(encode({ version: this.version, type: 'echo_request', xid: this.pending.nextXid(), data: none }))
      this.outbox.flush()
    } catch {
      // Too much waits to be sent; the silence is counted all the same.
    }
  }

  private echo(request: Uint8Array): void {
    const reply = request.slice()
    reply[1] = ECHO_REPLY
    try {
      this.outbox.send(reply)
      this.outbox.flush()
    } catch (error) {
      this.end(error as Error)
    }
  }

  private takeError(data: Uint8Array) {
    const message = this.tryDecode(data)
    if (message?.type !== 'error') return
    const { xid } = message
    const waiter = this.pending.get(xid)
    if (!waiter && this.bundleErrors?.(message)) return
    const error = new OpenFlowError(message, waiter?.sent)
    if (this.pending.refuse(xid, error)) return
    this.guard(() => this.emit('openflowError', error))
  }

  private takePacketIn(data: Uint8Array): void {
    if (!this.packets.push(data)) this.guard(() => this.emit('packetInDropped', this.packets.dropped))
  }

  private handlePacketIn(data: Uint8Array): void | Promise<void> {
    const message = this.tryDecode(data)
    if (message?.type !== 'packet_in' || !this.handler) return
    try {
      const done = this.handler(message)
      return done?.catch(raise)
    } catch (error) {
      raise(error)
    }
  }

  private tell(data: Uint8Array): void {
    const message = this.tryDecode(data)
    if (!message) return
    this.guard(() => this.emit<'message'>('message', message))
    if (message.type !== 'error') {
      // Which kind it is matters to the listener alone.
      this.guard(() => (this as unknown as EventEmitter<Record<string, [Message]>>).emit(message.type, message))
    }
  }

  private tryDecode(data: Uint8Array): Message | undefined {
    try {
      return decode(data)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.guard(() => this.emit('undecodable', error, data.slice()))
      return undefined
    }
  }

  /** A listener's failure is its own: it neither harms the connection nor goes unseen. */
  private guard(tell: () => void): void {
    try {
      tell()
    } catch (error) {
      raise(error)
    }
  }

  private end(error: Error | undefined): void {
    if (this.state === 'closed') return
    this.outbox.flush()
    this.finish(error)
    if (!(error instanceof HandshakeError)) return void this.stream.destroy()
    // The peer is to read why, if it reads at all.
    this.stream.end()
    const timer = setTimeout(() => this.stream.destroy(), 1_000)
    this.stream.once('close', () => clearTimeout(timer))
  }

  private finish(error: Error | undefined): void {
    const wasOpen = this.state === 'open'
    this.state = 'closed'
    this.cause = error
    clearTimeout(this.handshakeTimer)
    this.liveness?.stop()
    this.packets.clear()
    this.outbox.close(error ?? new Error('closed by this side'))
    this.pending.close(error)
    this.settle.reject(error ?? new HandshakeError('closed', 'closed before the handshake was over'))
    if (wasOpen) this.guard(() => this.emit('close', error))
  }
}

const none = new Uint8Array()

function raise(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}
