// Traces packets for the API: through the flows that the compiler has made, or through those that switches hold; and, where
// that is asked, sends one.
import { EncodeError } from 'node-openflow'
import type { TraceAsked, Tracing } from '#api'
import type { Bridge, Compiler, Pipeline } from '#compiler'
import type { Programming } from '#fabric/programming/index'
import { SwitchLost } from '#fabric/programming/switch'
import { dropReasons } from '#flows/drop-reasons'
import { packetInWords } from '#flows/packet-in-words'
import { registers } from '#flows/registers'
import { chassisOf, refuse } from '#model'
import type { Store } from '#store'
import {
  Connections,
  FlowIndex,
  givenStates,
  NoSuchBridge,
  type Tables,
  type Trace,
  type TraceFlow,
  type TraceStart,
  tablesOf,
  trace,
  UnknownField,
} from '#tracer'
import { type End, findEnd, packetOfEnds, packetOfText, parseProtocol, replyTo } from '#tracer/between'
import { CannotTrace } from '#tracer/cannot-trace'
import { isCtFlag } from '#tracer/conntrack'
import { explain, type Verdict } from '#tracer/explain'
import { CannotFrame } from '#tracer/frame'
import { intendedTables } from '#tracer/intended'
import { modelWorld } from '#tracer/model-world'
import { proposing } from './trace-drop.ts'
import { sendLive } from './trace-live.ts'
import { traceViews } from './trace-view.ts'

/** What is traced. */
interface Traced {
  readonly store: Store
  readonly compiler: Compiler
  readonly programming: Programming
  readonly pipeline: Pipeline
  /** Which chassis one sees alive, by their keys. */
  readonly seenBy: (chassis: string) => ReadonlyMap<number, boolean>
}

/** Traces one packet after another through the same connections. */
type Follow = (start: TraceStart) => Trace

/** A trace that was made, where it began, and what became of the packets before it. */
interface Found {
  readonly start: TraceStart
  readonly traced: Trace
  readonly verdict: Verdict
  readonly before: readonly string[]
}

type TablesOf = (chassis: string, bridge: string) => Tables | undefined

/** The tracer as the API asks for it. */
export const tracing = ({ store, compiler, programming, pipeline, seenBy }: Traced): Tracing => {
  const intended = intendedTables(compiler)
  const show = traceViews(store, pipeline)

  const verdictOf = (traced: Trace, to?: End): Verdict =>
    explain(traced, {
      ...{ model: store, pipeline, reasons: dropReasons, registers, told: packetInWords },
      ...(to ? { to } : {}),
    })

  const find = (asked: TraceAsked, follow: Follow): Found => {
    if ('chassis' in asked) {
      const { chassis: id, bridge, packet } = asked
      const start = { chassis: id, bridge, packet: packetOfText(packet) }
      const traced = follow(start)
      return { start, traced, verdict: verdictOf(traced), before: [] }
    }
    const [from, to] = [findEnd(store, asked.from), findEnd(store, asked.to)]
    if (asked.isLive && typeof from === 'string')
      throw new CannotTrace(
        'a real packet can be sent from a port only: switches track none that seems to come from outside',
      )
    // A real packet must begin a connection: a source port of its own keeps it from an earlier one's.
    const protocol = { ...(asked.isLive ? { sourcePort: anyPort() } : {}), ...parseProtocol(asked.protocol) }
    let start = packetOfEnds(store, { from, to, protocol, ipVersion: asked.ipVersion }, follow)
    const first = start
    const before: string[] = []
    let traced = follow(start)
    let verdict = verdictOf(traced, to)
    for (const step of later[asked.as]) {
      if (!verdict.isDelivered) break
      before.push(verdict.sentence)
      start = step === 'reply' ? replyTo(store, traced, to) : first
      traced = follow(start)
      verdict = verdictOf(traced, step === 'reply' ? from : to)
    }
    return { start, traced, verdict, before }
  }

  /** Traces with the tables at hand; states that were given stand for the tracker. */
  const attempt = (asked: TraceAsked, tables: TablesOf): Found => {
    const world = modelWorld({ model: store, pipeline, tables, seenBy, dead: new Set(asked.dead) })
    const states = 'chassis' in asked ? asked.states?.map(readState) : undefined
    const tracker = states ? givenStates(states) : new Connections()
    const size = asked.size === undefined ? {} : { size: asked.size + ETHERNET_HEADER }
    return find(asked, start => trace(world, { ...start, ...size }, tracker))
  }

  /** Reads the flows of a bridge from its switch; what asked for them is known where they are what they should be. */
  const readBack = async (id: string, bridge: Bridge, table?: number): Promise<Tables> => {
    const flows: TraceFlow[] = []
    for await (const part of programming.installed(id, bridge, table))
      for (const { flow, match: wire, packets } of part) {
        const entry = compiler
          .byCookie(id, flow.cookie)
          .find(e => e.bridge === bridge && e.table === flow.table && e.priority === flow.priority)
        flows.push({ ...flow, wire, packets, ...(entry ? { sources: entry.sources } : {}) })
      }
    return new FlowIndex(flows)
  }

  /** Traces with what the switches hold. Which ones shows as it goes: what was missing is read, and it starts over. */
  const attemptInstalled = async (asked: TraceAsked): Promise<Found> => {
    const read = new Map<string, Tables>()
    for (;;) {
      const missing = new Map<string, readonly [string, Bridge]>()
      const found = attempt(asked, (id, bridge) => {
        const key = `${id} ${bridge}`
        if (!read.has(key)) missing.set(key, [id, bridge as Bridge])
        return read.get(key) ?? EMPTY
      })
      if (missing.size === 0) return found
      await Promise.all(Array.from(missing, async ([key, [id, bridge]]) => read.set(key, await readBack(id, bridge))))
    }
  }

  /**
   * Traces with what the switches should hold, and what packets taught them: that only they know. A table of such flows is
   * read when a trace looks in it, and the trace starts over; a switch that cannot be asked has learned nothing.
   */
  const attemptIntended = async (asked: TraceAsked): Promise<Found> => {
    const read = new Map<string, Tables>()
    for (;;) {
      const missing = new Map<string, () => Promise<Tables>>()
      const learnedOf = (id: string, bridge: Bridge): Tables => ({
        find: (table, packet, floor) => {
          if (!learns(bridge, table)) return undefined
          const key = `${id} ${bridge} ${table}`
          if (!read.has(key)) missing.set(key, () => readBack(id, bridge, table).catch(whereLost(EMPTY)))
          return read.get(key)?.find(table, packet, floor)
        },
      })
      const found = attempt(asked, (id, bridge) => {
        const wanted = intended(id, bridge)
        const isThere = programming.isConnected(id)
        return wanted && isThere ? tablesOf([wanted, learnedOf(id, bridge as Bridge)]) : wanted
      })
      if (missing.size === 0) return found
      await Promise.all(Array.from(missing, async ([key, ask]) => read.set(key, await ask())))
    }
  }

  const learns = (bridge: Bridge, table: number) =>
    pipeline.tables.some(t => t.bridge === bridge && t.number === table && LEARNED.includes(t.name))

  const traceOf = async (asked: TraceAsked) => (await attemptIntended(asked)).traced

  return {
    propose: proposing({ store, compiler, pipeline, seenBy, intended, traceOf }),
    trace: async asked => {
      if ('chassis' in asked) chassisOf(store, asked.chassis)
      for (const id of asked.dead) chassisOf(store, id)
      if (asked.isLive && asked.dead.length > 0)
        throw refuse('HTTPBadRequest', { message: 'A real packet finds dead only the chassis that are.' })
      if (asked.isLive && asked.size !== undefined)
        throw refuse('HTTPBadRequest', { message: 'The real packet of a trace is small: no size can be given.' })
      if (asked.isLive && 'as' in asked && asked.as !== 'new')
        throw refuse('HTTPBadRequest', { message: 'Only the first packet of a connection can be sent for real.' })
      try {
        const found = await (asked.tables === 'intended' ? attemptIntended : attemptInstalled)(asked)
        const { start, traced, verdict, before } = found
        const view = show(traced, verdict, before)
        return asked.isLive ? { ...view, live: await sendLive(programming, start, traced) } : view
      } catch (error) {
        throw isRefusal(error) ? refuse('HTTPBadRequest', { message: `${error.message}.` }) : error
      }
    },
  }
}

/** Which packets are traced after the first one. */
const later = { new: [], reply: ['reply'], established: ['reply', 'again'] } as const

const ETHERNET_HEADER = 14

/** An ephemeral port (RFC 6335). */
const anyPort = () => 49152 + Math.floor(16384 * Math.random())

/** Flags of ct_state. Throws CannotTrace. */
const readState = (words: readonly string[]) =>
  words.map(word => {
    if (isCtFlag(word)) return word
    throw new CannotTrace(`'${word}' is no state of a connection: new, est, rel, rpl, inv, trk, snat and dnat are`)
  })

/** Tables whose flows packets teach the switch. */
const LEARNED = ['l2_learned', 'learned_neighbor']

const whereLost =
  (instead: Tables) =>
  (error: unknown): Tables => {
    if (error instanceof SwitchLost) return instead
    throw error
  }

/** Tables not read yet. */
const EMPTY: Tables = { find: () => undefined }

const isRefusal = (error: unknown): error is Error =>
  [CannotTrace, CannotFrame, NoSuchBridge, UnknownField, EncodeError].some(kind => error instanceof kind)
