// Finds a packet that a flow drops, by tracing likely ones until one ends there.
import { EncodeError } from 'node-openflow'
import { type Match, printMatch } from 'node-openflow/flow'
import type { ProposalView, TraceAsked, Tracing } from '#api'
import { inSlices } from '#api/slices'
import type { Compiler, Pipeline } from '#compiler'
import { chassisOf } from '#model'
import type { Store } from '#store'
import { Connections, givenStates, type Tables, type Trace, trace, UnknownField, type World } from '#tracer'
import { describePacket } from '#tracer/describe-packet'
import { modelWorld } from '#tracer/model-world'
import { packetOf } from '#tracer/packet'
import { type Attempt, attemptsAt, isDroppedBy, ofPacket } from '#tracer/packet-for-drop'

/** What is tried, and with what. */
interface Proposing {
  readonly store: Store
  readonly compiler: Compiler
  readonly pipeline: Pipeline
  readonly seenBy: (chassis: string) => ReadonlyMap<number, boolean>
  readonly intended: (chassis: string, bridge: string) => Tables | undefined
  /** Traces a packet with all that is known, what switches learned included. */
  readonly traceOf: (asked: TraceAsked) => Promise<Trace>
}

/** Milliseconds after which no more packets are tried, and how many at most. */
const PATIENCE = 4000
const MOST = 6000
/** Of those that end at the flow by what the controller wants, so many are traced with what switches learned. */
const VERIFIED = 5

/** Answers `Tracing.propose`. */
export const proposing =
  ({ store, compiler, pipeline, seenBy, intended, traceOf }: Proposing): Tracing['propose'] =>
  async (id, cookie, suspects) => {
    chassisOf(store, id)
    const entry = compiler.byCookie(id, cookie)[0]
    if (entry === undefined) return undefined
    const { bridge, sources, flow } = entry
    const worlds = new Map<string, World>()
    const worldOf = (dead: readonly string[]) => {
      const known = worlds.get(`${dead}`)
      const world = known ?? modelWorld({ model: store, pipeline, tables: intended, seenBy, dead: new Set(dead) })
      worlds.set(`${dead}`, world)
      return world
    }
    const found: { readonly attempt: Attempt; readonly drops: 'it' | 'a copy' }[] = []
    let tried = 0
    const end = Date.now() + PATIENCE
    const attempts = attemptsAt(store, { chassis: id, bridge, match: flow.match, sources, suspects })
    await inSlices(
      attempts,
      attempt => {
        if (ended().length >= VERIFIED || tried >= MOST) return
        tried++
        const tracker = attempt.states ? givenStates(attempt.states) : new Connections()
        const drops = where(() => isDroppedBy(trace(worldOf(attempt.dead ?? []), attempt, tracker), id, cookie))
        if (drops) found.push({ attempt, drops })
      },
      () => ended().length < VERIFIED && tried < MOST && Date.now() < end,
    )
    function ended() {
      return found.filter(({ drops }) => drops === 'it')
    }
    for (const { attempt } of [...ended(), ...found.filter(({ drops }) => drops !== 'it').slice(0, VERIFIED)]) {
      const { states = [], dead = [] } = attempt
      const shown = { chassis: attempt.chassis, bridge: attempt.bridge, packet: textOf(attempt.packet), states, dead }
      const asked = { ...shown, states: attempt.states, tables: 'intended', isLive: false, size: undefined } as const
      const drops = isDroppedBy(await traceOf(asked), id, cookie)
      if (drops) return { ...shown, drops, tried }
    }
    return { ...NOTHING, chassis: id, bridge, packet: printMatch(ofPacket(flow.match)), tried }
  }

const NOTHING: Pick<ProposalView, 'states' | 'dead' | 'drops'> = { states: [], dead: [], drops: null }

const textOf = (packet: Match): string => printMatch(describePacket(packetOf(packet)))

/** A packet that is none is not one that the flow drops. */
const where = <T>(make: () => T): T | undefined => {
  try {
    return make()
  } catch (error) {
    if (error instanceof EncodeError || error instanceof UnknownField) return undefined
    throw error
  }
}
