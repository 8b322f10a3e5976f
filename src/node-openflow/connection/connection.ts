// One OpenFlow channel over a stream, from its first byte to its last. What it does lies beside it: the handshake, what
// arrives (inbox), what is asked (exchange), what is sent (outbox), whether the peer lives (liveness).

import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import type { Version } from '../flow/index.ts'
import { Framer, type MessageDraft, type MessageFor } from '../message/index.ts'
import { DecodeError } from '../wire/index.ts'
import type { BundleItem, BundleOptions } from './bundle.ts'
import { HandshakeError, type OpenFlowError, ProtocolError } from './errors.ts'
import { announce, type ConnectionEvents, type Peer, peerOf } from './events.ts'
import { Exchange } from './exchange.ts'
import { Handshake } from './handshake.ts'
import { Inbox } from './inbox.ts'
import { echoRequest, Liveness } from './liveness.ts'
import { notOpenFlow } from './negotiate.ts'
import { type ConnectionOptions, type Settings, settings } from './options.ts'
import { Outbox } from './outbox.ts'
import type { PacketInHandler } from './packet-queue.ts'
import { Pending } from './pending.ts'
import type { MultipartType, ReplyTo, RequestDraft, RequestOptions } from './requests.ts'

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
  private readonly exchange: Exchange
  private readonly inbox: Inbox
  private readonly handshake: Handshake
  private settle!: { resolve: () => void; reject: (error: Error) => void }
  private liveness: Liveness | undefined
  private state: 'opening' | 'open' | 'closed' = 'opening'
  private bytesReceived = 0
  private messagesReceived = 0

  constructor(stream: Duplex, options: ConnectionOptions = {}) {
    super()
    this.ready = new Promise((resolve, reject) => {
      this.settle = { resolve, reject }
    })
    this.ready.catch(() => {})
    this.stream = stream
    this.settings = settings(options)
    this.peer = peerOf(stream)
    this.outbox = new Outbox(stream, this.settings.maxUnsent)
    const { outbox, pending } = this
    this.exchange = new Exchange(this.settings, outbox, pending)
    const { maxPacketIns } = this.settings
    this.inbox = new Inbox({ exchange: this.exchange, pending, outbox, events: this, maxPacketIns })
    stream.on('data', (chunk: Uint8Array) => this.receive(chunk))
    stream.on('error', (error: Error) => this.end(error))
    stream.on('end', () => this.end(new Error('the peer closed the connection')))
    stream.on('close', () => this.end(new Error('the connection was lost')))
    this.handshake = new Handshake(this.settings, outbox, pending, {
      done: (version, features) => this.open(version, features),
      failed: error => this.end(error),
    })
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
      packetInsWaiting: this.inbox.packets.length,
      packetInsDropped: this.inbox.packets.dropped,
      requestsWaiting: this.pending.size,
    }
  }

  /**
   * Sets what handles packet-ins. They are given one at a time, in order among themselves; other messages do not wait
   * for them.
   */
  onPacketIn(handler: PacketInHandler): void {
    this.inbox.handler = handler
  }

  /** Sends a message without waiting for anything, and gives its xid. Throws BufferFull if too much waits already. */
  send(message: MessageDraft): number {
    return this.exchange.send(message)
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
  request<const D extends RequestDraft>(message: D, options: RequestOptions = {}): Promise<ReplyTo<D['type']>> {
    return this.exchange.request(message, options)
  }

  /** Sends a multipart request and gives its reply part by part, as the parts come. */
  multipart<const D extends MessageDraft<MultipartType>>(
    message: D,
    options: RequestOptions = {},
  ): AsyncIterableIterator<ReplyTo<D['type']>> {
    return this.exchange.multipart(message, options)
  }

  /** Resolves when the switch has carried out everything sent before, and all its errors have been told. */
  async barrier(options: RequestOptions = {}): Promise<void> {
    await this.request({ type: 'barrier_request' }, options)
  }

  /**
   * Sends messages that have no reply, then a barrier. Resolves to one result for each: undefined if the switch took
   * it, or its error.
   */
  transact(
    messages: readonly MessageDraft[],
    options: RequestOptions = {},
  ): Promise<readonly (OpenFlowError | undefined)[]> {
    return this.exchange.transact(messages, options)
  }

  /**
   * Carries out messages as one bundle: all or none. Items are messages, or buffers that hold one or several encoded
   * OFPT_BUNDLE_ADD_MESSAGEs with the bundle's id and flags and permanent xids. Resolves when the switch has
   * committed; rejects with a BundleError that holds the refused messages, or a ConnectionClosed that says whether
   * the bundle may have been committed. One bundle is under way at a time; others wait.
   */
  bundle(items: Iterable<BundleItem>, options: BundleOptions = {}): Promise<void> {
    return this.exchange.bundle(items, options)
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

  private receive(chunk: Uint8Array) {
    if (this.state === 'closed') return
    this.bytesReceived += chunk.length
    this.liveness?.heard()
    if (this.messagesReceived === 0 && this.framer.pending === 0) {
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

  private take(message: Uint8Array) {
    const { version } = this.handshake
    if (version === undefined) return this.handshake.takeHello(message)
    const error = this.inbox.take(message, version)
    if (error) this.end(error)
  }

  private open(version: Version, features: MessageFor<'features_reply'>): void {
    if (this.state === 'closed') return
    this.version = version
    this.features = features
    this.state = 'open'
    this.handshake.stop()
    this.exchange.open(version)
    const { echoInterval, echoMisses } = this.settings
    this.liveness = new Liveness(echoInterval, echoMisses, {
      ask: () => this.askForLife(),
      dead: ms => this.end(new Error(`the peer gave no sign of life for ${Math.round(ms)} ms`)),
      isBusy: () => this.pending.isSlow,
    })
    this.settle.resolve()
    // The application sets its listeners when `ready` has resolved.
    setImmediate(() => this.inbox.start())
  }

  private askForLife(): void {
    try {
      this.outbox.send(echoRequest(this.version, this.pending.nextXid()))
      this.outbox.flush()
    } catch {
      // Too much waits to be sent; the silence is counted all the same.
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
    this.handshake.stop()
    this.liveness?.stop()
    this.inbox.packets.clear()
    this.outbox.close(error ?? new Error('closed by this side'))
    this.exchange.close(error)
    this.settle.reject(error ?? new HandshakeError('closed', 'closed before the handshake was over'))
    if (wasOpen) announce(this, 'close', error)
  }
}
