// Registers by name, and the keys in them by the names of what they stand for: `source_port = web1` for `reg0 = 0x18`.
import type { AnyValue } from 'node-openflow/flow'
import type { Pipeline } from '#compiler'
import { chassis, chassisPort, networks, ports, type Reader, routers, securityGroups } from '#model'
import { type Place, placeOfBits } from './layout.ts'

/** A named register, as the pipeline declares it. */
export interface RegisterName {
  readonly name: string
  readonly bridge: string
  /** `reg0`, `reg3[0..15]`. */
  readonly part: string
  /** First and last table between which it has this meaning. */
  readonly lives: readonly (readonly [from: string, to: string])[]
  /** What a value, or the bits of a mask in it, says in words; undefined where it is a number or a key. */
  words(value: bigint, mask?: bigint): string | undefined
}

/** Where a name is asked for. */
export interface In {
  readonly bridge: string
  /** Number of the table. */
  readonly table: number
}

/** Tells names. */
export interface Names {
  /** A field, or bits of one, that an action wrote: its name, and its value in words. */
  set(at: In, field: string, value: AnyValue): readonly [name: string, value: string]
}

interface Known extends RegisterName {
  readonly place: Place
  /** Numbers of first and last tables. */
  readonly spans: readonly (readonly [number, number])[]
}

const first = ({ word, words, shift, bits }: Place) => 32 * (word + words) - shift - bits

/** Whether one place lies in another, and how many bits above its lowest. */
const within = (inner: Place, outer: Place): number | undefined => {
  const top = first(inner) - first(outer)
  const rest = outer.bits - inner.bits - top
  return top >= 0 && rest >= 0 ? rest : undefined
}

const isRegister = (field: string) => field === 'metadata' || /^x{0,2}reg\d+$/.test(field)

/** Names for a pipeline; with a model, keys too go by names. */
export const namesOf = (registers: readonly RegisterName[], pipeline: Pipeline, model?: Reader): Names => {
  const numberOf = (bridge: string, name: string) =>
    pipeline.tables.find(t => t.bridge === bridge && t.name === name)?.number
  const known: readonly Known[] = registers.map(register => ({
    ...register,
    place: placeOfBits(register.part).place,
    spans: register.lives.map(([from, to]) => [
      numberOf(register.bridge, from) ?? 0,
      numberOf(register.bridge, to) ?? 255,
    ]),
  }))
  const distance = (table: number, { spans }: Known) =>
    Math.min(...spans.map(([from, to]) => (table < from ? from - table : table > to ? table - to : 0)))
  const leadingTo = ({ bridge, table }: In) =>
    pipeline.tables.filter(t => t.bridge === bridge && t.next.some(next => next.number === table))
  /** Those of a bridge: the ones that live at a table, then those of tables that lead to it, as it is asked by them. */
  const namesAt = (at: In) => {
    const leading = leadingTo(at)
    const rank = (r: Known) =>
      distance(at.table, r) === 0
        ? 0
        : leading.some(({ number }) => distance(number, r) === 0)
          ? 1
          : 1 + distance(at.table, r)
    return known.filter(r => r.bridge === at.bridge).toSorted((a, b) => rank(a) - rank(b))
  }

  const showValue = ({ name, words }: RegisterName, value: bigint) =>
    words(value) ?? (model && keyName(model, name, value)) ?? showNumber(value)

  return {
    set: (at, field, value) => {
      const plain = typeof value === 'number' || typeof value === 'bigint'
      if (field === 'vlan_vid') return ['vlan', String(Number(value) & 0xfff)]
      if (!isRegister(field.replace(/\[.*$/, ''))) return [field, plain ? showNumber(BigInt(value)) : String(value)]
      const { place } = placeOfBits(field)
      const register = namesAt(at).find(r => within(place, r.place) !== undefined)
      const number = plain ? BigInt(value) : 0n
      if (register === undefined) return [field, hex(number)]
      const shift = within(place, register.place) as number
      if (place.bits === register.place.bits) return [register.name, showValue(register, number)]
      const bits = place.bits === 1 ? `${shift}` : `${shift}..${shift + place.bits - 1}`
      const [low, mask] = [BigInt(shift), (1n << BigInt(place.bits)) - 1n]
      return [`${register.name}[${bits}]`, register.words(number << low, mask << low) ?? showNumber(number)]
    },
  }
}

const hex = (value: bigint) => `0x${value.toString(16)}`
const showNumber = (value: bigint) => (value < 0x10000n ? String(value) : hex(value))

/** Registers that hold keys of ports. */
const PORT_KEYS = ['source_port', 'destination_port', 'judged_port', 'label_port', 'router_interface']

const holderOf = (model: Reader, register: string, unique: string) => {
  if (PORT_KEYS.includes(register)) return model.holder(ports, unique)
  if (register === 'network') return model.holder(networks, unique)
  if (register === 'group') return model.holder(securityGroups, unique)
  return register === 'router' ? model.holder(routers, unique) : undefined
}

/** The name of what a key stands for. */
const keyName = (model: Reader, register: string, key: bigint): string | undefined => {
  if (key === 0n) return undefined
  const unique = `key ${key}`
  if (register === 'destination_chassis') return model.holder(chassis, unique)?.id
  if (register === 'gateway') return model.holder(chassis, `key ${key - BigInt(chassisPort(0))}`)?.id
  const named = holderOf(model, register, unique)
  return named && (named.name || named.id)
}
