// Addresses that the model does not know are learned by the switch: MAC -> port key of a port without port security, or
// -> the uplink for what lies outside; and address -> MAC of the next hops of routers outside. Learned flows go when idle, and
// with the flow that learned them.
import { type Action, type Learn, learn, type Subfield } from 'node-openflow/flow'
import { LEARNED_MARK } from '#compiler'
import { l2Learned } from './br-int/61-l2-learned.ts'
import { learnedNeighbor } from './br-int/103-learned-neighbor.ts'
import {
  destinationPort,
  found,
  foundRouter,
  IPV4_ADDRESS,
  neighborAddress,
  neighborMac,
  sourcePort,
  UPLINK,
} from './registers.ts'

/** Ethertype of reverse ARP (RFC 903), by which QEMU announces a migrated guest. */
export const ETH_TYPE_RARP = 0x8035

const IDLE_SECONDS = 300
const PER_PORT = 256
const PER_NETWORK = 4096

const learned = (cookie: bigint, limit: number, load: Parameters<typeof learn>[0]['specs'][number]): Action =>
  learn({
    table: l2Learned.number,
    idleTimeout: IDLE_SECONDS,
    priority: 10,
    cookie: (LEARNED_MARK << 48n) | cookie,
    limit,
    deleteLearned: true,
    specs: [{ match: 'metadata' }, { match: 'eth_dst', from: 'eth_src' }, load],
  })

/** Learns that the sender's address is behind the port that sent the frame. */
export const learnedAtPort = (port: number): Action =>
  learned(BigInt(port), PER_PORT, { load: destinationPort.part, from: sourcePort.part })

/** Learns that the sender's address lies outside this chassis. */
export const learnedFromOutside = (network: number): Action =>
  learned((1n << 40n) | BigInt(network), PER_NETWORK, { load: destinationPort.part, value: UPLINK })

const NEXT_HOP_IDLE_SECONDS = 600

/** What tells the MAC of a next hop. */
export type NextHopSource = 'arp' | 'advertisement' | 'solicitation'

/** What stands before an IPv4 address in `neighbor_address`. */
const IPV4_PREFIX: Learn['specs'][number] = { match: neighborAddress.slice(32, 127), value: 0xffffn }

const TOLD: Readonly<Record<NextHopSource, { readonly mac: Subfield; readonly address: Learn['specs'] }>> = {
  arp: { mac: 'arp_sha', address: [{ match: IPV4_ADDRESS, from: 'arp_spa' }, IPV4_PREFIX] },
  advertisement: { mac: 'nd_tll', address: [{ match: neighborAddress.part, from: 'nd_target' }] },
  solicitation: { mac: 'nd_sll', address: [{ match: neighborAddress.part, from: 'ipv6_src' }] },
}

/** Learns who has an address of an external network, from what he says of it. The gateway of a subnet is not forgotten. */
export const learnedNextHop = (network: number, source: NextHopSource, isGateway: boolean): Action =>
  learn({
    table: learnedNeighbor.number,
    priority: 10,
    cookie: (LEARNED_MARK << 48n) | ((isGateway ? 3n : 2n) << 40n) | BigInt(network),
    deleteLearned: true,
    ...(isGateway ? {} : { idleTimeout: NEXT_HOP_IDLE_SECONDS, limit: PER_NETWORK }),
    specs: [
      { match: 'metadata' },
      ...TOLD[source].address,
      { load: neighborMac.part, from: TOLD[source].mac },
      { load: destinationPort.part, value: UPLINK },
      { load: found.part, value: 1 },
      { load: foundRouter.part, value: 0 },
    ],
  })
