// Floating IPs, as Neutron shows them, and the subnets that they come from.
import { randomUUID } from 'node:crypto'
import {
  type Association,
  createFloatingIp,
  deleteFloatingIp,
  type FloatingIp,
  floatingIps,
  isGranted,
  networkOf,
  type Port,
  type PortForwarding,
  portForwardings,
  ports,
  type Reader,
  refuse,
  routers,
  type Subnet,
  subnets,
  type Transaction,
  updateFloatingIp,
} from '#model'
import { find } from '../engine/collection.ts'
import { identified, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { anyObject, cidr, dnsName, ip, list, nullable, text, uuid } from '../engine/value.ts'
import { isOwnNetwork, usableNetwork } from './network.ts'
import { portResource } from './port.ts'
import { singlePort } from './port-range.ts'

/** ACTIVE while its router translates for it. */
const statusOf = ({ routerId }: FloatingIp, reader: Reader) =>
  routerId !== null && reader.get(routers, routerId)?.adminStateUp ? 'ACTIVE' : 'DOWN'

const detailsOf = (port: Port | undefined) =>
  port
    ? {
        name: port.name,
        network_id: port.networkId,
        mac_address: port.macAddress,
        admin_state_up: port.adminStateUp,
        status: port.status,
        device_id: port.deviceId,
        device_owner: port.deviceOwner,
      }
    : null

/** A port forwarding as its floating IP shows it. */
const showBriefly = (f: PortForwarding) => ({
  id: f.id,
  external_port: singlePort(f.externalPorts),
  internal_port: singlePort(f.internalPorts),
  internal_ip_address: f.internalIpAddress,
  internal_port_id: f.internalPortId,
  protocol: f.protocol,
})

const attributes = attributesOf<FloatingIp>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  floating_network_id: { type: uuid, post: 'required', show: f => f.floatingNetworkId, index: 'network' },
  floating_ip_address: {
    type: nullable(ip),
    post: { default: null },
    admin: ['write'],
    show: f => f.floatingIpAddress,
    index: 'address',
  },
  subnet_id: { type: nullable(uuid), post: { default: null } },
  port_id: { type: nullable(uuid), post: { default: null }, put: true, show: f => f.portId, index: 'port' },
  fixed_ip_address: { type: nullable(ip), post: { default: null }, put: true, show: f => f.fixedIpAddress },
  router_id: { type: nullable(uuid), show: f => f.routerId, index: 'router' },
  status: { type: text(), show: (f, { reader }) => statusOf(f, reader) },
  port_details: {
    type: nullable(anyObject),
    show: (f, { reader }) => detailsOf(f.portId === null ? undefined : reader.get(ports, f.portId)),
  },
  port_forwardings: {
    type: list(anyObject),
    show: (f, { reader }) => Array.from(reader.by(portForwardings, 'floatingIp', f.id), showBriefly),
  },
  dns_name: { type: dnsName, post: { default: '' }, show: f => f.dnsName },
  dns_domain: { type: dnsName, post: { default: '' }, show: f => f.dnsDomain },
})

/** The association that a body asks for: null for none, undefined for the one that there is. */
function associationOf(
  tx: Transaction,
  body: { readonly port_id?: string | null | undefined; readonly fixed_ip_address?: string | null | undefined },
  projectId: string,
  context: Context,
): Association | null | undefined {
  const { port_id: portId, fixed_ip_address: fixedIpAddress } = body
  const bad = (message: string) => refuse('BadRequest', { resource: 'floatingip', message })
  if (portId === undefined || portId === null) {
    if (fixedIpAddress) throw bad('fixed_ip_address cannot be specified without a port_id')
    return portId
  }
  const port = find(portResource, portId, { reader: tx, context }) as Port
  if (port.projectId !== projectId && !context.isAdmin)
    throw bad(
      `Cannot process floating IP association with Port ${portId}, since that port is owned by a different project`,
    )
  return { portId, fixedIpAddress: fixedIpAddress ?? undefined }
}

/** The resource `floatingip`. */
export const floatingIpResource: Resource = resource<FloatingIp, typeof attributes>({
  name: 'floatingip',
  plural: 'floatingips',
  attributes,
  source: recordsOf(floatingIps),
  absent: 'FloatingIPNotFound',
  quotas: ['floatingip'],
  standard: true,
  create(tx, body, id, context) {
    return createFloatingIp(tx, {
      id,
      projectId: body.project_id,
      description: body.description,
      floatingNetworkId: usableNetwork(tx, body.floating_network_id, context).id,
      floatingPortId: randomUUID(),
      floatingIpAddress: body.floating_ip_address ?? undefined,
      subnetId: body.subnet_id ?? undefined,
      association: associationOf(tx, body, body.project_id, context) ?? null,
      dnsName: body.dns_name,
      dnsDomain: body.dns_domain,
    })
  },
  update(tx, floatingIp, body, context) {
    // an update with nothing in it has always meant: stand for no port
    const association = Object.keys(body).length === 0 ? null : associationOf(tx, body, floatingIp.projectId, context)
    return updateFloatingIp(tx, floatingIp, association, body.description)
  },
  remove: deleteFloatingIp,
})

const poolAttributes = attributesOf<Subnet>()({
  subnet_id: { type: uuid, show: s => s.id },
  subnet_name: { type: text(), show: s => s.name },
  network_id: { type: uuid, show: s => s.networkId, index: 'network' },
  cidr: { type: cidr, show: s => s.cidr },
  project_id: { type: text(), show: (_s, { context }) => context.projectId },
  tenant_id: { type: text(), show: (_s, { context }) => context.projectId },
})

/** The resource `floatingip_pool`: the subnets that floating IPs come from. */
export const floatingIpPoolResource: Resource = resource<Subnet, typeof poolAttributes>({
  name: 'floatingip_pool',
  plural: 'floatingip_pools',
  path: 'floatingip-pools',
  attributes: poolAttributes,
  source: {
    *all(reader) {
      for (const subnet of reader.all(subnets))
        if (subnet.ipVersion === 4 && networkOf(reader, subnet.networkId).external) yield subnet
    },
    get: (reader, id) => reader.get(subnets, id),
    owner: s => s.projectId,
  },
  absent: 'SubnetNotFound',
  isPublic: (s, { reader, context }) =>
    isGranted(reader, 'access_as_external', s.networkId, context.projectId) ||
    isOwnNetwork(networkOf(reader, s.networkId), context),
  standard: false,
})
