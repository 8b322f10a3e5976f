// What arrives after the peer's HELLO, and to whom it belongs: an echo to the channel itself, a reply or error to the
// request with its xid, a packet-in to its queue, and what nobody asked for to the application.

import type { EventEmitter } from 'node:events'
import type { Version } from '../flow/index.ts'
import { decode, type Message } from '../message/index.ts'
import { DecodeError } from '../wire/index.ts'
import { HandshakeError, ProtocolError } from './errors.ts'
import { type AsyncType, announce, type ConnectionEvents, raise } from './events.ts'
import type { Exchange } from './exchange.ts'
import { ECHO_REPLY, ECHO_REQUEST, ERROR, HELLO, HIGHEST_TYPE, isPacketIn, isReply, xidOf } from './header.ts'
import { echoReply } from './liveness.ts'
import type { Outbox } from './outbox.ts'
import { type PacketInHandler, PacketQueue } from './packet-queue.ts'
import type { Pending } from './pending.ts'

/** So many messages that nobody asked for may come before the handshake is over. */
const MAX_EARLY = 1_000

/** Who may be told, and how. */
export interface InboxChannel {
  readonly exchange: Exchange
  readonly pending: Pending
  readonly outbox: Outbox
  /** What tells the application. */
  readonly events: EventEmitter<ConnectionEvents>
  /** Packet-ins that may wait. */
  readonly maxPacketIns: number
}

/** Gives each message to whom it belongs. */
export class Inbox {
  /** What handles packet-ins. */
  handler: PacketInHandler | undefined
  /** Packet-ins on their way to the handler. */
  readonly packets: PacketQueue
  private readonly channel: InboxChannel
  /** Unsolicited messages that came before the application could listen. */
  private early: Uint8Array[] | undefined = []

  constructor(channel: InboxChannel) {
    this.channel = channel
    this.packets = new PacketQueue(channel.maxPacketIns, data => this.handlePacketIn(data))
  }

  /** Takes a message on a channel of this version. Returns why the channel cannot go on, if it cannot. */
  take(data: Uint8Array, version: Version): Error | undefined {
    const type = data[1] as number
    if (data[0] !== version && type !== HELLO && type !== ERROR) {
      return new ProtocolError('bad-version', `a message of version ${data[0]} where ${version} was agreed`)
    }
    if (type > HIGHEST_TYPE[version]) {
      return new ProtocolError('bad-type', `the stream is out of step: message type ${type}`)
    }
    if (type === ECHO_REQUEST) return this.echo(data)
    if (type === ERROR) this.takeError(data)
    else if (isPacketIn(data)) this.takePacketIn(data)
    else if (type !== HELLO) return this.takeOther(data, type)
    return undefined
  }

  /** The application listens now: it is told what came before, and packets are handled. */
  start(): void {
    const { early = [] } = this
    this.early = undefined
    for (const data of early) this.tell(data)
    this.packets.start()
  }

  private takeOther(data: Uint8Array, type: number): Error | undefined {
    if (isReply(data) && this.channel.pending.answer(xidOf(data), data)) return undefined
    if (type === ECHO_REPLY) return undefined
    if (!this.early) this.tell(data)
    else if (this.early.length < MAX_EARLY) this.early.push(data.slice())
    else return new HandshakeError('not-openflow', `${MAX_EARLY} messages came before the features`)
    return undefined
  }

  private echo(request: Uint8Array): Error | undefined {
    const { outbox } = this.channel
    try {
      outbox.send(echoReply(request))
      outbox.flush()
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  private takeError(data: Uint8Array): void {
    const message = this.tryDecode(data)
    if (message?.type !== 'error') return
    const error = this.channel.exchange.refuse(message)
    if (error) announce(this.channel.events, 'openflowError', error)
  }

  private takePacketIn(data: Uint8Array): void {
    if (!this.packets.push(data)) announce(this.channel.events, 'packetInDropped', this.packets.dropped)
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
    const { events } = this.channel
    announce(events, 'message', message)
    // Which kind it is matters to the listener alone.
    if (message.type !== 'error') announce(events, message.type as AsyncType, message as never)
  }

  private tryDecode(data: Uint8Array): Message | undefined {
    try {
      return decode(data)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      announce(this.channel.events, 'undecodable', error, data.slice())
      return undefined
    }
  }
}
