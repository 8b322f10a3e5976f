// The learn action in text: what the learned flow has, and the things that it matches, loads and outputs to.

import { brief } from '../../wire/index.ts'
import type { AnyValue } from '../fields.ts'
import type { Learn, LearnSpec } from '../learn.ts'
import { type Bits, bitsOf, printSubfield } from '../subfield.ts'
import { fromInteger, integerOf, isMasked } from '../value.ts'
import { type Names, parseTable, printTable } from './names.ts'
import { bigOf, hex, integerIn, numberOf, pairs, refuse } from './pairs.ts'
import { parseSubfield, splitArrow } from './parts.ts'
import { parseValue, printValue } from './value.ts'

const DEFAULT_PRIORITY = 0x8000

const isWhole = (bits: Bits) => bits.offset === 0 && bits.count === bits.field.bits

function printSpec(spec: LearnSpec, names: Names | undefined): string {
  if ('output' in spec) return `output:${printSubfield(spec.output)}`
  const isLoad = 'load' in spec
  const dst = isLoad ? spec.load : spec.match
  const bits = bitsOf(dst)
  if (spec.value !== undefined) {
    const integer = integerOf(bits.field, spec.value)
    if (isLoad) return `load:${hex(integer)}->${printSubfield(dst)}`
    if (!isWhole(bits)) return `${printSubfield(dst)}=${hex(integer)}`
    return `${bits.field.name}=${printValue(bits.field, fromInteger(bits.field, integer), undefined, names)}`
  }
  const from = spec.from ?? dst
  if (isLoad) return `load:${printSubfield(from)}->${printSubfield(dst)}`
  const src = bitsOf(from)
  const isSame = src.field === bits.field && src.offset === bits.offset
  return isSame ? printSubfield(dst) : `${printSubfield(dst)}=${printSubfield(from)}`
}

/** `learn(…)`. */
export function printLearn(learn: Learn, names?: Names): string {
  const out = [`table=${printTable(learn.table ?? 1, names)}`]
  const add = (key: string, value: number | bigint | undefined) => value && out.push(`${key}=${value}`)
  add('idle_timeout', learn.idleTimeout)
  add('hard_timeout', learn.hardTimeout)
  add('fin_idle_timeout', learn.finIdleTimeout)
  add('fin_hard_timeout', learn.finHardTimeout)
  if ((learn.priority ?? DEFAULT_PRIORITY) !== DEFAULT_PRIORITY) out.push(`priority=${learn.priority}`)
  if (learn.sendFlowRem) out.push('send_flow_rem')
  if (learn.deleteLearned) out.push('delete_learned')
  if (learn.cookie) out.push(`cookie=${hex(learn.cookie)}`)
  add('limit', learn.limit)
  if (learn.resultDst !== undefined) out.push(`result_dst=${printSubfield(learn.resultDst)}`)
  for (const spec of learn.specs) out.push(printSpec(spec, names))
  return `learn(${out.join(',')})`
}

/** An immediate value as the codec gives it: a number up to 32 bits, a bigint beyond. */
function immediate(value: bigint, bits: Bits): AnyValue {
  if (value >> BigInt(bits.count) !== 0n) refuse(`${hex(value)} does not fit ${bits.count} bits of ${bits.field.name}`)
  return bits.count <= 32 ? Number(value) : value
}

function isSubfield(text: string): boolean {
  try {
    bitsOf(text)
    return true
  } catch {
    return false
  }
}

function parseMatchSpec(key: string, text: string, names: Names | undefined): LearnSpec {
  const match = parseSubfield(key)
  if (text === '') return { match }
  if (isSubfield(text)) {
    const from = parseSubfield(text)
    if (bitsOf(from).count !== bitsOf(match).count) refuse(`learn: ${key} and ${text} have different widths`)
    return from === match ? { match } : { match, from }
  }
  const bits = bitsOf(match)
  if (!isWhole(bits)) return { match, value: immediate(bigOf(text, bits.count, key), bits) }
  const value = parseValue(bits.field, text, names)
  if (value === undefined || isMasked(value)) refuse(`learn: no masks are taken here: ${brief(`${key}=${text}`)}`)
  return { match, value: immediate(integerOf(bits.field, value), bits) }
}

function parseLoadSpec(text: string): LearnSpec {
  const [source, target] = splitArrow('load', text)
  const load = parseSubfield(target)
  const bits = bitsOf(load)
  const integer = integerIn(source)
  if (integer !== undefined) return { load, value: immediate(integer, bits) }
  const from = parseSubfield(source)
  if (bitsOf(from).count !== bits.count) refuse(`learn: ${source} and ${target} have different widths`)
  return { load, from }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function setOption(learn: Mutable<Learn>, key: string, text: string, names: Names | undefined): boolean {
  const number = (bits: number) => numberOf(text, bits, key)
  if (key === 'table') learn.table = parseTable(text, names)
  else if (key === 'priority') learn.priority = number(16)
  else if (key === 'idle_timeout') learn.idleTimeout = number(16)
  else if (key === 'hard_timeout') learn.hardTimeout = number(16)
  else if (key === 'fin_idle_timeout') learn.finIdleTimeout = number(16)
  else if (key === 'fin_hard_timeout') learn.finHardTimeout = number(16)
  else if (key === 'cookie') learn.cookie = bigOf(text, 64, key)
  else if (key === 'limit') learn.limit = number(32)
  else if (key === 'send_flow_rem') learn.sendFlowRem = true
  else if (key === 'delete_learned') learn.deleteLearned = true
  else if (key === 'result_dst') learn.resultDst = parseSubfield(text)
  else return false
  return true
}

/** What stands in the parentheses of `learn(…)`. */
export function parseLearn(text: string, names?: Names): Learn {
  const learn: Mutable<Learn> = { table: 1, specs: [] }
  const specs: LearnSpec[] = []
  for (const { key, value } of pairs(text)) {
    if (setOption(learn, key, value, names)) continue
    if (key === 'load') specs.push(parseLoadSpec(value))
    else if (key === 'output') specs.push({ output: parseSubfield(value) })
    else specs.push(parseMatchSpec(key, value, names))
  }
  if (learn.priority === DEFAULT_PRIORITY) delete learn.priority
  if (learn.resultDst !== undefined && bitsOf(learn.resultDst).count !== 1) refuse('learn: result_dst must be one bit')
  learn.specs = specs
  return learn
}
