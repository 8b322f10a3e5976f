// Subnets, as Neutron shows them.
import {
  createSubnet,
  defaultSubnetPool,
  deleteSubnet,
  networkOf,
  refuse,
  type Subnet,
  subnets,
  updateSubnet,
} from '#model'
import { find } from '../engine/collection.ts'
import { identified, isShared, owned, standardAttributes } from '../engine/common.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { cidr, distinct, flag, integer, ip, ipVersion, nullable, object, oneOf, text, uuid } from '../engine/value.ts'
import { isOwnNetwork, usableNetwork } from './network.ts'
import { subnetPoolResource } from './subnet-pool.ts'

const pool = object({ start: ip, end: ip })
const route = object({ destination: cidr, nexthop: ip })
const mode = nullable(oneOf(['slaac', 'dhcpv6-stateful', 'dhcpv6-stateless']))

const attributes = attributesOf<Subnet>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: s => s.name },
  network_id: { type: uuid, post: 'required', show: s => s.networkId, index: 'network' },
  ip_version: { type: ipVersion, post: 'optional', show: s => s.ipVersion },
  subnetpool_id: { type: nullable(uuid), post: { default: null }, show: s => s.subnetPoolId, index: 'pool' },
  use_default_subnetpool: { type: flag, post: { default: false } },
  prefixlen: { type: integer(0, 128), post: 'optional' },
  cidr: { type: nullable(cidr), post: 'optional', show: s => s.cidr },
  gateway_ip: { type: nullable(ip), post: 'optional', put: true, show: s => s.gatewayIp },
  allocation_pools: { type: distinct(pool, 100), post: 'optional', put: true, show: s => s.allocationPools },
  dns_nameservers: { type: distinct(ip), post: { default: [] }, put: true, show: s => s.dnsNameservers },
  host_routes: { type: distinct(route), post: { default: [] }, put: true, show: s => s.hostRoutes },
  enable_dhcp: { type: flag, post: { default: true }, put: true, show: s => s.enableDhcp },
  ipv6_ra_mode: { type: mode, post: { default: null }, show: s => s.ipv6RaMode },
  ipv6_address_mode: { type: mode, post: { default: null }, show: s => s.ipv6AddressMode },
  service_types: { type: distinct(text(), 100), post: { default: [] }, put: true, show: s => s.serviceTypes },
  dns_publish_fixed_ip: { type: flag, post: { default: false }, put: true, show: s => s.dnsPublishFixedIp },
  segment_id: { type: nullable(uuid), show: () => null },
  shared: { type: flag, sort: false, show: (s, view) => isShared(s.networkId, view) },
  'router:external': { type: flag, sort: false, show: (s, { reader }) => networkOf(reader, s.networkId).external },
})

/** The resource `subnet`. */
export const subnetResource: Resource = resource<Subnet, typeof attributes>({
  name: 'subnet',
  plural: 'subnets',
  attributes,
  source: recordsOf(subnets),
  absent: 'SubnetNotFound',
  isPublic: (s, view) => isShared(s.networkId, view) || isOwnNetwork(networkOf(view.reader, s.networkId), view.context),
  quotas: ['subnet'],
  standard: true,
  create(tx, body, id, context) {
    if (!isOwnNetwork(usableNetwork(tx, body.network_id, context), context))
      throw refuse('PolicyNotAuthorized', { action: 'rule:create_subnet' })
    if (body.subnetpool_id !== null) find(subnetPoolResource, body.subnetpool_id, { reader: tx, context })
    if (body.use_default_subnetpool && body.subnetpool_id !== null)
      throw refuse('BadRequest', {
        resource: 'subnets',
        message: 'subnetpool_id and use_default_subnetpool cannot both be specified',
      })
    const usual = body.use_default_subnetpool ? defaultSubnetPool(tx, body.ip_version ?? 4) : undefined
    if (body.use_default_subnetpool && !usual)
      throw refuse('BadRequest', {
        resource: 'subnets',
        message: `No default subnetpool found for IPv${body.ip_version ?? 4}`,
      })
    return createSubnet(tx, {
      id,
      projectId: body.project_id,
      networkId: body.network_id,
      name: body.name,
      description: body.description,
      ipVersion: body.ip_version,
      cidr: body.cidr,
      prefixLength: body.prefixlen,
      subnetPoolId: usual?.id ?? body.subnetpool_id,
      gatewayIp: body.gateway_ip,
      allocationPools: body.allocation_pools,
      dnsNameservers: body.dns_nameservers,
      hostRoutes: body.host_routes,
      enableDhcp: body.enable_dhcp,
      ipv6RaMode: body.ipv6_ra_mode,
      ipv6AddressMode: body.ipv6_address_mode,
      serviceTypes: body.service_types,
      dnsPublishFixedIp: body.dns_publish_fixed_ip,
    })
  },
  update: (tx, subnet, body) =>
    updateSubnet(tx, subnet, {
      name: body.name,
      description: body.description,
      enableDhcp: body.enable_dhcp,
      gatewayIp: body.gateway_ip,
      allocationPools: body.allocation_pools,
      dnsNameservers: body.dns_nameservers,
      hostRoutes: body.host_routes,
      serviceTypes: body.service_types,
      dnsPublishFixedIp: body.dns_publish_fixed_ip,
    }),
  remove: deleteSubnet,
})
