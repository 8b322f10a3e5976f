// Where the gateways of routers are. The switches choose, by BFD, and go on choosing without us; here is worked out from
// what they report what they have chosen: to be shown, to be announced to the outside, and to find two that both hold
// themselves active.
import { EventEmitter } from 'node:events'
import {
  type Chassis,
  chassis,
  gatewayCandidates,
  gatewayChassis,
  networks,
  type RouterPort,
  routerPorts,
} from '#model'
import { routers } from '#model/router'
import type { Commit } from '#model/transaction'
import type { Store } from '#store/store'

/** The gateway of a router is on another chassis than before. */
export interface ActiveChange {
  /** The router's id. */
  readonly router: string
  /** The chassis where its gateway is now. */
  readonly chassis: string
  /** Where it was before; undefined when that is not known, as after our start. */
  readonly before: string | undefined
}

/** A chassis that may be the gateway of a router. */
export interface Candidate {
  readonly chassis: string
  readonly priority: number
  /** Whether it is connected to us. */
  readonly isConnected: boolean
  /** Whether other chassis see it alive; those that say so are not outnumbered by those that deny it. */
  readonly isLive: boolean
  /** Whether it holds itself active: by its own word no better one lives. */
  readonly holdsActive: boolean
}

/** The gateway of a router. */
export interface GatewayState {
  readonly router: string
  /** The external network's id. */
  readonly network: string
  /** Best first. */
  readonly candidates: readonly Candidate[]
  /** The chassis where it is; undefined while none that is connected holds itself active. */
  readonly active: string | undefined
  /** The chassis that hold themselves active for longer than a failover takes, if there are several. */
  readonly conflict: readonly string[]
}

interface Events {
  active: [ActiveChange]
}

/** What it needs from outside. */
export interface GatewayWatchOptions {
  readonly store: Store
  /** Whether the switch of a chassis is connected to us. */
  readonly isConnected: (chassis: string) => boolean
  readonly log: { info(facts: object, text: string): void; warn(facts: object, text: string): void }
  /** How long (ms) two may hold themselves active before that is an alarm. Default 10 s: failovers and returns overlap. */
  readonly holdOff?: number
  /** Milliseconds. */
  readonly now?: () => number
}

/** Two chassis that hold themselves active at a time. */
interface Conflict {
  readonly chassis: readonly string[]
  readonly since: number
  routers: number
  isRaised: boolean
}

/** Whether others see a chassis, of this id and key, alive: counted once. */
type Census = (id: string, key: number) => boolean

interface Known {
  readonly port: RouterPort
  readonly candidates: readonly Chassis[]
}

/** Watches the gateways of all routers. */
export class GatewayWatch extends EventEmitter<Events> {
  readonly #options: GatewayWatchOptions
  readonly #holdOff: number
  readonly #now: () => number
  /** Chassis -> key of another -> whether it sees that one alive. */
  readonly #views = new Map<string, ReadonlyMap<number, boolean>>()
  readonly #known = new Map<string, Known>()
  readonly #active = new Map<string, string>()
  readonly #connected = new Map<string, boolean>()
  readonly #conflicts = new Map<string, Conflict>()
  readonly #unfollow: () => void
  #due: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(options: GatewayWatchOptions) {
    super()
    this.#options = options
    this.#holdOff = options.holdOff ?? 10_000
    this.#now = options.now ?? (() => performance.now())
    for (const port of options.store.all(routerPorts)) this.#note(port)
    this.#unfollow = options.store.follow(commit => this.#committed(commit))
    this.#look()
  }

  /** Takes in what a chassis says of its BFD sessions, by the key of the other chassis; undefined: nothing is known any more. */
  observe(id: string, sessions: ReadonlyMap<number, boolean> | undefined): void {
    if (sessions === undefined) this.#views.delete(id)
    else this.#views.set(id, sessions)
    this.#look()
  }

  /** To be called when the connections of a chassis may have changed. */
  connectionChanged(id: string): void {
    const isConnected = this.#options.isConnected(id)
    if (this.#connected.get(id) === isConnected) return
    this.#connected.set(id, isConnected)
    this.#look()
  }

  /** The gateways of all routers that have one. */
  *states(): Iterable<GatewayState> {
    const isLive = this.#census()
    for (const router of this.#known.keys()) yield this.state(router, isLive)!
  }

  /** The gateway of a router; undefined when it has none. */
  state(router: string, isLive = this.#census()): GatewayState | undefined {
    const known = this.#known.get(router)
    if (known === undefined) return undefined
    const candidates = this.#judge(known, isLive)
    const held = holders(candidates)
    return {
      router,
      network: known.port.networkId,
      candidates,
      active: choose(candidates),
      conflict: this.#conflicts.get(held.join(' '))?.isRaised ? held : [],
    }
  }

  /** What a chassis says of its BFD sessions, by the key of the other chassis: whether it sees that one alive. */
  seenBy(id: string): ReadonlyMap<number, boolean> {
    return this.#views.get(id) ?? new Map()
  }

  /** How many BFD sessions chassis report as up, and as down. */
  get sessions(): { readonly up: number; readonly down: number } {
    let [up, down] = [0, 0]
    for (const view of this.#views.values()) for (const isLive of view.values()) isLive ? up++ : down++
    return { up, down }
  }

  /** The conflicts that are an alarm. */
  get conflicts(): readonly { readonly chassis: readonly string[]; readonly routers: number }[] {
    return [...this.#conflicts.values()].filter(conflict => conflict.isRaised)
  }

  /** What is wrong with a chassis as a gateway, in words. */
  problems(id: string): readonly string[] {
    return this.conflicts.filter(conflict => conflict.chassis.includes(id)).map(inWords)
  }

  /** Ends it; nothing changes anywhere. */
  close(): void {
    this.#unfollow()
    clearImmediate(this.#due)
    clearTimeout(this.#timer)
    this.removeAllListeners()
  }

  #committed({ changes }: Commit): void {
    let isOther = false
    for (const { kind, before, after } of changes) {
      if (kind.name === routerPorts.name) {
        const port = (after ?? before) as RouterPort
        if (port.role !== 'gateway') continue
        this.#known.delete(port.routerId)
        if (after !== undefined) this.#note(port)
        else this.#active.delete(port.routerId)
      } else if (kind.name === chassis.name) {
        const offers = [before, after].some(c => c !== undefined && (c as Chassis).gatewayPriority > 0)
        if (offers) isOther = true
        if (after === undefined) this.#views.delete((before as Chassis).id)
      } else continue
      this.#look()
    }
    if (isOther) for (const { port } of [...this.#known.values()]) this.#note(port)
  }

  #note(port: RouterPort): void {
    const { store } = this.#options
    const router = store.get(routers, port.routerId)
    const network = store.get(networks, port.networkId)
    if (port.role !== 'gateway' || router === undefined || network === undefined) return
    const ids = gatewayCandidates(gatewayChassis(store), network.segments, router.key)
    this.#known.set(router.id, { port, candidates: ids.map(id => store.get(chassis, id)!) })
  }

  #judge({ candidates }: Known, isLive: Census): readonly Candidate[] {
    return candidates.map(({ id, key, gatewayPriority }, i) => {
      const isConnected = this.#options.isConnected(id)
      const view = this.#views.get(id)
      const holdsActive =
        isConnected && (i === 0 || (view !== undefined && candidates.slice(0, i).every(c => !view.get(c.key))))
      return { chassis: id, priority: gatewayPriority, isConnected, isLive: isLive(id, key), holdsActive }
    })
  }

  #census(): Census {
    const counted = new Map<string, boolean>()
    return (id, key) => {
      let isLive = counted.get(id)
      if (isLive === undefined) {
        let votes = 0
        for (const [observer, view] of this.#views) {
          const vote = view.get(key)
          if (observer === id || vote === undefined || !this.#options.isConnected(observer)) continue
          votes += vote ? 1 : -1
        }
        isLive = votes >= 0
        counted.set(id, isLive)
      }
      return isLive
    }
  }

  #look(): void {
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      this.#settle()
    })
  }

  #settle(): void {
    const found = new Map<string, number>()
    const isLive = this.#census()
    for (const [router, known] of this.#known) {
      const candidates = this.#judge(known, isLive)
      const held = holders(candidates)
      if (held.length > 1) found.set(held.join(' '), (found.get(held.join(' ')) ?? 0) + 1)
      const active = choose(candidates)
      const before = this.#active.get(router)
      if (active === undefined || active === before) continue
      this.#active.set(router, active)
      this.emit('active', { router, chassis: active, before })
    }
    this.#compare(found)
  }

  /** Raises the alarm for what lasts, and ends it for what is over. */
  #compare(found: ReadonlyMap<string, number>): void {
    const { log } = this.#options
    for (const [pair, conflict] of this.#conflicts) {
      if (found.has(pair)) continue
      this.#conflicts.delete(pair)
      if (conflict.isRaised) log.info({ chassis: conflict.chassis }, 'one of them alone holds itself the gateway again')
    }
    for (const [pair, count] of found) {
      const conflict = this.#conflicts.get(pair) ?? {
        ...{ chassis: pair.split(' '), since: this.#now(), routers: count, isRaised: false },
      }
      conflict.routers = count
      this.#conflicts.set(pair, conflict)
      if (conflict.isRaised || this.#now() - conflict.since < this.#holdOff) continue
      conflict.isRaised = true
      log.warn({ chassis: conflict.chassis, routers: count }, inWords(conflict))
    }
    clearTimeout(this.#timer)
    const waiting = [...this.#conflicts.values()].filter(conflict => !conflict.isRaised)
    if (waiting.length === 0) return
    const rest = Math.min(...waiting.map(conflict => conflict.since)) + this.#holdOff - this.#now()
    this.#timer = setTimeout(() => this.#settle(), Math.max(rest, 1)).unref()
  }
}

const inWords = ({ chassis: ids, routers: count }: Pick<Conflict, 'chassis' | 'routers'>) =>
  `${ids.join(' and ')} both hold themselves the gateway of ${count} router${count === 1 ? '' : 's'}: they do not see each other; check the network between their VTEPs`

const holders = (candidates: readonly Candidate[]) => candidates.filter(c => c.holdsActive).map(c => c.chassis)

/**
 * The best that holds itself active and that others see alive: one that died is still connected for a while, and one that
 * came back is not seen yet.
 */
const choose = (candidates: readonly Candidate[]): string | undefined => {
  const held = candidates.filter(c => c.holdsActive)
  return (held.find(c => c.isLive) ?? held.at(-1))?.chassis
}
