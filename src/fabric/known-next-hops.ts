// Next hops on external networks are asked for before anybody lacks them, so that their MACs are known, and right, wherever a
// packet may leave: by every chassis that the network reaches, standbys included, and with the controller stopped for a while.
import ipaddr from 'ipaddr.js'
import { attachments, type Commit, networks, routerPorts, routers, subnets } from '#model'
import type { Store } from '#store'
import type { NextHop } from './next-hops.ts'

/** Each next hop is asked for once in so many seconds. */
const PERIOD = 30
/** How long (s) a next hop is asked for after a packet lacked it, and how many such are kept. */
const WANTED = { seconds: 600, count: 4096 } as const

/** What keeping next hops known needs. */
interface KnownNextHopsOptions {
  readonly store: Store
  /** Asks for a next hop. */
  readonly ask: (hop: NextHop) => void
  /** Whether a chassis can be told to ask. */
  readonly isConnected: (chassis: string) => boolean
}

const KINDS: ReadonlySet<string> = new Set(
  [attachments, networks, routerPorts, routers, subnets].map(({ name }) => name),
)

const keyOf = ({ chassis, network, ip }: NextHop) => `${chassis} ${network} ${ip}`

/** In which second of each period it is this one's turn. */
const turnOf = (key: string): number => {
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) >>> 0
  return hash % PERIOD
}

/** The addresses on an external network to which routers send: gateways of its subnets, next hops of routes that lie in them. */
const nextHopsOn = (store: Store, network: string): ReadonlySet<string> => {
  const of = Array.from(store.by(subnets, 'network', network))
  const found = new Set(of.flatMap(({ gatewayIp }) => (gatewayIp === null ? [] : [gatewayIp])))
  const prefixes = of.map(({ cidr }) => ipaddr.parseCIDR(cidr))
  for (const { role, routerId } of store.by(routerPorts, 'network', network)) {
    if (role !== 'gateway') continue
    for (const { nexthop } of store.get(routers, routerId)?.routes ?? []) {
      const ip = ipaddr.parse(nexthop)
      if (prefixes.some(prefix => ip.kind() === prefix[0].kind() && ip.match(prefix))) found.add(nexthop)
    }
  }
  return found
}

/** Asks for next hops in turn. */
export class KnownNextHops {
  readonly #options: KnownNextHopsOptions
  /** By chassis, network and address; with the second of the period in which it is asked for. */
  #hops = new Map<string, { readonly hop: NextHop; readonly turn: number }>()
  /** With the second of the last packet that lacked it; the one lacked longest ago first. */
  readonly #wanted = new Map<string, { readonly hop: NextHop; readonly at: number }>()
  /** Chassis that lost, perhaps, what they had learned. */
  readonly #forgetful = new Set<string>()
  #isStale = true
  #second = 0
  readonly #stop: () => void

  constructor(options: KnownNextHopsOptions) {
    this.#options = options
    this.#stop = options.store.follow(commit => this.#changed(commit))
  }

  /** How many next hops are asked for again and again. */
  get size(): number {
    return this.#hops.size + this.#wanted.size
  }

  /** To be called every second: asks for those whose turn it is, and for those that are new. */
  tick(): void {
    const { ask, isConnected } = this.#options
    const turn = ++this.#second % PERIOD
    const isDue = (of: number, chassis: string) => of === turn || this.#forgetful.has(chassis)
    const due: NextHop[] = []
    if (this.#isStale) due.push(...this.#renew())
    for (const { hop, turn: its } of this.#hops.values()) if (isDue(its, hop.chassis)) due.push(hop)
    for (const [key, { hop, at }] of this.#wanted) {
      if (at + WANTED.seconds < this.#second) this.#wanted.delete(key)
      else if (isDue(turnOf(key), hop.chassis) && !this.#hops.has(key)) due.push(hop)
    }
    this.#forgetful.clear()
    for (const hop of new Set(due)) if (isConnected(hop.chassis)) ask(hop)
  }

  /** A packet lacked a next hop. */
  want(hop: NextHop): void {
    const key = keyOf(hop)
    this.#wanted.delete(key)
    this.#wanted.set(key, { hop, at: this.#second })
    if (this.#wanted.size > WANTED.count) this.#wanted.delete(this.#wanted.keys().next().value as string)
  }

  /** A chassis came back: what its switch had learned may be gone. */
  forgot(chassis: string): void {
    this.#forgetful.add(chassis)
  }

  close(): void {
    this.#stop()
  }

  #changed({ changes }: Commit): void {
    this.#isStale ||= changes.some(({ kind }) => KINDS.has(kind.name))
  }

  /** Looks up all next hops; returns those that are new. */
  #renew(): readonly NextHop[] {
    const { store } = this.#options
    this.#isStale = false
    const before = this.#hops
    this.#hops = new Map()
    const externals = new Set(
      Array.from(store.all(routerPorts)).flatMap(({ role, networkId }) => (role === 'gateway' ? [networkId] : [])),
    )
    const added: NextHop[] = []
    for (const network of externals)
      for (const ip of nextHopsOn(store, network))
        for (const { chassis } of store.by(attachments, 'network', network)) {
          const hop = { chassis, network, ip }
          const key = keyOf(hop)
          const old = before.get(key)
          this.#hops.set(key, old ?? { hop, turn: turnOf(key) })
          if (old === undefined) added.push(hop)
        }
    return added
  }
}
