// Actions and instructions in text, as in ovs-actions(7): one row for each that says how it is printed, and one for each
// word that is parsed.

import { brief, toHex } from '../../wire/index.ts'
import type { Action, ActionOf } from '../actions.ts'
import type { Bundle } from '../choice-actions.ts'
import { type EncapProperty, packetTypes, printEncapProperty } from '../encap.ts'
import { fieldOf } from '../field.ts'
import type { AnyValue } from '../fields.ts'
import type { ToController } from '../forwarding.ts'
import { bitsOf, printSubfield, type Subfield } from '../subfield.ts'
import { isMasked, type Masked } from '../value.ts'
import { parseCt, parseNat, printCt, printNat } from './conntrack.ts'
import { parseLearn, printLearn } from './learn.ts'
import { findPort, type Names, parsePort, parseTable, printPort, printTable } from './names.ts'
import { bigOf, hex, hexPadded, numberOf, type Pair, pairs, refuse } from './pairs.ts'
import { parseBytes, parseSubfield, printBytes, splitArrow } from './parts.ts'
import { parseValue, printValue } from './value.ts'

const CONTROLLER = 0xfffffffd
const IN_PORT = 0xfffffff8
const NEXT_PROTOCOL = 0xfffe
const MAX_DEPTH = 64

type Printers = { readonly [K in Action['type']]: (action: ActionOf<K>, names: Names | undefined) => string }

function printOutput({ port, maxLen }: ActionOf<'output'>, names: Names | undefined): string {
  if (typeof port === 'string') return `output:${printSubfield(port)}`
  if (port === CONTROLLER) return `CONTROLLER:${maxLen ?? 0xffff}`
  return (port < 0xff00 ? 'output:' : '') + printPort(port, names)
}

function printController(action: ToController): string {
  const { maxLen = 0xffff, id = 0, reason = 'action', userdata, pause, meterId } = action
  const isPlain = (reason === 'action' || reason === 1) && !id && !userdata?.length && !pause && meterId === undefined
  if (isPlain) return `CONTROLLER:${maxLen}`
  const out: string[] = []
  if (reason !== 'action' && reason !== 1) out.push(`reason=${reason}`)
  if (maxLen !== 0xffff) out.push(`max_len=${maxLen}`)
  if (id) out.push(`id=${id}`)
  if (userdata?.length) out.push(`userdata=${printBytes(userdata)}`)
  if (pause) out.push('pause')
  if (meterId !== undefined) out.push(`meter_id=${meterId}`)
  return `controller(${out.join(',')})`
}

function printBundle(bundle: Bundle, names: Names | undefined): string {
  const { fields, basis, algorithm, members, dst } = bundle
  const target = dst === undefined ? '' : `${printSubfield(dst)},`
  const ports = members.map(port => printPort(port, names)).join(',')
  return `${dst === undefined ? 'bundle' : 'bundle_load'}(${fields},${basis},${algorithm},ofport,${target}members:${ports})`
}

function printResubmit({ port = IN_PORT, table, ct }: ActionOf<'resubmit'>, names: Names | undefined): string {
  if (port !== IN_PORT && (table ?? 255) === 255 && !ct) return `resubmit:${printPort(port, names)}`
  const first = port === IN_PORT ? '' : printPort(port, names)
  return `resubmit(${first},${table === undefined || table === 255 ? '' : printTable(table, names)}${ct ? ',ct' : ''})`
}

function printSetField({ field: name, value, mask }: ActionOf<'set_field'>, names: Names | undefined): string {
  const field = fieldOf(name)
  return `set_field:${printValue(field, value, mask, names)}->${field.name}`
}

const encapNames = new Map<number, string>(Object.entries(packetTypes).map(([name, type]) => [type, name]))

function printEncap({ packetType, properties }: ActionOf<'encap'>): string {
  const inner = properties?.length ? `(${properties.map(printEncapProperty).join(',')})` : ''
  return `encap(${encapNames.get(packetType) ?? hex(packetType)}${inner})`
}

function printDecap({ packetType }: ActionOf<'decap'>): string {
  if (packetType === NEXT_PROTOCOL) return 'decap()'
  return `decap(packet_type(ns=${packetType >>> 16},type=${hex(packetType & 0xffff)}))`
}

function printSample(action: ActionOf<'sample'>, names: Names | undefined): string {
  const { probability, collectorSetId, obsDomainId, obsPointId, samplingPort, direction } = action
  let text = `probability=${probability},collector_set_id=${collectorSetId},obs_domain_id=${obsDomainId}`
  text += `,obs_point_id=${obsPointId}`
  if (samplingPort !== undefined) text += `,sampling_port=${printPort(samplingPort, names)}`
  return `sample(${text}${direction === undefined ? '' : `,${direction}`})`
}

function printFinTimeout({ idleTimeout, hardTimeout }: ActionOf<'fin_timeout'>): string {
  const out: string[] = []
  if (idleTimeout) out.push(`idle_timeout=${idleTimeout}`)
  if (hardTimeout) out.push(`hard_timeout=${hardTimeout}`)
  return `fin_timeout(${out.join(',')})`
}

const printers: Printers = {
  output: printOutput,
  output_trunc: ({ port, maxLen }, names) => `output(port=${printPort(port, names)},max_len=${maxLen})`,
  group: ({ group }) => `group:${group}`,
  enqueue: ({ port, queue }, names) => `enqueue:${printPort(port, names)}:${queue}`,
  set_queue: ({ queue }) => `set_queue:${queue}`,
  pop_queue: () => 'pop_queue',
  controller: printController,
  bundle: printBundle,
  set_field: printSetField,
  load: ({ dst, value }) => `load:${hex(value)}->${printSubfield(dst)}`,
  move: ({ src, dst }) => `move:${printSubfield(src)}->${printSubfield(dst)}`,
  push: ({ field }) => `push:${printSubfield(field)}`,
  pop: ({ field }) => `pop:${printSubfield(field)}`,
  delete_field: ({ field }) => `delete_field:${bitsOf(field).field.name}`,
  set_vlan_vid: ({ vid, push }) => `${push ? 'mod_vlan_vid' : 'set_vlan_vid'}:${vid}`,
  set_vlan_pcp: ({ pcp, push }) => `${push ? 'mod_vlan_pcp' : 'set_vlan_pcp'}:${pcp}`,
  push_vlan: ({ etherType }) => `push_vlan:${hex(etherType)}`,
  pop_vlan: () => 'pop_vlan',
  mod_dl_src: ({ mac }) => `mod_dl_src:${mac}`,
  mod_dl_dst: ({ mac }) => `mod_dl_dst:${mac}`,
  mod_nw_src: ({ ip }) => `mod_nw_src:${ip}`,
  mod_nw_dst: ({ ip }) => `mod_nw_dst:${ip}`,
  mod_nw_tos: ({ tos }) => `mod_nw_tos:${tos}`,
  mod_nw_ecn: ({ ecn }) => `mod_nw_ecn:${ecn}`,
  mod_nw_ttl: ({ ttl }) => `mod_nw_ttl:${ttl}`,
  mod_tp_src: ({ port }) => `mod_tp_src:${port}`,
  mod_tp_dst: ({ port }) => `mod_tp_dst:${port}`,
  dec_ttl: ({ controllers }) => (controllers ? `dec_ttl(${controllers.join(',')})` : 'dec_ttl'),
  set_mpls_label: ({ label }) => `set_mpls_label(${label})`,
  set_mpls_tc: ({ tc }) => `set_mpls_tc(${tc})`,
  set_mpls_ttl: ({ ttl }) => `set_mpls_ttl(${ttl})`,
  dec_mpls_ttl: () => 'dec_mpls_ttl',
  push_mpls: ({ etherType }) => `push_mpls:${hexPadded(etherType, 4)}`,
  pop_mpls: ({ etherType }) => `pop_mpls:${hexPadded(etherType, 4)}`,
  set_tunnel: ({ id, wide }) => `set_tunnel${wide || id > 0xffffffffn ? '64' : ''}:${hex(id)}`,
  encap: printEncap,
  decap: printDecap,
  dec_nsh_ttl: () => 'dec_nsh_ttl',
  resubmit: printResubmit,
  clone: ({ actions }, names) => `clone(${printActions(actions, names)})`,
  ct: (action, names) => printCt(action, actions => printActions(actions, names), names),
  ct_clear: () => 'ct_clear',
  nat: printNat,
  check_pkt_larger: ({ length, dst }) => `check_pkt_larger(${length})->${printSubfield(dst)}`,
  learn: printLearn,
  fin_timeout: printFinTimeout,
  conjunction: ({ id, clause, clauses }) => `conjunction(${id},${clause + 1}/${clauses})`,
  multipath: ({ fields, basis, algorithm, links, arg, dst }) =>
    `multipath(${fields},${basis},${algorithm},${links},${arg},${printSubfield(dst)})`,
  note: ({ note }) => `note:${printBytes(note)}`,
  sample: printSample,
  exit: () => 'exit',
  debug_slow: () => 'debug_slow',
  debug_recirc: () => 'debug_recirc',
  meter: ({ meter }) => `meter:${meter}`,
  goto_table: ({ table }, names) => `goto_table:${printTable(table, names)}`,
  write_metadata: ({ metadata, mask }) =>
    `write_metadata:${hex(metadata)}${mask === undefined || mask === 0xffffffffffffffffn ? '' : `/${hex(mask)}`}`,
  write_actions: ({ actions }, names) => `write_actions(${printActions(actions, names)})`,
  clear_actions: () => 'clear_actions',
  raw: ({ bytes }) => `raw:${toHex(bytes)}`,
  raw_instruction: ({ bytes }) => `raw_instruction:${toHex(bytes)}`,
}

/** One action as ovs-ofctl prints it. What this library does not know is `raw:` and its bytes, a form of our own. */
export function printAction(action: Action, names?: Names): string {
  return (printers[action.type] as (action: Action, names: Names | undefined) => string)(action, names)
}

/** Actions as ovs-ofctl prints them: `drop` for none. */
export function printActions(actions: readonly Action[], names?: Names): string {
  return actions.length === 0 ? 'drop' : actions.map(action => printAction(action, names)).join(',')
}

/** Parses what belongs to a word. `depth` counts the actions around it. */
type Parser = (value: string, names: Names | undefined, depth: number) => Action

const word =
  (action: Action): Parser =>
  () =>
    action

const numeric =
  <K extends Action['type']>(bits: number, make: (value: number) => ActionOf<K>, what: string): Parser =>
  value =>
    make(numberOf(value, bits, what)) as Action

function parseOutput(value: string, names: Names | undefined): Action {
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

function parseController(text: string): Action {
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

function parseBundle(text: string, isLoad: boolean, names: Names | undefined): Action {
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

function parseMultipath(text: string): Action {
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

function parseSetField(text: string, names: Names | undefined): Action {
  const [source, target] = splitArrow('set_field', text)
  const field = fieldOf(target)
  const value = trimmed(parseValue(field, source, names))
  if (value === undefined) refuse(`set_field: ${brief(source)} leaves out every bit`)
  if (isMasked(value)) return { type: 'set_field', field: field.name, value: value.value, mask: value.mask }
  return { type: 'set_field', field: field.name, value }
}

function parseLoad(text: string): Action {
  const [source, target] = splitArrow('load', text)
  const dst = parseSubfield(target)
  return { type: 'load', dst, value: bigOf(source, bitsOf(dst).count, dst) }
}

function parseMove(text: string): Action {
  const [source, target] = splitArrow('move', text)
  const [src, dst] = [parseSubfield(source), parseSubfield(target)]
  if (bitsOf(src).count !== bitsOf(dst).count) refuse(`move: ${source} and ${target} have different widths`)
  return { type: 'move', src, dst }
}

function parseResubmit(text: string, names: Names | undefined): Action {
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

function parseEncap(text: string): Action {
  const [header, ...more] = pairs(text)
  if (!header || more.length > 0) refuse(`encap takes one header: ${brief(text)}`)
  const packetType =
    (packetTypes as { readonly [name: string]: number | undefined })[header.key] ?? numberOf(header.key, 32, 'a header')
  const properties = pairs(header.value).map(parseEncapProperty)
  return { type: 'encap', packetType, ...(properties.length > 0 && { properties }) }
}

function parseDecap(text: string): Action {
  if (text.trim() === '') return { type: 'decap', packetType: NEXT_PROTOCOL }
  const [pair] = pairs(text)
  const parts = new Map(pairs(pair?.value ?? '').map(({ key, value }) => [key, value]))
  if (pair?.key !== 'packet_type') refuse(`decap: ${brief(text)} is not packet_type(ns=…,type=…)`)
  const namespace = numberOf(parts.get('ns') ?? '', 16, 'ns')
  return { type: 'decap', packetType: ((namespace << 16) | numberOf(parts.get('type') ?? '', 16, 'type')) >>> 0 }
}

function parseSample(text: string, names: Names | undefined): Action {
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

function parseFinTimeout(text: string): Action {
  const action = { type: 'fin_timeout', idleTimeout: 0, hardTimeout: 0 } as const
  const parts: { idleTimeout?: number; hardTimeout?: number } = {}
  for (const { key, value } of pairs(text)) {
    if (key === 'idle_timeout') parts.idleTimeout = numberOf(value, 16, key)
    else if (key === 'hard_timeout') parts.hardTimeout = numberOf(value, 16, key)
    else refuse(`fin_timeout has no part ${brief(key)}`)
  }
  return { ...action, ...parts }
}

function parseConjunction(text: string): Action {
  const found = /^\s*(\w+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text)
  if (!found) refuse(`conjunction is conjunction(id,k/n), not ${brief(text)}`)
  const [clause, clauses] = [Number(found[2]), Number(found[3])]
  if (clauses < 2 || clauses > 64) refuse(`conjunction: from 2 to 64 clauses, not ${clauses}`)
  if (clause < 1 || clause > clauses) refuse(`conjunction: clause ${clause} of ${clauses}`)
  return { type: 'conjunction', id: numberOf(found[1] as string, 32, 'id'), clause: clause - 1, clauses }
}

function parseEnqueue(text: string, names: Names | undefined): Action {
  const found = /^([^:q,]+)[:q,](.+)$/.exec(text)
  if (!found) refuse(`enqueue is enqueue:port:queue, not ${brief(text)}`)
  return {
    type: 'enqueue',
    port: parsePort(found[1] as string, names),
    queue: numberOf(found[2] as string, 32, 'a queue'),
  }
}

function parseDecTtl(text: string): Action {
  if (text === '') return { type: 'dec_ttl' }
  const controllers = text
    .split(/[, ]+/)
    .filter(Boolean)
    .map(id => numberOf(id, 16, "a controller's id"))
  return { type: 'dec_ttl', controllers }
}

function parseWriteMetadata(text: string): Action {
  const [value, mask] = text.split('/') as [string, string?]
  const metadata = bigOf(value, 64, 'metadata')
  if (mask === undefined) return { type: 'write_metadata', metadata }
  const bits = bigOf(mask, 64, 'the mask of metadata')
  return bits === 0xffffffffffffffffn
    ? { type: 'write_metadata', metadata }
    : { type: 'write_metadata', metadata, mask: bits }
}

function parseCheckPktLarger(text: string): Action {
  const [source, target] = splitArrow('check_pkt_larger', text)
  const dst = parseSubfield(target)
  if (bitsOf(dst).count !== 1) refuse(`check_pkt_larger: ${brief(target)} must be one bit`)
  return { type: 'check_pkt_larger', length: numberOf(source.replace(/\)$/, ''), 16, 'a length'), dst }
}

const setTunnel =
  (isWide: boolean): Parser =>
  value => {
    const id = bigOf(value, 64, 'a tunnel key')
    return isWide ? { type: 'set_tunnel', id, wide: true } : { type: 'set_tunnel', id }
  }

const parseTtl = numeric<'mod_nw_ttl'>(8, ttl => ({ type: 'mod_nw_ttl', ttl }), 'a TTL')

// Instructions and other words that nest come with the depth, so that a text cannot nest without end.
const inner = (text: string, names: Names | undefined, depth: number) => parseNested(text, names, depth + 1)

const macText = (text: string) => {
  const mac = parseValue(fieldOf('eth_src'), text)
  return isMasked(mac) ? refuse(`${brief(text)} is not a MAC address`) : (mac as string)
}
const ipText = (text: string) => {
  const ip = parseValue(fieldOf('ip_src'), text)
  return isMasked(ip) ? refuse(`${brief(text)} is not an IPv4 address`) : (ip as string)
}

const parsers: { readonly [name: string]: Parser } = {
  output: parseOutput,
  group: value => ({ type: 'group', group: numberOf(value, 32, 'a group') }),
  enqueue: parseEnqueue,
  set_queue: numeric<'set_queue'>(32, queue => ({ type: 'set_queue', queue }), 'a queue'),
  pop_queue: word({ type: 'pop_queue' }),
  controller: parseController,
  bundle: (value, names) => parseBundle(value, false, names),
  bundle_load: (value, names) => parseBundle(value, true, names),
  set_field: parseSetField,
  load: parseLoad,
  move: parseMove,
  push: value => ({ type: 'push', field: parseSubfield(value) }),
  pop: value => ({ type: 'pop', field: parseSubfield(value) }),
  delete_field: value => ({ type: 'delete_field', field: fieldOf(value).name }),
  set_vlan_vid: numeric<'set_vlan_vid'>(12, vid => ({ type: 'set_vlan_vid', vid }), 'a VLAN'),
  mod_vlan_vid: numeric<'set_vlan_vid'>(12, vid => ({ type: 'set_vlan_vid', vid, push: true }), 'a VLAN'),
  set_vlan_pcp: numeric<'set_vlan_pcp'>(3, pcp => ({ type: 'set_vlan_pcp', pcp }), 'a priority'),
  mod_vlan_pcp: numeric<'set_vlan_pcp'>(3, pcp => ({ type: 'set_vlan_pcp', pcp, push: true }), 'a priority'),
  push_vlan: numeric<'push_vlan'>(16, etherType => ({ type: 'push_vlan', etherType }), 'an Ethernet type'),
  pop_vlan: word({ type: 'pop_vlan' }),
  strip_vlan: word({ type: 'pop_vlan' }),
  mod_dl_src: value => ({ type: 'mod_dl_src', mac: macText(value) }),
  mod_dl_dst: value => ({ type: 'mod_dl_dst', mac: macText(value) }),
  mod_nw_src: value => ({ type: 'mod_nw_src', ip: ipText(value) }),
  mod_nw_dst: value => ({ type: 'mod_nw_dst', ip: ipText(value) }),
  mod_nw_tos: numeric<'mod_nw_tos'>(8, tos => ({ type: 'mod_nw_tos', tos }), 'a TOS'),
  mod_nw_ecn: numeric<'mod_nw_ecn'>(2, ecn => ({ type: 'mod_nw_ecn', ecn }), 'an ECN'),
  mod_nw_ttl: parseTtl,
  set_nw_ttl: parseTtl,
  mod_tp_src: numeric<'mod_tp_src'>(16, port => ({ type: 'mod_tp_src', port }), 'a port'),
  mod_tp_dst: numeric<'mod_tp_dst'>(16, port => ({ type: 'mod_tp_dst', port }), 'a port'),
  dec_ttl: parseDecTtl,
  set_mpls_label: numeric<'set_mpls_label'>(20, label => ({ type: 'set_mpls_label', label }), 'a label'),
  set_mpls_tc: numeric<'set_mpls_tc'>(3, tc => ({ type: 'set_mpls_tc', tc }), 'a traffic class'),
  set_mpls_ttl: numeric<'set_mpls_ttl'>(8, ttl => ({ type: 'set_mpls_ttl', ttl }), 'a TTL'),
  dec_mpls_ttl: word({ type: 'dec_mpls_ttl' }),
  push_mpls: numeric<'push_mpls'>(16, etherType => ({ type: 'push_mpls', etherType }), 'an Ethernet type'),
  pop_mpls: numeric<'pop_mpls'>(16, etherType => ({ type: 'pop_mpls', etherType }), 'an Ethernet type'),
  set_tunnel: setTunnel(false),
  set_tunnel64: setTunnel(true),
  encap: parseEncap,
  decap: parseDecap,
  dec_nsh_ttl: word({ type: 'dec_nsh_ttl' }),
  resubmit: parseResubmit,
  clone: (value, names, depth) => ({ type: 'clone', actions: inner(value, names, depth) }),
  ct: (value, names, depth) => ({ type: 'ct', ...parseCt(value, text => inner(text, names, depth), names) }),
  ct_clear: word({ type: 'ct_clear' }),
  nat: value => ({ type: 'nat', ...parseNat(value) }),
  check_pkt_larger: parseCheckPktLarger,
  learn: (value, names) => ({ type: 'learn', ...parseLearn(value, names) }),
  fin_timeout: parseFinTimeout,
  conjunction: parseConjunction,
  multipath: parseMultipath,
  note: value => ({ type: 'note', note: parseBytes(value) }),
  sample: parseSample,
  exit: word({ type: 'exit' }),
  debug_slow: word({ type: 'debug_slow' }),
  debug_recirc: word({ type: 'debug_recirc' }),
  meter: numeric<'meter'>(32, meter => ({ type: 'meter', meter }), 'a meter'),
  goto_table: (value, names) => ({ type: 'goto_table', table: parseTable(value, names) }),
  write_metadata: parseWriteMetadata,
  write_actions: (value, names, depth) => ({ type: 'write_actions', actions: inner(value, names, depth) }),
  clear_actions: word({ type: 'clear_actions' }),
  raw: value => ({ type: 'raw', bytes: parseBytes(value) }),
  raw_instruction: value => ({ type: 'raw_instruction', bytes: parseBytes(value) }),
}

function parseNested(text: string, names: Names | undefined, depth: number): Action[] {
  if (depth > MAX_DEPTH) refuse(`actions nested deeper than ${MAX_DEPTH}`)
  const actions: Action[] = []
  let isDrop = false
  for (const { key, value } of pairs(text)) {
    const name = key.toLowerCase()
    const parser = Object.hasOwn(parsers, name) ? parsers[name] : undefined
    if (parser) actions.push(parser(value, names, depth))
    else if (name === 'drop') isDrop = true
    else if (name === 'apply_actions') refuse('apply_actions is the default instruction; leave the word out')
    else actions.push({ type: 'output', port: findPort(key, names) ?? refuse(`there is no action ${brief(key)}`) })
  }
  if (isDrop && actions.length > 0) refuse('drop stands alone')
  return actions
}

/** The actions and instructions that a text says, in the syntax of ovs-actions(7); none for `drop`. */
export function parseActions(text: string, names?: Names): Action[] {
  return parseNested(text, names, 0)
}
