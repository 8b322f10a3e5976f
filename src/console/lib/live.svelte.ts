// What the controller tells everybody: chassis, commits and their costs, deviations. Kept for the whole page, by one
// connection; what views watch besides is asked for here too, and asked for again after a reconnect.
import type { FeedChassis, FeedCommit, FeedDrift, FeedMessage, FeedRequest } from '#api/feed-messages'
import type { CostView, RegisterView, TableView } from '#api/live-view'
import { token } from './api.ts'
import { type Connection, type ConnectionState, connect } from './connection.ts'

/** Commits and deviations that are kept. */
const COMMITS = 10_000
const DRIFT = 2000
/** How long (ms) what comes is gathered before it is shown. */
const GATHER = 50

/** The present state: each field is replaced as a whole, never changed within. */
class Live {
  connection = $state.raw<ConnectionState>('connecting')
  /** Whether the controller's present state has come. */
  isLoaded = $state.raw(false)
  version = $state.raw('')
  revision = $state.raw(0)
  tables = $state.raw<readonly TableView[]>([])
  registers = $state.raw<readonly RegisterView[]>([])
  /** Why flows drop: code -> words. */
  dropReasons = $state.raw<Readonly<Record<string, string>>>({})
  /** By name. */
  chassis = $state.raw<readonly FeedChassis[]>([])
  /** Newest first. */
  commits = $state.raw<readonly FeedCommit[]>([])
  costs = $state.raw<ReadonlyMap<number, CostView>>(new Map())
  /** Newest first. */
  drift = $state.raw<readonly FeedDrift[]>([])
  /** The revision below which commits were missed; 0 for none. */
  gapBelow = $state.raw(0)
}

/** The present state. */
export const live = new Live()

type Watch = Extract<FeedRequest, { watch: number }>

let epoch = ''
let connection: Connection | undefined
let nextWatch = 1
const watches = new Map<number, { readonly request: Watch; readonly listener: (message: FeedMessage) => void }>()
const commitListeners = new Set<(commits: readonly FeedCommit[]) => void>()

const take = (message: FeedMessage): void => {
  if ('watch' in message) {
    watches.get(message.watch)?.listener(message)
    return
  }
  if (message.type === 'hello') {
    if (!message.complete && live.isLoaded) live.gapBelow = message.revision
    if (message.epoch !== epoch) {
      live.drift = []
      gathered.drift = []
      lastDrift = 0
    }
    epoch = message.epoch
    live.version = message.version
    live.tables = message.tables
    live.registers = message.registers
    live.dropReasons = message.dropReasons
    live.revision = Math.max(message.revision, live.revision)
    if (!message.complete) for (const listener of commitListeners) listener([])
  } else if (message.type === 'chassis') {
    const byId = new Map(live.chassis.map(c => [c.id, c]))
    if (!live.isLoaded) byId.clear()
    for (const c of message.chassis) byId.set(c.id, c)
    for (const id of message.gone) byId.delete(id)
    live.chassis = [...byId.values()].sort((a, b) =>
      (a.hostname || a.id).localeCompare(b.hostname || b.id, 'en', { numeric: true }),
    )
    live.isLoaded = true
  } else if (message.type === 'commits') {
    const fresh = message.commits.filter(c => c.revision > newest)
    newest = fresh.at(-1)?.revision ?? newest
    gathered.commits.push(...fresh)
    gatherSoon()
  } else if (message.type === 'costs') {
    gathered.costs.push(...message.costs)
    gatherSoon()
  } else if (message.type === 'drift') {
    gathered.drift.push(...message.events)
    lastDrift = message.events.at(-1)?.n ?? lastDrift
    gatherSoon()
  }
}

/** The revision of the last commit that came, and what came since it was last shown: a busy controller commits often. */
let newest = 0
let lastDrift = 0
const gathered = { commits: [] as FeedCommit[], costs: [] as CostView[], drift: [] as FeedDrift[] }
let isGathering = false

const gatherSoon = (): void => {
  if (isGathering) return
  isGathering = true
  setTimeout(show, GATHER)
}

const show = (): void => {
  isGathering = false
  const { commits, costs, drift } = gathered
  if (commits.length > 0) {
    live.commits = [...commits.toReversed(), ...live.commits].slice(0, COMMITS)
    live.revision = Math.max(live.revision, newest)
  }
  if (costs.length > 0) {
    const kept = new Map([...live.costs, ...costs.map(cost => [cost.revision, cost] as const)])
    for (const revision of kept.keys()) {
      if (kept.size <= COMMITS) break
      kept.delete(revision)
    }
    live.costs = kept
  }
  if (drift.length > 0) live.drift = [...drift.toReversed(), ...live.drift].slice(0, DRIFT)
  Object.assign(gathered, { commits: [], costs: [], drift: [] })
  if (commits.length > 0) for (const listener of commitListeners) listener(commits)
}

/** Connects, and keeps the state up to date from then on. */
export const start = (): void => {
  connection = connect(location.origin, token(), {
    message: take,
    state: state => {
      live.connection = state
    },
    opening: () => [
      {
        type: 'resume',
        // Nothing is missed between the first page and now: what came before is read as it stands.
        revision: newest,
        ...(epoch === '' ? {} : { epoch, drift: lastDrift }),
      },
      ...[...watches.values()].map(({ request }) => request),
    ],
  })
}

/** Connects anew, with the token that there is now. */
export const restart = (): void => {
  connection?.close()
  start()
}

/** Watches something until the returned function is called. `listener` is told of it, again after a reconnect. */
export const watch = (
  request: { readonly type: 'edges'; readonly chassis: string } | { readonly type: 'drops'; readonly chassis?: string },
  listener: (message: FeedMessage) => void,
): (() => void) => {
  const id = nextWatch++
  const whole = { ...request, watch: id } as Watch
  watches.set(id, { request: whole, listener })
  connection?.send(whole)
  return () => {
    watches.delete(id)
    connection?.send({ type: 'stop', watch: id })
  }
}

/** Calls `listener` with commits as they come; with none when some were missed. Returns how to stop. */
export const onCommits = (listener: (commits: readonly FeedCommit[]) => void): (() => void) => {
  commitListeners.add(listener)
  return () => commitListeners.delete(listener)
}
