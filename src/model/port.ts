// Ports: a VM's (or a router's, or DHCP's) place on a network.
import { finder } from './finder.ts'
import { withoutHostLength } from './ip.ts'
import { type Kind, kind, type Pool } from './kind.ts'

/** An address of a port on one subnet. */
export interface FixedIp {
  readonly subnetId: string
  /** Canonical IPv4 or IPv6 text. */
  readonly ipAddress: string
}

/** An address that a port may also send from. */
export interface AddressPair {
  /** Address or prefix in canonical text. */
  readonly ipAddress: string
  readonly macAddress: string
}

/** A DHCP option told to this port only. */
export interface DhcpOption {
  readonly name: string
  readonly value: string
  readonly ipVersion: 4 | 6
}

/** A port. */
export interface Port {
  readonly id: string
  /** Stands for the port in the data plane. */
  readonly key: number
  readonly networkId: string
  readonly projectId: string
  readonly name: string
  readonly adminStateUp: boolean
  readonly status: 'ACTIVE' | 'DOWN' | 'BUILD' | 'ERROR' | 'N/A'
  /** Lower case, with colons. */
  readonly macAddress: string
  readonly fixedIps: readonly FixedIp[]
  readonly allowedAddressPairs: readonly AddressPair[]
  readonly portSecurityEnabled: boolean
  /** Ids of the security groups that it bears. */
  readonly securityGroups: readonly string[]
  /** Key of the policy that they make (policy.ts); 0 without port security: nothing is judged. */
  readonly policy: number
  readonly deviceOwner: string
  readonly deviceId: string
  /** The host that alone may bind the port (`binding:host_id`), '' for any. */
  readonly bindingHost: string
  readonly bindingVnicType: string
  readonly bindingProfile: Readonly<Record<string, unknown>>
  readonly extraDhcpOptions: readonly DhcpOption[]
  readonly dnsName: string
}

/** All ports. */
export const ports: Kind<
  Port,
  'network' | 'project' | 'device' | 'subnet' | 'address' | 'pair' | 'securityGroup' | 'prefixMember' | 'policy'
> = kind<Port>()('port', {
  unique: p => [
    `key ${p.key}`,
    `mac ${p.networkId} ${p.macAddress}`,
    ...p.fixedIps.map(ip => `ip ${p.networkId} ${ip.ipAddress}`),
  ],
  index: {
    network: p => [p.networkId],
    project: p => [p.projectId],
    device: p => [p.deviceId],
    subnet: p => [...new Set(p.fixedIps.map(ip => ip.subnetId))],
    address: p => p.fixedIps.map(ip => ip.ipAddress),
    pair: p => p.allowedAddressPairs.map(pair => `${p.networkId} ${withoutHostLength(pair.ipAddress)}`),
    securityGroup: p => p.securityGroups,
    // The groups of ports that bring prefixes of more than one address into them.
    prefixMember: p => (p.allowedAddressPairs.some(pair => pair.ipAddress.includes('/')) ? p.securityGroups : []),
    policy: p => [String(p.policy)],
  },
})

/** Port keys. */
export const portKeys: Pool = { name: 'port_key', first: 1, last: 0xffffff }

/** The port of an id. Throws PortNotFound. */
export const portOf = finder(ports, 'PortNotFound')

/** The device owner of gateway ports of routers. */
export const GATEWAY_OWNER = 'network:router_gateway'

/** The device owner of ports that hold floating IPs. */
export const FLOATING_IP_OWNER = 'network:floatingip'

/** Router interfaces, not gateways: their addresses are the router's choice, never automatic. */
export const isRouterPort = ({ deviceOwner }: Pick<Port, 'deviceOwner'>): boolean =>
  deviceOwner.startsWith('network:router_') && deviceOwner !== GATEWAY_OWNER
