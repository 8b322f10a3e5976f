// The learn action (struct nx_action_learn and nx_action_learn2): a flow that packets make as they pass.

import { EncodeError, type Reader, type Writer, within } from '../wire/index.ts'
import { type ActionRow, close, niciraForm, openNicira } from './action-row.ts'
import type { AnyValue } from './fields.ts'
import { type Bits, bitsOf, readField, readSubfield, type Subfield, subfield, writeFieldHeader } from './subfield.ts'
import { integerOf } from './value.ts'

/**
 * One thing that a learned flow has: a match on the packet's own value of a field (or of another, `from`) or on a value;
 * a load of the packet's field or of a value; or an output to the port in a field.
 */
export type LearnSpec =
  | { readonly match: Subfield; readonly from?: Subfield; readonly value?: AnyValue }
  | { readonly load: Subfield; readonly from?: Subfield; readonly value?: AnyValue }
  | { readonly output: Subfield }

/** learn. Timeouts count seconds. */
export interface Learn {
  readonly table?: number
  readonly idleTimeout?: number
  readonly hardTimeout?: number
  readonly finIdleTimeout?: number
  readonly finHardTimeout?: number
  /** Missing: 32768. */
  readonly priority?: number
  readonly cookie?: bigint
  readonly sendFlowRem?: boolean
  /** Flows that were learned go when the learning flow goes. */
  readonly deleteLearned?: boolean
  /** The most flows that it may make; missing: any number. */
  readonly limit?: number
  /** A bit that is set if the flow was made (or was there), and cleared if the limit kept it out. */
  readonly resultDst?: Subfield
  readonly specs: readonly LearnSpec[]
  /** Written as learn2 though nothing needs it. */
  readonly form?: 'learn2'
}

const LEARN = 16
const LEARN2 = 45
const SEND_FLOW_REM = 1
const DELETE_LEARNED = 2
const WRITE_RESULT = 4
const IMMEDIATE = 1 << 13
const LOAD = 1 << 11
const OUTPUT = 2 << 11
const RESERVED = 3 << 11
const COUNT = 0x3ff
const DEFAULT_PRIORITY = 0x8000

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function readHead(r: Reader): { learn: Mutable<Learn>; flags: number } {
  const learn: Mutable<Learn> = { specs: [] }
  const idleTimeout = r.u16()
  const hardTimeout = r.u16()
  const priority = r.u16()
  const cookie = r.u64()
  const flags = r.u16()
  learn.table = r.u8()
  r.skip(1)
  const finIdleTimeout = r.u16()
  const finHardTimeout = r.u16()
  if (idleTimeout) learn.idleTimeout = idleTimeout
  if (hardTimeout) learn.hardTimeout = hardTimeout
  if (finIdleTimeout) learn.finIdleTimeout = finIdleTimeout
  if (finHardTimeout) learn.finHardTimeout = finHardTimeout
  if (priority !== DEFAULT_PRIORITY) learn.priority = priority
  if (cookie) learn.cookie = cookie
  if (flags & SEND_FLOW_REM) learn.sendFlowRem = true
  if (flags & DELETE_LEARNED) learn.deleteLearned = true
  return { learn, flags }
}

function readSpecs(r: Reader): readonly LearnSpec[] {
  const specs: LearnSpec[] = []
  while (r.remaining >= 2) {
    const at = r.offset
    const header = r.u16()
    if (header === 0) break
    const count = header & COUNT
    if (header & 0xc000 || (header & RESERVED) === RESERVED)
      r.fail('bad-value', `learn: a spec 0x${header.toString(16)}`, at)
    if (header & IMMEDIATE) specs.push(readImmediate(r, header, count))
    else specs.push(readCopied(r, header, count))
  }
  while (r.remaining > 0) if (r.u8() !== 0) r.fail('bad-value', 'padding that is not zero', r.offset - 1)
  return specs
}

function readPart(r: Reader, count: number): Subfield {
  const at = r.offset
  const { field, length } = readField(r)
  const offset = r.u16()
  const all = field.kind === 'bytes' ? 8 * length : field.bits
  if (count === 0 || offset + count > all) r.fail('bad-value', `bits from ${offset} on of ${field.name}`, at)
  return subfield(field, offset, count, length)
}

function readImmediate(r: Reader, header: number, count: number): LearnSpec {
  if (header & OUTPUT) r.fail('bad-value', 'learn: an output to a constant', r.offset - 2)
  const wide = r.uint(2 * Math.ceil(count / 16))
  const bits = wide & ((1n << BigInt(count)) - 1n)
  const value = count <= 32 ? Number(bits) : bits
  const part = readPart(r, count)
  return header & LOAD ? { load: part, value } : { match: part, value }
}

function readCopied(r: Reader, header: number, count: number): LearnSpec {
  const from = readPart(r, count)
  if (header & OUTPUT) return { output: from }
  const part = readPart(r, count)
  if (header & LOAD) return { load: part, from }
  return part === from ? { match: part } : { match: part, from }
}

function writePart(w: Writer, bits: Bits): void {
  if ((bits.field.codes[0]?.cls ?? 0xffff) === 0xffff) {
    throw new EncodeError('bad-type', '', `learn has no room for ${bits.field.name}`)
  }
  writeFieldHeader(w, bits, 0)
  w.u16(bits.offset)
}

function writeSpec(w: Writer, spec: LearnSpec): void {
  if ('output' in spec) {
    const src = bitsOf(spec.output)
    w.u16(OUTPUT | src.count)
    writePart(w, src)
    return
  }
  const isLoad = 'load' in spec
  const dst = bitsOf(isLoad ? spec.load : spec.match)
  const kind = isLoad ? LOAD : 0
  if (spec.value === undefined) {
    const src = spec.from === undefined ? dst : bitsOf(spec.from)
    if (src.count !== dst.count) {
      throw new EncodeError('bad-value', 'from', `${src.count} bits are to go into ${dst.count}`)
    }
    w.u16(kind | src.count)
    writePart(w, src)
  } else {
    const value = integerOf(dst.field, spec.value)
    if (value < 0n || value >> BigInt(dst.count) !== 0n) {
      throw new EncodeError('bad-value', 'value', `${String(spec.value)} does not fit ${dst.count} bits`)
    }
    w.u16(IMMEDIATE | kind | dst.count)
    w.uint(value, 2 * Math.ceil(dst.count / 16))
  }
  writePart(w, dst)
}

/** learn. */
export const learnRow: ActionRow<Learn> = {
  forms: [
    niciraForm(LEARN, r => {
      const { learn, flags } = readHead(r)
      if (flags & ~3) r.fail('bad-value', `learn: flags 0x${flags.toString(16)}`)
      learn.specs = readSpecs(r)
      return learn
    }),
    niciraForm(LEARN2, r => {
      const { learn, flags } = readHead(r)
      if (flags & ~7) r.fail('bad-value', `learn: flags 0x${flags.toString(16)}`)
      const limit = r.u32()
      const resultOffset = r.u16()
      r.skip(2)
      if (limit) learn.limit = limit
      if (flags & WRITE_RESULT) learn.resultDst = readSubfield(r, resultOffset, 1)
      if (!limit && !learn.resultDst) learn.form = 'learn2'
      learn.specs = readSpecs(r)
      return learn
    }),
  ],
  write: (w, learn) => {
    const isLearn2 = learn.form === 'learn2' || (learn.limit ?? 0) !== 0 || learn.resultDst !== undefined
    const start = openNicira(w, isLearn2 ? LEARN2 : LEARN)
    w.u16(learn.idleTimeout ?? 0)
    w.u16(learn.hardTimeout ?? 0)
    w.u16(learn.priority ?? DEFAULT_PRIORITY)
    w.u64(learn.cookie ?? 0n)
    const result = learn.resultDst === undefined ? undefined : bitsOf(learn.resultDst)
    const flags = (learn.sendFlowRem ? SEND_FLOW_REM : 0) | (learn.deleteLearned ? DELETE_LEARNED : 0)
    w.u16(flags | (result ? WRITE_RESULT : 0))
    w.u8(learn.table ?? 1)
    w.zeros(1)
    w.u16(learn.finIdleTimeout ?? 0)
    w.u16(learn.finHardTimeout ?? 0)
    if (isLearn2) {
      w.u32(learn.limit ?? 0)
      w.u16(result?.offset ?? 0)
      w.zeros(2)
      if (result) writeFieldHeader(w, result, 0)
    }
    for (let i = 0; i < learn.specs.length; i++) {
      try {
        writeSpec(w, learn.specs[i] as LearnSpec)
      } catch (error) {
        throw within(`specs[${i}]`, error)
      }
    }
    close(w, start)
  },
}
