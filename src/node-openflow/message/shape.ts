// What message bodies are made of beyond wire's codecs: shapes with optional members, numbers that have names,
// sets of bits, lists with their own lengths, and the property lists of OpenFlow 1.3 and later.

import type { Codec, Reader, Shape, Writer } from '../wire/index.ts'
import { EncodeError, within } from '../wire/index.ts'

/** A codec for a member that may be missing: `absent` is written for it. */
export interface Optional<T> extends Codec<T> {
  readonly absent: T
  /** The member is there when read even if it equals `absent`. */
  readonly shown?: boolean
}

/** Leaves a member out when it equals `absent`, and writes `absent` when it is left out. */
export function optional<T>(codec: Codec<T>, absent: T): Optional<T> {
  return { ...codec, absent }
}

/** A member that is always there when read, and `value` where it is left out when written. */
export function preset<T>(codec: Codec<T>, value: T): Optional<T> {
  return { ...codec, absent: value, shown: true }
}

/** A member that is left out while it is zero. */
export function nonzero(codec: Codec<number>): Optional<number> {
  return optional(codec, 0)
}

type OptionalNames<S> = {
  [K in keyof S]: K extends `_${string}` ? never : S[K] extends Optional<unknown> ? K : never
}[keyof S]
type PlainNames<S> = {
  [K in keyof S]: K extends `_${string}` ? never : S[K] extends Optional<unknown> ? never : K
}[keyof S]
type In<C> = C extends Codec<infer T> ? T : never

/** The object that `record(shape)` reads and writes; optional members are optional keys. */
export type RecordOf<S extends Shape> = { readonly [K in PlainNames<S>]: In<S[K]> } & {
  readonly [K in OptionalNames<S>]?: In<S[K]>
}

/** `struct` with optional members. */
export function record<S extends Shape>(shape: S): Codec<RecordOf<S>> {
  const names = Object.keys(shape)
  const codecs = Object.values(shape)
  const size = codecs.every(c => c.size > 0) ? codecs.reduce((sum, c) => sum + c.size, 0) : 0
  const isPad = names.map(name => name.startsWith('_'))
  return {
    size,
    read: r => {
      const value: Record<string, unknown> = {}
      for (let i = 0; i < codecs.length; i++) {
        const codec = codecs[i] as Optional<unknown>
        const v = codec.read(r)
        if (!isPad[i] && (v !== codec.absent || codec.shown)) value[names[i] as string] = v
      }
      return value as RecordOf<S>
    },
    write: (w, value) => {
      for (let i = 0; i < codecs.length; i++) {
        const codec = codecs[i] as Optional<unknown>
        const v = (value as Record<string, unknown>)[names[i] as string] ?? codec.absent
        try {
          codec.write(w, v)
        } catch (error) {
          throw within(names[i] as string, error)
        }
      }
    },
  }
}

/** A number that goes by a name; numbers without one stay numbers, both ways. */
export function oneOf<N extends string>(codec: Codec<number>, names: { readonly [K in N]: number }): Codec<N | number> {
  const byNumber = new Map<number, N>()
  for (const [name, number] of Object.entries(names) as [N, number][]) {
    if (!byNumber.has(number)) byNumber.set(number, name)
  }
  return {
    size: codec.size,
    read: r => {
      const number = codec.read(r)
      return byNumber.get(number) ?? number
    },
    write: (w, value) => codec.write(w, typeof value === 'number' ? value : numberOf(names, value)),
  }
}

function numberOf<N extends string>(names: { readonly [K in N]: number }, value: N): number {
  const number: number | undefined = Object.hasOwn(names, value) ? names[value] : undefined
  if (number === undefined) {
    const known = Object.keys(names).join(', ')
    if (value === undefined) throw new EncodeError('missing', '', `one of ${known} is missing`)
    throw new EncodeError('bad-value', '', `${JSON.stringify(value)} is none of ${known}`)
  }
  return number
}

/** A set of bits: the names of those that are set; set bits without a name appear as numbers. */
export type BitSet<N extends string> = readonly (N | number)[]

/** A codec for bits with names, each given by its value (1, 2, 4, …). */
export function bits<N extends string>(codec: Codec<number>, names: { readonly [K in N]: number }): Codec<BitSet<N>> {
  const entries = Object.entries(names) as [N, number][]
  return {
    size: codec.size,
    read: r => readBits(codec.read(r), entries),
    write: (w, value) => {
      let number = 0
      if (value) for (const v of value) number |= typeof v === 'number' ? v : numberOf(names, v)
      codec.write(w, number >>> 0)
    },
  }
}

function readBits<N extends string>(number: number, entries: readonly (readonly [N, number])[]): BitSet<N> {
  if (number === 0) return []
  const set: (N | number)[] = []
  let rest = number
  for (const [name, bit] of entries) {
    if (number & bit) {
      set.push(name)
      rest &= ~bit
    }
  }
  for (let bit = 1; rest !== 0; bit <<= 1) {
    if (rest & bit) {
      set.push(bit >>> 0)
      rest &= ~bit
    }
  }
  return set
}

/** Where an item says how long it is: `at` bytes into it stands a 16-bit length that counts the whole item. */
export function sized<T>(at: number, item: Codec<T>): Codec<T> {
  return {
    size: 0,
    read: r => {
      const start = r.at
      if (r.remaining < at + 2) r.fail('truncated', `an item of ${r.remaining} bytes`)
      const length = ((r.data[start + at] as number) << 8) | (r.data[start + at + 1] as number)
      if (length < at + 2) r.fail('bad-length', `an item of ${length} bytes`)
      if (length > r.remaining) r.fail('truncated', `an item of ${length} bytes where ${r.remaining} are left`)
      const window = r.sub(length)
      const value = item.read(window)
      if (window.remaining > 0) window.fail('bad-length', `${window.remaining} bytes too many in an item`)
      return value
    },
    write: (w, value) => {
      const start = w.length
      item.write(w, value)
      w.patchU16(start + at, w.length - start)
    },
  }
}

/** Two bytes for a length that `sized` checks and fills in. */
export const length16: Codec<undefined> = { size: 2, read: r => void r.skip(2), write: w => w.zeros(2) }

/** Everything up to the end of the window must have been read. */
export function exhausted(r: Reader, what: string): void {
  if (r.remaining > 0) r.fail('bad-length', `${r.remaining} bytes too many in ${what}`)
}

/** An experimenter's property: kept as it came. */
export interface ExperimenterProperty {
  readonly type: 'experimenter'
  /** The other property code for experimenters, where a list has two (0xfffe). */
  readonly code?: number
  readonly experimenter: number
  readonly expType: number
  readonly data: Uint8Array
}

/** A property whose number is not known: kept as it came. */
export interface UnknownProperty {
  readonly type: 'unknown'
  readonly code: number
  readonly data: Uint8Array
}

/** Property rows: the name by which a property goes, its number, and what follows its 4-byte header. */
export interface PropertyRows {
  readonly [name: string]: { readonly code: number; readonly body: Codec<unknown> }
}

/** The members of a list of properties, told apart by `type`. */
export type PropertyOf<R extends PropertyRows> =
  | {
      [K in keyof R & string]: { readonly type: K } & (R[K]['body'] extends Codec<infer T>
        ? T extends undefined
          ? object
          : T
        : never)
    }[keyof R & string]
  | ExperimenterProperty
  | UnknownProperty

/** A property row. */
export function property<T>(code: number, body: Codec<T>): { readonly code: number; readonly body: Codec<T> } {
  return { code, body }
}

/**
 * Properties up to the end of the window, in the order of the wire: 16-bit type, 16-bit length without the padding,
 * padding to 8 bytes. Numbers from `firstExperimenter` on are experimenters'.
 */
export function properties<R extends PropertyRows>(
  rows: R,
  firstExperimenter = 0xffff,
  alignment: 1 | 8 = 8,
): Codec<readonly PropertyOf<R>[]> {
  const byCode = new Map<number, [string, Codec<unknown>]>()
  for (const [name, row] of Object.entries(rows)) byCode.set(row.code, [name, row.body])
  return {
    size: 0,
    read: r => {
      const list: PropertyOf<R>[] = []
      while (r.remaining > 0) {
        const { code, body } = openProperty(r, alignment)
        list.push(readProperty(code, body, byCode, firstExperimenter) as PropertyOf<R>)
      }
      return list
    },
    write: (w, list) => {
      for (let i = 0; i < list.length; i++) {
        try {
          writeProperty(w, list[i] as PropertyOf<R> & { type: string }, rows, firstExperimenter, alignment)
        } catch (error) {
          throw within(`[${i}]`, error)
        }
      }
    },
  }
}

/** Reads a property's header and gives its body; the reader goes on after the padding. */
export function openProperty(r: Reader, alignment: 1 | 8 = 8): { code: number; body: Reader } {
  const code = r.u16()
  const length = r.u16()
  if (length < 4) r.fail('bad-length', `a property of ${length} bytes`)
  const body = r.sub(length - 4)
  if (alignment === 8) r.skip((8 - (length & 7)) & 7)
  return { code, body }
}

/** Writes a property: its header, what `body` writes, and the padding. */
export function putProperty(w: Writer, code: number, body: (w: Writer) => void, alignment: 1 | 8 = 8): void {
  const start = w.length
  w.u16(code)
  w.u16(0)
  body(w)
  w.patchU16(start + 2, w.length - start)
  if (alignment === 8) w.align8(start)
}

function readProperty(
  code: number,
  body: Reader,
  byCode: ReadonlyMap<number, [string, Codec<unknown>]>,
  firstExperimenter: number,
): unknown {
  const row = byCode.get(code)
  if (row) {
    const value = row[1].read(body)
    exhausted(body, `property ${row[0]}`)
    return { type: row[0], ...(value as object) }
  }
  if (code < firstExperimenter) return { type: 'unknown', code, data: body.rest() }
  const experimenter = body.u32()
  const expType = body.u32()
  const which = code === 0xffff ? {} : { code }
  return { type: 'experimenter', ...which, experimenter, expType, data: body.rest() }
}

function writeProperty(
  w: Writer,
  value: { type: string },
  rows: PropertyRows,
  firstExperimenter: number,
  alignment: 1 | 8,
) {
  const row = Object.hasOwn(rows, value.type) ? rows[value.type] : undefined
  if (row) return putProperty(w, row.code, () => row.body.write(w, value), alignment)
  if (value.type === 'experimenter') {
    const p = value as ExperimenterProperty
    return putProperty(w, p.code ?? Math.max(firstExperimenter, 0xffff), () => {
      w.u32(p.experimenter)
      w.u32(p.expType)
      w.bytes(p.data)
    })
  }
  if (value.type === 'unknown') {
    const p = value as UnknownProperty
    return putProperty(w, p.code, () => w.bytes(p.data), alignment)
  }
  const known = [...Object.keys(rows), 'experimenter', 'unknown'].join(', ')
  throw new EncodeError('bad-type', 'type', `${JSON.stringify(value.type)} is none of ${known}`)
}
