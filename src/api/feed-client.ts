// One client of the event feed: what it asked to be told, and how it is told. A message that makes no sense is answered
// with what is wrong; the connection goes on.

import type { BridgeName } from './fabric-view.ts'
import { edgesOf } from './feed-edges.ts'
import { type FlowRows, showSources } from './feed-flows.ts'
import type { FeedDrop, FeedMessage, FeedRequest } from './feed-messages.ts'
import type { Scope } from './feed-readings.ts'
import type { FeedShared } from './feed-shared.ts'
import { Suspects } from './feed-suspects.ts'

/** Bytes that may wait for a client before it is sent no more rows. */
const PATIENCE = 4 * 1024 * 1024
/** Bytes that may wait for a client before it is let go of: it resumes when it has caught its breath. */
const LIMIT = 64 * 1024 * 1024
/** Subscriptions of one client. */
const WATCHES = 32

/** The part of a WebSocket that is used. */
export interface Socket {
  readonly bufferedAmount: number
  send(text: string): void
  close(code: number, reason: string): void
}

/** What one subscription holds: how to end it, how to count for it, and that it took in what it was sent. */
interface Watch {
  stop(): void
  count?(tables: readonly number[] | 'all'): void
  taken?(): void
}

const BRIDGES: readonly BridgeName[] = ['br-int', 'br-tun']

/** One connection to the feed. */
export class FeedClient {
  readonly #socket: Socket
  readonly #shared: FeedShared
  readonly #watches = new Map<number, Watch>()
  /** Whether it said where it left off: before that it is told nothing. */
  isFollowing = false

  constructor(socket: Socket, shared: FeedShared) {
    this.#socket = socket
    this.#shared = shared
  }

  /** Takes in a message, which may be anything. */
  take(text: string): void {
    const request = readRequest(text)
    if (typeof request === 'string') this.send({ type: 'error', message: request })
    else this.#do(request)
  }

  send(message: FeedMessage): void {
    this.sendText(JSON.stringify(message))
  }

  /** Sends what is JSON already: the same text to all clients. */
  sendText(text: string): void {
    if (this.#socket.bufferedAmount > LIMIT) this.#socket.close(1013, 'too slow: connect again, and resume')
    else this.#socket.send(text)
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.stop()
    this.#watches.clear()
  }

  #do(request: FeedRequest): void {
    if (request.type === 'resume') this.#resume(request)
    else if (request.type === 'count') this.#watches.get(request.watch)?.count?.(request.tables)
    else if (request.type === 'taken') this.#watches.get(request.watch)?.taken?.()
    else {
      this.#watches.get(request.watch)?.stop()
      this.#watches.delete(request.watch)
      if (request.type !== 'stop') this.#begin(request)
    }
  }

  #begin(request: Extract<FeedRequest, { type: 'flows' | 'edges' | 'drops' }>): void {
    const { watch, chassis } = request
    const refusal =
      this.#watches.size >= WATCHES
        ? `more than ${WATCHES} subscriptions; stop some first`
        : chassis !== undefined && !this.#shared.knows(chassis)
          ? `there is no chassis ${chassis.slice(0, 100)}`
          : undefined
    if (refusal !== undefined) this.send({ type: 'trouble', watch, message: refusal })
    else if (request.type === 'flows') this.#watches.set(watch, this.#watchFlows(watch, request.chassis, request.ahead))
    else if (request.type === 'edges') this.#watches.set(watch, this.#watchEdges(watch, request.chassis))
    else this.#watches.set(watch, this.#watchDrops(watch, chassis))
  }

  #resume({ revision, epoch, drift = 0 }: Extract<FeedRequest, { type: 'resume' }>): void {
    const shared = this.#shared
    const isSame = epoch === shared.epoch
    const missed = shared.log.after(revision, isSame ? drift : 0)
    this.send({
      ...{ type: 'hello', epoch: shared.epoch, revision: shared.revision, version: shared.version },
      complete: shared.log.reaches(revision),
      ...{ tables: shared.live.tables, registers: shared.live.registers, dropReasons: shared.live.dropReasons },
    })
    this.send({ type: 'chassis', chassis: shared.states.all, gone: [] })
    this.send({ type: 'commits', commits: missed.commits })
    this.send({ type: 'costs', costs: missed.costs })
    this.send({ type: 'drift', events: missed.drift })
    this.isFollowing = true
  }

  #watchFlows(watch: number, chassis: string, ahead = Number.POSITIVE_INFINITY): Watch {
    const { value: rows, release } = this.#shared.rowsOf(chassis)
    this.send({ type: 'keys', watch, keys: this.#shared.keys() })
    let sent = 0
    let taken = 0
    const stopLooking = rows.look({
      isReady: () => sent - taken < ahead && this.#socket.bufferedAmount < PATIENCE,
      send: (total, added, removed) => {
        if (added.length > 0) sent++
        this.send({ type: 'flows', watch, total, added, removed })
      },
    })
    let stopCounting = () => {}
    return {
      taken: () => {
        taken++
      },
      stop: () => {
        stopCounting()
        stopLooking()
        release()
      },
      count: tables => {
        stopCounting()
        stopCounting = this.#count(watch, chassis, rows, tables)
      },
    }
  }

  #count(watch: number, chassis: string, rows: FlowRows, tables: readonly number[] | 'all'): () => void {
    const all = this.#shared.live.tables
    const scopes: readonly (readonly [Scope, readonly number[]])[] =
      tables === 'all'
        ? BRIDGES.map(bridge => [{ chassis, bridge }, [...all.keys()].filter(i => all[i]!.bridge === bridge)] as const)
        : tables.flatMap(i => {
            const table = all[i]
            return table ? [[{ chassis, bridge: table.bridge, table: table.number }, [i]] as const] : []
          })
    const stops = scopes.map(([scope, of]) =>
      this.#shared.readings.look(scope, {
        read: ({ at, elapsed, took, changed }) => {
          const counted: number[] = []
          for (const { cookie, packets, bytes, idle } of changed) {
            const n = rows.numberOf(cookie)
            if (n !== undefined) counted.push(n, packets, bytes, idle)
          }
          this.send({ type: 'counters', watch, tables: of, at, elapsed, took, rows: counted })
        },
        trouble: message => this.send({ type: 'trouble', watch, message }),
      }),
    )
    return () => {
      for (const stop of stops) stop()
    }
  }

  #watchEdges(watch: number, chassis: string): Watch {
    const { value: rows, release } = this.#shared.rowsOf(chassis)
    const leads = new Map<bigint, readonly string[]>()
    const packets = new Map<bigint, number>()
    let isWanted = true
    const stops = BRIDGES.map(bridge => {
      let isSumming = false
      const sum = async (at: number, elapsed: number) => {
        if (isSumming) return
        isSumming = true
        const packetsOf = (cookie: bigint) => packets.get(cookie) ?? 0
        const edges = await edgesOf(this.#shared.live, rows, bridge, packetsOf, leads, () => isWanted)
        isSumming = false
        if (edges !== undefined && isWanted) this.send({ type: 'edges', watch, bridge, at, elapsed, edges })
      }
      void sum(Date.now(), 0)
      return this.#shared.readings.look(
        { chassis, bridge },
        {
          read: ({ at, elapsed, changed }) => {
            for (const { cookie, packets: count } of changed) packets.set(cookie, count)
            void sum(at, elapsed)
          },
          trouble: message => this.send({ type: 'trouble', watch, message }),
        },
      )
    })
    return {
      stop: () => {
        isWanted = false
        for (const stop of stops) stop()
        release()
      },
    }
  }

  #watchDrops(watch: number, chassis: string | undefined): Watch {
    const shared = this.#shared
    const stops: (() => void)[] = []
    const following = new Set<string>()
    const follow = (id: string) => {
      if (following.has(id)) return
      following.add(id)
      stops.push(...BRIDGES.map(bridge => this.#followDrops(watch, id, bridge)))
    }
    for (const id of chassis === undefined ? shared.connected() : [chassis]) follow(id)
    return {
      stop: () => {
        for (const stop of stops) stop()
      },
    }
  }

  #followDrops(watch: number, chassis: string, bridge: BridgeName): () => void {
    const { live, readings, nameOf } = this.#shared
    const nameOfTable = (number: number) =>
      live.tables.find(table => table.bridge === bridge && table.number === number)?.name ?? `table ${number}`
    const { value: flows, release } = this.#shared.dropsOf(chassis)
    const suspects = new Suspects()
    const suspectsOf = (reason: string) => suspects.of(reason).map(id => ['port', id, nameOf('port', id)] as const)
    const counts = new Map<bigint, { packets: number; rate: number }>()
    const drops = (): readonly FeedDrop[] =>
      [...counts].flatMap(([cookie, count]) => {
        const flow = flows.find(cookie)
        if (flow?.drop === undefined || flow.bridge !== bridge) return []
        const { priority, table, drop } = flow
        return {
          ...{ chassis, bridge, table: nameOfTable(table), priority, cookie: cookie.toString(16) },
          ...{ match: flow.text().match, resources: showSources(flow, nameOf), ...drop, ...count },
          suspects: suspectsOf(drop.reason),
        }
      })
    const stop = readings.look(
      { chassis, bridge },
      {
        read: reading => {
          const { at, elapsed, changed } = reading
          suspects.take(flows, reading)
          for (const count of counts.values()) count.rate = 0
          for (const { cookie, packets } of changed) {
            const before = counts.get(cookie)?.packets ?? 0
            counts.set(cookie, { packets, rate: elapsed > 0 ? Math.max(0, packets - before) / elapsed : 0 })
          }
          this.send({ type: 'drops', watch, chassis, bridge, at, drops: drops() })
        },
        trouble: message => this.send({ type: 'trouble', watch, message: `${chassis}: ${message}` }),
      },
    )
    return () => {
      stop()
      release()
    }
  }
}

const isIndexes = (value: unknown) => Array.isArray(value) && value.length <= 256 && value.every(Number.isInteger)

/** A request, or what is wrong with it. */
const readRequest = (text: string): FeedRequest | string => {
  let request: Partial<Record<string, unknown>>
  try {
    request = JSON.parse(text)
  } catch {
    return 'a message must be JSON'
  }
  if (typeof request !== 'object' || request === null) return 'a message must be a JSON object'
  const { type, watch, chassis, tables, revision, epoch, drift, ahead } = request
  if (type === 'resume') {
    if (!Number.isSafeInteger(revision) || (revision as number) < 0) return 'resume: revision must be a number from 0'
    if (epoch !== undefined && typeof epoch !== 'string') return 'resume: epoch must be what hello said'
    if (drift !== undefined && !Number.isSafeInteger(drift)) return 'resume: drift must be a number'
    return request as unknown as FeedRequest
  }
  if (!['flows', 'taken', 'count', 'edges', 'drops', 'stop'].includes(type as string))
    return `type must be resume, flows, taken, count, edges, drops or stop, not ${JSON.stringify(type)?.slice(0, 100)}`
  if (!Number.isSafeInteger(watch)) return `${type}: watch must be a number of your choice`
  if (type === 'count' && tables !== 'all' && !isIndexes(tables))
    return 'count: tables must be "all" or indexes into the tables that hello listed'
  if ((type === 'flows' || type === 'edges') && typeof chassis !== 'string') return `${type}: chassis must be its id`
  if (ahead !== undefined && (!Number.isSafeInteger(ahead) || (ahead as number) < 1))
    return 'flows: ahead must be a number of messages from 1'
  if (type === 'drops' && chassis !== undefined && typeof chassis !== 'string') return 'drops: chassis must be an id'
  return request as unknown as FeedRequest
}
