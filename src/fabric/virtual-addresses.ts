// Addresses that several ports may have (allowed address pairs; keepalived moves them): flows send us copies of what ports say of
// them by ARP and neighbour discovery, and records say to routers where they are. A port that has one is asked again and again, and
// forgotten when it no longer answers; one that a packet is for and nobody has spoken for is asked for.

import ipaddr from 'ipaddr.js'
import {
  bindings,
  type Commit,
  noteVirtualAddress,
  type Port,
  portOf,
  ports,
  routerPorts,
  subnets,
  type VirtualAddress,
  virtualAddresses,
  withoutHostLength,
} from '#model'
import type { Store } from '#store'
import { arpRequest } from './arp.ts'
import { neighborSolicitation } from './nd.ts'
import type { NextHop } from './next-hops.ts'
import { TokenBuckets } from './token-bucket.ts'

/** How often (s) a port is asked for an address that it has, and after how long without an answer it is forgotten. */
const ASKED = 30
const FORGOTTEN = 95
/** How often a second addresses of one network may move, and at once: each time is a write to disk. */
const MOVES = { rate: 10, burst: 20 } as const
/** How many words are kept for later. */
const LATE = 4096
/** Questions a second from one chassis, and at once. */
const QUESTIONS = { rate: 100, burst: 200 } as const

/** What keeping them needs. */
interface VirtualAddressesOptions {
  readonly store: Store
  /** Sends a frame out of a port of a chassis' br-int. */
  readonly emit: (chassis: string, port: number, frame: Uint8Array) => void
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
  readonly report?: (what: string) => void
}

/** An address, and the MAC that it is said to have. */
export interface Spoken {
  readonly ip: string
  readonly mac: string
}

const ETHERNET = 14
const ARP = 0x0806
const ICMPV6 = 58
const ADVERTISEMENT = 136

const macOf = (bytes: Buffer) => bytes.toString('hex').replaceAll(/(..)(?=.)/g, '$1:')
const ipOf = (bytes: Buffer) => ipaddr.fromByteArray([...bytes]).toString()

/** What the ARP packet or the neighbour advertisement of a frame says; undefined for other frames. */
export const readSpoken = (frame: Buffer): Spoken | undefined => {
  if (frame.length < ETHERNET + 28) return undefined
  if (frame.readUInt16BE(12) === ARP) return { mac: macOf(frame.subarray(22, 28)), ip: ipOf(frame.subarray(28, 32)) }
  const isAdvertisement = frame.length >= 78 && frame[20] === ICMPV6 && frame[54] === ADVERTISEMENT
  return isAdvertisement ? { mac: macOf(frame.subarray(6, 12)), ip: ipOf(frame.subarray(62, 78)) } : undefined
}

const mayHave = (port: Port, { ip, mac }: Spoken) =>
  port.allowedAddressPairs.some(pair => withoutHostLength(pair.ipAddress) === ip && pair.macAddress === mac)

/** Keeps the records of virtual addresses. */
export class VirtualAddresses {
  readonly #options: VirtualAddressesOptions
  /** When (s) a port last spoke for an address that it has, by the id of the record. */
  readonly #heard = new Map<string, number>()
  /** The last word on addresses that moved too often, to be heeded later; by the id of the record. */
  readonly #late = new Map<string, { readonly portKey: number; readonly spoken: Spoken }>()
  readonly #moves = new TokenBuckets(MOVES.rate, MOVES.burst, 10_000)
  readonly #questions = new TokenBuckets(QUESTIONS.rate, QUESTIONS.burst, 10_000)
  #second = 0
  readonly #stop: () => void
  /** Questions sent; addresses that came to be at a port, and that were forgotten; words not heeded as too many. */
  readonly counts = { asked: 0, moved: 0, forgotten: 0, unheeded: 0 }

  constructor(options: VirtualAddressesOptions) {
    this.#options = options
    this.#stop = options.store.follow(commit => this.#changed(commit))
    this.#forget(Array.from(options.store.all(virtualAddresses)).filter(known => !this.#isRight(known)))
  }

  /** The port of a key spoke for an address. Resolves when that is durable. */
  async spoke(portKey: number, spoken: Spoken): Promise<void> {
    const { store, now } = this.#options
    const port = store.holder(ports, `key ${portKey}`)
    if (port === undefined || !mayHave(port, spoken)) return
    const id = `${port.networkId}/${spoken.ip}`
    const known = store.get(virtualAddresses, id)
    this.#heard.set(id, this.#second)
    this.#late.delete(id)
    if (known?.portId === port.id && known.macAddress === spoken.mac) return
    if (!this.#moves.take(port.networkId, now())) {
      this.counts.unheeded++
      if (this.#late.size < LATE) this.#late.set(id, { portKey, spoken })
      return
    }
    const isKnown = await store.transact({ source: 'fabric' }, tx => {
      const still = tx.get(ports, port.id)
      if (still === undefined || !mayHave(still, spoken)) return false
      const { ip, mac: macAddress } = spoken
      return noteVirtualAddress(tx, { networkId: port.networkId, ip, macAddress, portId: port.id })
    })
    if (isKnown) this.counts.moved++
    else this.counts.unheeded++
  }

  /** Heeds what a port said of an address. */
  #hear(portKey: number, spoken: Spoken): void {
    const { report = () => {} } = this.#options
    this.spoke(portKey, spoken).catch(error => report(`a virtual address was not noted: ${String(error)}`))
  }

  /** Whether an address is one that several ports may have. */
  isVirtual({ network, ip }: Pick<NextHop, 'network' | 'ip'>): boolean {
    return this.#options.store.countBy(ports, 'pair', `${network} ${ip}`) > 0
  }

  /** Asks the ports that may have an address for it. Returns whether there are any. */
  ask({ network, ip }: Pick<NextHop, 'network' | 'ip'>): boolean {
    const able = Array.from(this.#options.store.by(ports, 'pair', `${network} ${ip}`))
    for (const { id } of able) this.#ask(id, ip)
    return able.length > 0
  }

  /** To be called every second: asks those whose turn it is, and forgets those that did not answer. */
  tick(): void {
    const { store } = this.#options
    this.#second++
    for (const { portKey, spoken } of [...this.#late.values()]) this.#hear(portKey, spoken)
    const silent: VirtualAddress[] = []
    for (const known of store.all(virtualAddresses)) {
      const heard = this.#heard.get(known.id)
      // One that was known before we started gets the same time to answer.
      if (heard === undefined) this.#heard.set(known.id, this.#second)
      const since = this.#second - (heard ?? this.#second)
      if (since > FORGOTTEN) silent.push(known)
      else if (since > 0 && since % ASKED === 0) this.#ask(known.portId, known.ip)
    }
    this.#forget(silent)
  }

  close(): void {
    this.#stop()
  }

  #changed({ changes }: Commit): void {
    const touched = new Set<string>()
    for (const { kind, id, before, after } of changes) {
      if (kind.name === ports.name) touched.add(id)
      else if (kind.name === bindings.name) touched.add(((after ?? before) as unknown as { port: string }).port)
    }
    const { store } = this.#options
    const wrong = [...touched].flatMap(port =>
      Array.from(store.by(virtualAddresses, 'port', port)).filter(known => !this.#isRight(known)),
    )
    this.#forget(wrong)
  }

  /** Whether the port of a record is plugged in and may have the address. */
  #isRight({ portId, ip, macAddress: mac, networkId }: VirtualAddress): boolean {
    const { store } = this.#options
    const port = store.get(ports, portId)
    return (
      port?.networkId === networkId &&
      mayHave(port, { ip, mac }) &&
      store.holder(bindings, `active ${portId}`) !== undefined
    )
  }

  #forget(gone: readonly VirtualAddress[]): void {
    const { report = () => {} } = this.#options
    if (gone.length === 0) return
    this.#remove(gone).catch(error => report(`virtual addresses were not forgotten: ${String(error)}`))
  }

  async #remove(gone: readonly VirtualAddress[]): Promise<void> {
    for (const { id } of gone) this.#heard.delete(id)
    await this.#options.store.transact({ source: 'fabric' }, tx => {
      for (const known of gone) if (tx.get(virtualAddresses, known.id) === known) tx.remove(virtualAddresses, known.id)
    })
    this.counts.forgotten += gone.length
  }

  /** Asks one port for an address, in the name of a router on its network. */
  #ask(portId: string, ip: string): void {
    const { store, emit, now } = this.#options
    const binding = store.holder(bindings, `active ${portId}`)
    const router = binding && this.#routerFor(binding.network, ip)
    if (binding === undefined || router === undefined || !this.#questions.take(binding.chassis, now())) return
    this.counts.asked++
    const { mac, own } = router
    emit(binding.chassis, binding.ofport, ip.includes(':') ? neighborSolicitation(mac, ip) : arpRequest(mac, ip, own))
  }

  /** The MAC of a router's interface on a network, and its address near another one. */
  #routerFor(network: string, ip: string): { readonly mac: string; readonly own: string } | undefined {
    const { store } = this.#options
    const near = (subnetId: string) => {
      const cidr = store.get(subnets, subnetId)?.cidr
      return cidr?.includes(':') === ip.includes(':') && ipaddr.parse(ip).match(ipaddr.parseCIDR(cidr!))
    }
    for (const { id, role } of store.by(routerPorts, 'network', network)) {
      const port = role === 'interface' ? portOf(store, id) : undefined
      const own = port?.fixedIps.find(({ subnetId }) => near(subnetId))
      if (port && own) return { mac: port.macAddress, own: own.ipAddress }
    }
    return undefined
  }
}
