// What happened to a packet between its ends: which routers it went through, what NAT changed, which gateway was chosen.
import { chassis, chassisPort, type Reader, routers } from '#model'
import { placeOfBits } from './layout.ts'
import { packetOf } from './packet.ts'
import type { Arrival, Trace, Translation, Visit } from './steps.ts'

/** A packet's way, without its tables. */
export interface Journey {
  /** Names of the routers, in order. */
  readonly routers: readonly string[]
  readonly translations: readonly Translation[]
  /** The chassis whose gateway it was sent to, last. */
  readonly gateway?: string
}

/** What of a named register is needed here. */
interface Named {
  readonly name: string
  readonly bridge: string
  readonly part: string
}

/** The table that every routed packet passes, in every router. */
const ROUTED = 'router_route'

/** The last part of the packet's way to the place where it ended, or all of it. */
export const journeyOf = ({ arrivals }: Trace, registers: readonly Named[], model: Reader): Journey => {
  const found = { routers: [] as string[], translations: [] as Translation[], gateway: undefined as string | undefined }
  const partOf = (name: string) => registers.find(r => r.name === name && r.bridge === 'br-int')?.part
  const [router, gateway] = [partOf('router'), partOf('gateway')]

  const walk = (visit: Visit, packet: ReturnType<typeof packetOf>): void => {
    if (visit.name === ROUTED && router !== undefined) {
      const key = packet.bits(router)
      const name = model.holder(routers, `key ${key}`)
      const text = name?.name || name?.id || `of key ${key}`
      if (found.routers.at(-1) !== text) found.routers.push(text)
    }
    for (const effect of visit.effects) {
      if (effect.type === 'set' && /^(x{0,2}reg|metadata)/.test(effect.field)) {
        const { place } = placeOfBits(effect.field)
        packet.write(place, BigInt(effect.value as number | bigint))
        if (gateway !== undefined && touches(effect.field, gateway))
          found.gateway = gatewayName(model, Number(packet.bits(gateway))) ?? found.gateway
      }
      if (effect.type === 'ct' && effect.resumes) found.translations.push(...effect.translated)
      if (effect.type === 'goto' || effect.type === 'resubmit') walk(effect.visit, packet)
      if (effect.type === 'output' && effect.arrival) arrive(effect.arrival)
    }
  }
  const arrive = ({ packet, visit }: Arrival) => walk(visit, packetOf(packet))
  for (const arrival of arrivals) arrive(arrival)
  const { routers: names, translations, gateway: chosen } = found
  return { routers: names, translations: distinct(translations), ...(chosen === undefined ? {} : { gateway: chosen }) }
}

const touches = (field: string, part: string): boolean => {
  const [a, b] = [placeOfBits(field).place, placeOfBits(part).place]
  return a.word === b.word && a.shift < b.shift + b.bits && b.shift < a.shift + a.bits
}

const gatewayName = (model: Reader, port: number): string | undefined =>
  model.holder(chassis, `key ${port - chassisPort(0)}`)?.id

const distinct = (translations: readonly Translation[]): readonly Translation[] =>
  Array.from(new Map(translations.map(t => [`${t.end} ${t.before} ${t.after}`, t])).values())

const list = (items: readonly string[]) =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`

/** `routed by r1 and r2, source 10.0.0.5 translated to 203.0.113.7`; empty for a packet to which nothing of that happened. */
export const journeyInWords = ({ routers: by, translations }: Journey): string =>
  [
    ...(by.length === 0 ? [] : [`routed by ${list(by)}`]),
    ...translations.map(({ end, before, after }) => `${end} ${before} translated to ${after}`),
  ].join(', ')
