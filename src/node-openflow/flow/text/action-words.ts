// What follows the word of an action, for each action that takes more than a number.

import { brief } from '../../wire/index.ts'
import type { Action, ActionOf } from '../actions.ts'
import { type EncapProperty, packetTypes } from '../encap.ts'
import { fieldOf } from '../field.ts'
import type { AnyValue } from '../fields.ts'
import type { ToController } from '../forwarding.ts'
import { portTo16 } from '../match-order.ts'
import { CONTROLLER, IN_PORT } from '../ports.ts'
import { bitsOf, type Subfield } from '../subfield.ts'
import { fromInteger, isMasked, type Masked } from '../value.ts'
import { findPort, type Names, parsePort, parseTable } from './names.ts'
import { bigOf, numberOf, type Pair, pairs, refuse } from './pairs.ts'
import { NEXT_PROTOCOL, parseBytes, parseSubfield, splitArrow } from './parts.ts'
import { parseValue } from './value.ts'

/** output: to a port, to a field, or cut short. */
export function parseOutput(value: string, names: Names | undefined): Action {
  if (value.includes('port') && value.includes('max_len')) {
    const parts = new Map(pairs(value).map(pair => [pair.key, pair.value]))
    const maxLen = numberOf(parts.get('max_len') ?? '', 32, 'max_len')
    return { type: 'output_trunc', port: parsePort(parts.get('port') ?? '', names), maxLen }
  }
  const port = findPort(value, names)
  return { type: 'output', port: port ?? parseSubfieldOr(value, 'a port') }
}

function parseSubfieldOr(text: string, what: string): Subfield {
  try {
    return parseSubfield(text)
  } catch {
    refuse(`${brief(text)} is neither ${what} nor a field`)
  }
}

const reasons = ['no_match', 'action', 'invalid_ttl', 'action_set', 'group', 'packet_out'] as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** controller, which without more is an output. */
export function parseController(text: string): Action {
  if (text === '') return { type: 'output', port: CONTROLLER }
  const action: Mutable<ToController> = {}
  if (/^\d+$/.test(text)) action.maxLen = numberOf(text, 16, 'max_len')
  else for (const pair of pairs(text)) setControllerPart(action, pair)
  if (action.maxLen === 0xffff) delete action.maxLen
  const { maxLen, ...rest } = action
  if (Object.keys(rest).length > 0) return { type: 'controller', ...action }
  return { type: 'output', port: CONTROLLER, ...(maxLen !== undefined && { maxLen }) }
}

function setControllerPart(action: Mutable<ToController>, { key, value }: Pair): void {
  if (key === 'reason') {
    const reason = reasons.find(name => name === value.toLowerCase()) ?? numberOf(value, 8, 'a reason')
    if (reason !== 'action' && reason !== 1) action.reason = reason
  } else if (key === 'max_len') action.maxLen = numberOf(value, 16, key)
  else if (key === 'id') {
    const id = numberOf(value, 16, key)
    if (id !== 0) action.id = id
  } else if (key === 'userdata') action.userdata = parseBytes(value)
  else if (key === 'pause') action.pause = true
  else if (key === 'meter_id') action.meterId = numberOf(value, 32, key)
  else refuse(`controller has no part ${brief(key)}`)
}

const hashFields = [
  ...(['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'] as const),
]

function oneOf<const T extends string>(names: readonly T[], text: string | undefined, what: string): T {
  return (
    names.find(name => name === text?.toLowerCase()) ??
    refuse(`${what} is one of ${names.join(', ')}, not ${brief(text ?? '')}`)
  )
}

/** bundle and bundle_load. */
export function parseBundle(text: string, isLoad: boolean, names: Names | undefined): Action {
  const [head, tail] = text.split(/(?:members|slaves):/i)
  if (tail === undefined) refuse(`bundle: "members:" is missing in ${brief(text)}`)
  const [fields, basis, algorithm, kind, dst] = (head as string).split(/[, ]+/).filter(Boolean)
  oneOf(['ofport'], kind, 'the type of a member')
  return {
    type: 'bundle',
    fields: oneOf(hashFields, fields, 'what is hashed'),
    basis: numberOf(basis ?? '', 16, 'the basis'),
    algorithm: oneOf(['active_backup', 'hrw'], algorithm, 'the algorithm'),
    members: tail
      .split(/[, [\]]+/)
      .filter(Boolean)
      .map(port => parsePort(port, names)),
    ...(isLoad && { dst: parseSubfield(dst ?? '') }),
  }
}

/** multipath. */
export function parseMultipath(text: string): Action {
  const [fields, basis, algorithm, links, arg, dst] = text.split(/[, ]+/).filter(Boolean)
  if (dst === undefined) refuse(`multipath has six parts: ${brief(text)}`)
  const count = Number(links)
  if (!(count >= 1 && count <= 65536)) refuse(`multipath: from 1 to 65536 links, not ${links}`)
  return {
    type: 'multipath',
    fields: oneOf(hashFields, fields, 'what is hashed'),
    basis: numberOf(basis ?? '', 16, 'the basis'),
    algorithm: oneOf(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'], algorithm, 'the algorithm'),
    links: count,
    arg: numberOf(arg ?? '', 32, 'the argument'),
    dst: parseSubfield(dst),
  }
}

/** A tunnel option as short as its digits, which is how Open vSwitch writes it in actions. */
function trimmed(value: AnyValue | Masked | undefined): AnyValue | Masked | undefined {
  const [bits, mask] = isMasked(value) ? [value.value, value.mask] : [value, undefined]
  if (!(bits instanceof Uint8Array)) return value
  let start = 0
  while (start < bits.length - 1 && bits[start] === 0 && !(mask as Uint8Array | undefined)?.[start]) start++
  if (mask === undefined) return bits.slice(start)
  return { value: bits.slice(start), mask: (mask as Uint8Array).slice(start) }
}

/** set_field. */
export function parseSetField(text: string, names: Names | undefined): Action {
  const [source, target] = splitArrow('set_field', text)
  const field = fieldOf(target)
  const value = trimmed(parseValue(field, source, names))
  if (value === undefined) refuse(`set_field: ${brief(source)} leaves out every bit`)
  if (isMasked(value)) return { type: 'set_field', field: field.name, value: value.value, mask: value.mask }
  // In an action, NXM_OF_IN_PORT is a port of 16 bits; in a match it is the same field as OXM_OF_IN_PORT.
  return { type: 'set_field', field: field.name, value: field.name === 'in_port' ? portTo16(Number(value)) : value }
}

/** load: a set_field where more than 64 bits are written, which no load holds. */
export function parseLoad(text: string): Action {
  const [source, target] = splitArrow('load', text)
  const dst = parseSubfield(target)
  const { field, offset, count } = bitsOf(dst)
  const value = bigOf(source, count, dst)
  if (count <= 64) return { type: 'load', dst, value }
  const bits = { value: fromInteger(field, value << BigInt(offset)) }
  if (count === field.bits) {
    return { type: 'set_field', field: field.name, value: trimmed(bits.value) as AnyValue, form: 'load2' }
  }
  const mask = fromInteger(field, ((1n << BigInt(count)) - 1n) << BigInt(offset))
  const short = trimmed({ value: bits.value, mask }) as Masked
  return { type: 'set_field', field: field.name, value: short.value, mask: short.mask, form: 'load2' }
}

/** move. */
export function parseMove(text: string): Action {
  const [source, target] = splitArrow('move', text)
  const [src, dst] = [parseSubfield(source), parseSubfield(target)]
  if (bitsOf(src).count !== bitsOf(dst).count) refuse(`move: ${source} and ${target} have different widths`)
  return { type: 'move', src, dst }
}

/** resubmit. */
export function parseResubmit(text: string, names: Names | undefined): Action {
  const [port = '', table = '', ct = ''] = text.split(',').map(part => part.trim())
  if (ct !== '' && ct !== 'ct') refuse(`resubmit has no part ${brief(ct)}`)
  if (port === '' && table === '') refuse('resubmit needs a port or a table')
  const action: Mutable<ActionOf<'resubmit'>> = { type: 'resubmit' }
  const number = port === '' ? IN_PORT : parsePort(port, names)
  if (number !== IN_PORT) action.port = number
  if (table !== '') action.table = parseTable(table, names)
  if (ct !== '') action.ct = true
  return action
}

function parseEncapProperty({ key, value }: Pair): EncapProperty {
  if (key === 'md_type') return { type: 'md_type', mdType: numberOf(value, 8, key) }
  const found = key === 'tlv' ? /^\s*(\w+)\s*,\s*(\w+)\s*,\s*0x([0-9a-f]*)$/i.exec(value) : null
  if (!found) refuse(`encap: ${brief(`${key}(${value})`)} is no property such as md_type=1 or tlv(0x1000,10,0x1234)`)
  const [, tlvClass, tlvType, digits] = found as unknown as [string, string, string, string]
  const data = parseBytes(digits.length % 2 ? `0${digits}` : digits)
  return { type: 'tlv', tlvClass: numberOf(tlvClass, 16, 'class'), tlvType: numberOf(tlvType, 8, 'type'), data }
}

/** encap. */
export function parseEncap(text: string): Action {
  const [header, ...more] = pairs(text)
  if (!header || more.length > 0) refuse(`encap takes one header: ${brief(text)}`)
  const packetType =
    (packetTypes as { readonly [name: string]: number | undefined })[header.key] ?? numberOf(header.key, 32, 'a header')
  const properties = pairs(header.value).map(parseEncapProperty)
  return { type: 'encap', packetType, ...(properties.length > 0 && { properties }) }
}

/** decap. */
export function parseDecap(text: string): Action {
  if (text.trim() === '') return { type: 'decap', packetType: NEXT_PROTOCOL }
  const [pair] = pairs(text)
  const parts = new Map(pairs(pair?.value ?? '').map(({ key, value }) => [key, value]))
  if (pair?.key !== 'packet_type') refuse(`decap: ${brief(text)} is not packet_type(ns=…,type=…)`)
  const namespace = numberOf(parts.get('ns') ?? '', 16, 'ns')
  return { type: 'decap', packetType: ((namespace << 16) | numberOf(parts.get('type') ?? '', 16, 'type')) >>> 0 }
}

/** sample. */
export function parseSample(text: string, names: Names | undefined): Action {
  const action: Mutable<ActionOf<'sample'>> = {
    type: 'sample',
    probability: 0,
    collectorSetId: 0,
    obsDomainId: 0,
    obsPointId: 0,
  }
  for (const { key, value } of pairs(text)) {
    if (key === 'probability') action.probability = numberOf(value, 16, key)
    else if (key === 'collector_set_id') action.collectorSetId = numberOf(value, 32, key)
    else if (key === 'obs_domain_id') action.obsDomainId = numberOf(value, 32, key)
    else if (key === 'obs_point_id') action.obsPointId = numberOf(value, 32, key)
    else if (key === 'sampling_port') action.samplingPort = parsePort(value, names)
    else if (key === 'ingress' || key === 'egress') action.direction = key
    else refuse(`sample has no part ${brief(key)}`)
  }
  if (action.probability === 0) refuse('sample needs a probability above 0')
  return action
}

/** fin_timeout. */
export function parseFinTimeout(text: string): Action {
  const action = { type: 'fin_timeout', idleTimeout: 0, hardTimeout: 0 } as const
  const parts: { idleTimeout?: number; hardTimeout?: number } = {}
  for (const { key, value } of pairs(text)) {
    if (key === 'idle_timeout') parts.idleTimeout = numberOf(value, 16, key)
    else if (key === 'hard_timeout') parts.hardTimeout = numberOf(value, 16, key)
    else refuse(`fin_timeout has no part ${brief(key)}`)
  }
  return { ...action, ...parts }
}

/** conjunction. */
export function parseConjunction(text: string): Action {
  const found = /^\s*(\w+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text)
  if (!found) refuse(`conjunction is conjunction(id,k/n), not ${brief(text)}`)
  const [clause, clauses] = [Number(found[2]), Number(found[3])]
  if (clauses < 2 || clauses > 64) refuse(`conjunction: from 2 to 64 clauses, not ${clauses}`)
  if (clause < 1 || clause > clauses) refuse(`conjunction: clause ${clause} of ${clauses}`)
  return { type: 'conjunction', id: numberOf(found[1] as string, 32, 'id'), clause: clause - 1, clauses }
}

/** enqueue. */
export function parseEnqueue(text: string, names: Names | undefined): Action {
  const found = /^([^:q,]+)[:q,](.+)$/.exec(text)
  if (!found) refuse(`enqueue is enqueue:port:queue, not ${brief(text)}`)
  return {
    type: 'enqueue',
    port: parsePort(found[1] as string, names),
    queue: numberOf(found[2] as string, 32, 'a queue'),
  }
}

/** dec_ttl. */
export function parseDecTtl(text: string): Action {
  if (text === '') return { type: 'dec_ttl' }
  const controllers = text
    .split(/[, ]+/)
    .filter(Boolean)
    .map(id => numberOf(id, 16, "a controller's id"))
  return { type: 'dec_ttl', controllers }
}

/** write_metadata. */
export function parseWriteMetadata(text: string): Action {
  const [value, mask] = text.split('/') as [string, string?]
  const metadata = bigOf(value, 64, 'metadata')
  if (mask === undefined) return { type: 'write_metadata', metadata }
  const bits = bigOf(mask, 64, 'the mask of metadata')
  return bits === 0xffffffffffffffffn
    ? { type: 'write_metadata', metadata }
    : { type: 'write_metadata', metadata, mask: bits }
}

/** check_pkt_larger. */
export function parseCheckPktLarger(text: string): Action {
  const [source, target] = splitArrow('check_pkt_larger', text)
  const dst = parseSubfield(target)
  if (bitsOf(dst).count !== 1) refuse(`check_pkt_larger: ${brief(target)} must be one bit`)
  return { type: 'check_pkt_larger', length: numberOf(source.replace(/\)$/, ''), 16, 'a length'), dst }
}
