// Routers tell senders by ICMP what they cannot deliver: tables send such packets here with the key of the interface by
// which they came in, and the answer goes straight to the sender's port. It comes from the interface's address on the
// network where the router got the packet, so that traceroute shows the way.
import ipaddr from 'ipaddr.js'
import { type Port, ports, subnets } from '#model'
import type { Store } from '#store'
import { icmpError, type RouterError } from './icmp-error.ts'
import { type IpPacket, readPacket } from './ip-packet.ts'
import type { PacketIn } from './programming/index.ts'

/** How many errors a second are sent to the ports of one chassis, and how many at once. */
const RATE = 100
const BURST = 200

/** What answers need. */
interface RouterErrorsOptions {
  readonly store: Pick<Store, 'get' | 'holder'>
  /** Sends a packet out of a port of a chassis' br-int. */
  readonly send: (chassis: string, port: number, packet: Uint8Array) => void
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
}

/** A packet that a router could not deliver. */
export interface Undelivered extends Pick<PacketIn, 'chassis' | 'inPort' | 'packet'> {
  readonly why: RouterError
  /** Key of the port by which it came into the router. */
  readonly interfaceKey: number
}

/** Answers for routers. */
export class RouterErrors {
  readonly #options: RouterErrorsOptions
  readonly #budgets = new Map<string, { left: number; at: number }>()
  /** Errors sent, and those that were too many. */
  readonly counts = { sent: 0, dropped: 0 }

  constructor(options: RouterErrorsOptions) {
    this.#options = options
  }

  /** Tells the sender of a packet, if it may be told. */
  answer({ chassis, inPort, packet, why, interfaceKey }: Undelivered): void {
    const { store, send } = this.#options
    const frame = Buffer.from(packet)
    const read = readPacket(frame)
    const port = store.holder(ports, `key ${interfaceKey}`)
    const ip = read && port && this.#addressFor(read, port)
    if (ip === undefined) return
    const error = icmpError(frame, why, { mac: port!.macAddress, ip })
    if (error === undefined) return
    if (!this.#isWithinRate(chassis)) {
      this.counts.dropped++
      return
    }
    this.counts.sent++
    send(chassis, inPort, error)
  }

  /** The interface's address on the sender's subnet, or else its first of that family. */
  #addressFor({ isV6, source }: IpPacket, port: Port): string | undefined {
    const own = port.fixedIps.filter(({ ipAddress }) => ipAddress.includes(':') === isV6)
    const isNear = (subnetId: string) => {
      const cidr = this.#options.store.get(subnets, subnetId)?.cidr
      return cidr !== undefined && ipaddr.parse(source).match(ipaddr.parseCIDR(cidr))
    }
    return (own.find(({ subnetId }) => isNear(subnetId)) ?? own[0])?.ipAddress
  }

  #isWithinRate(chassis: string): boolean {
    const at = this.#options.now()
    const budget = this.#budgets.get(chassis) ?? { left: BURST, at }
    const left = Math.min(BURST, budget.left + ((at - budget.at) * RATE) / 1000)
    this.#budgets.set(chassis, { left: left < 1 ? left : left - 1, at })
    return left >= 1
  }
}
