// Small models for tests of the compiler and the tables: records with defaults, and commits made of them.
import type { Attachment, Binding, Change, Chassis, Commit, Doc, Kind, Network, Port } from '#model'
import {
  type AddressGroup,
  addressGroups,
  attachments,
  bindings,
  chassis,
  type FirewallGroup,
  type FirewallPolicy,
  type FirewallRule,
  type FloatingIp,
  firewallGroups,
  firewallPolicies,
  firewallRules,
  floatingIps,
  networks,
  type Policy,
  type PortForwarding,
  policies,
  portForwardings,
  ports,
  type RemoteGroupBit,
  type Router,
  type RouterPort,
  remoteGroupBits,
  routerPorts,
  routers,
  type SecurityGroup,
  type SecurityGroupRule,
  type Subnet,
  type SubnetPool,
  securityGroupRules,
  securityGroups,
  subnetPools,
  subnets,
  type VirtualAddress,
  virtualAddresses,
} from '#model'

/** A network; VXLAN with its key as VNI unless said otherwise. */
export const aNetwork = (id: string, key: number, more: Partial<Network> = {}): Network => ({
  id,
  key,
  projectId: 'p',
  name: id,
  adminStateUp: true,
  segments: [{ networkType: 'vxlan', segmentationId: 100 + key }],
  mtu: 1450,
  external: false,
  isDefault: false,
  portSecurityEnabled: true,
  dnsDomain: '',
  availabilityZoneHints: [],
  ...more,
})

const macOf = (key: number) =>
  `fa:16:3e:00:${(key >> 8).toString(16).padStart(2, '0')}:${(key & 255).toString(16).padStart(2, '0')}`

/** A port; its MAC and address derive from its key. */
export const aPort = (id: string, key: number, networkId: string, more: Partial<Port> = {}): Port => ({
  id,
  key,
  networkId,
  projectId: 'p',
  name: id,
  adminStateUp: true,
  status: 'DOWN',
  macAddress: macOf(key),
  fixedIps: [{ subnetId: `${networkId}-v4`, ipAddress: `10.0.${key >> 8}.${key & 255}` }],
  allowedAddressPairs: [],
  portSecurityEnabled: true,
  securityGroups: [],
  policy: 0,
  deviceOwner: '',
  deviceId: '',
  bindingHost: '',
  bindingVnicType: 'normal',
  bindingProfile: {},
  extraDhcpOptions: [],
  dnsName: '',
  ...more,
})

/** A chassis with the VTEP address 192.0.2.<key>. */
export const aChassis = (id: string, key: number, more: Partial<Chassis> = {}): Chassis => ({
  id,
  key,
  hostname: id,
  tunnelIp: `192.0.2.${key}`,
  reportedTunnelIp: `192.0.2.${key}`,
  tunnelTypes: ['vxlan'],
  bridgeMappings: {},
  providerPorts: {},
  providerDown: [],
  datapathType: 'netdev',
  ovsVersion: '3.1.0',
  gatewayPriority: 0,
  admission: 'approved',
  crowded: false,
  refused: '',
  problems: [],
  ...more,
})

/** A port plugged into a chassis. */
export const aBinding = (port: Port, on: Chassis, ofport: number, state: Binding['state'] = 'active'): Binding => ({
  id: `${port.id}@${on.id}`,
  port: port.id,
  network: port.networkId,
  chassis: on.id,
  interface: `tap${port.id}`,
  ofport,
  state,
})

/** A network on a chassis. */
export const anAttachment = (network: Network, on: Chassis, localVlan: number): Attachment => ({
  id: `${on.id}/${network.id}`,
  chassis: on.id,
  network: network.id,
  localVlan,
  isMember: true,
})

/** A security group of project `p`. */
export const aSecurityGroup = (id: string, key: number, more: Partial<SecurityGroup> = {}): SecurityGroup => ({
  ...{ id, key, projectId: 'p', name: id, stateful: true, isDefault: false },
  ...more,
})

/** A rule; lets anything of IPv4 in unless said otherwise. */
export const aRule = (id: string, groupId: string, more: Partial<SecurityGroupRule> = {}): SecurityGroupRule => ({
  ...{ id, projectId: 'p', groupId, direction: 'ingress', ipVersion: 4, protocol: '', protocolNumber: null },
  ...{ portRangeMin: null, portRangeMax: null, remoteIpPrefix: null, remoteIpPrefixAsked: '' },
  ...{ remoteGroupId: null, remoteAddressGroupId: null },
  ...more,
})

/** The kinds that the tables read. */
export const kinds = {
  ...{ network: networks, port: ports, chassis, binding: bindings, attachment: attachments },
  ...{ securityGroup: securityGroups, securityGroupRule: securityGroupRules, addressGroup: addressGroups },
  ...{ policy: policies, remoteGroupBit: remoteGroupBits },
  ...{ router: routers, routerPort: routerPorts, subnet: subnets, subnetPool: subnetPools },
  ...{ floatingIp: floatingIps, portForwarding: portForwardings, virtualAddress: virtualAddresses },
  ...{ firewallGroup: firewallGroups, firewallPolicy: firewallPolicies, firewallRule: firewallRules },
} as const

/** Records by kind. */
export interface Records {
  readonly network?: readonly Network[]
  readonly port?: readonly Port[]
  readonly chassis?: readonly Chassis[]
  readonly binding?: readonly Binding[]
  readonly attachment?: readonly Attachment[]
  readonly securityGroup?: readonly SecurityGroup[]
  readonly securityGroupRule?: readonly SecurityGroupRule[]
  readonly addressGroup?: readonly AddressGroup[]
  readonly policy?: readonly Policy[]
  readonly remoteGroupBit?: readonly RemoteGroupBit[]
  readonly router?: readonly Router[]
  readonly routerPort?: readonly RouterPort[]
  readonly subnet?: readonly Subnet[]
  readonly subnetPool?: readonly SubnetPool[]
  readonly floatingIp?: readonly FloatingIp[]
  readonly portForwarding?: readonly PortForwarding[]
  readonly virtualAddress?: readonly VirtualAddress[]
  readonly firewallGroup?: readonly FirewallGroup[]
  readonly firewallPolicy?: readonly FirewallPolicy[]
  readonly firewallRule?: readonly FirewallRule[]
}

/** A commit that adds records to an empty model. */
export const commitOf = (records: Records, revision = 1): Commit => ({
  revision,
  at: 0,
  origin: { source: 'test' },
  changes: Object.entries(records).flatMap(([name, docs]: [string, readonly Doc[]]) =>
    docs.map((doc): Change => {
      const kind = kinds[name as keyof typeof kinds] as unknown as Kind
      return { kind, id: doc.id, before: undefined, after: doc }
    }),
  ),
})
