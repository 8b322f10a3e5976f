// How actions and instructions are printed, one row each, as in ovs-actions(7).

import { toHex } from '../../wire/index.ts'
import type { Action, ActionOf } from '../actions.ts'
import type { Bundle } from '../choice-actions.ts'
import { packetTypes, printEncapProperty } from '../encap.ts'
import { fieldOf } from '../field.ts'
import type { ToController } from '../forwarding.ts'
import { CONTROLLER, IN_PORT } from '../ports.ts'
import { bitsOf, printSubfield } from '../subfield.ts'
import { printCt, printNat } from './conntrack.ts'
import { printLearn } from './learn.ts'
import { type Names, printPort, printTable } from './names.ts'
import { hex, hexPadded } from './pairs.ts'
import { NEXT_PROTOCOL, printBytes } from './parts.ts'
import { printValue } from './value.ts'

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
  copy_ttl_out: () => 'copy_ttl_out',
  copy_ttl_in: () => 'copy_ttl_in',
  push_pbb: ({ etherType }) => `push_pbb:${hexPadded(etherType, 4)}`,
  pop_pbb: () => 'pop_pbb',
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
