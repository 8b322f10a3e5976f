// Registers by name in the text of a flow, and what they hold in words where that is no number: `reg2=0x800/0x800` is
// `known=0x1` where the register of that name lives, and four words that are an address are that address.
import type { Bridge, Pipeline, Table } from '#compiler'
import type { Register } from '#flows/register'
import { registers } from '#flows/registers'

const NUMBER = '0x[0-9a-f]+|\\d+'
const FIELD = 'metadata|(?:xx)?reg\\d+'
const MATCH = new RegExp(`\\b(?<field>${FIELD})=(?<value>${NUMBER})(?:/(?<mask>${NUMBER}))?`, 'g')
const SET = new RegExp(`\\bset_field:(?<value>${NUMBER})(?:/(?<mask>${NUMBER}))?->(?<field>${FIELD})\\b`, 'g')
/** Those that stand side by side. */
const rowOf = ({ source }: RegExp) => {
  const one = source.replaceAll(/\?<\w+>/g, '?:')
  return new RegExp(`${one}(?:,${one})*`, 'g')
}
const MATCHES = rowOf(MATCH)
const SETS = rowOf(SET)
const PART = /\b(?:NXM_NX_((?:XX)?REG\d+)|OXM_OF_(METADATA))\[(?:(\d+)(?:\.\.(\d+))?)?\]/g

const ones = (count: number) => (1n << BigInt(count)) - 1n
const hex = (value: bigint) => `0x${value.toString(16)}`
const widthOf = (field: string) => (field.startsWith('xx') ? 128 : field === 'metadata' ? 64 : 32)
const bitsOf = ({ field, bits }: Register) => bits ?? ([0, widthOf(field) - 1] as const)
const lowest = (register: Register) => BigInt(bitsOf(register)[0])
const allOf = (register: Register) => {
  const [low, high] = bitsOf(register)
  return ones(high - low + 1)
}

/** Bits of a field, and the text that tells them. */
interface Held {
  readonly field: string
  readonly value: bigint
  readonly mask: bigint
  readonly text: string
}

const heldIn = (row: string, one: RegExp): readonly Held[] =>
  [...row.matchAll(one)].map(({ 0: text, groups }) => {
    const { field = '', value = '0', mask } = groups ?? {}
    return { field, value: BigInt(value), mask: mask === undefined ? ones(widthOf(field)) : BigInt(mask), text }
  })

/** A word of a field of 128 bits as bits of that: `reg5` is `xxreg1[64..95]`. */
const widened = (held: Held): Held => {
  const { field, value, mask, text } = held
  if (!field.startsWith('reg')) return held
  const number = Number(field.slice(3))
  const low = BigInt(32 * (3 - (number & 3)))
  return { field: `xxreg${number >> 2}`, value: value << low, mask: mask << low, text }
}

/** Bits of one field of 128 that stand side by side, as one. */
const joined = (all: readonly Held[]): readonly Held[] => {
  const whole: Held[] = []
  for (const one of all) {
    const last = whole.at(-1)
    if (last?.field !== one.field || !one.field.startsWith('xx') || (last.mask & one.mask) !== 0n) whole.push(one)
    else {
      const [value, mask, text] = [last.value | one.value, last.mask | one.mask, `${last.text},${one.text}`]
      whole.splice(-1, 1, { field: one.field, value, mask, text })
    }
  }
  return whole
}

/** Names the registers in the text of flows of a pipeline: give the table that a flow stands in. */
export const nameRegisters = (pipeline: Pipeline): ((bridge: Bridge, table: number, text: string) => string) => {
  const numberOf = (bridge: Bridge, name: string) =>
    pipeline.tables.find(t => t.bridge === bridge && t.name === name)?.number ?? -1
  const livesIn = (register: Register, { number }: Table) =>
    register.lives.some(([from, to]) => {
      const [first, last] = [numberOf(register.bridge, from), numberOf(register.bridge, to)]
      return first <= number && number <= last
    })
  const directions: readonly ((from: readonly Table[]) => readonly Table[])[] = [
    tables => pipeline.tables.filter(({ next }) => next.some(one => tables.includes(one))),
    tables => [...new Set(tables.flatMap(({ next }) => next))],
  ]
  /** Of registers that share bits, those that live in a table; else where packets come from to it, or where they go. */
  const nearest = (bridge: Bridge, number: number, all: readonly Register[]): readonly Register[] => {
    for (const step of directions) {
      let tables: readonly Table[] = pipeline.tables.filter(t => t.bridge === bridge && t.number === number)
      while (tables.length > 0) {
        const living = all.filter(register => tables.some(table => livesIn(register, table)))
        if (living.length > 0) return living
        tables = step(tables)
      }
    }
    return all
  }
  const known = new Map<string, readonly Register[]>()
  /** The registers that some bits of a field are of, in a table. */
  const registersOf = (bridge: Bridge, table: number, field: string, mask: bigint) => {
    const key = `${bridge} ${table} ${field} ${mask}`
    const before = known.get(key)
    if (before !== undefined) return before
    const all = registers.filter(r => r.bridge === bridge && r.field === field && (mask >> lowest(r)) & allOf(r))
    const found = nearest(bridge, table, all)
    known.set(key, found)
    return found
  }

  /** What each register holds that these bits are of; undefined where that is not plain. */
  const split = (found: readonly Register[], { value, mask }: Held) => {
    let rest = mask
    const parts: { readonly name: string; readonly says: string }[] = []
    for (const register of found) {
      const [low, all] = [lowest(register), allOf(register)]
      const counted = (rest >> low) & all
      if (counted === 0n) continue
      const own = (value >> low) & counted
      const number = counted === all ? hex(own) : `${hex(own)}/${hex(counted)}`
      parts.push({ name: register.name, says: register.words(own, counted) ?? number })
      rest &= ~(all << low)
    }
    return rest === 0n && parts.length > 0 ? parts : undefined
  }

  return (bridge, table, text) => {
    const named = (row: string, one: RegExp, show: (name: string, says: string) => string) => {
      const all = heldIn(row, one).map(held =>
        registers.some(r => r.bridge === bridge && r.field === held.field) ? held : widened(held),
      )
      return joined(all)
        .map(held => {
          const parts = split(registersOf(bridge, table, held.field, held.mask), held)
          return parts?.map(({ name, says }) => show(name, says)).join(',') ?? held.text
        })
        .join(',')
    }
    return text
      .replaceAll(MATCHES, row => named(row, MATCH, (name, says) => `${name}=${says}`))
      .replaceAll(SETS, row => named(row, SET, (name, says) => `set_field:${says}->${name}`))
      .replaceAll(PART, (whole, register?: string, metadata?: string, from?: string, to?: string) => {
        const field = (register ?? metadata ?? '').toLowerCase()
        const [first, last] = from === undefined ? [0, widthOf(field) - 1] : [Number(from), Number(to ?? from)]
        const near = registersOf(bridge, table, field, ones(last - first + 1) << BigInt(first))
        const of = near.find(r => bitsOf(r)[0] <= first && last <= bitsOf(r)[1])
        if (of === undefined) return whole
        const [low, high] = bitsOf(of)
        return `${of.name}[${first === low && last === high ? '' : `${first - low}..${last - low}`}]`
      })
  }
}
