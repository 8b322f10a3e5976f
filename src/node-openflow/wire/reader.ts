// Reads big-endian values from a window of bytes. Every read is checked against the window's end, so a decoder
// built on it can neither over-read nor follow a claimed length; offsets in errors count from the message's start.

import { type DecodeCode, DecodeError } from './errors.ts'

const halves = new Uint32Array(2)
const whole = new BigUint64Array(halves.buffer)
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const high = littleEndian ? 1 : 0
const low = 1 - high

/** Windows may nest this deep; actions inside actions make one or two levels each. */
export const MAX_DEPTH = 100

/** A window of bytes and a position in it. Sub-windows share the bytes; nothing that is returned as a value does. */
export class Reader {
  readonly data: Uint8Array
  /** Index of the next byte, in `data`. */
  at: number
  /** Index after the window's last byte. */
  readonly end: number
  /** Index in `data` from which offsets in errors are counted. */
  readonly origin: number
  readonly depth: number

  constructor(data: Uint8Array, start = 0, end: number = data.length, origin: number = start, depth = 0) {
    this.data = data
    this.at = start
    this.end = end
    this.origin = origin
    this.depth = depth
  }

  get remaining(): number {
    return this.end - this.at
  }

  /** Position counted from the start of the message. */
  get offset(): number {
    return this.at - this.origin
  }

  u8(): number {
    const i = this.at
    if (i + 1 > this.end) this.truncated(1)
    this.at = i + 1
    return this.data[i] as number
  }

  u16(): number {
    const i = this.at
    if (i + 2 > this.end) this.truncated(2)
    this.at = i + 2
    const d = this.data
    return ((d[i] as number) << 8) | (d[i + 1] as number)
  }

  u32(): number {
    const i = this.at
    if (i + 4 > this.end) this.truncated(4)
    this.at = i + 4
    const d = this.data
    return (
      (((d[i] as number) << 24) | ((d[i + 1] as number) << 16) | ((d[i + 2] as number) << 8) | (d[i + 3] as number)) >>>
      0
    )
  }

  u64(): bigint {
    if (this.at + 8 > this.end) this.truncated(8)
    halves[high] = this.u32()
    halves[low] = this.u32()
    return whole[0] as bigint
  }

  /** A big-endian integer of any width in bytes. */
  uint(length: number): bigint {
    let value = 0n
    for (; length >= 8; length -= 8) value = (value << 64n) | this.u64()
    for (; length > 0; length--) value = (value << 8n) | BigInt(this.u8())
    return value
  }

  /** The next `length` bytes, copied. */
  bytes(length: number): Uint8Array {
    const i = this.at
    if (length > this.end - i || length < 0) this.truncated(length)
    this.at = i + length
    return this.data.slice(i, i + length)
  }

  /** All bytes up to the window's end, copied. */
  rest(): Uint8Array {
    return this.bytes(this.end - this.at)
  }

  skip(length: number): void {
    if (length > this.end - this.at || length < 0) this.truncated(length)
    this.at += length
  }

  /** A window over the next `length` bytes; this reader goes on after them. */
  sub(length: number): Reader {
    const i = this.at
    if (length > this.end - i || length < 0) this.truncated(length)
    if (this.depth >= MAX_DEPTH) this.fail('too-deep', `more than ${MAX_DEPTH} levels of nesting`)
    this.at = i + length
    return new Reader(this.data, i, i + length, this.origin, this.depth + 1)
  }

  /** Throws a DecodeError for `offset`, by default the current position. */
  fail(code: DecodeCode, message: string, offset: number = this.offset): never {
    throw new DecodeError(code, offset, message)
  }

  private truncated(wanted: number): never {
    this.fail('truncated', `${wanted} bytes wanted, ${this.end - this.at} left`)
  }
}
