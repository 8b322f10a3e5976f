// Addresses that the model does not know are learned by the switch: MAC -> port key of a port without port security, or
// -> the uplink for what lies outside. Learned flows go when idle, and with the flow that learned them.
import { type Action, learn } from 'node-openflow/flow'
import { LEARNED_MARK } from '#compiler'
import { l2Learned } from './br-int/61-l2-learned.ts'
import { destinationPort, sourcePort, UPLINK } from './registers.ts'

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
