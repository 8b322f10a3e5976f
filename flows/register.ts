// What a named register is: some bits of a field that carry a value from table to table; how to load it, how to match on
// it, and how to read what it holds. Which ones there are, `registers.ts` says.
import assert from 'node:assert'
import { type Action, bitsOf, type Masked, type Match, masked, type Subfield, setField } from 'node-openflow/flow'
import type { Bridge } from '#compiler'
import { macOfBits, prefixOfBits } from './addresses.ts'

type Value = number | bigint | Masked<number | bigint>

/** Matches on the fields that registers may be in, written out: `{ [field]: value }` takes five times as long. */
const matchOn = {
  metadata: (metadata: Value) => ({ metadata }),
  reg0: (reg0: Value) => ({ reg0 }),
  reg1: (reg1: Value) => ({ reg1 }),
  reg2: (reg2: Value) => ({ reg2 }),
  reg3: (reg3: Value) => ({ reg3 }),
  reg12: (reg12: Value) => ({ reg12 }),
  reg13: (reg13: Value) => ({ reg13 }),
  reg14: (reg14: Value) => ({ reg14 }),
  reg15: (reg15: Value) => ({ reg15 }),
  xxreg1: (xxreg1: Value) => ({ xxreg1 }),
  xxreg2: (xxreg2: Value) => ({ xxreg2 }),
} as const

type Field = keyof typeof matchOn

/** Names of the first and the last table between which a value lives; in the tables that these call by resubmit too. */
export type Life = readonly [from: string, to: string]

/** What is to be said of a register, beside its bridge and its name. */
export interface Declaration {
  /** A field, or the bits of one. */
  readonly at: Field | `${Field}[${number}]` | `${Field}[${number}..${number}]`
  readonly lives: readonly Life[]
  readonly doc: string
  /** What it holds, where that is no number. */
  readonly holds?: keyof typeof readings
  /** Values that stand for something of their own. */
  readonly named?: Readonly<Record<string, number>>
}

/** A named register: how to load it, how to match on it. */
export interface Register {
  readonly bridge: Bridge
  readonly name: string
  readonly field: Field
  /** Its lowest and its highest bit; absent: the whole field. */
  readonly bits?: readonly [low: number, high: number]
  /** As actions that copy name it: `reg3[0..15]`. */
  readonly part: Subfield
  /** Some of its bits, counted from its lowest, as actions that copy name them. */
  slice(low: number, high: number): Subfield
  readonly lives: readonly Life[]
  readonly doc: string
  /** The action that loads a value, into the bits of a mask if one is given. */
  set(value: number | bigint, mask?: number | bigint): Action
  /** The part of a match that asks for a value, in the bits of a mask if one is given. */
  is(value: number | bigint, mask?: number | bigint): Match
  /** What a value, or some bits of one, says in words: an address, a name; undefined where it is a number. */
  words(value: bigint, mask?: bigint): string | undefined
}

/** How bits are read of which a mask tells which ones count. */
type Reading = (value: bigint, mask: bigint) => string | undefined

const readings = {
  address: (value, mask) => (value === 0n ? undefined : prefixOfBits(value, mask)),
  mac: (value, mask) => (mask === MAC_MASK && value !== 0n ? macOfBits(value) : undefined),
} satisfies Record<string, Reading>

const MAC_MASK = (1n << 48n) - 1n

const register = (bridge: Bridge, name: string, { at, holds, named = {}, ...said }: Declaration): Register => {
  const { field: of, offset: low, count } = bitsOf(at)
  const field = of.name as Field
  const isWhole = count === of.bits
  const unit = (1 << low) >>> 0
  const place = (value: number | bigint) => (of.bits === 32 ? Number(value) * unit : BigInt(value) << BigInt(low))
  const all = (1n << BigInt(count)) - 1n
  const own = isWhole ? undefined : place(all)
  const maskOf = (some: number | bigint | undefined) => (some === undefined ? own : place(some))
  return {
    ...{ bridge, name, field, part: at, ...said },
    ...(isWhole ? {} : { bits: [low, low + count - 1] as const }),
    slice: (from, to) => `${field}[${low + from}..${low + to}]`,
    set: (value, some) => setField(field as 'reg0', place(value) as number, maskOf(some) as number | undefined),
    is: (value, some) => {
      const mask = maskOf(some)
      return matchOn[field](mask === undefined ? value : masked(place(value), mask)) as Match
    },
    words: (value, mask = all) => {
      const known = mask === all ? Object.keys(named).find(word => BigInt(named[word]!) === value) : undefined
      return known ?? (holds && readings[holds](value, mask))
    },
  }
}

/** `sourcePort`: source_port. */
const snakeCase = (name: string) => name.replaceAll(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

/** The registers of a bridge that are declared so. */
export const registersOf = <Name extends string>(
  bridge: Bridge,
  declared: Readonly<Record<Name, Declaration>>,
): Readonly<Record<Name, Register>> =>
  Object.fromEntries(
    Object.entries<Declaration>(declared).map(([name, said]) => [name, register(bridge, snakeCase(name), said)]),
  ) as Record<Name, Register>

type Held = readonly [register: Register, value: number]

/** What registers that are bits of one field hold, as one. */
const together = (held: readonly Held[]): readonly [Field, Masked<number>] => {
  const field = held[0]![0].field
  const whole = held.reduce<Masked<number>>(
    (all, [one, value]) => {
      const more = one.is(value)[one.field] as Masked<number>
      assert(one.field === field && (more.mask & all.mask) === 0, `${one.name} cannot stand beside the others`)
      return masked(all.value | more.value, all.mask | more.mask)
    },
    masked(0, 0),
  )
  return [field, whole]
}

/** A match on registers that are bits of one field: one match could not be spread into the other. */
export const isAll = (...held: readonly Held[]): Match => {
  const [field, whole] = together(held)
  return matchOn[field](whole) as Match
}

/** The action that loads registers that are bits of one field. */
export const setAll = (...held: readonly Held[]): Action => {
  const [field, { value, mask }] = together(held)
  return setField(field as 'reg0', value, mask)
}

/** The value of a register in the fields of a packet that came to the controller: what is not there is 0. */
export const valueIn = (fields: Readonly<Record<string, unknown>>, { field, bits }: Register): bigint => {
  const whole = field.startsWith('xxreg')
    ? [0, 1, 2, 3].reduce((value, i) => (value << 32n) | numberIn(fields, `reg${4 * Number(field.slice(5)) + i}`), 0n)
    : numberIn(fields, field)
  const [low, high] = bits ?? [0, 127]
  return (whole >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n)
}

const numberIn = (fields: Readonly<Record<string, unknown>>, name: string): bigint => {
  const value = fields[name]
  return typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : 0n
}
