// Whether the peer is alive: anything that it sends says so; after silence it is asked by an echo request, and after
// several silent intervals it is taken for dead.

import type { Version } from '../flow/index.ts'
import { encode } from '../message/index.ts'
import { ECHO_REPLY } from './header.ts'

const none = new Uint8Array()

/** The question for a sign of life. */
export function echoRequest(version: Version, xid: number): Uint8Array {
  return encode({ version, type: 'echo_request', xid, data: none })
}

/** The answer to the peer's question: its own xid and data. */
export function echoReply(request: Uint8Array): Uint8Array {
  const reply = request.slice()
  reply[1] = ECHO_REPLY
  return reply
}

/** What a Liveness needs to know and to do. */
export interface LivenessHooks {
  /** Asks the peer for a sign of life. */
  readonly ask: () => void
  /** The peer is dead. */
  readonly dead: (silentMs: number) => void
  /** The peer is known to be busy: its silence does not count. */
  readonly isBusy: () => boolean
}

/** Watches the silence of a peer. */
export class Liveness {
  private readonly interval: number
  private readonly misses: number
  private readonly hooks: LivenessHooks
  private lastHeard = performance.now()
  private missed = 0
  private timer: NodeJS.Timeout | undefined

  constructor(interval: number, misses: number, hooks: LivenessHooks) {
    this.interval = interval
    this.misses = misses
    this.hooks = hooks
    if (interval > 0) this.wait(interval)
  }

  /** The peer sent something. */
  heard(): void {
    this.lastHeard = performance.now()
    this.missed = 0
  }

  /** Stops watching. */
  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  private wait(ms: number): void {
    // What arrived while this process was busy is read before the silence is judged.
    this.timer = setTimeout(() => setImmediate(() => this.timer && this.judge()), ms)
    this.timer.unref()
  }

  private judge() {
    const silent = performance.now() - this.lastHeard
    if (silent < this.interval) return this.wait(this.interval - silent + 1)
    if (this.missed >= this.misses && !this.hooks.isBusy()) {
      this.stop()
      return this.hooks.dead(silent)
    }
    this.missed++
    this.hooks.ask()
    this.wait(this.interval)
  }
}
