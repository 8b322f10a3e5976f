import fc from 'fast-check'
import { canonicalMatch, type Match, OFP13, OFP14, OFP15, Writer, writeMatch } from 'node-openflow/flow'
import { expect, test } from 'vitest'

const bytesOf = (match: Match, version: typeof OFP13 | typeof OFP14 | typeof OFP15) => {
  const writer = new Writer()
  writeMatch(writer, match, version)
  return writer.take()
}

const word = fc.integer({ min: 0, max: 0xffffffff })
const wide = (bits: number) => {
  const value = fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })
  const mask = fc.oneof(fc.constant(0n), fc.constant((1n << BigInt(bits)) - 1n), value)
  return fc.oneof(value, fc.record({ value, mask }))
}

test('wide registers are written as the registers that they are made of', () => {
  const matches = fc.record(
    {
      eth_type: fc.constant(0x800),
      reg0: word,
      reg5: word,
      reg8: word,
      xreg1: wide(64),
      xxreg1: wide(128),
      metadata: wide(64),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(matches, fc.constantFrom(OFP13, OFP14, OFP15), (given, version) => {
      const match = given as Match
      expect(bytesOf(match, version)).toEqual(bytesOf(canonicalMatch(match), version))
    }),
  )
})

test('a value that a wide register cannot hold is refused', () => {
  expect(() => bytesOf({ xxreg1: 1n << 128n }, OFP15)).toThrow('xxreg1')
  expect(() => bytesOf({ xreg1: -1n }, OFP15)).toThrow('xreg1')
})
