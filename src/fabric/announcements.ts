// Tells the hosts and switches of external networks where an address of ours now is, by gratuitous ARP or unsolicited
// advertisements: of floating IPs, and of routers' gateways. Said three times, after the chassis acknowledged the flows that
// serve the address, from the port of its physical network.
import { type Commit, floatingIps } from '#model'
import type { Store } from '#store'
import { gratuitousArp } from './arp.ts'
import { unsolicitedAdvertisement } from './nd.ts'
import { TokenBuckets } from './token-bucket.ts'
import { FLOATING_IP, GATEWAY, type Translation, translationsOf, translationsOfRouter } from './translations.ts'
import { type WayOut, withTag } from './way-out.ts'

/** When (ms after the flows are there) an address is announced. */
const TIMES = [0, 1000, 3000] as const
/** Frames a second from one chassis, and at once; what is too much waits for so many ms. */
const FRAMES = { rate: 1000, burst: 1000, wait: 100 } as const
/** How long (ms) a chassis may take to acknowledge flows; after that it announces nothing until it is back. */
const PATIENCE = 60_000
/** And one where the address was before: as long as it sends from there, switches outside learn the wrong place again. */
const FORMER_PATIENCE = 500

/** Addresses that routers have on an external network, all at one MAC. */
export interface Announced {
  /** Network id. */
  readonly network: string
  readonly mac: string
  readonly ips: readonly string[]
  /** Where they are: on the chassis of this id, or wherever the gateway of the router is. */
  readonly at: { readonly chassis: string } | { readonly gatewayOf: string }
  /** Whether the router itself has them. */
  readonly isRouter: boolean
}

/** What announcing needs. */
interface AnnouncementsOptions {
  readonly store: Store
  /** What is to be told of a floating IP; undefined while it stands for nothing. */
  readonly floatingIp: (id: string) => Announced | undefined
  /** What is to be told of the gateway of a router; undefined while it has none that is up. */
  readonly gateway: (routerId: string) => Announced | undefined
  readonly wayOut: (at: { readonly chassis: string; readonly network: string }) => WayOut | undefined
  /** Sends a frame out of a port of a chassis' br-int. */
  readonly emit: (chassis: string, port: number, frame: Uint8Array) => void
  /** Resolves when a chassis holds the flows of a revision, with false when it does not in time (ms). */
  readonly acknowledged: (chassis: string, revision: number, timeout: number) => Promise<boolean>
  readonly isConnected: (chassis: string) => boolean
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
}

/** Something announced, and where it is. */
interface Place extends Announced {
  readonly chassis: string
  /** What it is, in one text. */
  readonly said: string
}

/** Announces addresses of external networks. */
export class Announcements {
  readonly #options: AnnouncementsOptions
  readonly #places = new Map<Translation, Place>()
  /** By router: the chassis where its gateway is. */
  readonly #gateways = new Map<string, string>()
  readonly #timers = new Map<Translation, NodeJS.Timeout>()
  readonly #budgets = new TokenBuckets(FRAMES.rate, FRAMES.burst, 10_000)
  readonly #stop: () => void
  /** Frames sent. */
  readonly counts = { sent: 0 }

  constructor(options: AnnouncementsOptions) {
    this.#options = options
    const { store } = options
    // What is there already was announced when it came to be there.
    for (const { id } of store.all(floatingIps)) this.#note(`floating ip ${id}`)
    this.#stop = store.follow(commit => this.#changed(commit))
  }

  /** How many addresses are being announced. */
  get pending(): number {
    return this.#timers.size
  }

  /** The gateway of a router is on a chassis now; undefined: on none. */
  gatewayMoved(routerId: string, chassis: string | undefined): void {
    if (this.#gateways.get(routerId) === chassis) return
    if (chassis === undefined) this.#gateways.delete(routerId)
    else this.#gateways.set(routerId, chassis)
    this.#considerRouter(routerId, this.#options.store.revision)
  }

  /** A chassis came back: the switches that it is plugged into may have forgotten where its addresses are. */
  returned(chassis: string): void {
    const { revision } = this.#options.store
    for (const [subject, place] of this.#places)
      if (place.chassis === chassis) void this.#announce(subject, place, revision)
  }

  close(): void {
    this.#stop()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#places.clear()
  }

  #changed({ changes, revision }: Commit): void {
    for (const subject of new Set(changes.flatMap(change => [...translationsOf(this.#options.store, change)])))
      this.#consider(subject, revision)
  }

  #considerRouter(routerId: string, revision: number): void {
    for (const subject of translationsOfRouter(this.#options.store, routerId)) this.#consider(subject, revision)
  }

  /** Announces something if it is where it was not before. */
  #consider(subject: Translation, revision: number): void {
    const before = this.#places.get(subject)
    const place = this.#note(subject)
    if (place !== undefined && place.said !== before?.said)
      void this.#announce(subject, place, revision, before?.chassis)
  }

  /** Remembers where something is. */
  #note(subject: Translation): Place | undefined {
    const place = this.#placeOf(subject)
    const before = this.#places.get(subject)
    if (place === undefined) this.#places.delete(subject)
    else if (place.said !== before?.said) this.#places.set(subject, place)
    return this.#places.get(subject)
  }

  #placeOf(subject: Translation): Place | undefined {
    const { floatingIp, gateway } = this.#options
    const of = subject.startsWith(GATEWAY)
      ? gateway(subject.slice(GATEWAY.length))
      : floatingIp(subject.slice(FLOATING_IP.length))
    if (of === undefined) return undefined
    const chassis = 'chassis' in of.at ? of.at.chassis : this.#gateways.get(of.at.gatewayOf)
    return chassis === undefined
      ? undefined
      : { ...of, chassis, said: [chassis, of.network, of.mac, ...of.ips].join(' ') }
  }

  async #announce(subject: Translation, place: Place, revision: number, former?: string): Promise<void> {
    const { acknowledged, isConnected } = this.#options
    const [isThere] = await Promise.all([
      acknowledged(place.chassis, revision, PATIENCE),
      former !== undefined && isConnected(former) ? acknowledged(former, revision, FORMER_PATIENCE) : undefined,
    ])
    if (!isThere) return
    this.#say(subject, place, 0)
  }

  /** Says something the so-manieth time, and later again. */
  #say(subject: Translation, place: Place, times: number): void {
    clearTimeout(this.#timers.get(subject))
    this.#timers.delete(subject)
    if (this.#places.get(subject) !== place) return
    const again = (ms: number, next: number) =>
      this.#timers.set(subject, setTimeout(() => this.#say(subject, place, next), ms).unref())
    const { wayOut, emit, now } = this.#options
    const { chassis, mac, ips, isRouter } = place
    const way = wayOut(place)
    if (way === undefined) return
    if (!this.#budgets.take(chassis, now())) {
      again(FRAMES.wait, times)
      return
    }
    for (const ip of ips) {
      const frame = ip.includes(':') ? unsolicitedAdvertisement(mac, ip, isRouter) : gratuitousArp(mac, ip)
      emit(chassis, way.port, withTag(frame, way.vlan))
      this.counts.sent++
    }
    const [at, next] = [TIMES[times], TIMES[times + 1]]
    if (at !== undefined && next !== undefined) again(next - at, times + 1)
  }
}
