// Follows a packet through bridges, chassis and connection tracking to all of its ends.
import type { Match } from 'node-openflow/flow'
import { Connections, type ConnectionTracker } from './conntrack.ts'
import { describePacket } from './describe-packet.ts'
import { type Onward, type Run, run } from './evaluate.ts'
import { packetOf } from './packet.ts'
import type { Arrival, Effect, Outcome, Trace, Visit } from './steps.ts'
import type { World } from './world.ts'

/** Runs of one trace beyond which it is given up: a loop, or a flood beyond what anybody reads. */
const MAX_RUNS = 2000

/** What to trace. */
export interface TraceStart {
  readonly chassis: string
  readonly bridge: string
  /** The packet; `in_port` says where it comes in. */
  readonly packet: Match
  /** Its bytes from the Ethernet header on, without VLAN tags; left out, it is too big for nothing. */
  readonly size?: number
}

/** A bridge that is not known, or has no flows of ours. */
export class NoSuchBridge extends Error {
  constructor({ chassis, bridge }: { readonly chassis: string; readonly bridge: string }) {
    super(`chassis ${chassis} has no bridge ${bridge} whose flows are known`)
  }
}

/** Follows a packet. Connections that it makes stay in `tracker`. Throws NoSuchBridge, UnknownField. */
export const trace = (world: World, start: TraceStart, tracker: ConnectionTracker = new Connections()): Trace => {
  const packet = packetOf(start.packet)
  packet.size = start.size
  const place = { chassis: start.chassis, bridge: start.bridge, port: packet.number('in_port') }
  if (world.isDead?.(start.chassis))
    return { arrivals: [], outcomes: [lost({ place, hops: 0, packet }, `chassis ${start.chassis} is dead`)] }
  const first = run(world, tracker, { by: 'start', place, table: 0, hops: 0 }, packet)
  if (first === undefined) throw new NoSuchBridge(start)
  const arrivals: Arrival[] = [first.arrival]
  const outcomes: Outcome[] = endsOf(first)
  const queue: Onward[] = [...first.onward]
  let runs = 1
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (runs++ > MAX_RUNS) {
      outcomes.push(lost(next, `the trace was given up after ${MAX_RUNS} copies of the packet`))
      break
    }
    const done = run(world, tracker, next, next.packet)
    if (done === undefined) {
      outcomes.push(lost(next, `the flows of ${next.place.bridge} on ${next.place.chassis} are not known`))
      continue
    }
    arrivals.push(done.arrival)
    outcomes.push(...endsOf(done))
    queue.push(...done.onward)
  }
  return { arrivals, outcomes }
}

const lost = ({ place, hops, packet }: Pick<Onward, 'place' | 'hops' | 'packet'>, reason: string): Outcome => ({
  ...{ chassis: place.chassis, bridge: place.bridge, hops, packet: describePacket(packet) },
  ...{ type: 'lost', reason },
})

/** How the copies of one run ended, those apart that go on. */
const endsOf = ({ arrival, failure }: Run): Outcome[] => {
  if (failure === undefined) return arrivalEnds(arrival)
  const { place, hops, packet } = arrival
  const { chassis, bridge } = place
  return [{ chassis, bridge, hops, packet, type: 'lost', reason: failure }]
}

const arrivalEnds = (arrival: Arrival): Outcome[] => {
  const ends: Outcome[] = []
  const { place, hops, packet } = arrival
  const at = { chassis: place.chassis, bridge: place.bridge, hops, packet }
  let goesOn = false
  for (const [visit, effect] of effectsOf(arrival.visit)) {
    if (effect.type === 'ct') goesOn ||= effect.resumes
    if (effect.type === 'controller') {
      const { table, name } = visit
      const userdata = effect.userdata ? { userdata: effect.userdata } : {}
      ends.push({ ...at, packet: effect.packet, type: 'controller', table, name, ...userdata })
    }
    if (effect.type !== 'output') continue
    goesOn = true
    const { link, arrival: peer } = effect
    const out = { ...at, packet: effect.packet, port: effect.place.port }
    if (peer) ends.push(...arrivalEnds(peer))
    else if (link.type === 'interface') {
      ends.push({ ...out, type: 'delivered', interface: link.name, ...(link.id === undefined ? {} : { id: link.id }) })
    } else if (link.type === 'physical') ends.push({ ...out, type: 'left', network: link.network })
    else if (link.type === 'patch')
      ends.push({ ...out, type: 'lost', reason: `${link.bridge} is not a bridge of ours` })
    else if (effect.nowhere !== undefined) ends.push({ ...out, type: 'lost', reason: effect.nowhere })
  }
  if (goesOn || ends.length > 0) return ends
  return dropsOf(arrival.visit).map(({ table, name, flow }) => ({
    ...{ ...at, packet: arrival.finally, type: 'dropped', table, name, flow },
  }))
}

/** Everything that happened in a visit and in those below it, in order. */
export function* effectsOf(visit: Visit): Generator<readonly [Visit, Effect]> {
  for (const effect of visit.effects) {
    yield [visit, effect]
    if (effect.type === 'goto' || effect.type === 'resubmit') yield* effectsOf(effect.visit)
  }
}

/** All visits of a trace, in order. */
export function* visitsOf({ arrivals }: Pick<Trace, 'arrivals'>): Generator<Visit> {
  for (const { visit } of arrivals) {
    yield visit
    for (const [, effect] of effectsOf(visit)) {
      if (effect.type === 'goto' || effect.type === 'resubmit') yield effect.visit
      if (effect.type === 'output' && effect.arrival) yield* visitsOf({ arrivals: [effect.arrival] })
    }
  }
}

/** The last table that a packet went on to for good. */
const lastOf = (visit: Visit): Visit => {
  for (const effect of visit.effects) {
    if (effect.type === 'goto') return lastOf(effect.visit)
  }
  return visit
}

/** Where a packet ended of which nothing came: at a flow without actions, or at those that its copies met. */
const dropsOf = (visit: Visit): readonly Visit[] => {
  const last = lastOf(visit)
  const copies = last.effects.flatMap(effect => (effect.type === 'resubmit' ? dropsOf(effect.visit) : []))
  const seen = new Set<unknown>()
  const ended = copies.filter(({ flow }) => !seen.has(flow) && seen.add(flow))
  return ended.length === 0 ? [last] : ended
}
