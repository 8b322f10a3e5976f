/**
 * Finds where JSON messages end in a stream of bytes. OVSDB puts no length before a message and nothing between two:
 * a message ends where its outermost object closes (RFC 7047 section 4 over JSON-RPC 1.0). Every byte is looked at
 * once, however the stream is cut.
 *
 * A large message full of rows (the first copy of a database) is given out in parts, so that its text is never held
 * as a whole: each part is a message of the same shape with some of the rows.
 */
import { isUtf8 } from 'node:buffer'
import { MessageTooLarge, ProtocolError } from './errors.ts'

/** A whole JSON object, or a part of one. */
export interface Frame {
  readonly text: string
  /** It holds a number of 16 or more digits outside of strings, so JSON.parse alone might round it. */
  readonly hasLongNumber: boolean
  /** More rows of the same message follow. */
  readonly isPart: boolean
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const CLOSE_BRACE = 0x7d
const CLOSE_BRACKET = 0x5d

/** ovsdb-server's own limit on nesting (JSON_MAX_HEIGHT in lib/json.h). */
const MAX_DEPTH = 1000

/** 2^53 has 16 digits: shorter integers are exact in JavaScript. */
const LONG_NUMBER = 16
const LONG_DIGITS = new RegExp(`\\d{${LONG_NUMBER}}`)

/** A message is cut between two rows once this many bytes of it are held. */
const PART_SIZE = 128 * 1024

/**
 * Where rows stand in update, update2, update3 and answers to monitor_cond_since: {"result":[…,{TABLE:{UUID:ROW,…},…}]}.
 * A message may be cut after a ROW: what is open then is closed, and opened again for the next part.
 */
const ROWS = [OPEN_BRACE, OPEN_BRACKET, OPEN_BRACE, OPEN_BRACE]
const CLOSE_ROWS = Buffer.from('}}]}')

const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Cuts a byte stream into messages; one per connection. */
export class FrameReader {
  readonly #maxSize: number
  /** Of the message so far, and of the part of it that is held. */
  #size = 0
  #held = 0
  #pieces: Buffer[] = []
  #depth = 0
  #isString = false
  #isEscape = false
  #digits = 0
  #hasLongNumber = false
  /** How many of the open brackets, from the outermost, are those of ROWS. */
  #rowDepth = 0
  /** In the held bytes: where the tables begin, and where the key of the current table begins and its rows do. */
  #tables = 0
  #table = 0
  #rows = 0
  /** Parts given out of this message; NaN once it cannot be cut any more. */
  #parts = 0

  /** `maxSize`: the largest message to accept, in bytes. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize
  }

  /**
   * Takes the next bytes of the stream and gives the messages and parts that they complete. Throws ProtocolError for
   * bytes that cannot be a message, MessageTooLarge beyond the limit; the stream cannot be read on after either.
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
          else if (byte === OPEN_BRACE) this.#opened(byte, ++depth, 0)
          else throw new ProtocolError(`expected a JSON object, found ${printable(byte)}`)
        } else if (byte === QUOTE) isString = true
        else if (byte === COMMA) {
          if (depth > ROWS.length || this.#rowDepth !== depth) continue
          const offset = this.#held + i - start
          if (depth === ROWS.length - 1) this.#table = offset + 1
          else if (depth === ROWS.length && offset >= PART_SIZE && this.#parts >= 0) {
            this.#keep(chunk.subarray(start, i))
            start = i + 1
            yield this.#takePart()
          }
        } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
          if (++depth > MAX_DEPTH) throw new ProtocolError(`JSON nested deeper than ${MAX_DEPTH} levels`)
          if (depth <= ROWS.length) this.#opened(byte, depth, this.#held + i - start)
        } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
          depth--
          if (this.#rowDepth > depth) this.#rowDepth = depth
          if (depth === 0) {
            this.#keep(chunk.subarray(start, i + 1))
            start = i + 1
            yield this.#takeMessage()
          }
        }
      }
    }
    if (start < end) this.#keep(chunk.subarray(start))
    this.#depth = depth
    this.#isString = isString
    this.#isEscape = isEscape
    this.#digits = digits
  }

  #opened(bracket: number, depth: number, offset: number): void {
    if (this.#rowDepth !== depth - 1 || bracket !== ROWS[depth - 1]) return
    this.#rowDepth = depth
    if (depth === ROWS.length) this.#rows = offset + 1
    else if (depth === ROWS.length - 1) {
      // The parts open the tables that they were cut from: other tables must not follow.
      if (this.#parts > 0) this.#parts = Number.NaN
      this.#tables = offset + 1
      this.#table = offset + 1
    }
  }

  #keep(piece: Buffer): void {
    this.#size += piece.length
    this.#held += piece.length
    if (this.#size > this.#maxSize) throw new MessageTooLarge(this.#size, this.#maxSize)
    this.#pieces.push(piece)
  }

  #takePart(): Frame {
    const bytes = Buffer.concat([...this.#pieces, CLOSE_ROWS])
    const head = Buffer.concat([bytes.subarray(0, this.#tables), bytes.subarray(this.#table, this.#rows)])
    const frame = this.#frame(bytes, true)
    // The next part begins with the same head, which may hold such a number itself.
    this.#hasLongNumber = frame.hasLongNumber && LONG_DIGITS.test(head.toString('latin1'))
    this.#pieces = [head]
    this.#held = head.length
    this.#table = this.#tables
    this.#rows = head.length
    this.#parts++
    return frame
  }

  #takeMessage(): Frame {
    const frame = this.#frame(this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces), false)
    this.#pieces = []
    this.#size = 0
    this.#held = 0
    this.#parts = 0
    return frame
  }

  #frame(bytes: Buffer, isPart: boolean): Frame {
    if (!isUtf8(bytes)) throw new ProtocolError('a message is not valid UTF-8')
    const frame = { text: bytes.toString('utf8'), hasLongNumber: this.#hasLongNumber, isPart }
    this.#hasLongNumber = false
    return frame
  }
}

const printable = (byte: number) =>
  byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte 0x${byte.toString(16).padStart(2, '0')}`
