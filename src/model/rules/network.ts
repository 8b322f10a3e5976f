// How networks may be made, changed and removed.
import { type Network, networkKeys, networks, type Segment } from '../network.ts'
import { ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop } from '../standard.ts'
import { subnets } from '../subnet.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { deleteUnusedFloatingIps } from './floating-ip.ts'
import { grantToAll, hasGatewayPorts, withdrawExternal, withdrawFromAll } from './rbac.ts'
import {
  defaultNetworkSettings,
  largestMtu,
  type NetworkSettings,
  releaseSegment,
  type SegmentRequest,
  takeSegment,
} from './segment.ts'
import { deleteSubnet } from './subnet.ts'

/** A network to be made; the id is the caller's. */
export interface NetworkRequest extends Omit<Network, 'key' | 'segments' | 'mtu'> {
  readonly description: string
  /** Usable by every project. */
  readonly shared: boolean
  /** Empty: one segment of the default type. */
  readonly segments: readonly SegmentRequest[]
  /** 0 or absent: the largest that fits. */
  readonly mtu?: number | undefined
}

/** What may change of a network. */
export type NetworkChange = Changes<
  Pick<
    NetworkRequest,
    | 'name'
    | 'adminStateUp'
    | 'shared'
    | 'external'
    | 'isDefault'
    | 'portSecurityEnabled'
    | 'dnsDomain'
    | 'description'
    | 'mtu'
  >
>

/** Makes a network, with a key of its own and a number for each segment. */
export function createNetwork(
  tx: Transaction,
  request: NetworkRequest,
  settings: NetworkSettings = defaultNetworkSettings,
): Network {
  const { description, shared, segments: asked, mtu, ...rest } = request
  const distinct = new Set(asked.map(s => JSON.stringify([s.networkType, s.physicalNetwork, s.segmentationId])))
  if (distinct.size < asked.filter(s => s.segmentationId !== undefined).length)
    throw refuse('SegmentsContainDuplicateEntry', {})
  const wanted = asked.length > 0 ? asked : [{ networkType: settings.defaultType }]
  const segments = wanted.map(segment => takeSegment(tx, segment, settings))
  const network = { ...rest, key: tx.allocate(networkKeys), segments, mtu: mtuFor(segments, mtu, settings) }
  add(tx, networks, network, description, 1)
  if (shared) grantToAll(tx, 'network', network, 'access_as_shared')
  if (network.external) grantToAll(tx, 'network', network, 'access_as_external')
  return network
}

/** Changes a network. */
export function updateNetwork(
  tx: Transaction,
  network: Network,
  { description, shared, mtu, ...rest }: NetworkChange,
  settings: NetworkSettings = defaultNetworkSettings,
): Network {
  const after = {
    ...changed(network, rest),
    mtu: mtu === undefined ? network.mtu : mtuFor(network.segments, mtu, settings),
  }
  if (shared) grantToAll(tx, 'network', network, 'access_as_shared')
  if (shared === false && !withdrawFromAll(tx, network.id)) throw refuse('InvalidSharedSetting', { id: network.id })
  if (after.external && !network.external) grantToAll(tx, 'network', network, 'access_as_external')
  if (network.external && !after.external) {
    if (hasGatewayPorts(tx, network.id)) throw refuse('ExternalNetworkInUse', { network: network.id })
    withdrawExternal(tx, network.id)
  }
  if (after.mtu < 1280)
    for (const subnet of tx.by(subnets, 'network', network.id))
      if (subnet.ipVersion === 6) throw refuse('NetworkMTUSubnetConflict', { id: network.id, mtu: 1280 })
  return change(tx, networks, after, description)
}

/** Removes a network and its subnets, unless ports use it. */
export function deleteNetwork(tx: Transaction, network: Network): void {
  deleteUnusedFloatingIps(tx, network.id)
  if (tx.countBy(ports, 'network', network.id) > 0)
    throw refuse('NetworkInUse', { id: network.id, reason: 'There are one or more ports still in use on the network' })
  for (const subnet of [...tx.by(subnets, 'network', network.id)]) deleteSubnet(tx, subnet)
  for (const segment of network.segments) releaseSegment(tx, segment)
  tx.release(networkKeys, network.key)
  drop(tx, networks, network.id)
}

function mtuFor(segments: readonly Segment[], asked: number | undefined, settings: NetworkSettings): number {
  const largest = largestMtu(segments, settings)
  if (!asked) return largest
  if (asked > largest) throw refuse('InvalidInput', { message: `Requested MTU is too big, maximum is ${largest}` })
  if (asked < 68) throw refuse('InvalidInput', { message: 'Requested MTU is too small, minimum is 68' })
  return asked
}
