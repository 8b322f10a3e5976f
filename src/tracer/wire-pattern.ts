// What a match compares, straight from its OpenFlow bytes: indexing a table of 100,000 flows must not take seconds.
import { fields } from 'node-openflow/flow'
import { type Place, placeOf, UnknownField, WORDS } from './layout.ts'
import type { Pattern } from './packet.ts'

const EXPERIMENTER = 0xffff
const PACKET_TYPE = 0x8000 * 128 + 44

/** Places by class and number, and by experimenter and number. */
const places = new Map<number | string, Place | string>()
for (const [name, { codes }] of Object.entries(fields)) {
  let place: Place | string
  try {
    place = placeOf(name)
  } catch (error) {
    if (!(error instanceof UnknownField)) throw error
    place = name
  }
  for (const { cls, num, exp } of codes) places.set(cls === EXPERIMENTER ? `${exp}/${num}` : cls * 128 + num, place)
}

const masks = new Uint32Array(WORDS)
const values = new Uint32Array(WORDS)

/** Puts the big-endian bytes of a field into the words of its place. */
const put = (into: Uint32Array, { word, words, shift }: Place, bytes: Uint8Array, from: number, length: number) => {
  for (let i = 0; i < words; i++) {
    const end = from + length - 4 * i
    let part = 0
    for (let at = Math.max(from, end - 4); at < end; at++) part = ((part << 8) | (bytes[at] as number)) >>> 0
    const index = word + words - 1 - i
    into[index] = (into[index] as number) | (part << shift)
  }
}

/** Sets the bits of a place. */
const cover = ({ word, words, shift, bits }: Place) => {
  for (let i = 0, rest = bits; i < words && rest > 0; i++, rest -= 32) {
    const index = word + words - 1 - i
    masks[index] = (masks[index] as number) | ((rest >= 32 ? 0xffffffff : 2 ** rest - 1) << shift)
  }
}

/** The pattern of a match in OpenFlow's wire form: type, length, OXMs, padding. Throws UnknownField. */
export const wirePattern = (bytes: Uint8Array): Pattern => {
  masks.fill(0)
  values.fill(0)
  const end = ((bytes[2] as number) << 8) | (bytes[3] as number)
  for (let at = 4; at + 4 <= end; ) {
    const cls = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
    const num = (bytes[at + 2] as number) >> 1
    const hasMask = ((bytes[at + 2] as number) & 1) === 1
    let size = bytes[at + 3] as number
    at += 4
    let code: number | string = cls * 128 + num
    if (cls === EXPERIMENTER) {
      const exp = [0, 1, 2, 3].reduce((sum, i) => sum * 256 + (bytes[at + i] as number), 0)
      code = `${exp}/${num}`
      at += 4
      size -= 4
    }
    const place = places.get(code)
    const length = hasMask ? size >> 1 : size
    if (code !== PACKET_TYPE) {
      if (typeof place !== 'object') throw new UnknownField(place ?? `of class ${cls} with number ${num}`)
      put(values, place, bytes, at, length)
      if (hasMask) put(masks, place, bytes, at + length, length)
      else cover(place)
    }
    at += size
  }
  const words: number[] = []
  for (let i = 0; i < WORDS; i++) if (masks[i] !== 0) words.push(i)
  return {
    words,
    masks: words.map(i => masks[i] as number),
    values: words.map(i => ((values[i] as number) & (masks[i] as number)) >>> 0),
  }
}
