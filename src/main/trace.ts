// Traces packets for the API: through the flows that the compiler has made, or through those that switches hold.
import { EncodeError } from 'node-openflow'
import { type Match, printFlow, printMatch } from 'node-openflow/flow'
import type {
  ArrivalView,
  EffectView,
  OutcomeView,
  TraceAsked,
  TraceFlowView,
  TraceView,
  Tracing,
  VisitView,
} from '#api'
import type { Bridge, Compiler, Pipeline } from '#compiler'
import type { Programming } from '#fabric/programming/index'
import { dropReasons } from '#flows/drop-reasons'
import { registers } from '#flows/registers'
import { chassis, ports, refuse } from '#model'
import type { Store } from '#store'
import {
  type Arrival,
  Connections,
  type Effect,
  FlowIndex,
  givenStates,
  type Link,
  NoSuchBridge,
  type Outcome,
  type Tables,
  type Trace,
  type TraceFlow,
  type TraceStart,
  trace,
  UnknownField,
  type Visit,
} from '#tracer'
import { CannotTrace, findPort, packetBetween, packetOfText, parseProtocol, replyTo } from '#tracer/between'
import { isCtFlag } from '#tracer/conntrack'
import { explain, type Verdict } from '#tracer/explain'
import { intendedTables } from '#tracer/intended'
import { modelWorld, nameOfPort } from '#tracer/model-world'
import { namesOf } from '#tracer/names'
import { flowText } from './flow-text.ts'

/** What is traced. */
interface Traced {
  readonly store: Store
  readonly compiler: Compiler
  readonly programming: Programming
  readonly pipeline: Pipeline
}

/** Traces one packet after another through the same connections. */
type Follow = (start: TraceStart) => Trace

/** The tracer as the API asks for it. */
export const tracing = ({ store, compiler, programming, pipeline }: Traced): Tracing => {
  const intended = intendedTables(compiler)
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

  const verdictOf = (traced: Trace, to?: string): Verdict => {
    const port = to === undefined ? undefined : store.get(ports, to)
    return explain(traced, { model: store, pipeline, reasons: dropReasons, registers, ...(port ? { to: port } : {}) })
  }
  const show = (traced: Trace, verdict: Verdict, before: readonly string[]): TraceView => {
    const { sentence, isDelivered, hops, reason, rule } = verdict
    return {
      ...{ sentence, delivered: isDelivered, hops, before },
      ...(reason === undefined ? {} : { reason }),
      ...(rule === undefined ? {} : { rule }),
      arrivals: traced.arrivals.map(showArrival),
      outcomes: traced.outcomes.map(showOutcome),
    }
  }

  const answer = (asked: TraceAsked, follow: Follow): TraceView => {
    if ('chassis' in asked) {
      const { chassis: id, bridge, packet } = asked
      const traced = follow({ chassis: id, bridge, packet: packetOfText(packet) })
      return show(traced, verdictOf(traced), [])
    }
    const [from, to] = [findPort(store, asked.from), findPort(store, asked.to)]
    const start = packetBetween(store, from, to, parseProtocol(asked.protocol), asked.ipVersion)
    const before: string[] = []
    let traced = follow(start)
    let verdict = verdictOf(traced, to.id)
    const steps = asked.as === 'new' ? [] : asked.as === 'reply' ? ['reply'] : ['reply', 'again']
    for (const step of steps) {
      if (!verdict.isDelivered) break
      before.push(verdict.sentence)
      traced = follow(step === 'reply' ? replyTo(store, traced, to) : start)
      verdict = verdictOf(traced, step === 'reply' ? from.id : to.id)
    }
    return show(traced, verdict, before)
  }

  /** Answers with the tables at hand; states that were given stand for the tracker. */
  const attempt = (asked: TraceAsked, tables: (chassis: string, bridge: string) => Tables | undefined): TraceView => {
    const world = modelWorld({ model: store, pipeline, tables })
    const states = 'chassis' in asked ? asked.states?.map(readState) : undefined
    const tracker = states ? givenStates(states) : new Connections()
    return answer(asked, start => trace(world, start, tracker))
  }

  /** Reads the flows of a bridge from its switch; what asked for them is known where they are what they should be. */
  const readBack = async (id: string, bridge: Bridge): Promise<Tables> => {
    const flows: TraceFlow[] = []
    for await (const part of programming.installed(id, bridge))
      for (const { flow, match: wire, packets } of part) {
        const entry = compiler
          .byCookie(id, flow.cookie)
          .find(e => e.bridge === bridge && e.table === flow.table && e.priority === flow.priority)
        flows.push({ ...flow, wire, packets, ...(entry ? { sources: entry.sources } : {}) })
      }
    return new FlowIndex(flows)
  }

  return {
    trace: async asked => {
      if ('chassis' in asked && store.get(chassis, asked.chassis) === undefined)
        throw refuse('ChassisNotFound', { id: asked.chassis })
      try {
        if (asked.tables === 'intended') return attempt(asked, intended)
        // Which switches it passes shows as it goes: what was missing is read, and the trace starts over.
        const read = new Map<string, Tables>()
        for (;;) {
          const missing = new Map<string, readonly [string, Bridge]>()
          const view = attempt(asked, (id, bridge) => {
            const key = `${id} ${bridge}`
            if (!read.has(key)) missing.set(key, [id, bridge as Bridge])
            return read.get(key) ?? EMPTY
          })
          if (missing.size === 0) return view
          await Promise.all(
            Array.from(missing, async ([key, [id, bridge]]) => read.set(key, await readBack(id, bridge))),
          )
        }
      } catch (error) {
        throw isRefusal(error) ? refuse('HTTPBadRequest', { message: `${error.message}.` }) : error
      }
    },
  }
}

/** Flags of ct_state. Throws CannotTrace. */
const readState = (words: readonly string[]) =>
  words.map(word => {
    if (isCtFlag(word)) return word
    throw new CannotTrace(`'${word}' is no state of a connection: new, est, rel, rpl, inv, trk, snat and dnat are`)
  })

/** A packet's own fields: what registers hold shows where they are written. */
const withoutRegisters = (packet: Match): Match =>
  Object.fromEntries(Object.entries(packet).filter(([field]) => !/^(reg\d+|metadata)$/.test(field)))

/** Tables not read yet. */
const EMPTY: Tables = { find: () => undefined }

const isRefusal = (error: unknown): error is Error =>
  [CannotTrace, NoSuchBridge, UnknownField, EncodeError].some(kind => error instanceof kind)
