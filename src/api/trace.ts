// Below /flowright/v1/trace: a packet's way through the flow tables, over bridges and chassis, and what became of it.
import type { FastifyInstance } from 'fastify'
import {
  attachments,
  bindings,
  floatingIps,
  modelKinds,
  networks,
  policies,
  ports,
  type Reader,
  refuse,
  routerPorts,
  routers,
  securityGroupRules,
} from '#model'
import type { Store } from '#store'
import { notIn, type Parameters } from './engine/parameters.ts'
import { invalid, quote, readCookie } from './engine/read.ts'
import type { SourceView } from './fabric-view.ts'
import { groupName, named, nameOf, ruleInWords } from './security-words.ts'
import type { ArrivalView, EffectView, TraceAsked, Tracing, VisitView } from './trace-view.ts'

type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** Serves it; the caller admits administrators only. `show` tells what a record of the model is. */
export function serveTrace(
  app: FastifyInstance,
  store: Store,
  tracing: Tracing,
  show: (source: SourceView, store: Store) => object,
): void {
  const answer = async (asked: TraceAsked) => {
    const { arrivals, live, ...rest } = await tracing.trace(asked)
    const source = (s: SourceView) => ({ ...show(s, store), words: inWords(s, store) })
    return {
      trace: {
        ...rest,
        arrivals: arrivals.map(arrival => showArrival(arrival, source)),
        ...(live ? { live: { sentence: live.sentence, as_traced: live.isAsTraced, missing: live.missing } } : {}),
      },
    }
  }
  app.get<{ Querystring: Query }>('/trace', { config: { parameters } }, ({ query }) => answer(readAsked(query, false)))
  // The same, and a real packet.
  app.post<{ Querystring: Query }>('/trace', { config: { parameters } }, ({ query }) => answer(readAsked(query, true)))
  // Why a flow counts drops: a packet to trace that it drops. The dropped ones themselves are gone.
  app.get<{ Params: { id: string; cookie: string }; Querystring: Query }>(
    '/chassis/:id/flows/:cookie/packet',
    { config: { parameters: { suspect: 'several' } } },
    async ({ params, query }) => {
      const cookie = readCookie(params.cookie)
      const suspects = query.suspect === undefined ? [] : [query.suspect].flat().slice(0, 10)
      const packet = await tracing.propose(params.id, cookie, suspects)
      if (packet === undefined)
        throw refuse('CookieNotFound', { cookie: `0x${cookie.toString(16)}`, chassis: params.id })
      return { packet }
    },
  )
}

/** A record as the operator knows it: a binding is its port, an attachment its network. */
const inWords = ({ kind, id }: SourceView, reader: Reader): string => {
  const called = (name: string, doc: { readonly id: string; readonly name?: string } | undefined) =>
    `${name} ${nameOf(doc, doc?.id ?? id)}`
  if (kind === bindings.name) return called('port', reader.get(ports, reader.get(bindings, id)?.port ?? ''))
  if (kind === attachments.name)
    return called('network', reader.get(networks, reader.get(attachments, id)?.network ?? ''))
  if (kind === policies.name) {
    const groups = reader.get(policies, id)?.groups.map(group => groupName(reader, group)) ?? []
    return groups.length === 0 ? 'ports without security groups' : `ports of security groups ${named(groups)}`
  }
  const routerPort = kind === routerPorts.name ? reader.get(routerPorts, id) : undefined
  if (routerPort) {
    const { role, routerId, networkId } = routerPort
    const router = called('router', { id: routerId, name: reader.get(routers, routerId)?.name ?? '' })
    const on = called('network', { id: networkId, name: reader.get(networks, networkId)?.name ?? '' })
    return `${role} of ${router} on ${on}`
  }
  const floating = kind === floatingIps.name ? reader.get(floatingIps, id) : undefined
  if (floating) return `floating IP ${floating.floatingIpAddress}`
  const rule = kind === securityGroupRules.name ? reader.get(securityGroupRules, id) : undefined
  if (rule) return `rule ${ruleInWords(rule, reader)} of ${groupName(reader, rule.groupId)}`
  const known = modelKinds.find(k => k.name === kind)
  return called(kind.replaceAll('_', ' '), known && reader.get(known, id))
}

type Show = (source: SourceView) => object

const showArrival = (arrival: ArrivalView, show: Show): object => ({
  ...arrival,
  visit: showVisit(arrival.visit, show),
})

const showVisit = ({ flow, effects, ...visit }: VisitView, show: Show): object => ({
  ...visit,
  flow: flow && { ...flow, sources: undefined, resources: flow.sources.map(show) },
  effects: effects.map(effect => showEffect(effect, show)),
})

const showEffect = (effect: EffectView, show: Show): object => {
  if ('visit' in effect) return { ...effect, visit: showVisit(effect.visit, show) }
  return 'arrival' in effect && effect.arrival ? { ...effect, arrival: showArrival(effect.arrival, show) } : effect
}

/** The two ways to say what to trace, and what goes with both. */
const betweenEnds = { from: 'one', to: 'one', protocol: 'one', ip_version: 'one', as: 'one' } as const
const ofPacket = { chassis: 'one', packet: 'one', bridge: 'one', ct: 'several' } as const
const parameters: Parameters = { ...betweenEnds, ...ofPacket, tables: 'one', size: 'one', dead: 'several' }

const choose = <T extends string>(query: Query, name: string, choices: readonly [T, ...T[]]): T => {
  const given = query[name]
  if (given === undefined) return choices[0]
  const found = choices.find(choice => choice === given)
  if (found === undefined) throw notIn(name, given, choices)
  return found
}

/** Refuses what would be passed over. */
const requireNone = (query: Query, names: readonly string[], why: string): void => {
  const given = names.find(name => query[name] !== undefined)
  if (given !== undefined) throw invalid(given, why)
}

/** What a query asks for. */
function readAsked(query: Query, isLive: boolean): TraceAsked {
  const size = query.size === undefined ? undefined : Number(query.size)
  if (size !== undefined && !(Number.isInteger(size) && size >= 20 && size <= 0xffff))
    throw invalid('size', `'${quote(query.size)}' is no size of an IP packet, from 20 to 65535 bytes`)
  const how = { isLive, size, dead: query.dead === undefined ? [] : [query.dead].flat() }
  const text = (name: string): string => {
    const value = query[name]
    if (typeof value === 'string' && value !== '') return value.slice(0, 2000)
    throw invalid(name, "a trace needs 'from', 'to' and 'protocol', or 'chassis' and 'packet'")
  }
  const tables = choose(query, 'tables', ['intended', 'installed'])
  if (query.chassis !== undefined) {
    requireNone(query, Object.keys(betweenEnds), "'chassis' and 'packet' say what to trace")
    const states = query.ct
    return {
      ...{ chassis: text('chassis'), packet: text('packet'), tables, ...how },
      bridge: choose(query, 'bridge', ['br-int', 'br-tun']),
      states: states === undefined ? undefined : [states].flat().map(state => state.split(/[,|]/)),
    }
  }
  requireNone(query, Object.keys(ofPacket), "it goes with 'chassis' and 'packet'")
  const version = query.ip_version
  if (version !== undefined && version !== '4' && version !== '6') throw notIn('ip_version', version, ['4', '6'])
  return {
    ...{ from: text('from'), to: text('to'), protocol: text('protocol'), tables, ...how },
    ipVersion: version === undefined ? undefined : version === '4' ? 4 : 6,
    as: choose(query, 'as', ['new', 'reply', 'established']),
  }
}
