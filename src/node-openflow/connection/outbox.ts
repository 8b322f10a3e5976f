// Sends bytes: small messages of one turn of the event loop go out together, large buffers go as they are, and no
// more waits than the bound allows.

import type { Duplex } from 'node:stream'
import { BufferFull, ConnectionClosed } from './errors.ts'

// Below this, copying into a shared slab costs less than one more entry in a gathered write.
const SMALL = 8 * 1024
const SLAB = 64 * 1024

/** The sending side of a stream. */
export class Outbox {
  private readonly stream: Duplex
  private readonly limit: number
  private slab = new Uint8Array()
  /** What of the slab was given to the stream, and what is filled. */
  private given = 0
  private used = 0
  private scheduled = false
  private waiters: { resolve: () => void; reject: (error: Error) => void }[] = []
  private closed: Error | undefined
  /** Bytes given to the stream. */
  sent = 0

  constructor(stream: Duplex, limit: number) {
    this.stream = stream
    this.limit = limit
    stream.on('drain', () => {
      const { waiters } = this
      this.waiters = []
      for (const waiter of waiters) waiter.resolve()
    })
  }

  /** Bytes that wait to be sent. */
  get unsent(): number {
    return this.stream.writableLength + this.used - this.given
  }

  /**
   * Sends bytes. Small ones are copied; others go as they are, and must not change afterwards. Throws BufferFull
   * before anything of them is sent if too much waits.
   */
  send(bytes: Uint8Array): void {
    if (this.closed) throw new ConnectionClosed('none', this.closed)
    if (this.unsent + bytes.length > this.limit) throw new BufferFull('sending', this.limit)
    this.put(bytes)
  }

  /** Sends bytes and waits while the stream is full, so that no more than a little waits. */
  async sendAll(buffers: Iterable<Uint8Array>): Promise<void> {
    for (const bytes of buffers) {
      if (this.closed) throw new ConnectionClosed('none', this.closed)
      this.put(bytes)
      if (this.stream.writableNeedDrain) await this.drained()
    }
  }

  /** Resolves when the stream takes more; rejects when it is closed. */
  drained(): Promise<void> {
    if (this.closed) return Promise.reject(new ConnectionClosed('none', this.closed))
    this.flush()
    if (!this.stream.writableNeedDrain) return Promise.resolve()
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }))
  }

  /** Gives what waits in the slab to the stream. */
  flush(): void {
    if (this.used === this.given) return
    const bytes = this.slab.subarray(this.given, this.used)
    this.given = this.used
    this.write(bytes)
  }

  /** No more is sent; who waits is told. */
  close(error: Error): void {
    this.closed = error
    this.given = this.used
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter.reject(new ConnectionClosed('none', error))
  }

  private put(bytes: Uint8Array): void {
    if (bytes.length >= SMALL) {
      this.flush()
      this.write(bytes)
      return
    }
    if (this.used + bytes.length > this.slab.length) {
      this.flush()
      this.slab = new Uint8Array(SLAB)
      this.given = this.used = 0
    }
    this.slab.set(bytes, this.used)
    this.used += bytes.length
    if (!this.scheduled) {
      this.scheduled = true
      queueMicrotask(() => {
        this.scheduled = false
        if (!this.closed) this.flush()
      })
    }
  }

  private write(bytes: Uint8Array): void {
    this.sent += bytes.length
    this.stream.write(bytes)
  }
}
