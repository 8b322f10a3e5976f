// Bytes that nobody should send. Whatever they are, decoding ends in a value or a DecodeError, and soon.

import { DecodeError, decode, EncodeError, encode } from 'node-openflow'
import { describe, expect, test } from 'vitest'
import { interesting, mutate, random } from './mutate.ts'
import { oskenSamples, ovsSamples } from './vectors.ts'

/** How long each fuzzing test may take, in ms; a campaign sets more. */
const budget = Number(process.env.OPENFLOW_FUZZ_MS ?? 1_500)
const seed = Number(process.env.OPENFLOW_FUZZ_SEED ?? 20_250_722)

const samples = [...ovsSamples, ...oskenSamples].map(s => s.bytes)

function mutateMessage(source: Uint8Array, pick: (below: number) => number): Uint8Array {
  const bytes = mutate(source, samples, pick)
  // Mostly with a header that tells the truth, or nothing of the rest would be looked at.
  if (pick(8) > 0 && bytes.length <= 0xffff) new DataView(bytes.buffer).setUint16(2, bytes.length)
  if (pick(8) > 0) bytes[0] = 4 + (bytes[0]! % 3)
  return bytes
}

/** Decodes; what decodes is encoded and decoded again, with the same outcome. */
function survive(bytes: Uint8Array): boolean {
  const copy = bytes.slice()
  const start = performance.now()
  let isValue = false
  try {
    const message = decode(bytes)
    isValue = true
    const again = encode(message)
    if (again.length > 0xffff) throw new Error('an encoding of more than 65,535 bytes')
    decode(again)
  } catch (error) {
    const isTyped = isValue
      ? error instanceof EncodeError || error instanceof DecodeError
      : error instanceof DecodeError
    if (!isTyped) throw new Error(`${Buffer.from(copy).toString('hex')}: ${String(error)}`, { cause: error })
    if (error instanceof DecodeError && !isValue && (error.offset < 0 || error.offset > copy.length)) {
      throw new Error(`${Buffer.from(copy).toString('hex')}: offset ${error.offset}`)
    }
  }
  const took = performance.now() - start
  if (took > 2_000) throw new Error(`${Buffer.from(copy).toString('hex')}: ${took} ms`)
  if (Buffer.compare(copy, bytes) !== 0) throw new Error('decoding changed its input')
  return isValue
}

function campaign(make: (pick: (below: number) => number) => Uint8Array): { inputs: number; values: number } {
  const pick = random(seed)
  const end = Date.now() + budget
  let inputs = 0
  let values = 0
  while (Date.now() < end) {
    for (let i = 0; i < 50; i++) if (survive(make(pick))) values++
    inputs += 50
  }
  return { inputs, values }
}

describe('hostile bytes', () => {
  test('mutated samples end in a value or a DecodeError', { timeout: budget + 30_000 }, () => {
    const { inputs, values } = campaign(pick => mutateMessage(samples[pick(samples.length)] as Uint8Array, pick))
    expect(inputs).toBeGreaterThan(500)
    expect(values).toBeGreaterThan(10)
    if (budget > 10_000) console.log(`${inputs} mutated samples, ${values} of them messages`)
  })

  test('random bodies of every type end so too', { timeout: budget + 30_000 }, () => {
    const { inputs } = campaign(pick => {
      const bytes = new Uint8Array(8 + pick(200))
      for (let i = 0; i < bytes.length; i++) bytes[i] = pick(3) ? interesting[pick(interesting.length)]! : pick(256)
      bytes[0] = 4 + pick(3)
      bytes[1] = pick(36)
      new DataView(bytes.buffer).setUint16(2, bytes.length)
      return bytes
    })
    expect(inputs).toBeGreaterThan(500)
  })

  test('lengths of zero end no loop, but the message', () => {
    for (const sample of samples) {
      for (let at = 8; at + 1 < Math.min(sample.length, 300); at++) {
        const bytes = sample.slice()
        bytes[at] = bytes[at + 1] = 0
        survive(bytes)
      }
    }
  })

  test('messages inside messages without end are refused', () => {
    let message = Uint8Array.of(6, 20, 0, 8, 0, 0, 0, 1)
    for (let i = 0; i < 2_000; i++) {
      const outer = new Uint8Array(message.length + 16)
      outer.set([6, 34, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0])
      outer.set(message, 16)
      new DataView(outer.buffer).setUint16(2, outer.length)
      message = outer
    }
    expect(() => decode(message)).toThrow(expect.objectContaining({ name: 'DecodeError', code: 'too-deep' }))
  })

  test('a claimed length makes no allocation: 65,535 bytes claimed by eight', () => {
    expect(() => decode(Uint8Array.of(6, 13, 0xff, 0xff, 0, 0, 0, 1))).toThrow(
      expect.objectContaining({ name: 'DecodeError', code: 'truncated', offset: 0 }),
    )
  })
})
