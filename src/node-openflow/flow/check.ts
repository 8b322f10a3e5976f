// Whether a switch would take a flow: what may be written where, and the order of instructions. What Open vSwitch refuses
// in lib/ofp-actions.c is refused here, with a sentence that names the field.

import { EncodeError, Writer } from '../wire/index.ts'
import type { Action } from './actions.ts'
import { at, checkBits, checkMask, checkMatch, exact, type Known, knownOf, need } from './check-match.ts'
import { type Field, fieldOf, OFP15, type Version } from './field.ts'
import type { Prerequisite } from './fields.ts'
import type { Flow } from './flow.ts'
import { writeInstructions } from './instructions.ts'
import type { LearnSpec } from './learn.ts'
import { canonicalMatch, type LooseMatch } from './match.ts'
import { bitsOf } from './subfield.ts'

const scratch = new Writer(4096)

interface Place {
  readonly version: Version
  readonly table: number | undefined
  readonly outer: 'ct' | 'clone' | 'write_actions' | undefined
}

const isConntrack = (field: Field) => field.name === 'ct_mark' || field.name === 'ct_label'

function checkWritable(field: Field, known: Known, place: Place): void {
  if (!field.row.writable) throw new EncodeError('read-only', '', `${field.name} cannot be written`)
  if (isConntrack(field) !== (place.outer === 'ct')) {
    const where = place.outer === 'ct' ? 'inside of' : 'outside of'
    throw new EncodeError('read-only', '', `${field.name} cannot be written ${where} ct`)
  }
  need(field.row.needs, known, field.name)
  if (field.name === 'vlan_vid') need('vlan', known, 'writing vlan_vid')
}

function checkRead(text: string, known: Known): void {
  const { field } = bitsOf(text)
  need(field.row.needs, known, field.name)
}

function checkWrite(text: string, known: Known, place: Place): void {
  checkWritable(bitsOf(text).field, known, place)
}

function checkLearn(specs: readonly LearnSpec[], known: Known): void {
  let learned: LooseMatch = {}
  for (const [i, spec] of specs.entries()) {
    at(`specs[${i}]`, () => {
      if ('output' in spec) {
        checkRead(spec.output, known)
        return
      }
      if (spec.value === undefined) checkRead(spec.from ?? ('load' in spec ? spec.load : spec.match), known)
      const { field, count } = bitsOf('load' in spec ? spec.load : spec.match)
      if ('load' in spec && !field.row.writable)
        throw new EncodeError('read-only', 'load', `${field.name} cannot be written`)
      need(field.row.needs, knownOf(learned), field.name)
      if ('match' in spec && spec.value !== undefined && count === field.bits) {
        learned = { ...learned, [field.name]: spec.value }
      }
    })
  }
}

// Instructions must come in this order; all that is no instruction is applied.
const order = ['meter', 'apply', 'clear_actions', 'write_actions', 'write_metadata', 'goto_table']

function stage(action: Action, version: Version): number {
  const index = order.indexOf(action.type)
  return index < 0 || (action.type === 'meter' && version >= OFP15) ? 1 : index
}

const NO_PORT = 0xffffffff

const needsOf: { readonly [type: string]: Prerequisite } = {
  dec_ttl: 'ip',
  mod_nw_ttl: 'ip',
  mod_nw_tos: 'ip',
  mod_nw_ecn: 'ip',
  mod_nw_src: 'ipv4',
  mod_nw_dst: 'ipv4',
  set_mpls_label: 'mpls',
  set_mpls_tc: 'mpls',
  set_mpls_ttl: 'mpls',
  dec_mpls_ttl: 'mpls',
  pop_mpls: 'mpls',
  dec_nsh_ttl: 'nsh',
  fin_timeout: 'tcp',
  ct: 'ip',
}

/** Checks one action and gives what is known of the packet after it. */
function checkAction(action: Action, known: Known, place: Place): Known {
  need(needsOf[action.type], known, action.type)
  if (place.outer === 'ct' && !['set_field', 'load', 'move', 'nat'].includes(action.type)) {
    throw new EncodeError('bad-type', '', `${action.type} cannot stand inside of ct`)
  }
  switch (action.type) {
    case 'output':
      if (typeof action.port === 'string') checkRead(action.port, known)
      else if (action.port === NO_PORT || (action.port >= 0xff00 && action.port < 0xffffff00)) {
        throw new EncodeError('bad-value', 'port', `there is no output to port ${action.port}`)
      }
      return known
    case 'set_field': {
      const field = fieldOf(action.field)
      checkWritable(field, known, place)
      checkBits(field, action.value)
      if (action.mask !== undefined) checkMask(field, action.value, action.mask)
      if (field.name === 'icmpv6_type') return { ...known, icmpType: exact(action.value) }
      return field.name === 'vlan_tci' ? { ...known, hasVlan: (Number(action.value) & 0x1000) !== 0 } : known
    }
    case 'load': {
      const { field, count } = bitsOf(action.dst)
      checkWritable(field, known, place)
      if (place.version >= OFP15 && count !== field.bits && !field.row.maskable) {
        throw new EncodeError('bad-mask', 'dst', `${field.name} can only be written whole in OpenFlow 1.5`)
      }
      return known
    }
    case 'move':
      checkRead(action.src, known)
      checkWrite(action.dst, known, place)
      return known
    case 'push':
      checkRead(action.field, known)
      return known
    case 'pop':
      checkWrite(action.field, known, place)
      return known
    case 'bundle':
    case 'multipath':
    case 'check_pkt_larger':
      if (action.dst !== undefined) checkWrite(action.dst, known, place)
      return known
    case 'push_vlan':
      if (action.etherType !== 0x8100 && action.etherType !== 0x88a8) {
        throw new EncodeError(
          'bad-value',
          'etherType',
          `0x${action.etherType.toString(16)} is no ethertype of a VLAN tag`,
        )
      }
      return { ...known, hasVlan: true }
    case 'set_vlan_vid':
    case 'set_vlan_pcp':
      if (!action.push) need('vlan', known, action.type)
      return { ...known, hasVlan: true }
    case 'pop_vlan':
      need('vlan', known, 'pop_vlan')
      return { ...known, hasVlan: false }
    case 'push_mpls':
      return { ...known, ethType: action.etherType, hasVlan: false, proto: undefined }
    case 'pop_mpls':
      return { ...known, ethType: action.etherType }
    case 'encap':
      return { ...known, isEthernet: action.packetType === 0, ethType: action.packetType & 0xffff, hasVlan: false }
    case 'decap':
      return { ...known, isEthernet: !known.isEthernet, ethType: undefined, hasVlan: false }
    case 'resubmit':
      if (action.ct) need('ct', known, 'resubmit with ct')
      return known
    case 'ct': {
      if (action.force && !action.commit) throw new EncodeError('bad-value', 'force', 'needs commit')
      if (action.alg === 21) need('tcp', known, 'alg=ftp')
      if (action.alg === 69) need('udp', known, 'alg=tftp')
      if (typeof action.zone === 'string') checkRead(action.zone, known)
      const actions = action.actions ?? []
      const isBare = (a: Action) => a.type === 'nat' && a.direction === undefined
      if (!action.commit && !actions.every(isBare)) {
        throw new EncodeError('bad-value', 'actions', 'only nat without arguments can be without commit')
      }
      checkList(actions, known, { ...place, outer: 'ct' })
      return known
    }
    case 'nat':
      if (place.outer !== 'ct') throw new EncodeError('bad-type', '', 'nat stands only inside of ct')
      return known
    case 'learn':
      checkLearn(action.specs, known)
      if (action.resultDst !== undefined) checkWrite(action.resultDst, known, place)
      return known
    case 'clone':
      checkList(action.actions, known, { ...place, outer: 'clone' })
      return known
    case 'write_actions':
      checkList(action.actions, known, { ...place, outer: 'write_actions' })
      return known
    case 'goto_table':
      if (place.table !== undefined && action.table <= place.table) {
        throw new EncodeError('bad-value', 'table', `table ${action.table} does not come after table ${place.table}`)
      }
      return known
    default:
      return known
  }
}

function checkList(actions: readonly Action[], known: Known, place: Place): void {
  let last = -1
  let now = known
  const isConjunctive = actions.some(action => action.type === 'conjunction')
  for (const [i, action] of actions.entries()) {
    at(`actions[${i}]`, () => {
      if (isConjunctive && action.type !== 'conjunction' && action.type !== 'note') {
        throw new EncodeError('bad-type', '', `${action.type} cannot stand beside conjunction; only note can`)
      }
      const next = stage(action, place.version)
      if (next !== 1 && place.outer !== undefined) {
        throw new EncodeError('bad-type', '', `${action.type} cannot stand inside of ${place.outer}`)
      }
      if (next < last || (next === last && next !== 1)) {
        const before = next === 1 ? action.type : order[next]
        throw new EncodeError('bad-value', '', `${before} must come once, and before ${order[last]}`)
      }
      last = next
      now = checkAction(action, now, place)
    })
  }
}

/**
 * Refuses a flow that a switch would refuse: an EncodeError whose path leads to the field or action (`match.ip_src`,
 * `actions[2].dst`) and whose sentence says what is missing.
 */
export function checkFlow(flow: Flow, version: Version): void {
  at('match', () => checkMatch(flow.match, version))
  scratch.reset()
  at('actions', () => writeInstructions(scratch, flow.actions, version))
  const known = knownOf(canonicalMatch(flow.match) as unknown as LooseMatch)
  checkList(flow.actions, known, { version, table: flow.table, outer: undefined })
}

/** A flow that a switch of that version will take: `flow` as it is given, or the EncodeError that `checkFlow` throws. */
export function flow<const F extends Flow>(flow: F, version: Version = OFP15): F {
  checkFlow(flow, version)
  return flow
}
