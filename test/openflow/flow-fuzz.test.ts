// Matches, actions and instructions out of any values and any bytes: what is written is read back; what can be read can
// be written, and then stays as it is; everything else is a DecodeError.

import fc from 'fast-check'
import { DecodeError, EncodeError, fromHex } from 'node-openflow'
import {
  type Action,
  canonicalMatch,
  type FieldName,
  type FieldRow,
  fields,
  type Match,
  masked,
  Reader,
  readInstructions,
  readMatch,
  type Version,
  Writer,
  writeInstructions,
  writeMatch,
} from 'node-openflow/flow'
import { describe, expect, test } from 'vitest'
import { allActions } from './flow-samples.ts'
import { mutate, random } from './mutate.ts'

/** How long each fuzzing test may take, in ms; a campaign sets more. */
const budget = Number(process.env.OPENFLOW_FUZZ_MS ?? 1_000)
const seed = Number(process.env.OPENFLOW_FUZZ_SEED ?? 20_250_722)

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const versions = [4, 5, 6] as const

const bytesOf = (write: (w: Writer) => void) => {
  const w = new Writer()
  write(w)
  return w.take()
}

const octets = (count: number) => fc.uint8Array({ minLength: count, maxLength: count })
const mac = octets(6).map(b => hex(b).replace(/..(?=.)/g, '$&:'))
const ipv4 = octets(4).map(b => b.join('.'))
// Read back in the one way to write an address, so arbitrary groups are written without leading zeros.
const ipv6 = octets(16).map(b => {
  const w = new Writer()
  w.bytes(fromHex('0001001880003410'))
  w.bytes(b)
  return readMatch(new Reader(w.take()), 6).ipv6_src as string
})

const limits: { readonly [name: string]: number } = { vlan_vid: 0x1fff, tun_flags: 1, ct_state: 0xff }

function anyValue(name: FieldName): fc.Arbitrary<number | bigint | string | Uint8Array> {
  const row: FieldRow = fields[name]
  if (row.value === 'mac') return mac
  if (row.value === 'ipv4') return ipv4
  if (row.value === 'ipv6') return ipv6
  if (row.value === 'bytes') return octets(7)
  if (row.value === 'big') return fc.bigInt(0n, (1n << BigInt(row.bits)) - 1n)
  return fc.nat(limits[name] ?? 2 ** Math.min(row.bits, 31) - 1)
}

const names = (Object.keys(fields) as FieldName[]).filter(
  name => fields[name].codes.length > 0 && !/^x|^in_port_oxm|^vlan_tci|^nw_tos|^packet_type/.test(name),
)

const entry = fc.constantFrom(...names).chain(name => {
  const row: FieldRow = fields[name]
  const value = anyValue(name)
  if (!row.maskable || row.value === 'bytes') return value.map(v => [name, v] as const)
  return fc.oneof(
    value.map(v => [name, v] as const),
    fc.tuple(value, value).map(([v, mask]) => [name, masked(v, mask)] as const),
  )
})

const matches: fc.Arbitrary<Match> = fc
  .uniqueArray(entry, { selector: ([name]) => name, maxLength: 12 })
  .map(entries => Object.fromEntries(entries) as Match)

describe('any match', () => {
  test('is read back as its canonical form, and written in the same order whatever order it had', () => {
    fc.assert(
      fc.property(matches, fc.constantFrom(...versions), (match, version) => {
        const bytes = bytesOf(w => writeMatch(w, match, version))
        const back = readMatch(new Reader(bytes), version)
        expect(back).toEqual(canonicalMatch(match))
        expect(hex(bytesOf(w => writeMatch(w, back, version)))).toBe(hex(bytes))
        const reversed = Object.fromEntries(Object.entries(match).reverse()) as Match
        expect(hex(bytesOf(w => writeMatch(w, reversed, version)))).toBe(hex(bytes))
      }),
      { numRuns: 300, seed },
    )
  })

  test('does not depend on the buffer that it was read from', () => {
    fc.assert(
      fc.property(matches, match => {
        const bytes = bytesOf(w => writeMatch(w, match, 6))
        const back = readMatch(new Reader(bytes), 6)
        bytes.fill(0xaa)
        expect(back).toEqual(canonicalMatch(match))
      }),
      { numRuns: 100, seed },
    )
  })
})

const samples = versions.flatMap(version =>
  allActions(version).map(({ match, actions }) => ({
    version,
    actions,
    match: bytesOf(w => writeMatch(w, match, version)),
    instructions: bytesOf(w => writeInstructions(w, actions, version)),
  })),
)

describe('any list of actions', () => {
  test('is read back, and cut anywhere ends in a DecodeError or in the actions before the cut', () => {
    for (const { version, instructions } of samples) {
      const actions = readInstructions(new Reader(instructions), version)
      expect(hex(bytesOf(w => writeInstructions(w, actions, version)))).toBe(hex(instructions))
      for (let length = 0; length < instructions.length; length++) {
        try {
          readInstructions(new Reader(instructions.slice(0, length)), version)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }
    }
  })

  test('nests only so deep', () => {
    let actions: readonly Action[] = [{ type: 'output', port: 1 }]
    for (let i = 0; i < 500; i++) actions = [{ type: 'clone', actions }]
    expect(() => bytesOf(w => writeInstructions(w, actions, 6))).toThrow(EncodeError)
  })
})

/** Reads; what can be read is written, and read and written once more to the same bytes. */
function survive(bytes: Uint8Array, version: Version, kind: 'match' | 'instructions'): boolean {
  const again = (given: Uint8Array) => {
    if (kind === 'match') {
      const match = readMatch(new Reader(given), version)
      return bytesOf(w => writeMatch(w, match, version))
    }
    const actions = readInstructions(new Reader(given), version)
    return bytesOf(w => writeInstructions(w, actions, version))
  }
  let first: Uint8Array
  try {
    first = again(bytes)
  } catch (error) {
    if (error instanceof DecodeError || error instanceof EncodeError) return false
    throw new Error(`${kind} ${hex(bytes)}: ${String(error)}`, { cause: error })
  }
  const second = again(first)
  if (hex(second) !== hex(first)) throw new Error(`${kind} ${hex(bytes)}: ${hex(first)}, then ${hex(second)}`)
  return true
}

describe('hostile bytes', () => {
  test.each(['match', 'instructions'] as const)(
    '%s: a value that stays, or a DecodeError',
    { timeout: budget + 30_000 },
    kind => {
      const pick = random(seed)
      const pool = samples.map(sample => sample[kind]).filter(bytes => bytes.length >= 8)
      const end = Date.now() + budget
      let inputs = 0
      let values = 0
      while (Date.now() < end) {
        for (let i = 0; i < 100; i++) {
          const bytes = mutate(pool[pick(pool.length)] as Uint8Array, pool, pick)
          // Mostly with an outer length that is true, or nothing of the rest would be looked at.
          if (pick(4) > 0) new DataView(bytes.buffer).setUint16(2, kind === 'match' ? bytes.length : bytes.length & ~7)
          if (survive(bytes, versions[pick(3)] as Version, kind)) values++
        }
        inputs += 100
      }
      expect(inputs).toBeGreaterThan(500)
      expect(values).toBeGreaterThan(50)
      if (budget > 10_000) console.log(`${kind}: ${inputs} inputs, ${values} of them values`)
    },
  )
})
