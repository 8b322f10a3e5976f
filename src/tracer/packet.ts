// A packet on its way through tables: its fields as words, the tags below the outermost, the stack of push and pop.
import {
  type AnyValue,
  canonicalMatch,
  fieldOf,
  fromInteger,
  integerOf,
  isMasked,
  type Match,
} from 'node-openflow/flow'
import { type Place, placeOf, placeOfBits, WORDS } from './layout.ts'

/** The bit of a VLAN tag that says that there is one. */
export const TAG_PRESENT = 0x1000

/** A packet. Reading and writing is by place (layout.ts), or by the name of a field. */
export class Packet {
  readonly words: Uint32Array
  /** The VLAN tags (TCI) below the outermost. */
  inner: readonly number[] = []
  /** What the action push left, last first. */
  stack: readonly bigint[] = []
  /** Bytes from the Ethernet header on; undefined: not known, and no link is too narrow for it. */
  size: number | undefined

  constructor(words = new Uint32Array(WORDS)) {
    this.words = words
  }

  /** A packet of its own with the same content. */
  copy(): Packet {
    const copy = new Packet(this.words.slice())
    copy.inner = this.inner
    copy.stack = this.stack
    copy.size = this.size
    return copy
  }

  read({ word, words, shift, bits }: Place): bigint {
    let value = 0n
    for (let i = 0; i < words; i++) value = (value << 32n) | BigInt(this.words[word + i] as number)
    return (value >> BigInt(shift)) & ones(bits)
  }

  isZero(place: Place): boolean {
    for (let i = place.word; i < place.word + place.words; i++) if (this.words[i] !== 0) return this.read(place) === 0n
    return true
  }

  write({ word, words, shift, bits }: Place, value: bigint): void {
    const mask = ones(bits) << BigInt(shift)
    const moved = (value << BigInt(shift)) & mask
    for (let i = 0; i < words; i++) {
      const down = BigInt(32 * (words - 1 - i))
      const m = Number((mask >> down) & 0xffffffffn)
      const v = Number((moved >> down) & 0xffffffffn)
      this.words[word + i] = ((this.words[word + i] as number) & ~m) | v
    }
  }

  /** The value of a field as an integer. */
  get(field: string): bigint {
    return this.read(placeOf(field))
  }

  /** The value of some bits of a field, such as `reg0[0..15]`. */
  bits(subfield: string): bigint {
    return this.read(placeOfBits(subfield).place)
  }

  /** The value of a field of 32 bits or less. */
  number(field: string): number {
    return Number(this.get(field))
  }

  /** Writes an integer into a field. */
  set(field: string, value: bigint | number): void {
    this.write(placeOf(field), BigInt(value))
  }

  /** Writes 0 into fields. */
  clear(...names: readonly string[]): void {
    for (const name of names) this.set(name, 0)
  }

  /** The value of a field as matches have it: text for addresses, numbers, bigints. */
  value(field: string): AnyValue {
    return fromInteger(fieldOf(field), this.get(field))
  }
}

const masksOfOnes = Array.from({ length: 513 }, (_, bits) => (1n << BigInt(bits)) - 1n)
const ones = (bits: number) => masksOfOnes[bits] as bigint

/** The words of a match: where it compares, with which bits, and what they must be. */
export interface Pattern {
  readonly words: readonly number[]
  readonly masks: readonly number[]
  readonly values: readonly number[]
}

/** What a match compares, in words. Throws UnknownField for fields that the tracer does not follow. */
export const patternOf = (match: Match): Pattern => {
  const masks = new Packet()
  const values = new Packet()
  for (const [name, given] of Object.entries(canonicalMatch(match)) as [string, AnyValue | { mask: AnyValue }][]) {
    if (name === 'packet_type' && given === 0) continue
    const place = placeOf(name)
    const field = fieldOf(name)
    const [value, mask] = isMasked(given) ? [given.value, given.mask] : [given as AnyValue, field.allOnes]
    masks.write(place, masks.read(place) | integerOf(field, mask))
    values.write(place, values.read(place) | integerOf(field, value))
  }
  const words = Array.from(masks.words.keys()).filter(i => masks.words[i] !== 0)
  return {
    words,
    masks: words.map(i => masks.words[i] as number),
    values: words.map(i => ((values.words[i] as number) & (masks.words[i] as number)) >>> 0),
  }
}

/** A packet that has what a match says, and 0 elsewhere. Throws UnknownField. */
export const packetOf = (match: Match): Packet => {
  const packet = new Packet()
  const { words, values } = patternOf(match)
  for (const [i, word] of words.entries()) packet.words[word] = values[i] as number
  return packet
}
