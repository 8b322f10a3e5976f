// What can be set for a connection, with the values that hold otherwise.

import type { Version } from '../flow/index.ts'

/** How a connection behaves. Everything may be left out. */
export interface ConnectionOptions {
  /** The versions to offer; default 1.5, 1.4 and 1.3. The highest that both sides have is used. */
  readonly versions?: readonly Version[]
  /** Time for HELLO and the switch's features, in ms; default 10,000. */
  readonly handshakeTimeout?: number
  /** Silence after which the peer is asked for a sign of life, in ms; default 5,000, 0 for never. */
  readonly echoInterval?: number
  /** So many of these intervals without any sign of life close the connection; default 3. */
  readonly echoMisses?: number
  /** Time for an answer, in ms; default 30,000, 0 for any. A call may set its own. */
  readonly requestTimeout?: number
  /** Bytes that may wait to be sent; default 64 MiB. */
  readonly maxUnsent?: number
  /** Bytes of one multipart reply that may wait to be read; default 64 MiB. */
  readonly maxUnread?: number
  /** Packet-ins that may wait to be handled; the newest are dropped beyond, and counted. Default 1,000. */
  readonly maxPacketIns?: number
}

/** The options with defaults filled in. */
export type Settings = Required<ConnectionOptions>

/** Fills in the defaults. */
export function settings(options: ConnectionOptions): Settings {
  return {
    versions: options.versions ?? [6, 5, 4],
    handshakeTimeout: options.handshakeTimeout ?? 10_000,
    echoInterval: options.echoInterval ?? 5_000,
    echoMisses: options.echoMisses ?? 3,
    requestTimeout: options.requestTimeout ?? 30_000,
    maxUnsent: options.maxUnsent ?? 64 << 20,
    maxUnread: options.maxUnread ?? 64 << 20,
    maxPacketIns: options.maxPacketIns ?? 1_000,
  }
}
