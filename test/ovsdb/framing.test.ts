/** Cutting a byte stream into messages, and exact integers: properties, without a server (behaviours 2 and 7). */
import fc from 'fast-check'
import { MessageTooLarge, ProtocolError } from 'ovsdb-client'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../../src/ovsdb-client/framing.ts'
import { type Json, joinParts, parseMessage } from '../../src/ovsdb-client/json.ts'

/** Reads all messages of a stream that arrives in these chunks. */
const readAll = (chunks: Iterable<Buffer>, maxSize = 1 << 30): Json[] => {
  const reader = new FrameReader(maxSize)
  const messages: Json[] = []
  let parts: Json
  for (const chunk of chunks) {
    for (const frame of reader.push(chunk)) {
      parts = parts === undefined ? parseMessage(frame) : joinParts(parts, parseMessage(frame))
      if (frame.isPart) continue
      messages.push(parts)
      parts = undefined
    }
  }
  return messages
}

/** Cuts bytes at these places, given as parts of their length. */
function* cut(bytes: Buffer, places: readonly number[]): Generator<Buffer> {
  let start = 0
  for (const end of places.map(place => Math.floor(place * bytes.length)).sort((a, b) => a - b)) {
    yield bytes.subarray(start, end)
    start = end
  }
  yield bytes.subarray(start)
}

const message = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary', maxDepth: 6 }))
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 })

/** JSON as others may write it: with spaces, with every character above ASCII escaped. */
const spellings = [
  (value: unknown) => JSON.stringify(value),
  (value: unknown) => `\n ${JSON.stringify(value, null, 2)}\t\r\n`,
  (value: unknown) =>
    JSON.stringify(value).replace(/[^ -~]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
]

describe('framing', () => {
  test('gives the same messages wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(message, fc.constantFrom(...spellings))), places, (messages, places) => {
        const bytes = Buffer.from(messages.map(([value, spell]) => spell(value)).join(''))
        const expected = messages.map(([value]) => parseMessage({ text: JSON.stringify(value), hasLongNumber: true }))
        expect(readAll(cut(bytes, places))).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test('gives the same messages one byte at a time', () => {
    const text = '{"a":"}{\\"\\\\"}  {"é😀\\ud83d\\ude00":[{}, [], "[", -1.5e3]}'
    const bytes = Buffer.from(text)
    expect(readAll(Array.from(bytes, byte => Buffer.of(byte)))).toEqual([
      { a: '}{"\\' },
      { 'é😀😀': [{}, [], '[', -1500] },
    ])
  })

  test('ends any bytes in messages or a ProtocolError', () => {
    fc.assert(
      fc.property(message, fc.uint8Array({ maxLength: 20 }), places, (value, noise, [where = 0, ...places]) => {
        const bytes = Buffer.from(JSON.stringify(value))
        const at = Math.floor(where * bytes.length)
        const broken = Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)])
        try {
          readAll(cut(broken, places), 10_000)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('looks at every byte once: 50 MB in small pieces, most of it one message', () => {
    const row = Buffer.from(`${JSON.stringify({ name: 'x'.repeat(90) })},`)
    const big = Buffer.concat([Buffer.from('{"rows":['), ...Array(500_000).fill(row), Buffer.from('0]}')])
    const chunks = Array.from({ length: Math.ceil(big.length / 1000) }, (_, i) =>
      big.subarray(i * 1000, (i + 1) * 1000),
    )
    const [message] = readAll(chunks) as [{ rows: Json[] }]
    expect(message.rows).toHaveLength(500_001)
  })

  test('gives large messages of rows in parts, which make the whole', () => {
    const pad = 'x'.repeat(200)
    const row = fc.record({ initial: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })) })
    const rows = fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), row, { maxKeys: 10 })
    const tables = fc.array(fc.tuple(fc.string({ minLength: 1 }), rows, fc.nat(1500)), { maxLength: 4 })
    fc.assert(
      fc.property(tables, fc.constantFrom(...spellings), places, fc.boolean(), (tables, spell, places, isDouble) => {
        const contents: Record<string, Json> = {}
        for (const [name, few, many] of tables) {
          const filler = Array.from({ length: many }, (_, i) => [`${i}-{[,"`, { initial: { pad, at: [i] } }])
          contents[name] = { ...few, ...Object.fromEntries(filler) } as Json
        }
        const message = { id: 3, result: [false, 'txn', contents, ...(isDouble ? [contents, 1] : [])], error: null }
        const bytes = Buffer.from(spell(message))
        const expected = parseMessage({ text: JSON.stringify(message), hasLongNumber: true })
        expect(readAll(cut(bytes, places))).toEqual([expected])
      }),
      { numRuns: 30 },
    )
  })

  test('keeps integers exact in what all parts of a message begin with', () => {
    const filler = Array.from({ length: 1500 }, (_, i) => [`row-${i}`, { initial: { pad: 'x'.repeat(200) } }])
    const long = '9007199254740993'
    const text = `{"id":3,"result":[{"v":${long}},"txn",${JSON.stringify({ T: Object.fromEntries(filler) })}],"error":null}`
    const [message] = readAll([Buffer.from(text)]) as [{ result: [{ v: Json }] }]
    expect(message.result[0].v).toBe(9007199254740993n)
  })

  test('holds little of a large message of rows', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `"row-${i}":{"initial":{"name":"${'x'.repeat(100)}"}}`)
    const bytes = Buffer.from(`{"id":1,"result":[false,"0",{"A":{${rows}},"B":{${rows}}}],"error":null}`)
    const frames = [...new FrameReader(1 << 30).push(bytes)]
    expect(frames.length).toBeGreaterThan(10)
    expect(Math.max(...frames.map(({ text }) => text.length))).toBeLessThan(300_000)
    const parts = frames.map(frame => parseMessage(frame) as { id: number; result: Record<string, object>[] })
    expect(new Set(parts.map(({ id }) => id))).toEqual(new Set([1]))
    const count = (table: string) =>
      parts.reduce((sum, { result }) => sum + Object.keys(result[2]![table] ?? {}).length, 0)
    expect([count('A'), count('B')]).toEqual([20_000, 20_000])
    expect(() => [...new FrameReader(1_000_000).push(bytes)]).toThrow(MessageTooLarge)
  })

  test('stops at the size limit, before the message is whole', () => {
    const text = (size: number) => Buffer.from(`{"a":"${'x'.repeat(size - 8)}"}`)
    expect(readAll([text(100)], 100)).toHaveLength(1)
    expect(() => readAll([text(101)], 100)).toThrow(MessageTooLarge)
    expect(() => readAll([text(200).subarray(0, 101)], 100)).toThrow(MessageTooLarge)
    // Messages add up only to themselves.
    expect(readAll([Buffer.concat([text(60), text(60), text(60)])], 100)).toHaveLength(3)
  })

  test('keeps 64-bit integers exact, and only those', () => {
    const read = (text: string) => (readAll([Buffer.from(`{"v":${text}}`)])[0] as { v: Json }).v
    expect(read('9223372036854775807')).toBe(9223372036854775807n)
    expect(read('-9223372036854775808')).toBe(-9223372036854775808n)
    expect(read('9007199254740991')).toBe(9007199254740991)
    expect(read('9007199254740992')).toBe(9007199254740992n)
    expect(read('[1,{"a":18446744073709551615}]')).toEqual([1, { a: 18446744073709551615n }])
    expect(read('"9223372036854775807"')).toBe('9223372036854775807')
    expect(read('0.1234567890123456789')).toBe(Number('0.1234567890123456789'))
    expect(read('1e300')).toBe(1e300)
  })

  test('keeps 64-bit integers exact wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), places, (integer, places) => {
        const [read] = readAll(cut(Buffer.from(`{"v":${integer}}`), places)) as [{ v: Json }]
        expect(BigInt(read.v as number | bigint)).toBe(integer)
        expect(typeof read.v).toBe(Number.isSafeInteger(Number(integer)) ? 'number' : 'bigint')
      }),
    )
  })
})
