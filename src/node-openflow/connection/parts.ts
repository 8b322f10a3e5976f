// The parts of a multipart reply on their way to the application: kept as bytes until they are asked for, bounded,
// ended by an error in the middle.

import { decode, type Message } from '../message/index.ts'
import { BufferFull } from './errors.ts'

/** A queue of parts that is read by iterating over it once. */
export class Parts implements AsyncIterableIterator<Message> {
  private readonly waiting: Uint8Array[] = []
  private size = 0
  private ended = false
  private error: Error | undefined
  private wake: (() => void) | undefined
  private readonly limit: number
  private readonly abandoned: () => void

  constructor(limit: number, abandoned: () => void) {
    this.limit = limit
    this.abandoned = abandoned
  }

  /** Adds a part. */
  push(data: Uint8Array, isLast: boolean) {
    if (this.ended) return
    if (this.size + data.length > this.limit) {
      this.fail(new BufferFull('a multipart reply that is not read', this.limit))
      return this.abandoned()
    }
    this.size += data.length
    this.waiting.push(data)
    if (isLast) this.ended = true
    this.wake?.()
  }

  /** Ends the reply with an error; parts that came before can still be read. */
  fail(error: Error): void {
    if (this.ended) return
    this.ended = true
    this.error = error
    this.wake?.()
  }

  async next(): Promise<IteratorResult<Message, undefined>> {
    for (;;) {
      const data = this.waiting.shift()
      if (data) {
        this.size -= data.length
        return { done: false, value: this.decode(data) }
      }
      const { error } = this
      this.error = undefined
      if (error) throw error
      if (this.ended) return { done: true, value: undefined }
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
      this.wake = undefined
    }
  }

  /** A part that cannot be decoded ends the reply: what follows would have a hole before it. */
  private decode(data: Uint8Array): Message {
    try {
      return decode(data)
    } catch (error) {
      void this.return()
      throw error
    }
  }

  /** Stops reading; what is still to come is dropped. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    if (!this.ended) this.abandoned()
    this.ended = true
    this.waiting.length = 0
    this.size = 0
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
