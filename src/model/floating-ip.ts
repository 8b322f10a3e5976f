// Floating IPs: addresses of external networks that stand for addresses behind routers.
import { finder } from './finder.ts'
import { type Kind, kind, type Pool } from './kind.ts'

/** A floating IP. */
export interface FloatingIp {
  readonly id: string
  /** Stands for the floating IP in the data plane. */
  readonly key: number
  readonly projectId: string
  readonly floatingNetworkId: string
  /** IPv4. */
  readonly floatingIpAddress: string
  /** The port on the external network that holds the address (device owner network:floatingip); has its MAC address. */
  readonly floatingPortId: string
  /** The port that it stands for; null while it stands for none, or for several by port forwarding. */
  readonly portId: string | null
  /** The address of that port; null with it. */
  readonly fixedIpAddress: string | null
  /** The router that translates: its gateway is on the floating network; null while none has to. */
  readonly routerId: string | null
  readonly dnsName: string
  readonly dnsDomain: string
}

/** The unique key of the floating IP of an external network that stands for an address of a port. */
export const floatingIpKey = (networkId: string, portId: string, fixedIpAddress: string): string =>
  `for ${networkId} ${portId} ${fixedIpAddress}`

/** All floating IPs. `network` is the external one, `port` the port that one stands for. */
export const floatingIps: Kind<FloatingIp, 'project' | 'network' | 'address' | 'port' | 'router'> = kind<FloatingIp>()(
  'floating_ip',
  {
    unique: f => [
      `key ${f.key}`,
      ...(f.portId === null ? [] : [floatingIpKey(f.floatingNetworkId, f.portId, f.fixedIpAddress!)]),
    ],
    index: {
      project: f => [f.projectId],
      network: f => [f.floatingNetworkId],
      address: f => [f.floatingIpAddress],
      port: f => (f.portId === null ? [] : [f.portId]),
      router: f => (f.routerId === null ? [] : [f.routerId]),
    },
  },
)

/** Floating IP keys. */
export const floatingIpKeys: Pool = { name: 'floating_ip_key', first: 1, last: 0xffffff }

/** The floating IP of an id. Throws FloatingIPNotFound. */
export const floatingIpOf = finder(floatingIps, 'FloatingIPNotFound')
