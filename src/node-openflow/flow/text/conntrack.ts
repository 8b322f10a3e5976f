// ct and nat in text.

import { brief, ipv4Number, ipv4Text, ipv6Number, ipv6Text } from '../../wire/index.ts'
import type { Action, Ct } from '../actions.ts'
import type { Nat } from '../conntrack.ts'
import { printSubfield } from '../subfield.ts'
import { type Names, parseTable, printTable } from './names.ts'
import { integerIn, numberOf, pairs, refuse } from './pairs.ts'
import { parseSubfield } from './parts.ts'

const algorithms: { readonly [name: string]: number } = { ftp: 21, tftp: 69 }
const algorithmNames = new Map(Object.entries(algorithms).map(([name, port]) => [port, name]))

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** `ct(…)`; `print` does the actions inside. */
export function printCt(ct: Ct, print: (actions: readonly Action[]) => string, names?: Names): string {
  const out: string[] = []
  if (ct.commit) out.push('commit')
  if (ct.force) out.push('force')
  if (ct.table !== undefined) out.push(`table=${printTable(ct.table, names)}`)
  if (typeof ct.zone === 'string') out.push(`zone=${printSubfield(ct.zone)}`)
  else if (ct.zone) out.push(`zone=${ct.zone}`)
  let actions = ct.actions ?? []
  const first = actions[0]
  if (first?.type === 'nat') {
    out.push(printNat(first))
    actions = actions.slice(1)
  }
  if (actions.length > 0) out.push(`exec(${print(actions)})`)
  if (ct.alg) out.push(`alg=${algorithmNames.get(ct.alg) ?? ct.alg}`)
  return `ct(${out.join(',')})`
}

/** What stands in the parentheses of `ct(…)`. */
export function parseCt(text: string, parse: (text: string) => readonly Action[], names?: Names): Ct {
  const ct: Mutable<Ct> = {}
  const actions: Action[] = []
  for (const { key, value } of pairs(text)) {
    if (key === 'commit') ct.commit = true
    else if (key === 'force') ct.force = true
    else if (key === 'table') ct.table = parseTable(value, names)
    else if (key === 'zone') {
      const number = integerIn(value)
      const zone = number === undefined ? parseSubfield(value) : numberOf(value, 16, 'zone')
      if (zone !== 0) ct.zone = zone
    } else if (key === 'alg') ct.alg = algorithms[value] ?? numberOf(value, 16, 'alg')
    else if (key === 'nat') actions.push({ type: 'nat', ...parseNat(value) })
    else if (key === 'exec') actions.push(...parse(value))
    else refuse(`ct has no part ${brief(key)}`)
  }
  if (ct.force && !ct.commit) refuse('ct: force needs commit')
  if (actions.length > 0) ct.actions = actions
  return ct
}

const bracketed = (address: string, withPort: boolean) => (withPort && address.includes(':') ? `[${address}]` : address)

/** `nat` or `nat(…)`. */
export function printNat(nat: Nat): string {
  if (nat.direction === undefined) return 'nat'
  const { direction, addressMin, addressMax, portMin, portMax } = nat
  if (addressMin === undefined) return `nat(${direction})`
  let text = `${direction}=${bracketed(addressMin, Boolean(portMin))}`
  if (addressMax !== undefined && addressMax !== addressMin) text += `-${bracketed(addressMax, Boolean(portMin))}`
  if (portMin) text += `:${portMin}${portMax && portMax !== portMin ? `-${portMax}` : ''}`
  if (nat.persistent) text += ',persistent'
  if (nat.hash) text += ',hash'
  if (nat.random) text += ',random'
  return `nat(${text})`
}

const V4 = String.raw`(\d+\.\d+\.\d+\.\d+)`
const V6 = String.raw`(?:\[([0-9a-f:.]+)\]|([0-9a-f:.]+))`
const PORTS = String.raw`(?::(\d+)(?:-(\d+))?)?`
const range4 = new RegExp(`^${V4}(?:-${V4})?${PORTS}$`)
const range6 = new RegExp(`^${V6}(?:-${V6})?${PORTS}$`, 'i')
const bare6 = /^([0-9a-f:.]+)(?:-([0-9a-f:.]+))?$/i

function parseRange(text: string): Nat {
  const v4 = range4.exec(text)
  if (v4) return range(v4[1], v4[2], v4[3], v4[4], s => ipv4Text(ipv4Number(s)))
  const to6 = (s: string) => ipv6Text(ipv6Number(s))
  const plain = text.includes('[') ? null : bare6.exec(text)
  if (plain) return range(plain[1], plain[2], undefined, undefined, to6)
  const v6 = range6.exec(text)
  if (!v6) refuse(`nat: ${brief(text)} is not a range of addresses and ports`)
  return range(v6[1] ?? v6[2], v6[3] ?? v6[4], v6[5], v6[6], to6)
}

function range(
  min: string | undefined,
  max: string | undefined,
  portMin: string | undefined,
  portMax: string | undefined,
  address: (text: string) => string,
): Nat {
  const nat: Mutable<Nat> = { addressMin: address(min as string) }
  if (max !== undefined) nat.addressMax = address(max)
  if (portMin !== undefined) nat.portMin = numberOf(portMin, 16, 'a port')
  if (portMax !== undefined) nat.portMax = numberOf(portMax, 16, 'a port')
  if (nat.portMax !== undefined && nat.portMax < (nat.portMin as number))
    refuse('nat: a range of ports that ends before it starts')
  return nat
}

/** What stands in the parentheses of `nat(…)`. */
export function parseNat(text: string): Nat {
  let nat: Mutable<Nat> = {}
  for (const { key, value } of pairs(text)) {
    if (key === 'src' || key === 'dst') {
      if (nat.direction !== undefined) refuse('nat: only one of src and dst')
      nat = { ...nat, direction: key, ...(value === '' ? {} : parseRange(value)) }
    } else if (key === 'persistent') nat.persistent = true
    else if (key === 'hash') nat.hash = true
    else if (key === 'random') nat.random = true
    else refuse(`nat has no part ${brief(key)}`)
  }
  if (nat.direction === undefined && (nat.persistent || nat.hash || nat.random)) refuse('nat: flags need src or dst')
  if (nat.hash && nat.random) refuse('nat: only one of hash and random')
  return nat
}
