// Registers by name in the text of a flow: `reg2=0x800/0x800` is `known=0x1` where the register of that name lives.
import type { Bridge, Pipeline } from '#compiler'
import type { Register } from '#flows/register'
import { registers } from '#flows/registers'

const MATCH = /\b(metadata|(?:xx)?reg\d+)=(0x[0-9a-f]+|\d+)(?:\/(0x[0-9a-f]+|\d+))?/g
const SET = /\bset_field:(0x[0-9a-f]+|\d+)(?:\/(0x[0-9a-f]+|\d+))?->(metadata|(?:xx)?reg\d+)\b/g
const PART = /\b(?:NXM_NX_((?:XX)?REG\d+)|OXM_OF_(METADATA))\[(?:(\d+)(?:\.\.(\d+))?)?\]/g

const maskOf = ({ bits }: Register): bigint | undefined =>
  bits && ((1n << BigInt(bits[1] - bits[0] + 1)) - 1n) << BigInt(bits[0])

const hex = (value: bigint) => `0x${value.toString(16)}`

/** Names the registers in the text of flows of a pipeline: give the table that a flow stands in. */
export const nameRegisters = (pipeline: Pipeline): ((bridge: Bridge, table: number, text: string) => string) => {
  const living = new Map<string, readonly Register[]>()
  const placeOf = (bridge: Bridge, name: string) => pipeline.tables.find(t => t.bridge === bridge && t.name === name)
  const lives = (register: Register, table: number) =>
    register.lives.some(([from, to]) => {
      const [first, last] = [from, to].map(name => placeOf(register.bridge, name)?.number ?? -1)
      return first! <= table && table <= last!
    })
  /** Of registers that share bits, those that live in a table; else those that live in the tables that lead to it. */
  const nearest = (bridge: Bridge, table: number, all: readonly Register[]) => {
    const here = all.filter(r => lives(r, table))
    if (here.length > 0) return here
    const leading = pipeline.tables.filter(t => t.bridge === bridge && t.next.some(next => next.number === table))
    const there = all.filter(r => leading.some(({ number }) => lives(r, number)))
    return there.length > 0 ? there : all
  }
  const registersOf = (bridge: Bridge, table: number, field: string) => {
    const key = `${bridge} ${table} ${field}`
    let found = living.get(key)
    if (found === undefined) {
      const all = registers.filter(r => r.bridge === bridge && r.field === field)
      found = all.length > 0 ? nearest(bridge, table, all) : wordOf(bridge, table, field)
      living.set(key, found)
    }
    return found
  }

  /** A word of a register of 128 bits: the lowest bears its name, which is all that there is of an IPv4 address. */
  const wordOf = (bridge: Bridge, table: number, field: string): readonly Register[] => {
    const number = Number(/^reg(\d+)$/.exec(field)?.[1] ?? -1)
    const wide = registers.filter(r => r.bridge === bridge && number >= 0 && r.field === `xxreg${number >> 2}`)
    const [whole] = nearest(bridge, table, wide)
    if (whole === undefined || whole.bits !== undefined) return []
    const low = (3 - (number & 3)) * 32
    return [{ ...whole, name: low === 0 ? whole.name : `${whole.name}[${low}..${low + 31}]` }]
  }

  /** `name=value` for each register that these bits are of; undefined where that is not plain. */
  const split = (found: readonly Register[], value: bigint, mask: bigint | undefined) => {
    let rest = mask
    const parts: { readonly name: string; readonly value: bigint; readonly mask: bigint | undefined }[] = []
    for (const register of found) {
      const own = maskOf(register)
      const low = BigInt(register.bits?.[0] ?? 0)
      if (own === undefined) return [{ name: register.name, value, mask }]
      if (mask === undefined) continue
      const bits = own & (rest ?? 0n)
      if (bits === 0n) continue
      parts.push({ name: register.name, value: (value & bits) >> low, mask: bits === own ? undefined : bits >> low })
      rest = (rest ?? 0n) & ~own
    }
    return rest === 0n && parts.length > 0 ? parts : undefined
  }

  return (bridge, table, text) =>
    text
      .replaceAll(MATCH, (whole, field: string, value: string, mask?: string) => {
        const parts = split(
          registersOf(bridge, table, field),
          BigInt(value),
          mask === undefined ? undefined : BigInt(mask),
        )
        return (
          parts?.map(p => `${p.name}=${hex(p.value)}${p.mask === undefined ? '' : `/${hex(p.mask)}`}`).join(',') ??
          whole
        )
      })
      .replaceAll(SET, (whole, value: string, mask: string | undefined, field: string) => {
        const parts = split(
          registersOf(bridge, table, field),
          BigInt(value),
          mask === undefined ? undefined : BigInt(mask),
        )
        return (
          parts
            ?.map(p => `set_field:${hex(p.value)}${p.mask === undefined ? '' : `/${hex(p.mask)}`}->${p.name}`)
            .join(',') ?? whole
        )
      })
      .replaceAll(PART, (whole, register?: string, metadata?: string, low?: string, high?: string) => {
        const field = (register ?? metadata ?? '').toLowerCase()
        const bits = low === undefined ? undefined : ([Number(low), Number(high ?? low)] as const)
        const found = registersOf(bridge, table, field).find(
          r =>
            (r.bits === undefined && bits === undefined) || (bits && r.bits?.[0] === bits[0] && r.bits[1] === bits[1]),
        )
        return found === undefined ? whole : `${found.name}[]`
      })
}
