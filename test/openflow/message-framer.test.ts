import { describe, expect, test } from 'vitest'
import { Framer } from '../../src/node-openflow/message/framer.ts'
import { DecodeError } from '../../src/node-openflow/wire/index.ts'

function message(length: number, fill: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill)
  bytes[0] = 6
  new DataView(bytes.buffer).setUint16(2, length)
  return bytes
}

const samples = [8, 9, 64, 8, 65_535, 17, 1_000, 8].map((length, i) => message(length, i))
const stream = Buffer.concat(samples)

function framed(cuts: (at: number) => number): Uint8Array[] {
  const framer = new Framer()
  const out: Uint8Array[] = []
  for (let at = 0; at < stream.length; ) {
    const n = Math.max(1, cuts(at))
    // Each chunk is a copy, as from a socket.
    for (const m of framer.push(new Uint8Array(stream.subarray(at, at + n)))) out.push(m)
    at += n
  }
  expect(framer.pending).toBe(0)
  return out
}

const hex = (list: readonly Uint8Array[]) => list.map(m => Buffer.from(m).toString('base64'))

describe('framing', () => {
  test.each([1, 2, 3, 5, 7, 8, 9, 63, 1_000, 4_096, 65_536, stream.length])(
    'finds the messages in chunks of %i',
    size => {
      expect(hex(framed(() => size))).toEqual(hex(samples))
    },
  )

  test('finds the messages in chunks of changing sizes', () => {
    for (let seed = 1; seed < 50; seed++) {
      let state = seed
      const next = () => {
        state = (state * 48_271) % 2_147_483_647
        return state % 2 ? state % 11 : state % 3_000
      }
      expect(hex(framed(next))).toEqual(hex(samples))
    }
  })

  test('takes time in proportion to the bytes: 20 MB in chunks of one byte and of 64 kB', () => {
    const framer = new Framer()
    const big = message(65_535, 7)
    let found = 0
    for (let i = 0; i < 20; i++) {
      for (let at = 0; at < big.length; at++) for (const _ of framer.push(big.subarray(at, at + 1))) found++
    }
    expect(found).toBe(20)
  })

  test.each([0, 7])('refuses a length of %i, with its offset', length => {
    const bytes = message(8, 0)
    bytes[3] = length
    const push = () => [...new Framer().push(bytes)]
    expect(push).toThrow(DecodeError)
    expect(push).toThrow(expect.objectContaining({ code: 'bad-length', offset: 2 }))
  })
})
