import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contains, eui64, formatIp, formatPrefix, type Ip, overlap, parseIp, parsePrefix, prefixAt } from '#model'

const ip: fc.Arbitrary<Ip> = fc.oneof(
  fc.bigInt(0n, 2n ** 32n - 1n).map(value => ({ version: 4 as const, value })),
  fc.bigInt(0n, 2n ** 128n - 1n).map(value => ({ version: 6 as const, value })),
)
const prefix = fc
  .tuple(ip, fc.nat(128))
  .map(([address, length]) => prefixAt(address, address.version === 4 ? length % 33 : length)!)

describe('addresses', () => {
  test('are read back as they are printed', () => {
    fc.assert(
      fc.property(ip, address => {
        expect(parseIp(formatIp(address))).toEqual(address)
      }),
    )
    fc.assert(
      fc.property(prefix, p => {
        expect(parsePrefix(formatPrefix(p))).toEqual(p)
      }),
    )
  })

  test('are printed canonically', () => {
    expect(formatIp(parseIp('FD00:0:0:0::1')!)).toBe('fd00::1')
    expect(formatIp(parseIp('::ffff:10.0.0.1')!)).toBe('::ffff:a00:1')
    expect(formatPrefix(parsePrefix('10.75.0.7/24')!)).toBe('10.75.0.0/24')
  })

  test('that are none are refused', () => {
    for (const text of ['', '10', '10.0.0', '10.0.0.256', '010.0.0.1', '0x0a.1', 'fe80::1%eth0', ':::', '10.0.0.1/8'])
      expect(parseIp(text), text).toBeUndefined()
    for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', 'fd00::/129', '/8', '10.0.0.0/'])
      expect(parsePrefix(text), text).toBeUndefined()
  })

  test('of MAC addresses follow RFC 4291', () => {
    expect(formatIp(eui64(parsePrefix('fd00::/64')!, 'fa:16:3e:00:00:01'))).toBe('fd00::f816:3eff:fe00:1')
  })
})

describe('prefixes', () => {
  test('overlap exactly when one contains the other', () => {
    fc.assert(
      fc.property(prefix, prefix, (a, b) => {
        expect(overlap(a, b)).toBe(contains(a, b) || contains(b, a))
      }),
    )
  })
})
