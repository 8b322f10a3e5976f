// All hosts: who is connected under which system-id, who is not any more and since when, and who was turned away. One
// host that is silent, hostile or wrong costs the others nothing.
import { connect, type Listener, listen, type TlsOptions } from 'ovsdb-client'
import { chassisLost } from '#model/binding'
import { type Chassis, chassis } from '#model/chassis'
import { canonicalVtep } from '#model/chassis-report'
import type { Commit } from '#model/transaction'
import type { Store } from '#store/store'
import { refusalOf } from '../refusal.ts'
import { removeStaleSocket } from '../stale-socket.ts'
import type { BfdSessions } from './bfd-sessions.ts'
import { concernedBy } from './concerns.ts'
import type { ListenAt, Reached } from './controller-target.ts'
import { readHost } from './host-settings.ts'
import { Link } from './link.ts'
import { ChassisSession } from './session.ts'
import { type Stranger, Strangers } from './strangers.ts'

/** Where log lines go: pino's shape. */
interface Log {
  info(facts: object, text: string): void
  warn(facts: object, text: string): void
}

/** How chassis are reached and treated. Times in milliseconds. */
export interface ChassisSessionsOptions {
  readonly store: Store
  readonly log: Log
  /** Where hosts dial in. */
  readonly listen: readonly ListenAt[]
  /** Hosts that we dial: `tcp:HOST:PORT`, `ssl:HOST:PORT`, `unix:PATH`. */
  readonly dial: readonly string[]
  /** For `pssl` and `ssl`. */
  readonly tls?: TlsOptions
  /** Chassis never seen before are approved at once. Default false. */
  readonly autoApprove?: boolean
  /** Where a host's switch finds us; undefined when it cannot: see controllerTarget(). */
  readonly controllerTarget: (reached: Reached) => string | undefined
  /** Called with what a chassis says of its BFD sessions; with undefined when nothing is known of them any more. */
  readonly onBfd?: (chassis: string, sessions: BfdSessions | undefined) => void
  /** How long a connection may take to show a host's database. Default 10 s. */
  readonly patience?: number
  /** How long after the loss of its session a chassis' ports are reported DOWN. Default 5 minutes. */
  readonly downAfter?: number
  /**
   * How long after a chassis left (or our start) another host may not take its place: one with the same system-id and
   * another VTEP address. Default 15 s, in which a database that was restarted is back.
   */
  readonly rivalAfter?: number
  /** Silence after which a host is probed, and again until it is given up. Default 5 s. */
  readonly probeInterval?: number
}

/** How the session of a chassis stands. */
export interface ChassisState {
  readonly chassis: string
  readonly isUp: boolean
  /** Milliseconds since the epoch: since when it has been up, or down. */
  readonly since: number
  /** `tcp:192.0.2.1:43210`; where it was last when it is down, '' when it has not been seen since our start. */
  readonly remote: string
  /** Why it is down, in words; '' when it is up. */
  readonly reason: string
  /** What is wrong between us and the host, in words; what is wrong with the host itself is in its record. */
  readonly problems: readonly string[]
}

/** The most that a host's database may send at once, in bytes: ten times that of 10,000 ports. */
const MAX_MESSAGE = 128 << 20
/** How long the holder of a system-id may take to show that it lives when another one comes with it. */
const PROOF_OF_LIFE = 1000
interface Place {
  state: Omit<ChassisState, 'problems'>
  link: Link | undefined
  session: ChassisSession | undefined
  timer: NodeJS.Timeout | undefined
}

/** The sessions with all hosts. */
export class ChassisSessions {
  readonly #options: ChassisSessionsOptions
  readonly #listeners: Listener[] = []
  readonly #links = new Set<Link>()
  readonly #places = new Map<string, Place>()
  readonly #strangers: Strangers
  readonly #watchers = new Set<(chassisId: string) => void>()
  #unfollow = () => {}
  #isClosing = false

  constructor(options: ChassisSessionsOptions) {
    this.#options = options
    this.#strangers = new Strangers(
      (facts, text) => options.log.warn(facts, text),
      id => {
        if (this.#places.has(id)) this.#changed(id)
      },
    )
  }

  /** Listens and dials. Rejects if an address cannot be listened on. */
  async start(): Promise<void> {
    const { store, listen: where, dial, tls, patience = 10_000, probeInterval } = this.#options
    for (const { id } of store.all(chassis)) this.#missing(id)
    this.#unfollow = store.follow(commit => this.#committed(commit))
    const limits = { maxMessageSize: MAX_MESSAGE, ...(probeInterval === undefined ? {} : { probeInterval }) }
    for (const at of where) {
      const { protocol, ...place } = at
      const secure = protocol === 'pssl' ? { tls: tls ?? {} } : {}
      if (protocol === 'punix') await removeStaleSocket(at.path)
      const listener = await listen({ ...place, ...limits, ...secure, handshakeTimeout: patience })
      listener.on('client', (client, peer) => this.#follow(new Link(client, patience, peer)))
      listener.on('refused', (error, address) => this.#strangers.turnedAway(address ?? 'unknown', refusalOf(error)))
      this.#listeners.push(listener)
    }
    for (const remote of dial) {
      const client = connect({ remotes: [remote], ...limits, ...(tls ? { tls } : {}) })
      this.#follow(new Link(client, patience, remote))
    }
  }

  /** The ports listened on, in the order of the options; undefined for Unix sockets. */
  get ports(): readonly (number | undefined)[] {
    return this.#listeners.map(listener => listener.port)
  }

  /** How the session of a chassis stands; undefined for one that is not known. */
  state(chassisId: string): ChassisState | undefined {
    const place = this.#places.get(chassisId)
    if (place === undefined) return undefined
    const rivals = this.#strangers.claimants(chassisId)
    const claims = rivals.map(({ remote }) => `another host, at ${remote}, reports the same system-id; give it its own`)
    return { ...place.state, problems: [...(place.session?.problems ?? []), ...claims] }
  }

  /** The states of all chassis that are known. */
  *states(): Iterable<ChassisState> {
    for (const id of this.#places.keys()) yield this.state(id)!
  }

  /** Connections that are no chassis. */
  strangers(): readonly Stranger[] {
    return this.#strangers.list
  }

  /** Calls `watcher` with a chassis' id when its state has changed. Returns how to stop. */
  watch(watcher: (chassisId: string) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Ends all sessions. Nothing changes on any host, and no port goes DOWN. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#unfollow()
    for (const place of this.#places.values()) {
      clearTimeout(place.timer)
      place.session?.end()
    }
    for (const link of this.#links) link.close('the controller ends')
    await Promise.all(this.#listeners.map(listener => listener.close()))
  }

  #follow(link: Link): void {
    this.#links.add(link)
    link.on('arrived', () => this.#identify(link))
    link.on('changed', step => {
      const id = this.#holderOf(link)
      if (id === undefined) return this.#identify(link)
      if (link.systemId !== id) {
        this.#lost(id, `the host calls itself ${link.systemId || 'nothing'} now`)
        return this.#identify(link)
      }
      this.#places.get(id)?.session?.follow(step)
    })
    link.on('left', reason => {
      if (this.#isClosing) return
      const id = this.#holderOf(link)
      if (id !== undefined) this.#lost(id, reason)
      else if (!link.isDialled && link.systemId === '') this.#strangers.turnedAway(link.address, reason)
      this.#strangers.remove(link)
      if (link.isDialled && link.host === undefined) this.#strangers.add(link, `it cannot be reached: ${reason}`)
    })
    link.on('ended', () => {
      this.#strangers.remove(link)
      this.#links.delete(link)
    })
  }

  /** The chassis that a link is the session of. */
  #holderOf(link: Link): string | undefined {
    const id = this.#idOf.get(link)
    return id !== undefined && this.#places.get(id)?.link === link ? id : undefined
  }

  readonly #idOf = new WeakMap<Link, string>()

  /** Finds out which chassis a host is, and whether it may be. */
  async #identify(link: Link): Promise<void> {
    const id = link.systemId
    if (!link.isUp || this.#isClosing) return
    if (id === '') return this.#strangers.add(link, 'it has no system-id: set external_ids:system-id of Open_vSwitch')
    if (!/^[\w.:-]{1,128}$/.test(id)) {
      return this.#strangers.add(link, 'its system-id is not one: up to 128 letters, digits and . : - _ are allowed')
    }
    if (link.isTls && link.certificateName !== id) {
      const name = link.certificateName ?? 'nobody'
      return this.#strangers.add(link, `its certificate is for ${name}, but it calls itself ${id}`)
    }
    const holder = this.#places.get(id)?.link
    if (holder === link) return
    if (holder?.isUp) {
      this.#strangers.add(link, `system-id ${id} belongs to the host at ${holder.remote}, which is connected`)
      if (await holder.answers(PROOF_OF_LIFE)) return
      if (this.#places.get(id)?.link === holder) this.#lost(id, 'it did not answer when it connected again')
      if (!holder.isDialled) holder.close('it did not answer when its host connected again')
      return
    }
    const rest = this.#reservedFor(link, id)
    if (rest > 0) {
      this.#strangers.add(link, `the host with system-id ${id} had another VTEP address; it may return first`)
      setTimeout(() => void this.#identify(link), rest).unref()
      return
    }
    this.#accept(link, id)
  }

  /** How long the place of a chassis stays reserved for the host that had it before, if this is another: milliseconds. */
  #reservedFor(link: Link, id: string): number {
    const { store, rivalAfter = 15_000 } = this.#options
    const known = store.get(chassis, id)?.reportedTunnelIp ?? ''
    const since = this.#places.get(id)?.state.since
    if (known === '' || since === undefined || link.host === undefined) return 0
    const { tunnelIp } = readHost(link.host.replica, link.host.database.schema.version)
    return canonicalVtep(tunnelIp) === known ? 0 : since + rivalAfter - Date.now()
  }

  #accept(link: Link, id: string): void {
    const { store, autoApprove = false, controllerTarget, log, onBfd = () => {} } = this.#options
    const place = this.#places.get(id)
    clearTimeout(place?.timer)
    this.#strangers.remove(link)
    this.#idOf.set(link, id)
    const state = { chassis: id, isUp: true, since: Date.now(), remote: link.remote, reason: '' }
    const onProblems = () => {
      for (const problem of next.session?.problems ?? []) log.warn({ chassis: id, remote: link.remote }, problem)
      this.#changed(id)
    }
    const next: Place = { state, link, session: undefined, timer: undefined }
    this.#places.set(id, next)
    // Those known from before; what the host reports now is logged with the commit that it makes.
    const problems = store.get(chassis, id)?.problems ?? []
    next.session = new ChassisSession(id, link.host!, {
      ...{ store, autoApprove, controllerTarget, onProblems },
      onBfd: sessions => onBfd(id, sessions),
    })
    log.info({ chassis: id, remote: link.remote }, 'chassis connected')
    this.#logNew(id, [], problems)
    this.#changed(id)
  }

  /** The session of a chassis ended. Nothing is withdrawn; its ports go DOWN later, unless it returns. */
  #lost(id: string, reason: string): void {
    const place = this.#places.get(id)
    if (!place?.session) return
    const { link } = place
    place.session.end()
    place.session = undefined
    place.link = undefined
    place.state = { ...place.state, isUp: false, since: Date.now(), reason }
    this.#options.log.warn({ chassis: id, remote: place.state.remote, reason }, 'chassis lost')
    this.#countDown(id, place)
    this.#changed(id)
    // Whoever else came with this system-id may have it now.
    for (const rival of this.#strangers.claimants(id)) if (rival.link !== link) void this.#identify(rival.link)
  }

  /** A chassis that was known before our start, and has not come yet. */
  #missing(id: string): void {
    const state = {
      ...{ chassis: id, isUp: false, since: Date.now(), remote: '' },
      reason: 'it has not connected since the controller started',
    }
    const place: Place = { state, link: undefined, session: undefined, timer: undefined }
    this.#places.set(id, place)
    this.#countDown(id, place)
  }

  #countDown(id: string, place: Place): void {
    const { store, log, downAfter = 300_000 } = this.#options
    clearTimeout(place.timer)
    place.timer = setTimeout(() => {
      log.warn({ chassis: id }, `chassis not connected for ${downAfter / 1000} s: its ports are DOWN`)
      store
        .transact({ source: 'fabric', request: id }, tx => chassisLost(tx, id))
        .catch(() => this.#countDown(id, place))
    }, downAfter)
    place.timer.unref()
  }

  #changed(id: string): void {
    for (const watcher of this.#watchers) watcher(id)
  }

  /** Tells sessions of commits that concern them. */
  #committed(commit: Commit): void {
    const concerned = concernedBy(commit, this.#options.store, () => this.#places.keys())
    for (const { kind, id, before, after } of commit.changes) {
      if (kind.name !== chassis.name) continue
      if (after === undefined) this.#removed(id)
      else this.#reported(id, before as Chassis | undefined, after as Chassis)
    }
    for (const id of concerned) this.#places.get(id)?.session?.modelChanged()
  }

  #reported(id: string, before: Chassis | undefined, after: Chassis): void {
    this.#logWaiting(before, after)
    this.#logNew(id, before?.problems ?? [], after.problems)
  }

  #logWaiting(before: Chassis | undefined, { id, admission }: Chassis): void {
    if (admission === 'waiting' && before?.admission !== 'waiting')
      this.#options.log.warn({ chassis: id }, `chassis waits for approval: flowright chassis approve ${id}`)
  }

  /** Logs the problems of a chassis that it did not have before, and that there are none any more. */
  #logNew(id: string, before: readonly string[], after: readonly string[]): void {
    const { log } = this.#options
    for (const problem of after) if (!before.includes(problem)) log.warn({ chassis: id }, problem)
    if (before.length > 0 && after.length === 0) log.info({ chassis: id }, 'what it reports is in order again')
  }

  /** A chassis was removed from the model: if its host comes again it is a new one. */
  #removed(id: string): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    clearTimeout(place.timer)
    place.session?.end()
    this.#places.delete(id)
    place.link?.close(`chassis ${id} was removed`)
    this.#options.log.info({ chassis: id }, 'chassis removed')
    this.#changed(id)
  }
}

/** Starts the sessions with all hosts. */
export const startChassisSessions = async (options: ChassisSessionsOptions): Promise<ChassisSessions> => {
  const sessions = new ChassisSessions(options)
  await sessions.start()
  return sessions
}
