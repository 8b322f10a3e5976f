// How matches are parsed: keys of ovs-fields(7) are gathered, then put into canonical form.

import { brief, fromHex, Reader, within } from '../../wire/index.ts'
import { fieldOf, findField } from '../field.ts'
import type { AnyValue, FieldName } from '../fields.ts'
import { canonicalMatch, type LooseMatch, type Match, put } from '../match.ts'
import { readOxms } from '../match-read.ts'
import { bitsOf } from '../subfield.ts'
import { integerOf, isMasked, type Masked } from '../value.ts'
import type { Names } from './names.ts'
import { bigOf, type Pair, pairs, refuse } from './pairs.ts'
import { ARP, ICMP, ICMP6, IPV6, protocolByName, RARP, SCTP, TCP, UDP } from './protocols.ts'
import { parseValue } from './value.ts'

/** Keys on their way into a match. */
export interface MatchKeys {
  /** Takes a key of a match; false if it is none. */
  take(pair: Pair): boolean
  /** The match, in canonical form. */
  done(): Match
}

/** Gathers keys. */
export function gatherMatch(names: Names | undefined): MatchKeys {
  const given: LooseMatch = {}
  const parts: Pair[] = []
  let raw: Match['raw']
  return {
    take: ({ key, value }) => {
      const protocol = protocolByName.get(key)
      if (protocol) {
        given.eth_type = protocol[1]
        if (protocol[2] !== undefined) given.nw_proto = protocol[2]
      } else if (key === 'eth') given.packet_type = 0
      else if (key === 'raw_oxm') raw = readOxms(new Reader(fromHex(value.replace(/^0x/, ''))), 6).raw
      else if (key.includes('[')) parts.push({ key, value })
      else {
        const field = findField(key === 'gtpu_flags' || key === 'gtpu_msgtype' ? `tun_${key}` : key)
        if (!field) return false
        const plain = readValue(field.name, key, value, names)
        if (plain !== undefined) given[field.name] = plain
      }
      return true
    },
    done: () => {
      const named: LooseMatch = {}
      const type = etherType(given)
      for (const [name, value] of Object.entries(given)) named[properName(name, type, given.nw_proto)] = value
      const match = canonicalMatch(named as Match) as unknown as LooseMatch
      for (const part of parts) putPart(match, part)
      return (raw ? { ...match, raw } : match) as Match
    },
  }
}

function readValue(
  name: FieldName,
  key: string,
  text: string,
  names: Names | undefined,
): AnyValue | Masked | undefined {
  const field = fieldOf(name)
  try {
    if (text !== '') return parseValue(field, text, names)
    if (field.kind !== 'bytes') refuse(`a value is missing after ${brief(key)}`)
    return { value: new Uint8Array(4), mask: new Uint8Array(4) }
  } catch (error) {
    throw within(key, error)
  }
}

/** Puts `reg0[4..7]=5` and the like into a match. */
function putPart(match: LooseMatch, { key, value }: Pair): void {
  const bits = bitsOf(key)
  const shift = BigInt(bits.offset)
  const mask = ((1n << BigInt(bits.count)) - 1n) << shift
  const wide: LooseMatch = {}
  put(wide, bits.field.name, bigOf(value, bits.count, key) << shift, mask)
  for (const [name, part] of Object.entries(canonicalMatch(wide as Match)) as [string, AnyValue | Masked][]) {
    const field = fieldOf(name)
    const [v, m] = isMasked(part) ? [part.value, part.mask] : [part, field.allOnes]
    put(match, field.name, integerOf(field, v), integerOf(field, m))
  }
}

function etherType(match: LooseMatch): number | undefined {
  const { eth_type: type, packet_type: packet } = match
  if (typeof type === 'number') return type
  return typeof packet === 'number' && packet >>> 16 === 1 ? packet & 0xffff : undefined
}

const PORTS = /^(tcp|udp|sctp)_(src|dst)$/
const TYPES = /^icmp(v6)?_(type|code)$/

/** A key such as nw_src, tp_src or icmp_type means the field that the packet's type has in that place. */
function properName(name: string, type: number | undefined, proto: AnyValue | Masked | undefined): string {
  if (type === ARP || type === RARP) {
    if (name === 'ip_src') return 'arp_spa'
    if (name === 'ip_dst') return 'arp_tpa'
    if (name === 'nw_proto') return 'arp_op'
    return name
  }
  const prefix = proto === TCP ? 'tcp' : proto === UDP ? 'udp' : proto === SCTP ? 'sctp' : undefined
  const isIcmp6 = proto === ICMP6 && type === IPV6
  const ports = PORTS.exec(name)
  if (ports) {
    if (prefix !== undefined) return `${prefix}_${ports[2]}`
    if (isIcmp6) return ports[2] === 'src' ? 'icmpv6_type' : 'icmpv6_code'
    if (proto === ICMP) return ports[2] === 'src' ? 'icmp_type' : 'icmp_code'
  }
  const types = TYPES.exec(name)
  if (types) {
    if (isIcmp6) return `icmpv6_${types[2]}`
    if (proto === ICMP) return `icmp_${types[2]}`
  }
  return name
}

/** The match that a text says: keys of ovs-fields(7), separated by commas or white space. */
export function parseMatch(text: string, names?: Names): Match {
  const keys = gatherMatch(names)
  for (const pair of pairs(text)) {
    if (!keys.take(pair)) refuse(`there is no field ${brief(pair.key)}; ovs-fields(7) lists them`)
  }
  return keys.done()
}
