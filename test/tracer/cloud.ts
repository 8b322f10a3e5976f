// A model that the API made, its flows, and traces through them: what tests of the tracer across chassis have in common.
import { Compiler } from '#compiler'
import { dropReasons } from '#flows/drop-reasons'
import { packetInWords } from '#flows/packet-in-words'
import { pipeline } from '#flows/pipeline'
import { registers } from '#flows/registers'
import { type Chassis, chassis, claimPort } from '#model'
import { type TestApi, testApi } from '#test/support/api'
import {
  Connections,
  effectsOf,
  FlowIndex,
  type Trace,
  type TraceFlow,
  type TraceStart,
  tablesOf,
  trace,
  type World,
} from '#tracer'
import { type End, findEnd, packetOfEnds, parseProtocol, replyTo } from '#tracer/between'
import { explain, type Verdict } from '#tracer/explain'
import { intendedTables } from '#tracer/intended'
import { modelWorld } from '#tracer/model-world'

/** A packet that was followed. */
export interface Followed extends Verdict {
  readonly traced: Trace
  /** What becomes of the answer to it. */
  reply(): Verdict
  /** The same packet once more. */
  again(): Verdict
}

/** The model, and what is asked of it. */
export interface TracedCloud {
  readonly api: TestApi
  readonly compiler: Compiler
  /** Ids of what was made, by name. */
  readonly ids: Map<string, string>
  /** What chassis' BFD says: whether each sees others alive, by their keys. */
  readonly seen: Map<string, ReadonlyMap<number, boolean>>
  /** The world as it is; some chassis taken for dead. */
  world(dead?: readonly string[]): World
  plug(port: string, host: string, ofport: number): Promise<unknown>
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it made
  makePort(name: string, network: string, host: string, ofport: number, more?: object): Promise<any>
  /** The first packet of a protocol from one end to another: names of ports, or addresses. `size` is that of the frame. */
  follow(from: string, to: string, protocol: string, dead?: readonly string[], size?: number): Followed
  /** Traces a packet, and keeps the flows that it teaches its chassis. */
  teach(start: TraceStart): void
  /** What became of a trace. */
  tell(traced: Trace, to?: End): Verdict
}

/** A cloud of chassis. */
export const tracedCloud = async (hosts: readonly Chassis[]): Promise<TracedCloud> => {
  const api = testApi()
  const compiler = new Compiler(pipeline)
  const ids = new Map<string, string>()
  const seen: TracedCloud['seen'] = new Map()
  const learned = new Map<string, TraceFlow[]>()
  api.store.follow(commit => compiler.apply(commit), { fromStart: true })
  await api.store.transact({ source: 'test' }, tx => {
    for (const host of hosts) tx.insert(chassis, host)
  })
  const intended = intendedTables(compiler)
  const world = (dead: readonly string[] = []) =>
    modelWorld({
      ...{ model: api.store, pipeline, dead: new Set(dead) },
      seenBy: id => seen.get(id) ?? new Map(),
      tables: (id, bridge) => {
        const tables = intended(id, bridge)
        return tables && tablesOf([tables, new FlowIndex(learned.get(`${id} ${bridge}`) ?? [])])
      },
    })
  const tell = (traced: Trace, to?: End) =>
    explain(traced, {
      ...{ model: api.store, pipeline, reasons: dropReasons, registers, told: packetInWords },
      ...(to ? { to } : {}),
    })
  const plug = (port: string, host: string, ofport: number) =>
    api.store.transact({ source: 'test' }, tx =>
      claimPort(tx, { port: ids.get(port) as string, chassis: host, interface: `tap-${port}`, ofport, error: '' }),
    )
  return {
    ...{ api, compiler, ids, seen, world, plug, tell },
    makePort: async (name, network, host, ofport, more = {}) => {
      const { port } = await api.ok('POST', 'ports', { port: { name, network_id: network, ...more } })
      ids.set(name, port.id)
      await plug(name, host, ofport)
      return port
    },
    follow: (from, to, protocol, dead, size) => {
      const connections = new Connections()
      const at = world(dead)
      const through = (start: TraceStart) =>
        trace(at, { ...start, ...(size === undefined ? {} : { size }) }, connections)
      const [a, b] = [findEnd(api.store, from), findEnd(api.store, to)]
      const start = packetOfEnds(api.store, { from: a, to: b, protocol: parseProtocol(protocol) }, through)
      const traced = through(start)
      const reply = () => tell(through(replyTo(api.store, traced, b)), a)
      return { ...tell(traced, b), traced, reply, again: () => tell(through(start), b) }
    },
    teach: start => {
      for (const { place, visit } of trace(world(), start).arrivals)
        for (const [, effect] of effectsOf(visit)) {
          if (effect.type !== 'learn') continue
          const key = `${place.chassis} ${place.bridge}`
          learned.set(key, [...(learned.get(key) ?? []), effect.flow as TraceFlow])
        }
    },
  }
}
