// Sends the packet of a trace for real, and tells by their counters which flows on its way it met.
import type { LiveTraceView } from '#api'
import { type Bridge, isOurs } from '#compiler'
import type { Programming } from '#fabric/programming/index'
import { effectsOf, type Trace, type TraceStart, type Visit } from '#tracer'
import { CannotTrace } from '#tracer/cannot-trace'
import { frameOf } from '#tracer/frame'

/** Switches tell their counters up to a second late; longer, the packet did not come. */
const PATIENCE = 4000
const PAUSE = 300

/** A flow on the way, and what it counted before. */
interface Met {
  readonly visit: Visit
  readonly cookie: bigint
  before: number
  hasRisen: boolean
}

/** The flows of a trace in the order in which it meets them, each once. */
const flowsOf = ({ arrivals }: Trace): readonly Met[] => {
  const met = new Map<string, Met>()
  const meet = (visit: Visit) => {
    const { chassis, bridge, flow } = visit
    const key = `${chassis} ${bridge} ${flow?.cookie}`
    if (flow && isOurs(flow.cookie) && !met.has(key))
      met.set(key, { visit, cookie: flow.cookie, before: 0, hasRisen: false })
  }
  const walk = (visit: Visit) => {
    meet(visit)
    for (const [, effect] of effectsOf(visit)) {
      if (effect.type === 'goto' || effect.type === 'resubmit') meet(effect.visit)
      if (effect.type === 'output' && effect.arrival) walk(effect.arrival.visit)
    }
  }
  for (const { visit } of arrivals) walk(visit)
  return [...met.values()]
}

/**
 * Sends the packet where its trace starts. Other traffic may raise a counter too: that a flow did not count is certain, that
 * it counted this packet is likely. Rejects with CannotTrace, CannotFrame, SwitchLost.
 */
export const sendLive = async (programming: Programming, start: TraceStart, traced: Trace): Promise<LiveTraceView> => {
  const frame = frameOf(start.packet)
  if (!programming.status(start.chassis)?.isConnected)
    throw new CannotTrace(`${start.chassis} is not connected, so no packet can be sent there`)
  const counted = async ({ visit: { chassis, bridge, table }, cookie }: Met): Promise<number> => {
    let packets = 0
    for await (const part of programming.counted(chassis, bridge as Bridge, table, cookie))
      for (const counters of part) packets += counters.packets
    return packets
  }
  const met = flowsOf(traced)
  await Promise.all(met.map(async flow => (flow.before = await counted(flow))))
  programming.inject(start.chassis, start.bridge as Bridge, Number(start.packet.in_port), frame)
  for (const end = Date.now() + PATIENCE; Date.now() < end && met.some(flow => !flow.hasRisen); ) {
    await new Promise(resolve => setTimeout(resolve, PAUSE))
    const silent = met.filter(flow => !flow.hasRisen)
    await Promise.all(silent.map(async flow => (flow.hasRisen = (await counted(flow)) > flow.before)))
  }
  const missing = met.filter(flow => !flow.hasRisen)
  return {
    sentence: sentenceOf(met),
    isAsTraced: missing.length === 0,
    missing: missing.map(({ visit: { chassis, bridge, table, name }, cookie }) => ({
      ...{ chassis, bridge, table, name, cookie: `0x${cookie.toString(16)}` },
    })),
  }
}

const sentenceOf = (met: readonly Met[]): string => {
  const first = met.findIndex(flow => !flow.hasRisen)
  if (first < 0) return `A real packet was sent, and all ${met.length} flows on the way counted it.`
  const at = ({ visit }: Met) => `table ${visit.name} on ${visit.chassis}`
  const last = first === 0 ? undefined : met[first - 1]
  const seen = last ? `it was counted up to ${at(last)}, but not by ` : 'it was not even counted by '
  return `A real packet was sent: ${seen}${at(met[first] as Met)}.`
}
