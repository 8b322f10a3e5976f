// Ports, tables, groups and meters in text: their numbers, the words that OpenFlow has for some, names where they are known.

import { brief } from '../../wire/index.ts'
import { numberOf, refuse } from './pairs.ts'

interface NamesByNumber {
  readonly [number: number]: string
}

/** Names of a switch's ports and tables, to print instead of numbers and to take when parsing. */
export interface Names {
  readonly ports?: NamesByNumber
  readonly tables?: NamesByNumber
}

const reserved: { readonly [name: string]: number } = {
  UNSET: 0xfffffff7,
  IN_PORT: 0xfffffff8,
  TABLE: 0xfffffff9,
  NORMAL: 0xfffffffa,
  FLOOD: 0xfffffffb,
  ALL: 0xfffffffc,
  CONTROLLER: 0xfffffffd,
  LOCAL: 0xfffffffe,
  NONE: 0xffffffff,
  ANY: 0xffffffff,
}
// NONE is the word of OpenFlow 1.0: read, and printed as ANY.
const reservedNames = new Map(Object.entries(reserved).map(([name, port]) => [port, name]))

/** A name as it stands in text: in quotes unless it is letters and digits only. */
function quoted(name: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? name : JSON.stringify(name)
}

function numberNamed(names: NamesByNumber | undefined, text: string): number | undefined {
  if (!names) return undefined
  let name = text
  if (text.startsWith('"')) {
    try {
      name = JSON.parse(text)
    } catch {
      return undefined
    }
  }
  for (const [number, known] of Object.entries(names)) if (known === name) return Number(number)
  return undefined
}

/** A port as ovs-ofctl prints it. */
export function printPort(port: number, names?: Names): string {
  const word = reservedNames.get(port)
  if (word !== undefined) return word
  const name = names?.ports?.[port]
  return name === undefined ? String(port >= 0xffffff00 ? port - 0xffff0000 : port) : quoted(name)
}

/** The port that a text names, or undefined. Ports 0xff00 to 0xffff of OpenFlow 1.0 are those of later versions. */
export function findPort(text: string, names?: Names): number | undefined {
  if (/^\d+$/.test(text)) {
    const port = Number(text)
    if (port < 0xff00) return port
    if (port <= 0xffff) return port + 0xffff0000
    return port >= 0xffffff00 && port <= 0xffffffff ? port : undefined
  }
  return reserved[text.toUpperCase()] ?? numberNamed(names?.ports, text)
}

/** The port that a text names. */
export function parsePort(text: string, names?: Names): number {
  return (
    findPort(text, names) ?? refuse(`${brief(text)} is not a port: a number, a word such as LOCAL, or a known name`)
  )
}

/** A table as ovs-ofctl prints it. */
export function printTable(table: number, names?: Names): string {
  const name = names?.tables?.[table]
  return name === undefined ? String(table) : quoted(name)
}

/** The table that a text names. */
export function parseTable(text: string, names?: Names): number {
  if (/^\d/.test(text)) return numberOf(text, 8, 'a table')
  if (/^all$/i.test(text)) return 255
  return (
    numberNamed(names?.tables, text) ?? refuse(`${brief(text)} is not a table: a number from 0 to 254 or a known name`)
  )
}

const groups: { readonly [name: string]: number } = { ALL: 0xfffffffc, ANY: 0xffffffff, NONE: 0xffffffff }

/** The group that a text names. */
export function parseGroupId(text: string): number {
  return groups[text.toUpperCase()] ?? numberOf(text, 32, 'a group')
}

const meters: { readonly [name: string]: number } = {
  slowpath: 0xfffffffd,
  controller: 0xfffffffe,
  all: 0xffffffff,
}
const meterNames = new Map(Object.entries(meters).map(([name, meter]) => [meter, name]))

/** The meter that a text names. */
export function parseMeterId(text: string): number {
  return meters[text] ?? numberOf(text, 32, 'a meter')
}

/** A meter as ovs-ofctl prints it. */
export function printMeterId(meter: number): string {
  return meterNames.get(meter) ?? String(meter)
}
