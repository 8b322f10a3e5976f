// How rows of actions are made: framing, padding and experimenters in one place, bodies from shapes.

import {
  brief,
  type Codec,
  EncodeError,
  type Reader,
  type Shape,
  struct,
  type ValueOf,
  type Writer,
} from '../wire/index.ts'
import type { Version } from './field.ts'
import { portFrom16, portTo16 } from './match-order.ts'

/** Whose action numbers: OpenFlow's, Nicira's (experimenter 0x2320), or ONF's (0x4f4e4600). */
export type Owner = 'standard' | 'nicira' | 'onf'

/** One way in which an action comes over the wire. */
export interface Form<T> {
  readonly owner: Owner
  readonly num: number
  /** The versions that have it. */
  readonly from: Version
  readonly to: Version
  /** Reads what follows the header; the window ends with the action. */
  read(r: Reader, version: Version): T
}

/** An action: the forms in which it is read, and how it is written. */
export interface ActionRow<T> {
  readonly forms: readonly Form<T>[]
  /** Writes the whole action, header and padding included. */
  write(w: Writer, action: T, version: Version): void
}

export const NICIRA = 0x2320
export const ONF = 0x4f4e4600

/** Starts a standard action; its length is filled in by `close`. */
export function open(w: Writer, num: number): number {
  const start = w.length
  w.u16(num)
  w.u16(0)
  return start
}

/** Starts an action of Nicira's. */
export function openNicira(w: Writer, num: number): number {
  const start = open(w, 0xffff)
  w.u32(NICIRA)
  w.u16(num)
  return start
}

/** Ends an action: pads it to 8 bytes and fills in its length. */
export function close(w: Writer, start: number): void {
  w.align8(start)
  w.patchU16(start + 2, w.length - start)
}

type Reads<T> = Form<T>['read']

/** A form with a hand-written body. */
export function standardForm<T>(num: number, read: Reads<T>, from: Version = 4, to: Version = 6): Form<T> {
  return { owner: 'standard', num, from, to, read }
}

/** A form of Nicira's with a hand-written body. */
export function niciraForm<T>(num: number, read: Reads<T>, from: Version = 4, to: Version = 6): Form<T> {
  return { owner: 'nicira', num, from, to, read }
}

function reader<S extends Shape>(shape: S, header: number): Reads<ValueOf<S>> {
  const codec = struct(shape)
  return r => {
    const value = codec.read(r)
    if (codec.size > 0 && r.remaining !== (8 - ((header + codec.size) & 7)) % 8) {
      r.fail('bad-length', `${r.remaining} bytes left in an action`)
    }
    return value
  }
}

/** A row for a standard action whose body is a shape. */
export function standard<S extends Shape>(num: number, shape: S, from: Version = 4): ActionRow<ValueOf<S>> {
  const codec = struct(shape)
  return {
    forms: [standardForm(num, reader(shape, 4), from)],
    write: (w, action, version) => {
      if (version < from) throw new EncodeError('bad-version', '', `no such action before OpenFlow 1.${from - 1}`)
      const start = open(w, num)
      codec.write(w, action)
      close(w, start)
    },
  }
}

/** A row for an action of Nicira's whose body is a shape. */
export function nicira<S extends Shape>(num: number, shape: S): ActionRow<ValueOf<S>> {
  const codec = struct(shape)
  return {
    forms: [niciraForm(num, reader(shape, 10))],
    write: (w, action) => {
      const start = openNicira(w, num)
      codec.write(w, action)
      close(w, start)
    },
  }
}

/** A port number in 16 bits; reserved ports are the numbers of OpenFlow 1.1 and later. */
export const port16: Codec<number> = {
  size: 2,
  read: r => portFrom16(r.u16()),
  write: (w, port) => w.u16(portTo16(port)),
}

/** A number that may go by a name. */
export function named<N extends string>(codec: Codec<number>, names: readonly N[]): Codec<N | number> {
  return {
    size: codec.size,
    read: r => {
      const number = codec.read(r)
      return names[number] ?? number
    },
    write: (w, value) => codec.write(w, typeof value === 'number' ? value : numberOf(names, value)),
  }
}

function numberOf<N extends string>(names: readonly N[], name: N): number {
  const number = names.indexOf(name)
  if (number < 0) throw new EncodeError('bad-value', '', `${brief(String(name))} is none of ${names.join(', ')}`)
  return number
}

/** The rest of the window must be zeros, as Open vSwitch wants it. */
export function zerosOnly(r: Reader): void {
  while (r.remaining > 0) {
    if (r.u8() !== 0) r.fail('bad-value', 'padding that is not zero', r.offset - 1)
  }
}
