// What the learn action makes of a packet: a flow.
import {
  type Action,
  type ActionOf,
  bitsOf,
  type Flow,
  fieldOf,
  fromInteger,
  integerOf,
  type Match,
  masked,
  type Subfield,
} from 'node-openflow/flow'
import { hasField } from './describe-packet.ts'
import { placeOf, placeOfBits } from './layout.ts'
import { Packet } from './packet.ts'

/** Port numbers in actions are of 32 bits, in fields of 16: reserved ones are the highest of both. */
export const widePort = (port: number): number => (port >= 0xff00 && port <= 0xffff ? port + 0xffff0000 : port)

/** The flow that a packet teaches. Throws UnknownField. */
export const learnedFlow = (packet: Packet, learn: ActionOf<'learn'>): Required<Pick<Flow, 'table'>> & Flow => {
  const values = new Packet()
  const masks = new Packet()
  const fields = new Set<string>()
  const actions: Action[] = []
  for (const spec of learn.specs) {
    if ('output' in spec) {
      actions.push({ type: 'output', port: widePort(Number(packet.bits(spec.output))) })
      continue
    }
    const target: Subfield = 'load' in spec ? spec.load : spec.match
    const { field, place } = placeOfBits(target)
    const value =
      spec.value === undefined ? packet.bits(spec.from ?? target) : integerOf(fieldOf(field.name), spec.value)
    if ('load' in spec) {
      actions.push({ type: 'load', dst: target, value })
      continue
    }
    fields.add(field.name)
    values.write(place, value)
    masks.write(place, (1n << BigInt(place.bits)) - 1n)
  }
  const match = Object.fromEntries(
    [...fields].map(name => {
      const field = fieldOf(name)
      const place = placeOf(name)
      return [name, masked(fromInteger(field, values.read(place)), fromInteger(field, masks.read(place)))]
    }),
  ) as Match
  return {
    table: learn.table ?? 1,
    priority: learn.priority ?? 0x8000,
    cookie: learn.cookie ?? 0n,
    match: match,
    actions,
    ...(learn.idleTimeout ? { idleTimeout: learn.idleTimeout } : {}),
    ...(learn.hardTimeout ? { hardTimeout: learn.hardTimeout } : {}),
  }
}

/** Whether a packet has all that the learn action reads of it; else Open vSwitch learns nothing. */
export const canLearn = (packet: Packet, learn: ActionOf<'learn'>): boolean =>
  learn.specs.every(spec => {
    if ('output' in spec) return true
    const from = spec.value === undefined ? (spec.from ?? ('load' in spec ? spec.load : spec.match)) : undefined
    return from === undefined || hasField(packet, bitsOf(from).field.name)
  })
