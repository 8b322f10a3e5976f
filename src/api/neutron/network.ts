// Networks, as Neutron shows them: provider attributes, segments, sharing, MTU.
import {
  createNetwork,
  deleteNetwork,
  isGranted,
  isNetworkType,
  type Network,
  type NetworkSettings,
  networkOf,
  networks,
  type RbacAction,
  type Reader,
  refuse,
  type SegmentRequest,
  scopeOfPool,
  subnets,
  updateNetwork,
} from '#model'
import { identified, isShared, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { attributesOf, type PostBody, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { dnsName, flag, integer, list, nullable, object, optional, text, uuid } from '../engine/value.ts'
import { zone } from './availability-zone.ts'

const networkType = text(32)
const physicalNetwork = text(64)
const segmentationId = integer(0, 0xffffffff)

const segment = object({
  'provider:network_type': optional(nullable(networkType)),
  'provider:physical_network': optional(nullable(physicalNetwork)),
  'provider:segmentation_id': optional(nullable(segmentationId)),
})

const segmentAttributes = ({ networkType, physicalNetwork, segmentationId }: Network['segments'][number]) => ({
  'provider:network_type': networkType,
  'provider:physical_network': physicalNetwork ?? null,
  'provider:segmentation_id': segmentationId ?? null,
})

type ProviderAttribute = keyof ReturnType<typeof segmentAttributes>

/** A provider attribute stands for the segment of a network that has one; a filter finds it in any segment. */
const provider = (name: ProviderAttribute) => ({
  post: 'optional' as const,
  put: true as const,
  admin: ['read', 'write'] as const,
  show: (n: Network) => (n.segments.length === 1 ? segmentAttributes(n.segments[0]!)[name] : undefined),
  filter: (n: Network, values: readonly string[]) =>
    n.segments.some(s => values.includes(String(segmentAttributes(s)[name] ?? ''))),
})

const scopeOf = (network: Network, version: 4 | 6, reader: Reader): string | null => {
  for (const subnet of reader.by(subnets, 'network', network.id)) {
    const scope = scopeOfPool(reader, subnet.subnetPoolId)
    if (subnet.ipVersion === version && scope !== null) return scope
  }
  return null
}

const attributes = attributesOf<Network>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: n => n.name },
  status: { type: text(), show: () => 'ACTIVE' },
  admin_state_up: { type: flag, post: { default: true }, put: true, show: n => n.adminStateUp },
  subnets: { type: list(uuid), show: (n, { reader }) => Array.from(reader.by(subnets, 'network', n.id), s => s.id) },
  shared: {
    type: flag,
    post: { default: false },
    put: true,
    admin: ['write'],
    show: (n, view) => isShared(n.id, view),
  },
  'router:external': { type: flag, post: { default: false }, put: true, admin: ['write'], show: n => n.external },
  is_default: { type: flag, post: { default: false }, put: true, admin: ['write'], show: n => n.isDefault },
  mtu: { type: integer(0, 65535), post: 'optional', put: true, show: n => n.mtu },
  port_security_enabled: { type: flag, post: { default: true }, put: true, show: n => n.portSecurityEnabled },
  'provider:network_type': { type: nullable(networkType), ...provider('provider:network_type') },
  'provider:physical_network': { type: nullable(physicalNetwork), ...provider('provider:physical_network') },
  'provider:segmentation_id': { type: nullable(segmentationId), ...provider('provider:segmentation_id') },
  segments: {
    type: list(segment, 100),
    post: 'optional',
    put: true,
    admin: ['read', 'write'],
    show: n => (n.segments.length === 1 ? undefined : n.segments.map(segmentAttributes)),
  },
  dns_domain: { type: dnsName, post: { default: '' }, put: true, show: n => n.dnsDomain },
  availability_zone_hints: {
    type: list(text(), 10),
    post: { default: [] },
    show: n => n.availabilityZoneHints,
  },
  availability_zones: { type: list(text()), show: () => [] },
  ipv4_address_scope: { type: nullable(uuid), sort: false, show: (n, { reader }) => scopeOf(n, 4, reader) },
  ipv6_address_scope: { type: nullable(uuid), sort: false, show: (n, { reader }) => scopeOf(n, 6, reader) },
})

/** The segments that a body asks for, by the provider attributes or one by one. */
function segmentsOf(body: PostBody<typeof attributes>): SegmentRequest[] {
  const single = {
    'provider:network_type': body['provider:network_type'],
    'provider:physical_network': body['provider:physical_network'],
    'provider:segmentation_id': body['provider:segmentation_id'],
  }
  const isGiven = Object.values(single).some(value => value !== undefined && value !== null)
  if (isGiven && body.segments) throw refuse('SegmentsSetInConjunctionWithProviders', {})
  const asked = body.segments ?? (isGiven ? [single] : [])
  return asked.map(s => {
    const type = s['provider:network_type']
    if (!type) throw refuse('InvalidInput', { message: 'network_type required' })
    if (!isNetworkType(type)) throw refuse('InvalidInput', { message: `Network type ${type} not supported` })
    return {
      networkType: type,
      physicalNetwork: s['provider:physical_network'] || undefined,
      segmentationId: s['provider:segmentation_id'] ?? undefined,
    }
  })
}

/** The network of an id, for one who may use it. Throws NetworkNotFound. */
export function usableNetwork(reader: Reader, id: string, context: Context): Network {
  const network = networkOf(reader, id)
  const isUsable = grants.some(action => isGranted(reader, action, id, context.projectId))
  if (isUsable || isOwnNetwork(network, context)) return network
  throw refuse('NetworkNotFound', { id })
}

/** Whether a network is the project's of the one who asks, or an administrator asks. */
export const isOwnNetwork = (network: Network, context: Context): boolean =>
  context.isAdmin || network.projectId === context.projectId

/** Policies with which others see and use a network. */
const grants: readonly RbacAction[] = ['access_as_shared', 'access_as_external']

/** The resource `network`. */
export const networkResource = (settings: NetworkSettings): Resource =>
  resource<Network, typeof attributes>({
    name: 'network',
    plural: 'networks',
    attributes,
    source: recordsOf(networks),
    absent: 'NetworkNotFound',
    grants,
    quotas: ['network'],
    standard: true,
    create: (tx, body, id) =>
      createNetwork(
        tx,
        {
          id,
          projectId: body.project_id,
          name: body.name,
          description: body.description,
          adminStateUp: body.admin_state_up,
          shared: body.shared,
          external: body['router:external'],
          isDefault: body.is_default,
          portSecurityEnabled: body.port_security_enabled,
          mtu: body.mtu,
          dnsDomain: body.dns_domain,
          availabilityZoneHints: knownZones(body.availability_zone_hints),
          segments: segmentsOf(body),
        },
        settings,
      ),
    update(tx, network, body) {
      requireSameSegments(network, body)
      return updateNetwork(
        tx,
        network,
        {
          name: body.name,
          adminStateUp: body.admin_state_up,
          shared: body.shared,
          external: body['router:external'],
          isDefault: body.is_default,
          portSecurityEnabled: body.port_security_enabled,
          dnsDomain: body.dns_domain,
          mtu: body.mtu,
          description: body.description,
        },
        settings,
      )
    },
    remove: deleteNetwork,
  })

/** Refuses zones that are not there. */
export function knownZones(zones: readonly string[]): readonly string[] {
  const unknown = zones.find(name => name !== zone)
  if (unknown !== undefined) throw refuse('AvailabilityZoneNotFound', { id: unknown })
  return zones
}

/** Provider attributes may be repeated, not changed. */
function requireSameSegments(network: Network, body: Readonly<Record<string, unknown>>): void {
  const current: Record<string, unknown> = segmentAttributes(network.segments[0]!)
  const changed = Object.keys(current).filter(name => name in body && body[name] !== current[name])
  if (changed.length > 0 || body.segments !== undefined)
    throw refuse('InvalidInput', {
      message: `Plugin does not support updating the following provider network attributes: ${changed.join(', ') || 'segments'}`,
    })
}
