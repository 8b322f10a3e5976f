// How actions and instructions are parsed: one row a word of ovs-actions(7).

import { brief } from '../../wire/index.ts'
import type { Action, ActionOf } from '../actions.ts'
import { fieldOf } from '../field.ts'
import { isMasked } from '../value.ts'
import {
  parseBundle,
  parseCheckPktLarger,
  parseConjunction,
  parseController,
  parseDecap,
  parseDecTtl,
  parseEncap,
  parseEnqueue,
  parseFinTimeout,
  parseLoad,
  parseMove,
  parseMultipath,
  parseOutput,
  parseResubmit,
  parseSample,
  parseSetField,
  parseWriteMetadata,
} from './action-words.ts'
import { parseCt, parseNat } from './conntrack.ts'
import { parseLearn } from './learn.ts'
import { findPort, type Names, parseTable } from './names.ts'
import { bigOf, numberOf, pairs, refuse } from './pairs.ts'
import { parseBytes, parseSubfield } from './parts.ts'
import { parseValue } from './value.ts'

const MAX_DEPTH = 64

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
  copy_ttl_out: word({ type: 'copy_ttl_out' }),
  copy_ttl_in: word({ type: 'copy_ttl_in' }),
  push_pbb: numeric<'push_pbb'>(16, etherType => ({ type: 'push_pbb', etherType }), 'an Ethernet type'),
  pop_pbb: word({ type: 'pop_pbb' }),
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
