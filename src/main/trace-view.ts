// A trace as the API shows it: flows in words, registers and what they hold by name.
import { type Match, printFlow, printMatch } from 'node-openflow/flow'
import type { ArrivalView, EffectView, OutcomeView, TraceFlowView, TraceView, VisitView } from '#api'
import type { Bridge, Pipeline } from '#compiler'
import { registers } from '#flows/registers'
import type { Reader } from '#model'
import type { Arrival, Effect, Link, Outcome, Trace, TraceFlow, Visit } from '#tracer'
import type { Verdict } from '#tracer/explain'
import { nameOfPort } from '#tracer/model-world'
import { namesOf } from '#tracer/names'
import { flowText } from './flow-text.ts'

/** Shows a trace, what became of the packet, and of the packets before it. */
export const traceViews = (store: Reader, pipeline: Pipeline) => {
  const text = flowText(pipeline)
  const names = namesOf(registers, pipeline, store)

  const showFlow = (bridge: string, flow: TraceFlow): TraceFlowView => {
    const { table, priority, cookie, match, actions } = flow
    return {
      ...{ cookie: `0x${cookie.toString(16)}`, priority },
      ...text.parts(bridge as Bridge, { table, priority, cookie, match, actions }),
      sources: flow.sources ?? [],
      ...(flow.packets === undefined ? {} : { packets: Number(flow.packets) }),
    }
  }
  const showVisit = (visit: Visit): VisitView => ({
    ...{ table: visit.table, name: visit.name, flow: visit.flow ? showFlow(visit.bridge, visit.flow) : null },
    effects: visit.effects.map(effect => showEffect(visit, effect)),
  })
  const showArrival = ({ by, place, hops, packet, visit }: Arrival): ArrivalView => ({
    ...{ by, ...place, hops, packet: printMatch(withoutRegisters(packet)) },
    visit: showVisit(visit),
  })
  const leadsTo = (link: Link): string => {
    if (link.type === 'patch') return link.bridge
    if (link.type === 'physical') return `the physical network ${link.network}`
    if (link.type === 'tunnel') return 'a tunnel'
    return link.id === undefined ? link.name : nameOfPort(store, link.id)
  }
  const showEffect = (at: Visit, effect: Effect): EffectView => {
    switch (effect.type) {
      case 'set': {
        const [name, value] = names.set(at, effect.field, effect.value)
        const [, before] = names.set(at, effect.field, effect.before)
        return { type: 'set', name, field: effect.field, before, value }
      }
      case 'goto':
      case 'resubmit':
        return { type: effect.type, visit: showVisit(effect.visit) }
      case 'output': {
        const { tun_dst, tun_ipv6_dst } = effect.packet
        const vtep = effect.link.type === 'tunnel' ? ` to ${String(tun_dst ?? tun_ipv6_dst)}` : ''
        return {
          ...{ type: 'output', port: effect.place.port, to: effect.nowhere ?? `${leadsTo(effect.link)}${vtep}` },
          ...(effect.arrival ? { arrival: showArrival(effect.arrival) } : {}),
        }
      }
      case 'controller':
        return { type: 'controller' }
      case 'learn':
        return { type: 'learn', flow: printFlow(effect.flow) }
      default:
        return effect
    }
  }
  const showOutcome = (outcome: Outcome): OutcomeView => {
    const { type, chassis: at, bridge, hops } = outcome
    const base = { type, chassis: at, bridge, hops }
    if (outcome.type === 'delivered') {
      const port = outcome.id === undefined ? {} : { port: outcome.id }
      return { ...base, ...port, words: outcome.id === undefined ? outcome.interface : nameOfPort(store, outcome.id) }
    }
    if (outcome.type === 'lost') return { ...base, words: outcome.reason }
    return { ...base, words: outcome.type === 'left' ? outcome.network : outcome.name }
  }

  return (traced: Trace, verdict: Verdict, before: readonly string[]): TraceView => {
    const { sentence, isDelivered, hops, reason, rule } = verdict
    return {
      ...{ sentence, delivered: isDelivered, hops, before },
      ...(reason === undefined ? {} : { reason }),
      ...(rule === undefined ? {} : { rule }),
      arrivals: traced.arrivals.map(showArrival),
      outcomes: traced.outcomes.map(showOutcome),
    }
  }
}

/** A packet's own fields: what registers hold shows where they are written. */
const withoutRegisters = (packet: Match): Match =>
  Object.fromEntries(Object.entries(packet).filter(([field]) => !/^(reg\d+|metadata)$/.test(field)))
