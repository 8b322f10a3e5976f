// How networks may be made, changed and removed.
import { type Network, networkKeys, networks, type Segment } from '../network.ts'
import { ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop } from '../standard.ts'
import { subnets } from '../subnet.ts'
import type { Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
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
  const { description, segments: asked, mtu, ...rest } = request
  const distinct = new Set(asked.map(s => JSON.stringify([s.networkType, s.physicalNetwork, s.segmentationId])))
  if (distinct.size < asked.filter(s => s.segmentationId !== undefined).length)
    throw refuse('SegmentsContainDuplicateEntry', {})
  const wanted = asked.length > 0 ? asked : [{ networkType: settings.defaultType }]
  const segments = wanted.map(segment => takeSegment(tx, segment, settings))
  const network = { ...rest, key: tx.allocate(networkKeys), segments, mtu: mtuFor(segments, mtu, settings) }
  return add(tx, networks, network, description, 1)
}

/** Changes a network. */
export function updateNetwork(
  tx: Transaction,
  network: Network,
  { description, mtu, ...rest }: NetworkChange,
  settings: NetworkSettings = defaultNetworkSettings,
): Network {
  const after = {
    ...changed(network, rest),
    mtu: mtu === undefined ? network.mtu : mtuFor(network.segments, mtu, settings),
  }
  if (network.shared && !after.shared) requireOneProject(tx, network)
  if (network.external && !after.external && hasGatewayPorts(tx, network))
    throw refuse('NetworkInUse', { id: network.id, reason: 'External network in use by routers or floating IPs' })
  if (after.mtu < 1280)
    for (const subnet of tx.by(subnets, 'network', network.id))
      if (subnet.ipVersion === 6) throw refuse('NetworkMTUSubnetConflict', { id: network.id, mtu: 1280 })
  return change(tx, networks, after, description)
}

/** Removes a network and its subnets, unless ports use it. */
export function deleteNetwork(tx: Transaction, network: Network): void {
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

/** A network that others use cannot be taken from them. */
function requireOneProject(tx: Transaction, network: Network): void {
  for (const port of tx.by(ports, 'network', network.id))
    if (port.projectId !== network.projectId && !port.deviceOwner.startsWith('network:'))
      throw refuse('InvalidSharedSetting', { id: network.id })
}

function hasGatewayPorts(tx: Transaction, network: Network): boolean {
  for (const port of tx.by(ports, 'network', network.id))
    if (port.deviceOwner === 'network:router_gateway' || port.deviceOwner === 'network:floatingip') return true
  return false
}
