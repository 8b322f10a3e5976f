import { describe, expect, test } from 'vitest'
import { commonVersion, notOpenFlow } from '../../src/node-openflow/connection/negotiate.ts'

const hello = (version: number, versions?: number[]) => ({
  type: 'hello' as const,
  version,
  xid: 1,
  ...(versions && { versions }),
})

describe('the version that two ends speak', () => {
  test.each([
    ['the highest of both bitmaps', hello(6, [1, 4, 5]), 5],
    ['the highest of both bitmaps, whatever the header says', hello(1, [4, 6]), 6],
    ['the lower of the headers, without a bitmap', hello(5), 5],
    ['ours, if the peer without a bitmap is newer', hello(9), 6],
    ['none with an empty bitmap', hello(6, []), undefined],
    ['none with only older versions', hello(3, [1, 2, 3]), undefined],
    ['none with an older header and no bitmap', hello(1), undefined],
  ])('is %s', (_, peer, expected) => {
    expect(commonVersion([6, 5, 4], peer)).toBe(expected)
  })

  test('without a bitmap must be one that we offer', () => {
    expect(commonVersion([6, 4], hello(5))).toBe(undefined)
  })
})

describe('a stream that does not begin as OpenFlow', () => {
  const begins = (text: string) => notOpenFlow(new TextEncoder().encode(text))
  test('is told from its first bytes', () => {
    expect(begins('GET / HTTP/1.1\r\n')).toMatch(/does not begin with an OpenFlow HELLO/)
    expect(begins('SSH-2.0-')).toBeDefined()
    expect(notOpenFlow(Uint8Array.of(0x16, 3, 1, 2, 0))).toMatch(/TLS/)
    expect(notOpenFlow(Uint8Array.of(6, 0, 0, 16))).toBe(undefined)
    expect(notOpenFlow(Uint8Array.of(6))).toBe(undefined)
  })
})
