// Whether a switch would take a flow: values and masks that fields allow, prerequisites, what may be written, and the
// order of instructions. What Open vSwitch refuses in lib/ofp-actions.c and lib/meta-flow.c is refused here by name.

import { EncodeError, Writer, within } from '../wire/index.ts'
import type { Action } from './actions.ts'
import { type Field, fieldOf, OFP15, type Version } from './field.ts'
import type { AnyValue, Prerequisite } from './fields.ts'
import type { Flow } from './flow.ts'
import { writeInstructions } from './instructions.ts'
import type { LearnSpec } from './learn.ts'
import { canonicalMatch, type LooseMatch, type Match } from './match.ts'
import { writeMatch } from './match-codec.ts'
import { bitsOf } from './subfield.ts'
import { hasStrayBits, isExact, isMasked, isZero, type Masked } from './value.ts'

/** What is known of a packet where a field is used: what its match says, changed by the actions so far. */
interface Known {
  readonly ethType: number | undefined
  readonly hasVlan: boolean
  readonly proto: number | undefined
  readonly icmpType: number | undefined
  readonly isLaterFragment: boolean
  readonly isTracked: boolean
  readonly isEthernet: boolean
}

const ARP = [0x0806, 0x8035]
const MPLS = [0x8847, 0x8848]
const IPV4 = 0x0800
const IPV6 = 0x86dd
const NSH = 0x894f

const exact = (value: AnyValue | Masked | undefined) => (typeof value === 'number' ? value : undefined)

function knownOf(match: LooseMatch): Known {
  const { vlan_vid: vid, ct_state: state, packet_type: type, ip_frag: frag } = match
  const [vidValue, vidMask] = isMasked(vid) ? [Number(vid.value), Number(vid.mask)] : [Number(vid ?? 0), 0x1fff]
  const [stateValue, stateMask] = isMasked(state)
    ? [Number(state.value), Number(state.mask)]
    : [Number(state ?? 0), 0xff]
  const namespaceType = exact(type)
  const isEthernet = namespaceType === undefined || namespaceType === 0
  const fragment = isMasked(frag) ? Number(frag.value) : Number(frag ?? 0)
  return {
    ethType: isEthernet ? exact(match.eth_type) : Number(namespaceType) & 0xffff,
    hasVlan: (vidValue & vidMask & 0x1000) !== 0,
    proto: exact(match.nw_proto),
    icmpType: exact(match.icmpv6_type),
    isLaterFragment: (fragment & 2) !== 0,
    isTracked:
      (stateValue & 0xcf) !== 0 || ((stateValue & 0x20) !== 0 && (stateMask & 0x10) !== 0 && !(stateValue & 0x10)),
    isEthernet,
  }
}

const isIp = (k: Known) => k.ethType === IPV4 || k.ethType === IPV6
const isTransport = (k: Known, proto: number) => isIp(k) && k.proto === proto && !k.isLaterFragment
const isNd = (k: Known) => k.ethType === IPV6 && k.proto === 58 && (k.icmpType === 135 || k.icmpType === 136)

const prerequisites: { readonly [P in Prerequisite]: readonly [string, (k: Known) => boolean] } = {
  ethernet: ['an Ethernet packet', k => k.isEthernet],
  vlan: ['a VLAN tag (vlan_vid)', k => k.hasVlan],
  arp: ['eth_type 0x0806 or 0x8035', k => ARP.includes(k.ethType ?? 0)],
  ip: ['eth_type 0x0800 or 0x86dd', isIp],
  ipv4: ['eth_type 0x0800', k => k.ethType === IPV4],
  ipv6: ['eth_type 0x86dd', k => k.ethType === IPV6],
  mpls: ['eth_type 0x8847 or 0x8848', k => MPLS.includes(k.ethType ?? 0)],
  nsh: ['eth_type 0x894f', k => k.ethType === NSH],
  ct: ['ct_state of a valid connection, such as +trk-inv', k => k.isTracked],
  tcp: ['nw_proto 6 of IP', k => isTransport(k, 6)],
  udp: ['nw_proto 17 of IP', k => isTransport(k, 17)],
  sctp: ['nw_proto 132 of IP', k => isTransport(k, 132)],
  icmp: ['eth_type 0x0800 and nw_proto 1', k => k.ethType === IPV4 && k.proto === 1],
  icmp6: ['eth_type 0x86dd and nw_proto 58', k => k.ethType === IPV6 && k.proto === 58],
  nd: ['icmpv6_type 135 or 136', isNd],
  ndSolicit: ['icmpv6_type 135', k => isNd(k) && k.icmpType === 135],
  ndAdvert: ['icmpv6_type 136', k => isNd(k) && k.icmpType === 136],
}

function need(prerequisite: Prerequisite | undefined, known: Known, what: string): void {
  if (prerequisite === undefined) return
  const [text, holds] = prerequisites[prerequisite]
  if (!holds(known)) throw new EncodeError('bad-prerequisite', '', `${what} needs a match on ${text}`)
}

// What values may be beyond "fits the bits".
const limits: { readonly [name: string]: number } = {
  vlan_vid: 0x1fff,
  arp_op: 0xff,
  ct_state: 0xff,
  nsh_ttl: 63,
  nsh_mdtype: 2,
}

function checkBits(field: Field, value: AnyValue): void {
  if (typeof value !== 'number') return
  const most = limits[field.name] ?? 2 ** field.bits - 1
  if (value > most || (field.name === 'nsh_mdtype' && value < 1)) {
    throw new EncodeError('bad-value', '', `${value} is more than ${field.name} can be (${most})`)
  }
}

function checkMask(field: Field, value: AnyValue, mask: AnyValue): void {
  if (!field.row.maskable && !isExact(field, mask) && !isZero(mask)) {
    throw new EncodeError('bad-mask', '', `${field.name} cannot have a mask`)
  }
  if (hasStrayBits(field, value, mask)) {
    throw new EncodeError('bad-mask', '', `the value of ${field.name} has bits that its mask leaves out`)
  }
}

function at<T>(path: string, check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw within(path, error)
  }
}

const scratch = new Writer(4096)

/** Refuses a match that a switch would refuse; the EncodeError's path and sentence name the field. */
export function checkMatch(match: Match, version: Version): void {
  for (const [name, value] of Object.entries(match)) {
    if (name === 'raw' || !isMasked(value)) continue
    at(name, () => checkMask(fieldOf(name), value.value, value.mask))
  }
  const plain = canonicalMatch(match) as unknown as LooseMatch
  scratch.reset()
  writeMatch(scratch, plain as Match, version)
  const known = knownOf(plain)
  for (const [name, value] of Object.entries(plain)) {
    if (name === 'raw' || value === undefined) continue
    at(name, () => {
      const field = fieldOf(name)
      checkBits(field, isMasked(value) ? value.value : value)
      if (name === 'in_port' && Number(value) >= 0xff00 && Number(value) < 0xffffff00) {
        throw new EncodeError('bad-value', '', `port ${String(value)} is none that a switch can have`)
      }
      need(field.row.needs, known, name)
    })
  }
}

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
