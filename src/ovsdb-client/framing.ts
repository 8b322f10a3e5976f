/**
 * Finds where JSON messages end in a stream of bytes. OVSDB puts no length before a message and nothing between two:
 * a message ends where its outermost object closes (RFC 7047 section 4 over JSON-RPC 1.0). Every byte is looked at
 * once, however the stream is cut, so a message of 100 MB costs linear time.
 */
import { isUtf8 } from 'node:buffer'
import { MessageTooLarge, ProtocolError } from './errors.ts'

/** One whole JSON object, as text. */
export interface Frame {
  readonly text: string
  /** It holds a number of 16 or more digits outside of strings, so JSON.parse alone might round it. */
  readonly hasLongNumber: boolean
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const CLOSE_BRACE = 0x7d
const CLOSE_BRACKET = 0x5d

/** ovsdb-server's own limit on nesting (JSON_MAX_HEIGHT in lib/json.h). */
const MAX_DEPTH = 1000

/** 2^53 has 16 digits: shorter integers are exact in JavaScript. */
const LONG_NUMBER = 16

const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Cuts a byte stream into messages; one per connection. */
export class FrameReader {
  #maxSize: number
  #pieces: Buffer[] = []
  #size = 0
  #depth = 0
  #isString = false
  #isEscape = false
  #digits = 0
  #hasLongNumber = false

  /** `maxSize`: the largest message to accept, in bytes. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  /**
   * Takes the next bytes of the stream and gives the messages that they complete. Throws ProtocolError for bytes that
   * cannot be a message, MessageTooLarge beyond the limit; the stream cannot be read on after either.
   */
  *push(chunk: Buffer): Generator<Frame, void> {
    const end = chunk.length
    let depth = this.#depth
    let isString = this.#isString
    let isEscape = this.#isEscape
    let digits = this.#digits
    let start = 0
    for (let i = 0; i < end; i++) {
      const byte = chunk[i]!
      if (isString) {
        if (isEscape) isEscape = false
        else if (byte === QUOTE) isString = false
        else if (byte === BACKSLASH) isEscape = true
      } else if (byte >= 0x30 && byte <= 0x39 && depth > 0) {
        if (++digits === LONG_NUMBER) this.#hasLongNumber = true
      } else {
        digits = 0
        if (depth === 0) {
          if (isSpace(byte)) start = i + 1
          else if (byte === OPEN_BRACE) depth = 1
          else throw new ProtocolError(`expected a JSON object, found ${printable(byte)}`)
        } else if (byte === QUOTE) isString = true
        else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (++depth > MAX_DEPTH) throw new ProtocolError(`JSON nested deeper than ${MAX_DEPTH} levels`)
        } else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) {
          this.#keep(chunk.subarray(start, i + 1))
          start = i + 1
          yield this.#take()
        }
      }
    }
    if (start < end) this.#keep(chunk.subarray(start))
    this.#depth = depth
    this.#isString = isString
    this.#isEscape = isEscape
    this.#digits = digits
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length
    if (this.#size > this.#maxSize) throw new MessageTooLarge(this.#size, this.#maxSize)
    this.#pieces.push(piece)
  }

  #take(): Frame {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#size)
    if (!isUtf8(bytes)) throw new ProtocolError('a message is not valid UTF-8')
    const frame = { text: bytes.toString('utf8'), hasLongNumber: this.#hasLongNumber }
    this.#pieces = []
    this.#size = 0
    this.#hasLongNumber = false
    return frame
  }
}

const printable = (byte: number) =>
  byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`
