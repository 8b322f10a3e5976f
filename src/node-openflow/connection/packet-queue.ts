// Packet-ins wait here for the application, so that a flood of them holds up nothing else: no echo, no reply, no
// error. The queue is bounded; what does not fit is dropped and counted, as a switch itself drops.

import type { MessageFor } from '../message/index.ts'

/** What handles a packet-in. The next one waits for the promise, if one is returned. */
export type PacketInHandler = (packet: MessageFor<'packet_in'>) => void | Promise<void>

/** A bounded queue of undecoded packet-ins, emptied in turns of the event loop. */
export class PacketQueue {
  private readonly waiting: Uint8Array[] = []
  private head = 0
  private started = false
  private running = false
  private readonly limit: number
  private readonly handle: (data: Uint8Array) => void | Promise<void>
  /** Packet-ins dropped since the connection was made. */
  dropped = 0

  constructor(limit: number, handle: (data: Uint8Array) => void | Promise<void>) {
    this.limit = limit
    this.handle = handle
  }

  /** Packet-ins that wait. */
  get length(): number {
    return this.waiting.length - this.head
  }

  /** Adds a packet-in; false if it was dropped. The bytes are copied, so that a large chunk is not held by a small packet. */
  push(data: Uint8Array): boolean {
    if (this.length >= this.limit) {
      this.dropped++
      return false
    }
    this.waiting.push(data.slice())
    this.wake()
    return true
  }

  /** From now on packet-ins are given; before, they wait. */
  start(): void {
    this.started = true
    if (this.length > 0) this.wake()
  }

  /** Forgets what waits. */
  clear(): void {
    this.waiting.length = 0
    this.head = 0
  }

  private wake(): void {
    if (!this.started || this.running) return
    this.running = true
    setImmediate(() => void this.run())
  }

  private async run(): Promise<void> {
    let turn = 0
    while (this.length > 0) {
      const data = this.waiting[this.head++] as Uint8Array
      if (this.head > 512 || this.head === this.waiting.length) {
        this.waiting.splice(0, this.head)
        this.head = 0
      }
      const pending = this.handle(data)
      if (pending) await pending
      // Some packets a turn: what arrives meanwhile is to be read before the rest.
      if (++turn % 32 === 0) await new Promise(setImmediate)
    }
    this.running = false
  }
}
