// Ports: a VM's (or a router's, or DHCP's) place on a network.
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
  readonly macAddress: string
  readonly fixedIps: readonly FixedIp[]
  readonly allowedAddressPairs: readonly AddressPair[]
  readonly portSecurityEnabled: boolean
  readonly deviceOwner: string
  readonly deviceId: string
  /** The host that alone may bind the port (`binding:host_id`), '' for any. */
  readonly bindingHost: string
}

/** All ports. */
export const ports: Kind<Port, 'network' | 'project' | 'device'> = kind<Port>()('port', {
  unique: p => [
    `key ${p.key}`,
    `mac ${p.networkId} ${p.macAddress}`,
    ...p.fixedIps.map(ip => `ip ${p.networkId} ${ip.ipAddress}`),
  ],
  index: { network: p => [p.networkId], project: p => [p.projectId], device: p => [p.deviceId] },
})

/** Port keys. */
export const portKeys: Pool = { name: 'port_key', first: 1, last: 0xffffff }
