// Writes big-endian values into a buffer that grows as needed and can be used again for the next message.
// A number that does not fit its width is refused, never cut.

import { EncodeError } from './errors.ts'

const halves = new Uint32Array(2)
const whole = new BigUint64Array(halves.buffer)
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const high = littleEndian ? 1 : 0
const low = 1 - high

/** A growing buffer. `length` is both the number of bytes written and the position of the next. */
export class Writer {
  private data: Uint8Array<ArrayBuffer>
  /** `data` again, four bytes a number, in the order of the machine. */
  private words: Uint32Array
  /** `data` again, made when it is first asked for as text. */
  private buffer: Buffer | undefined
  length = 0
  /** How deep the value being written is nested; see `enter`. */
  private depth = 0

  constructor(capacity = 512) {
    this.data = new Uint8Array(capacity)
    this.words = wordsOf(this.data)
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) misfit(value, 8)
    const i = this.length
    if (i + 1 > this.data.length) this.grow(1)
    this.data[i] = value
    this.length = i + 1
  }

  u16(value: number): void {
    if ((value & 0xffff) !== value) misfit(value, 16)
    const i = this.length
    if (i + 2 > this.data.length) this.grow(2)
    this.data[i] = value >>> 8
    this.data[i + 1] = value
    this.length = i + 2
  }

  u32(value: number): void {
    if (value >>> 0 !== value) misfit(value, 32)
    const i = this.length
    if (i + 4 > this.data.length) this.grow(4)
    const d = this.data
    d[i] = value >>> 24
    d[i + 1] = value >>> 16
    d[i + 2] = value >>> 8
    d[i + 3] = value
    this.length = i + 4
  }

  /** Accepts a number too, for callers who have one at hand. */
  u64(value: bigint | number): void {
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || value < 0) misfit(value, 64)
      this.u32(Math.floor(value / 0x100000000))
      this.u32(value >>> 0)
      return
    }
    whole[0] = value
    if (whole[0] !== value) misfit(value, 64)
    const upper = halves[high] as number
    const lower = halves[low] as number
    this.u32(upper)
    this.u32(lower)
  }

  /** An integer of any width in bytes. */
  uint(value: bigint | number, length: number): void {
    let rest = typeof value === 'bigint' ? value : whole64(value)
    if (rest < 0n || rest >> BigInt(length * 8) !== 0n) misfit(value, length * 8)
    if ((length & 7) === 0) {
      for (let shift = 8 * length - 64; shift >= 0; shift -= 64) this.u64(BigInt.asUintN(64, rest >> BigInt(shift)))
      return
    }
    const start = this.length
    this.zeros(length)
    for (let i = start + length - 1; rest > 0n; i--, rest >>= 8n) this.data[i] = Number(rest & 0xffn)
  }

  bytes(value: Uint8Array): void {
    const i = this.length
    if (i + value.length > this.data.length) this.grow(value.length)
    this.data.set(value, i)
    this.length = i + value.length
  }

  zeros(length: number): void {
    const i = this.length
    if (i + length > this.data.length) this.grow(length)
    const end = i + length
    if (length < 16) for (let k = i; k < end; k++) this.data[k] = 0
    else this.data.fill(0, i, end)
    this.length = end
  }

  /** Zeros until the distance from `start` is a multiple of 8. */
  align8(start: number): void {
    this.zeros((8 - ((this.length - start) & 7)) & 7)
  }

  /** Leaves room for `length` bytes, zeroed, to be patched later; gives their position. */
  reserve(length: number): number {
    const i = this.length
    this.zeros(length)
    return i
  }

  patchU16(at: number, value: number): void {
    if ((value & 0xffff) !== value) {
      throw new EncodeError('too-long', '', `a length of ${value} bytes does not fit the 16-bit length field`)
    }
    this.data[at] = value >>> 8
    this.data[at + 1] = value
  }

  patchU32(at: number, value: number): void {
    this.data[at] = value >>> 24
    this.data[at + 1] = value >>> 16
    this.data[at + 2] = value >>> 8
    this.data[at + 3] = value
  }

  /** Runs `body` one level deeper; refuses beyond the depth that Reader follows. */
  enter(body: () => void): void {
    if (this.depth >= 40) throw new EncodeError('too-deep', '', 'nested too deep')
    this.depth++
    try {
      body()
    } finally {
      this.depth--
    }
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.length = 0
  }

  /** Drops everything after the first `length` bytes. */
  cut(length: number): void {
    this.length = length
  }

  /** A copy of the bytes from `start` on. */
  take(start = 0): Uint8Array {
    return this.data.slice(start, this.length)
  }

  /** The bytes written so far, not copied: valid until the next write or reset. */
  peek(start = 0): Uint8Array {
    return this.data.subarray(start, this.length)
  }

  /** The bytes from `start` to `end` as text of one character a byte: kept in less memory than bytes, and compared faster. */
  latin1(start = 0, end = this.length): string {
    this.buffer ??= Buffer.from(this.data.buffer)
    return this.buffer.toString('latin1', start, end)
  }

  /**
   * The bytes written so far as text, the same string if it is among `recent` ones: for what is written again and again.
   * The list is a cache that this keeps; its length is a power of 2.
   */
  sharedLatin1(recent: string[]): string {
    let hash = this.length
    const { words } = this
    for (let i = 0; i < this.length >> 2; i++) {
      const mixed = Math.imul(hash ^ (words[i] as number), 0x9e3779b1)
      hash = mixed ^ (mixed >>> 15)
    }
    const at = (hash ^ (hash >>> 16)) & (recent.length - 1)
    const known = recent[at] as string
    if (this.isLatin1(known)) return known
    const text = this.latin1()
    recent[at] = text
    return text
  }

  private isLatin1(text: string): boolean {
    if (text.length !== this.length) return false
    for (let i = 0; i < text.length; i++) if (this.data[i] !== text.charCodeAt(i)) return false
    return true
  }

  private grow(needed: number): void {
    const bigger = new Uint8Array(Math.max(this.data.length * 2, this.length + needed))
    bigger.set(this.data.subarray(0, this.length))
    this.data = bigger
    this.words = wordsOf(bigger)
    this.buffer = undefined
  }
}

function wordsOf({ buffer, length }: Uint8Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(buffer, 0, length >> 2)
}

function whole64(value: number): bigint {
  if (!Number.isSafeInteger(value)) misfit(value, 64)
  return BigInt(value)
}

function misfit(value: unknown, bits: number): never {
  if (value === undefined) throw new EncodeError('missing', '', 'a value is missing')
  throw new EncodeError('bad-value', '', `${String(value)} is not an unsigned integer of ${bits} bits`)
}
