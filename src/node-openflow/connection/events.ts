// What a connection tells, and of whom.

import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import type { Message, MessageFor } from '../message/index.ts'
import type { DecodeError } from '../wire/index.ts'
import type { OpenFlowError } from './errors.ts'

/** What a connection tells. Packet-ins go to the handler set by `onPacketIn`. */
export type ConnectionEvents = {
  /** A message that nobody waits for, other than packet-ins and errors. It is told under its own type as well. */
  message: [message: Message]
  /** An error that belongs to no request that waits. */
  openflowError: [error: OpenFlowError]
  /** A message that cannot be decoded; the connection goes on. */
  undecodable: [error: DecodeError, bytes: Uint8Array]
  /** A packet-in was dropped, since too many wait; with how many were dropped so far. */
  packetInDropped: [dropped: number]
  /** The connection is closed; without an error if this side closed it. */
  close: [error: Error | undefined]
} & { [T in AsyncType]: [message: MessageFor<T>] }

/** The kinds of messages that a switch sends by itself. */
export type AsyncType =
  | 'flow_removed'
  | 'port_status'
  | 'role_status'
  | 'table_status'
  | 'requestforward'
  | 'flow_monitor_reply'
  | 'flow_monitor_paused'
  | 'flow_monitor_resumed'
  | 'controller_status'
  | 'experimenter'
  | 'unknown'

/** Tells listeners. A listener's failure is its own: it neither harms the connection nor goes unseen. */
export function announce<K extends keyof ConnectionEvents>(
  events: EventEmitter<ConnectionEvents>,
  name: K,
  ...told: ConnectionEvents[K]
): void {
  try {
    const emitter = events as unknown as { emit(name: string, ...told: readonly unknown[]): boolean }
    emitter.emit(name, ...told)
  } catch (error) {
    raise(error)
  }
}

/** Throws an error of the application's where nothing of ours is on the stack. */
export function raise(error: unknown): void {
  process.nextTick(() => {
    throw error
  })
}

/** Who is at the other end. */
export interface Peer {
  readonly address?: string
  readonly port?: number
  /** The certificate that the peer showed; with TLS. */
  readonly certificate?: PeerCertificate
}

/** Who is at the other end of a stream. */
export function peerOf(stream: Duplex): Peer {
  const { remoteAddress, remotePort } = stream as Socket
  const { getPeerCertificate } = stream as TLSSocket
  const certificate = getPeerCertificate?.call(stream)
  return {
    ...(remoteAddress !== undefined && { address: remoteAddress }),
    ...(remotePort !== undefined && { port: remotePort }),
    ...(certificate && Object.keys(certificate).length > 0 && { certificate }),
  }
}
