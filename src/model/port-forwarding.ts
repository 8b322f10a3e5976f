// Port forwarding: ports of a floating IP that stand for ports of addresses behind a router.
import { type Kind, kind } from './kind.ts'
import type { PortRange } from './port-range.ts'

/** Ports of a floating IP that lead to an address of a port. */
export interface PortForwarding {
  readonly id: string
  readonly projectId: string
  readonly floatingIpId: string
  readonly protocol: 'tcp' | 'udp'
  readonly externalPorts: PortRange
  /** As many as the external ones, each to its own; or one, to which all of them lead. */
  readonly internalPorts: PortRange
  readonly internalPortId: string
  /** IPv4, an address of that port. */
  readonly internalIpAddress: string
}

/** All port forwardings. `port` is the internal one. */
export const portForwardings: Kind<PortForwarding, 'floatingIp' | 'port' | 'project'> = kind<PortForwarding>()(
  'port_forwarding',
  {
    index: { floatingIp: f => [f.floatingIpId], port: f => [f.internalPortId], project: f => [f.projectId] },
  },
)
