// Ports, as Neutron shows them: addresses, bindings, DHCP options.
import {
  type BindingOutcome,
  bindingOutcome,
  createPort,
  type DhcpOption,
  deletePort,
  networkOf,
  networks,
  type Port,
  ports,
  type Reader,
  refuse,
  requireRemovable,
  updatePort,
} from '#model'
import { identified, owned, standardAttributes } from '../engine/common.ts'
import type { Context } from '../engine/context.ts'
import { invalid, quote } from '../engine/read.ts'
import {
  attributesOf,
  type PostBody,
  type PutBody,
  type Resource,
  recordsOf,
  resource,
  type View,
} from '../engine/resource.ts'
import {
  anyObject,
  distinct,
  dnsName,
  flag,
  ip,
  ipOrCidr,
  ipVersion,
  list,
  mac,
  nullable,
  object,
  oneOf,
  optional,
  text,
  uuid,
} from '../engine/value.ts'
import { isOwnNetwork, usableNetwork } from './network.ts'
import { usableSecurityGroup } from './security-group-rule.ts'

const fixedIp = object({ subnet_id: optional(uuid), ip_address: optional(ip) })
const addressPair = object({ ip_address: ipOrCidr, mac_address: optional(mac) })
const dhcpOption = object({
  opt_name: text(64),
  opt_value: nullable(text(255)),
  ip_version: optional(ipVersion),
})

/** Kinds of virtual NIC that Nova asks for. */
export const vnicTypes = oneOf([
  'normal',
  'direct',
  'macvtap',
  'baremetal',
  'direct-physical',
  'virtio-forwarder',
  'smart-nic',
  'vdpa',
  'accelerator-direct',
  'accelerator-direct-physical',
  'remote-managed',
])

/** `binding:vif_type` and `binding:vif_details`: what Nova needs to plug it. */
export function vifOf(outcome: BindingOutcome): { readonly type: string; readonly details: Record<string, unknown> } {
  if (outcome.state === 'unbound') return { type: 'unbound', details: {} }
  if (outcome.state === 'failed') return { type: 'binding_failed', details: {} }
  return {
    type: 'ovs',
    details: {
      connectivity: 'l2',
      port_filter: true,
      ovs_hybrid_plug: false,
      bridge_name: 'br-int',
      bound_drivers: { 0: 'flowright' },
    },
  }
}

const fixedIpsOf = (p: Port) => p.fixedIps.map(f => ({ subnet_id: f.subnetId, ip_address: f.ipAddress }))

/** `fixed_ips=ip_address=A`, `subnet_id=S`, `ip_address_substr=PART`: one name is any of its values, two names are both. */
function fitsFixedIps(port: Port, values: readonly string[]): boolean {
  const wanted: Record<'subnet_id' | 'ip_address' | 'ip_address_substr', string[]> = {
    subnet_id: [],
    ip_address: [],
    ip_address_substr: [],
  }
  for (const pair of values.flatMap(value => value.split(','))) {
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    if (at < 0 || !Object.hasOwn(wanted, name))
      throw refuse('HTTPBadRequest', {
        message: `'${quote(pair)}' is not a filter of fixed_ips: subnet_id=, ip_address= or ip_address_substr=`,
      })
    wanted[name as keyof typeof wanted].push(pair.slice(at + 1))
  }
  const some = (values: readonly string[], fits: (f: Port['fixedIps'][number], value: string) => boolean) =>
    values.length === 0 || port.fixedIps.some(f => values.some(value => fits(f, value)))
  return (
    some(wanted.subnet_id, (f, value) => f.subnetId === value) &&
    some(wanted.ip_address, (f, value) => f.ipAddress === value) &&
    some(wanted.ip_address_substr, (f, value) => f.ipAddress.includes(value))
  )
}

/** The names that DNS is told for a port. */
function dnsAssignment(port: Port, { reader }: View) {
  const domain = reader.get(networks, port.networkId)?.dnsDomain || 'openstacklocal.'
  return port.fixedIps.map(({ ipAddress }) => {
    const hostname = port.dnsName || `host-${ipAddress.replaceAll(/[.:]+/g, '-')}`
    return {
      hostname,
      ip_address: ipAddress,
      fqdn: hostname.endsWith('.') ? hostname : `${hostname}.${domain.replace(/\.?$/, '.')}`,
    }
  })
}

const attributes = attributesOf<Port>()({
  ...identified,
  ...owned,
  ...standardAttributes,
  name: { type: text(), post: { default: '' }, put: true, show: p => p.name },
  network_id: { type: uuid, post: 'required', show: p => p.networkId, index: 'network' },
  status: { type: text(), show: p => p.status },
  admin_state_up: { type: flag, post: { default: true }, put: true, show: p => p.adminStateUp },
  mac_address: { type: nullable(mac), post: 'optional', put: true, show: p => p.macAddress },
  fixed_ips: {
    type: list(fixedIp, 100),
    post: 'optional',
    put: true,
    show: fixedIpsOf,
    filter: fitsFixedIps,
  },
  device_id: { type: text(), post: { default: '' }, put: true, show: p => p.deviceId, index: 'device' },
  device_owner: { type: text(), post: { default: '' }, put: true, show: p => p.deviceOwner },
  allowed_address_pairs: {
    type: list(addressPair, 1000),
    post: { default: [] },
    put: true,
    show: p => p.allowedAddressPairs.map(a => ({ ip_address: a.ipAddress, mac_address: a.macAddress })),
  },
  port_security_enabled: { type: flag, post: 'optional', put: true, show: p => p.portSecurityEnabled },
  security_groups: {
    type: distinct(uuid, 100),
    post: 'optional',
    put: true,
    show: p => p.securityGroups,
    filter: (p, values) => p.securityGroups.some(id => values.includes(id)),
  },
  extra_dhcp_opts: {
    type: distinct(dhcpOption, 128),
    post: { default: [] },
    put: true,
    show: p => p.extraDhcpOptions.map(o => ({ opt_name: o.name, opt_value: o.value, ip_version: o.ipVersion })),
  },
  dns_name: { type: dnsName, post: { default: '' }, put: true, show: p => p.dnsName },
  dns_assignment: { type: list(anyObject), show: dnsAssignment },
  'binding:host_id': {
    type: nullable(text()),
    post: { default: '' },
    put: true,
    admin: ['read', 'write'],
    show: p => p.bindingHost,
  },
  'binding:vnic_type': { type: vnicTypes, post: { default: 'normal' }, put: true, show: p => p.bindingVnicType },
  'binding:profile': {
    type: anyObject,
    post: { default: {} },
    put: true,
    admin: ['read', 'write'],
    show: p => p.bindingProfile,
  },
  'binding:vif_type': { type: text(), admin: ['read'], show: (p, { reader }) => vifOf(bindingOutcome(reader, p)).type },
  'binding:vif_details': {
    type: anyObject,
    admin: ['read'],
    show: (p, { reader }) => vifOf(bindingOutcome(reader, p)).details,
  },
})

type DhcpOptionBody = { opt_name: string; opt_value: string | null; ip_version?: 4 | 6 | undefined }

/** A value of null is no option, and in an update the end of one. */
function optionsOf(asked: readonly DhcpOptionBody[], current: readonly DhcpOption[]): DhcpOption[] {
  const options = new Map(current.map(o => [`${o.ipVersion} ${o.name}`, o]))
  for (const { opt_name: name, opt_value: value, ip_version = 4 } of asked) {
    if (name.trim() === '') throw invalid('extra_dhcp_opts', 'opt_name is empty')
    if (value === null) options.delete(`${ip_version} ${name}`)
    else if (value === '') throw invalid('extra_dhcp_opts', `the value of ${name} is empty`)
    else options.set(`${ip_version} ${name}`, { name, value, ipVersion: ip_version })
  }
  return [...options.values()]
}

const fixedIpRequests = (given: readonly { subnet_id?: string; ip_address?: string }[]) =>
  given.map(f => ({ subnetId: f.subnet_id, ipAddress: f.ip_address }))

const pairRequests = (given: readonly { ip_address: string; mac_address?: string }[]) =>
  given.map(a => ({ ipAddress: a.ip_address, macAddress: a.mac_address }))

const usableGroups = (reader: Reader, ids: readonly string[] | undefined, context: Context) =>
  ids?.map(id => usableSecurityGroup(reader, id, context).id)

/** The owner of a network sees all its ports, and may remove them. */
const isOnOwnNetwork = (port: Port, { reader, context }: View) =>
  isOwnNetwork(networkOf(reader, port.networkId), context)

/** On a network of others a port takes what it is given: it chooses neither addresses nor to go unchecked. */
function requireOrdinary(
  verb: 'create' | 'update',
  body: PostBody<typeof attributes> | PutBody<typeof attributes>,
): void {
  const chosen = {
    mac_address: body.mac_address !== undefined,
    'fixed_ips:ip_address': body.fixed_ips?.some(f => f.ip_address !== undefined),
    port_security_enabled: body.port_security_enabled !== undefined,
    allowed_address_pairs: (body.allowed_address_pairs ?? []).length > 0,
    device_owner: body.device_owner?.startsWith('network:'),
  }
  const name = Object.entries(chosen).find(([, isChosen]) => isChosen)?.[0]
  if (name) throw refuse('PolicyNotAuthorized', { action: `(rule:${verb}_port:${name})` })
}

/** The resource `port`. */
export const portResource: Resource = resource<Port, typeof attributes>({
  name: 'port',
  plural: 'ports',
  attributes,
  source: recordsOf(ports),
  absent: 'PortNotFound',
  isPublic: isOnOwnNetwork,
  isRemovable: isOnOwnNetwork,
  quotas: ['port'],
  standard: true,
  create(tx, body, id, context) {
    const network = usableNetwork(tx, body.network_id, context)
    if (!isOwnNetwork(network, context)) requireOrdinary('create', body)
    return createPort(tx, {
      id,
      projectId: body.project_id,
      networkId: body.network_id,
      name: body.name,
      description: body.description,
      adminStateUp: body.admin_state_up,
      macAddress: body.mac_address ?? undefined,
      fixedIps: body.fixed_ips && fixedIpRequests(body.fixed_ips),
      deviceId: body.device_id,
      deviceOwner: body.device_owner,
      allowedAddressPairs: pairRequests(body.allowed_address_pairs),
      portSecurityEnabled: body.port_security_enabled,
      securityGroups: usableGroups(tx, body.security_groups, context),
      extraDhcpOptions: optionsOf(body.extra_dhcp_opts, []),
      dnsName: body.dns_name,
      bindingHost: body['binding:host_id'] ?? '',
      bindingVnicType: body['binding:vnic_type'],
      bindingProfile: body['binding:profile'],
    })
  },
  update(tx, port, body, context) {
    if (!isOwnNetwork(networkOf(tx, port.networkId), context)) requireOrdinary('update', body)
    return updatePort(tx, port, {
      name: body.name,
      description: body.description,
      adminStateUp: body.admin_state_up,
      macAddress: body.mac_address,
      fixedIps: body.fixed_ips && fixedIpRequests(body.fixed_ips),
      deviceId: body.device_id,
      deviceOwner: body.device_owner,
      allowedAddressPairs: body.allowed_address_pairs && pairRequests(body.allowed_address_pairs),
      portSecurityEnabled: body.port_security_enabled,
      securityGroups: usableGroups(tx, body.security_groups, context),
      extraDhcpOptions: body.extra_dhcp_opts && optionsOf(body.extra_dhcp_opts, port.extraDhcpOptions),
      dnsName: body.dns_name,
      bindingHost: body['binding:host_id'] === null ? '' : body['binding:host_id'],
      bindingVnicType: body['binding:vnic_type'],
      bindingProfile: body['binding:profile'],
    })
  },
  remove(tx, port) {
    requireRemovable(tx, port)
    deletePort(tx, port)
  },
})
