// How networks are connected to routers and taken from them: by subnet or by port.
import { parseIp } from '../ip.ts'
import { type Port, portOf, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { interfaceOwner, interfacesOf, type Router, routerPorts } from '../router.ts'
import { revise } from '../standard.ts'
import { type Subnet, subnetOf } from '../subnet.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { updatePort } from './port.ts'
import { createServicePort, dropRouterPort, joinRouter } from './router-port.ts'
import { badRouter, requireApart, requireUnused, subnetsOfPort } from './router-subnet.ts'

/** What was connected or taken: the port, and those of its subnets that it is about. */
export interface InterfaceChange {
  readonly port: Port
  readonly subnets: readonly Subnet[]
}

/**
 * Connects a subnet: the router takes its gateway address. A further IPv6 subnet of a network joins the port that the
 * router has there. `portId` is the id of the port, should one be made.
 */
export function connectSubnet(tx: Transaction, router: Router, subnetId: string, portId: string): InterfaceChange {
  const subnet = subnetOf(tx, subnetId)
  if (subnet.gatewayIp === null) throw badRouter('Subnet for router interface must have a gateway IP')
  requireOwnAdvertisements(subnet)
  requireApart(tx, router.id, [subnet])
  const fixedIp = { subnetId: subnet.id, ipAddress: subnet.gatewayIp }
  const joined = subnet.ipVersion === 6 ? ipv6Interface(tx, router, subnet.networkId) : undefined
  if (joined) {
    revise(tx, router.id)
    return { port: updatePort(tx, joined, { fixedIps: [...joined.fixedIps, fixedIp] }), subnets: [subnet] }
  }
  const port = createServicePort(tx, {
    id: portId,
    projectId: router.projectId,
    networkId: subnet.networkId,
    deviceOwner: interfaceOwner(router),
    deviceId: router.id,
    fixedIps: [fixedIp],
  })
  joinRouter(tx, router, port, 'interface')
  return { port, subnets: [subnet] }
}

/** Connects the subnets on which a port has addresses; the port becomes the router's. */
export function connectPort(tx: Transaction, router: Router, portId: string): InterfaceChange {
  const port = portOf(tx, portId)
  if (port.deviceId !== '') throw refuse('PortInUse', { id: port.id, network: port.networkId, device: port.deviceId })
  if (port.fixedIps.length === 0) throw badRouter('Router port must have at least one fixed IP')
  const connected = subnetsOfPort(tx, port)
  for (const subnet of connected) requireOwnAdvertisements(subnet)
  const other = ipv6Interface(tx, router, port.networkId)
  if (other && connected.some(subnet => subnet.ipVersion === 6))
    throw badRouter(
      `Router already contains IPv6 port ${other.id} belonging to network id ${port.networkId}. Only one IPv6 port from the same network subnet can be connected to a router.`,
    )
  requireApart(tx, router.id, connected)
  if (connected.filter(subnet => subnet.ipVersion === 4).length > 1)
    throw badRouter('Cannot have multiple IPv4 subnets on router port')
  updatePort(tx, port, {
    deviceId: router.id,
    deviceOwner: interfaceOwner(router),
    allowedAddressPairs: [],
    portSecurityEnabled: false,
    securityGroups: [],
  })
  joinRouter(tx, router, port, 'interface')
  const done: Port = { ...portOf(tx, port.id), status: port.adminStateUp ? 'ACTIVE' : 'DOWN' }
  tx.replace(ports, done)
  return { port: done, subnets: connected }
}

/** Takes an interface from a router and removes its port. */
export function disconnectPort(
  tx: Transaction,
  router: Router,
  portId: string,
  subnetId: string | undefined,
): InterfaceChange {
  const record = tx.get(routerPorts, portId)
  if (record?.routerId !== router.id || record.role !== 'interface')
    throw refuse('RouterInterfaceNotFound', { router: router.id, port: portId })
  const port = portOf(tx, portId)
  const connected = subnetsOfPort(tx, port)
  if (subnetId !== undefined && !connected.some(subnet => subnet.id === subnetId))
    throw refuse('SubnetMismatchForPort', { port: portId, subnet: subnetId })
  for (const subnet of connected) requireUnused(tx, router, subnet)
  dropRouterPort(tx, router, port)
  return { port, subnets: connected }
}

/** Takes a subnet from a router, and the port with the last of its subnets. */
export function disconnectSubnet(tx: Transaction, router: Router, subnetId: string): InterfaceChange {
  const subnet = subnetOf(tx, subnetId)
  const port = interfacesOf(tx, router.id).find(p => p.fixedIps.some(ip => ip.subnetId === subnetId))
  if (!port) throw refuse('RouterInterfaceNotFoundForSubnet', { router: router.id, subnet: subnetId })
  requireUnused(tx, router, subnet)
  const left = port.fixedIps.filter(ip => ip.subnetId !== subnetId)
  if (left.length === 0) dropRouterPort(tx, router, port)
  else {
    updatePort(tx, port, { fixedIps: left })
    revise(tx, router.id)
  }
  return { port, subnets: [subnet] }
}

/** The interface of a router on a network that has IPv6 addresses: there is at most one. */
const ipv6Interface = (reader: Reader, router: Router, networkId: string): Port | undefined =>
  interfacesOf(reader, router.id).find(
    port => port.networkId === networkId && port.fixedIps.some(ip => parseIp(ip.ipAddress)!.version === 6),
  )

/** A subnet that another router advertises is that router's. */
function requireOwnAdvertisements(subnet: Subnet): void {
  if (subnet.ipVersion === 6 && subnet.ipv6RaMode === null && subnet.ipv6AddressMode !== null)
    throw badRouter(
      `IPv6 subnet ${subnet.id} configured to receive RAs from an external router cannot be added to Neutron Router.`,
    )
}
