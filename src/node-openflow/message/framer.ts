// Cuts a stream of bytes into messages, wherever the stream itself was cut, in time linear in its length.

import { DecodeError } from '../wire/index.ts'

const HEADER = 8

/**
 * Collects chunks and gives whole messages. A message that lies within one chunk is a view of that chunk; chunks are
 * never reused, so views stay valid.
 */
export class Framer {
  private chunk: Uint8Array = new Uint8Array()
  private at = 0
  /** A message begun in earlier chunks: its bytes so far, allocated to its length once that is known. */
  private partial: Uint8Array | undefined
  private have = 0

  /** Bytes that wait for the rest of their message. */
  get pending(): number {
    return this.have + this.chunk.length - this.at
  }

  /**
   * Adds a chunk and gives the messages that are now whole, one at a time. Throws a DecodeError on a header whose
   * length is below 8: what follows cannot be told apart any more.
   */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, void> {
    // A Buffer's slice() is a view, a Uint8Array's a copy: what follows counts on the latter.
    this.chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)
    this.at = 0
    for (let message = this.next(); message; message = this.next()) yield message
  }

  private next(): Uint8Array | undefined {
    if (this.partial) return this.complete(this.partial)
    const left = this.chunk.length - this.at
    if (left >= HEADER) {
      const length = lengthAt(this.chunk, this.at)
      if (length <= left) {
        const message = this.chunk.subarray(this.at, this.at + length)
        this.at += length
        return message
      }
    }
    if (left > 0) {
      this.partial = new Uint8Array(HEADER)
      return this.complete(this.partial)
    }
    return undefined
  }

  private complete(partial: Uint8Array): Uint8Array | undefined {
    if (this.have < HEADER) {
      this.take(partial, HEADER)
      if (this.have < HEADER) return undefined
    }
    const length = lengthAt(partial, 0)
    let message = partial
    if (message.length < length) {
      message = new Uint8Array(length)
      message.set(partial)
      this.partial = message
    }
    this.take(message, length)
    if (this.have < length) return undefined
    this.partial = undefined
    this.have = 0
    return message
  }

  private take(into: Uint8Array, upTo: number): void {
    const n = Math.min(upTo - this.have, this.chunk.length - this.at)
    into.set(this.chunk.subarray(this.at, this.at + n), this.have)
    this.have += n
    this.at += n
  }
}

function lengthAt(data: Uint8Array, at: number): number {
  const length = ((data[at + 2] as number) << 8) | (data[at + 3] as number)
  if (length < HEADER) throw new DecodeError('bad-length', 2, `a message of ${length} bytes`)
  return length
}
