// Codecs as values: small ones for numbers, addresses and bytes, and `struct`, which makes one from an ordered shape.
// The TypeScript type of what a shape reads and writes is inferred from it.

import { readIpv4, readIpv6, readMac, writeIpv4, writeIpv6, writeMac } from './address.ts'
import { EncodeError, within } from './errors.ts'
import type { Reader } from './reader.ts'
import { decodeText, encodeText } from './text.ts'
import type { Writer } from './writer.ts'

/** Both directions of one form. `size` is its bytes on the wire, or 0 where it varies. */
export interface Codec<T> {
  readonly size: number
  read(r: Reader): T
  write(w: Writer, value: T): void
}

/** An ordered shape: names to codecs. Names starting with `_` are padding and appear in no value. */
export interface Shape {
  readonly [name: string]: Codec<unknown>
}

type Named<S> = { [K in keyof S]: K extends `_${string}` ? never : K }[keyof S]

/** The plain object that a shape reads and writes. */
export type ValueOf<S extends Shape> = { readonly [K in Named<S>]: S[K] extends Codec<infer T> ? T : never }

export const u8: Codec<number> = { size: 1, read: r => r.u8(), write: (w, v) => w.u8(v) }
export const u16: Codec<number> = { size: 2, read: r => r.u16(), write: (w, v) => w.u16(v) }
export const u32: Codec<number> = { size: 4, read: r => r.u32(), write: (w, v) => w.u32(v) }
export const u64: Codec<bigint> = { size: 8, read: r => r.u64(), write: (w, v) => w.u64(v) }
export const mac: Codec<string> = { size: 6, read: readMac, write: writeMac }
export const ipv4: Codec<string> = { size: 4, read: readIpv4, write: writeIpv4 }
export const ipv6: Codec<string> = { size: 16, read: readIpv6, write: writeIpv6 }

/** Padding: skipped when read, zeros when written. */
export function pad(length: number): Codec<undefined> {
  return { size: length, read: r => void r.skip(length), write: w => w.zeros(length) }
}

/** All bytes up to the end of the window. */
export const rest: Codec<Uint8Array> = { size: 0, read: r => r.rest(), write: (w, v) => w.bytes(v) }

/** A text in `length` bytes, filled up with NULs; with `terminated`, at least one NUL stays. */
export function text(length: number, terminated = true): Codec<string> {
  return {
    size: length,
    read: r => {
      const raw = r.bytes(length)
      const nul = raw.indexOf(0)
      return decodeText(nul < 0 ? raw : raw.subarray(0, nul))
    },
    write: (w, v) => {
      const raw = encodeText(v)
      const room = terminated ? length - 1 : length
      if (raw.length > room) throw new EncodeError('too-long', '', `${raw.length} bytes of text where ${room} fit`)
      w.bytes(raw)
      w.zeros(length - raw.length)
    },
  }
}

/** As many of `item` as fit the window. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    size: 0,
    read: r => {
      const values: T[] = []
      while (r.remaining > 0) {
        const before = r.at
        values.push(item.read(r))
        if (r.at === before) r.fail('bad-length', 'an item of no bytes')
      }
      return values
    },
    write: (w, values) => {
      for (let i = 0; i < values.length; i++) {
        try {
          item.write(w, values[i] as T)
        } catch (error) {
          throw within(`[${i}]`, error)
        }
      }
    },
  }
}

/** A codec for a shape: its fields one after the other, in the order they are written down. */
export function struct<S extends Shape>(shape: S): Codec<ValueOf<S>> {
  const names = Object.keys(shape)
  const codecs = Object.values(shape)
  const count = names.length
  const isPad = names.map(name => name.startsWith('_'))
  const blank = Object.fromEntries(names.filter((_, i) => !isPad[i]).map(name => [name, undefined]))
  const size = codecs.every(c => c.size > 0) ? codecs.reduce((sum, c) => sum + c.size, 0) : 0
  return {
    size,
    read: r => {
      const value: Record<string, unknown> = { ...blank }
      for (let i = 0; i < count; i++) {
        const v = (codecs[i] as Codec<unknown>).read(r)
        if (!isPad[i]) value[names[i] as string] = v
      }
      return value as ValueOf<S>
    },
    write: (w, value) => {
      let i = 0
      try {
        for (; i < count; i++)
          (codecs[i] as Codec<unknown>).write(w, (value as Record<string, unknown>)[names[i] as string])
      } catch (error) {
        throw within(names[i] as string, error)
      }
    },
  }
}
