// Registers: no two live values in the same bits, and no table that uses a value outside its life.
import { canonicalMatch } from 'node-openflow/flow'
import { expect, test } from 'vitest'
import type { Bridge, Table } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Register } from '#flows/register'
import { registers } from '#flows/registers'
import { allFlows } from './all-flows.ts'

/** Tables from this number on are asked by resubmit, and the packet returns to who asked. */
const FIRST_ASKED = 100

const tableOf = (bridge: Bridge, name: string) => {
  const table = pipeline.tables.find(t => t.bridge === bridge && t.name === name)
  expect(table, `${bridge}: table ${name}`).toBeDefined()
  return table as Table
}

const askedBy = (table: Table): readonly Table[] =>
  table.next.filter(next => next.number >= FIRST_ASKED).flatMap(next => [next, ...askedBy(next)])

/** The tables where a value must be left alone: those between the ends of its lives, and those that they ask. */
const homeOf = ({ bridge, lives }: Register): ReadonlySet<Table> => {
  const between = lives.flatMap(([from, to]) => {
    const [first, last] = [tableOf(bridge, from).number, tableOf(bridge, to).number]
    expect(first, `${from} to ${to}`).toBeLessThanOrEqual(last)
    return pipeline.tables.filter(t => t.bridge === bridge && t.number >= first && t.number <= last)
  })
  return new Set(between.flatMap(table => [table, ...askedBy(table)]))
}

/** Bits of a 32-bit register or of metadata. */
interface Bits {
  readonly field: string
  readonly mask: bigint
}

/** Some bits of any field as bits of the registers that it is made of; nothing for fields that are no register. */
const bitsIn = (field: string, mask: bigint): readonly Bits[] => {
  const [, kind, number] = /^(metadata|xxreg|reg)(\d*)$/.exec(field) ?? []
  if (kind === undefined) return []
  if (kind !== 'xxreg') return [{ field, mask }]
  return [0, 1, 2, 3]
    .map(i => ({ field: `reg${4 * Number(number) + i}`, mask: (mask >> BigInt(96 - 32 * i)) & 0xffffffffn }))
    .filter(bits => bits.mask !== 0n)
}

const bitsOfPart = (part: string): readonly Bits[] => {
  const [, field = '', low, high = low] = /^(\w+)(?:\[(\d+)(?:\.\.(\d+))?\])?$/.exec(part) ?? []
  const width = field.startsWith('xxreg') ? 128n : field === 'metadata' ? 64n : 32n
  if (low === undefined) return bitsIn(field, (1n << width) - 1n)
  return bitsIn(field, ((1n << BigInt(Number(high) - Number(low) + 1)) - 1n) << BigInt(low))
}

const overlap = (a: readonly Bits[], b: readonly Bits[]) =>
  a.some(x => b.some(y => x.field === y.field && (x.mask & y.mask) !== 0n))

/** Bits of a field, by a mask or all. */
const masked = (field: string, mask: unknown): readonly Bits[] =>
  mask === undefined || typeof mask === 'string' ? bitsOfPart(field) : bitsIn(field, BigInt(mask as number | bigint))

/** The bits that a match asks for. */
const matched = (match: object): readonly Bits[] =>
  Object.entries(canonicalMatch(match)).flatMap(([field, value]) =>
    masked(field, typeof value === 'object' && 'mask' in value ? value.mask : undefined),
  )

/** The bits that actions write or read, those inside of others too; what `learn` loads is loaded by the flow that it makes. */
const used = (action: unknown): readonly Bits[] => {
  if (typeof action === 'string') return bitsOfPart(action)
  if (typeof action !== 'object' || action === null) return []
  const { type, field, mask, ...rest } = action as Record<string, unknown>
  if (type === 'learn') return []
  if (type === 'set_field') return masked(field as string, mask)
  return Object.values(rest).flatMap(value => (Array.isArray(value) ? value.flatMap(used) : used(value)))
}

/** Whether flows of a table have to do with some bits; one that is asked may leave alone what its askers keep in them. */
const uses = (table: Table, bits: readonly Bits[]) =>
  allFlows(table).some(({ match, actions }) => overlap([...matched(match), ...actions.flatMap(used)], bits))

test('no two registers live in the same bits in the same table', () => {
  for (const [i, a] of registers.entries())
    for (const b of registers.slice(i + 1)) {
      const bits = bitsOfPart(a.part)
      if (a.bridge !== b.bridge || !overlap(bits, bitsOfPart(b.part))) continue
      const shared = [...homeOf(a).intersection(homeOf(b))].filter(
        table => table.number < FIRST_ASKED || uses(table, bits),
      )
      const names = shared.map(table => table.name)
      expect(names, `${a.name} and ${b.name} share bits of ${a.field}`).toEqual([])
    }
})

test('every bit of a register that a flow matches on, writes or reads lives in its table', () => {
  const homes = registers.map(register => ({ register, bits: bitsOfPart(register.part), home: homeOf(register) }))
  for (const table of pipeline.tables)
    for (const { match, actions } of allFlows(table))
      for (const { field, mask } of [...matched(match), ...actions.flatMap(used)]) {
        const here = homes.filter(({ register, home }) => register.bridge === table.bridge && home.has(table))
        const living = here.flatMap(({ bits }) => bits).filter(bits => bits.field === field)
        const dead = living.reduce((left, bits) => left & ~bits.mask, mask)
        expect(dead, `table ${table.name} uses ${field}, bits 0x${dead.toString(16)}`).toBe(0n)
      }
})
