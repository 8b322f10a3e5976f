// From the first byte to a usable channel: HELLO both ways, then what the switch says of itself, within a time.

import type { Version } from '../flow/index.ts'
import { decode, encode, type MessageFor } from '../message/index.ts'
import { HandshakeError } from './errors.ts'
import { judgeHello } from './negotiate.ts'
import type { Settings } from './options.ts'
import type { Outbox } from './outbox.ts'
import type { Pending } from './pending.ts'

/** What a handshake tells. */
export interface HandshakeHooks {
  /** Version and features are known. */
  readonly done: (version: Version, features: MessageFor<'features_reply'>) => void
  /** It failed; the connection is to be closed. */
  readonly failed: (error: Error) => void
}

/** The handshake of one connection; it begins with our HELLO. */
export class Handshake {
  /** The version agreed on; undefined before the peer's HELLO. */
  version: Version | undefined
  private readonly versions: readonly Version[]
  private readonly outbox: Outbox
  private readonly pending: Pending
  private readonly hooks: HandshakeHooks
  private readonly timer: NodeJS.Timeout

  constructor(settings: Settings, outbox: Outbox, pending: Pending, hooks: HandshakeHooks) {
    const { versions, handshakeTimeout } = settings
    this.versions = versions
    this.outbox = outbox
    this.pending = pending
    this.hooks = hooks
    this.timer = setTimeout(
      () => hooks.failed(new HandshakeError('timeout', `no OpenFlow handshake within ${handshakeTimeout} ms`)),
      handshakeTimeout,
    )
    outbox.send(encode({ version: Math.max(...versions), type: 'hello', xid: pending.nextXid(), versions }))
  }

  /** Takes the peer's first message. */
  takeHello(data: Uint8Array) {
    const outcome = judgeHello(data, this.versions, this.pending.nextXid())
    if (outcome.answer) this.outbox.send(outcome.answer)
    if (outcome.version === undefined) return this.hooks.failed(outcome.error)
    this.version = outcome.version
    void this.learnFeatures(outcome.version)
  }

  /** Stops its clock. */
  stop(): void {
    clearTimeout(this.timer)
  }

  private async learnFeatures(version: Version): Promise<void> {
    const xid = this.pending.nextXid()
    const reply = new Promise<Uint8Array>((resolve, reject) => {
      const answer = (data: Uint8Array) => {
        resolve(data)
        return true
      }
      this.pending.add(xid, { what: 'features_request', answer, fail: reject }, 0)
    })
    try {
      this.outbox.send(encode({ version, type: 'features_request', xid }))
      const message = decode(await reply)
      if (message.type !== 'features_reply') throw new HandshakeError('not-openflow', `${message.type} for features`)
      this.hooks.done(version, message)
    } catch (error) {
      this.hooks.failed(error as Error)
    }
  }
}
