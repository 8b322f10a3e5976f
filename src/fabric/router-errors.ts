// What senders are told of packets that routers do not deliver, and that firewalls reject: by ICMP, or by a reset of TCP. Tables send such
// packets here with what they know of them.
import ipaddr from 'ipaddr.js'
import {
  bindings,
  floatingIps,
  GATEWAY_OWNER,
  gatewayOf,
  interfacesOf,
  networks,
  type Port,
  portOf,
  ports,
  type Reader,
  type Router,
  routerOf,
  routerPorts,
  routers,
  subnets,
} from '#model'
import { isHidden } from './hidden.ts'
import { type ErrorSender, icmpError, type RouterError } from './icmp-error.ts'
import { type IpPacket, macBytes, PROTOCOL, readPacket } from './ip-packet.ts'
import { tcpReset } from './tcp-reset.ts'
import { TokenBuckets } from './token-bucket.ts'

/** How many answers a second senders on one chassis get, and how many at once. */
const ANSWERS = { rate: 100, burst: 200 } as const

/** What answering needs. */
interface RouterErrorsOptions {
  readonly store: Reader
  /** Sends a packet out of a port of a chassis' br-int. */
  readonly emit: (chassis: string, port: number, frame: Uint8Array) => void
  /** Puts a packet into a router (its key) on a chassis; one that is about translated addresses is to be translated back first. */
  readonly route: (chassis: string, router: number, frame: Uint8Array, isTranslated: boolean) => void
  /** Lets a packet go the way of what a port on a network (its key) sends, from a chassis, whose conntrack zone for it is given. */
  readonly forward: (
    chassis: string,
    on: { readonly network: number; readonly zone: number },
    frame: Uint8Array,
  ) => void
  /** Milliseconds of a clock that goes forward. */
  readonly now: () => number
}

/** A packet that is not delivered, on a chassis; keys are 0 where tables do not know them. */
interface Packet {
  readonly chassis: string
  readonly packet: Uint8Array
  /** Key of the port on this chassis that sent it; 0: it came from elsewhere. */
  readonly sourcePort: number
}

/** A packet that a router does not deliver. */
export interface Undelivered extends Packet {
  readonly why: RouterError
  /** What it is too big for, with `tooBig`. */
  readonly mtu?: number
  /** Key of the router. */
  readonly router: number
  /** Key of the port by which it came into the router; 0: it came from another chassis, as the gateway is here. */
  readonly interfaceKey: number
}

/** A packet that the firewall group of a port of this chassis rejects. */
export interface PortRejected extends Packet {
  /** Key of the network that it is on, and its conntrack zone. */
  readonly network: number
  readonly zone: number
}

/** What is counted: why packets were not delivered. */
export type AnswerKind = RouterError | 'portRejected'

/** Answers for routers and firewalls. */
export class RouterErrors {
  readonly #options: RouterErrorsOptions
  readonly #budgets = new TokenBuckets(ANSWERS.rate, ANSWERS.burst, 10_000)
  /** Answers sent, by what they were about, and those that were too many. */
  readonly counts: { readonly sent: Map<AnswerKind, number>; dropped: number } = { sent: new Map(), dropped: 0 }

  constructor(options: RouterErrorsOptions) {
    this.#options = options
  }

  /** Tells the sender of a packet, if it may be told. */
  answer(undelivered: Undelivered): void {
    const { store, emit, route } = this.#options
    const { chassis, why, mtu, sourcePort, interfaceKey } = undelivered
    const frame = Buffer.from(undelivered.packet)
    const packet = readPacket(frame)
    const by = store.holder(ports, `key ${interfaceKey}`)
    const router =
      store.holder(routers, `key ${undelivered.router}`)?.id ?? (by && store.get(routerPorts, by.id)?.routerId)
    if (packet === undefined || router === undefined) return
    const isOutside = by?.deviceOwner === GATEWAY_OWNER
    const from = isOutside
      ? this.#outerSpeaker(packet, by, routerOf(store, router))
      : this.#innerSpeaker(packet, by ? [by] : interfacesOf(store, router))
    if (from === undefined) return
    const answer = why === 'rejected' ? refusal(frame, packet, from) : icmpError(frame, why, from, mtu)
    if (answer === undefined || !this.#mayAnswer(chassis, why)) return
    const port = this.#portOf(chassis, sourcePort)
    // What comes in from outside was translated by another router, or by this one on its way out: that is undone when it comes back.
    const isTranslated = !isOutside && this.#isTranslated(packet, router)
    if (port === undefined || isOutside || isTranslated)
      route(chassis, routerOf(store, router).key, answer, isTranslated)
    else emit(chassis, port.ofport, answer)
  }

  /** Tells the sender of a packet that a port's firewall group rejects it, in the name of the one that it is for. */
  reject({ chassis, sourcePort, network, zone, ...rejected }: PortRejected): void {
    const { store, emit, forward } = this.#options
    const frame = Buffer.from(rejected.packet)
    const packet = readPacket(frame)
    if (packet === undefined) return
    const answer = refusal(frame, packet, { mac: frame.toString('hex', 0, 6), ip: packet.destination })
    if (answer === undefined || !this.#mayAnswer(chassis, 'portRejected')) return
    const sender = this.#portOf(chassis, sourcePort)
    if (sender === undefined || !addressesOf(sender.port).includes(packet.source)) {
      forward(chassis, { network, zone }, answer)
      return
    }
    const { macAddress, networkId } = sender.port
    if (store.get(networks, networkId)?.key === network) {
      emit(chassis, sender.ofport, answer)
      return
    }
    // It was routed, and the sender's MAC is lost: back it comes from the router, too.
    const interfaces = Array.from(store.by(routerPorts, 'network', networkId)).flatMap(({ id, role }) =>
      role === 'interface' ? [portOf(store, id)] : [],
    )
    const router = this.#innerSpeaker(packet, interfaces)
    if (router === undefined) return
    emit(chassis, sender.ofport, Buffer.concat([macBytes(macAddress), macBytes(router.mac), answer.subarray(12)]))
  }

  /** A port that is bound on a chassis, with its OpenFlow port there. */
  #portOf(chassis: string, key: number): { readonly port: Port; readonly ofport: number } | undefined {
    const { store } = this.#options
    const port = key === 0 ? undefined : store.holder(ports, `key ${key}`)
    const binding = port && store.get(bindings, `${port.id}@${chassis}`)
    return port && binding && { port, ofport: binding.ofport }
  }

  /** Whether a packet bears one of the external addresses of a router. */
  #isTranslated({ source }: IpPacket, router: string): boolean {
    const { store } = this.#options
    const own = gatewayOf(store, router)?.fixedIps ?? []
    const floating = store.by(floatingIps, 'address', source)
    return (
      own.some(({ ipAddress }) => ipAddress === source) || [...floating].some(({ routerId }) => routerId === router)
    )
  }

  /**
   * Who speaks to the outside: the gateway; or the one whom the packet was for, where the outside knows that one by another
   * address, as what he says is translated to what his answers are.
   */
  #outerSpeaker({ isV6, destination }: IpPacket, gateway: Port, router: Router): ErrorSender | undefined {
    const own = gateway.fixedIps.map(({ ipAddress }) => ipAddress).filter(ip => ip.includes(':') === isV6)
    const isHiding = !isV6 && isHidden(this.#options.store, router, destination)
    const ip = own.includes(destination) || isHiding ? destination : own[0]
    return ip === undefined ? undefined : { mac: gateway.macAddress, ip }
  }

  /** An interface's address on the sender's subnet, or else the first of that family. */
  #innerSpeaker({ isV6, source }: IpPacket, interfaces: readonly Port[]) {
    const isNear = (subnetId: string) => {
      const cidr = this.#options.store.get(subnets, subnetId)?.cidr
      return cidr !== undefined && ipaddr.parse(source).match(ipaddr.parseCIDR(cidr))
    }
    const own = interfaces.flatMap(({ macAddress: mac, fixedIps }) =>
      fixedIps
        .filter(({ ipAddress }) => ipAddress.includes(':') === isV6)
        .map(({ ipAddress: ip, subnetId }) => ({ mac, ip, subnetId })),
    )
    return own.find(({ subnetId }) => isNear(subnetId)) ?? own[0]
  }

  #mayAnswer(chassis: string, kind: AnswerKind): boolean {
    const may = this.#budgets.take(chassis, this.#options.now())
    const { sent } = this.counts
    if (may) sent.set(kind, (sent.get(kind) ?? 0) + 1)
    else this.counts.dropped++
    return may
  }
}

/** The addresses of a port that are its own, or may be. */
const addressesOf = ({ fixedIps, allowedAddressPairs }: Port): readonly string[] =>
  [...fixedIps, ...allowedAddressPairs].map(({ ipAddress }) => ipAddress)

/** Says that a packet is rejected, in the name of somebody. */
const refusal = (frame: Buffer, { protocol }: IpPacket, from: ErrorSender): Buffer | undefined =>
  protocol === PROTOCOL.tcp ? tcpReset(frame, from.mac) : icmpError(frame, 'rejected', from)
