// Bytes made wrong, for fuzzing.
import { seeded } from '#test/support/seeded'

/** Numbers below a limit that follow from a seed. */
export function random(seed: number): (below: number) => number {
  const next = seeded(seed)
  return below => next() % below
}

/** Bytes at which things change. */
export const interesting = [0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 0x7f, 0x80, 0xfe, 0xff]

/** Bytes changed, left out, doubled and mixed with those of others in a few places; at least 8 are left. */
export function mutate(source: Uint8Array, others: readonly Uint8Array[], pick: (below: number) => number): Uint8Array {
  let bytes = source.slice()
  const times = 1 + pick(4)
  for (let i = 0; i < times; i++) {
    const at = pick(bytes.length)
    switch (pick(7)) {
      case 0:
        bytes[at] = pick(256)
        break
      case 1:
        bytes[at] = interesting[pick(interesting.length)] as number
        break
      case 2:
        bytes[at] = bytes[at]! ^ (1 << pick(8))
        break
      case 3: {
        const [big, small] = [pick(2) ? 0xff : 0, pick(256)]
        bytes[at] = big
        if (at + 1 < bytes.length) bytes[at + 1] = small
        break
      }
      case 4:
        bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(at + 1 + pick(8))])
        break
      case 5: {
        const from = pick(bytes.length)
        bytes = Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(from, from + 1 + pick(64)), ...bytes.slice(at)])
        break
      }
      default: {
        const other = others[pick(others.length)] as Uint8Array
        const from = pick(other.length)
        bytes.set(other.slice(from, from + Math.min(8, bytes.length - at)), at)
      }
    }
    if (bytes.length < 8) bytes = Uint8Array.from([...bytes, ...new Uint8Array(8)])
  }
  return bytes
}
