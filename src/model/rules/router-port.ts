// The ports of routers as such: how they are made and dropped, and that no two of them lead to the same addresses.
import { overlap, parsePrefix } from '../ip.ts'
import { type Port, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { gatewayOf, interfacesOf, type Router, type RouterPort, routerPorts } from '../router.ts'
import { change, revise } from '../standard.ts'
import { type Subnet, subnetOf, subnets } from '../subnet.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { createPort, deletePort, type PortRequest } from './port.ts'

/** Why a router is not as it was asked to be: Neutron's BadRequest. */
export const badRouter = (message: string) => refuse('BadRequest', { resource: 'router', message })

/**
 * Makes a port of the controller's own, for a router or a floating IP: without security groups, and from nobody's host.
 * It works as soon as it is there, since no chassis has to plug it.
 */
export function createServicePort(
  tx: Transaction,
  request: Pick<PortRequest, 'id' | 'networkId' | 'projectId' | 'deviceOwner' | 'deviceId' | 'fixedIps'>,
  status: Port['status'] = 'ACTIVE',
): Port {
  const port = createPort(tx, {
    ...request,
    name: '',
    description: '',
    adminStateUp: true,
    allowedAddressPairs: [],
    portSecurityEnabled: false,
    extraDhcpOptions: [],
    dnsName: '',
    bindingHost: '',
    bindingVnicType: 'normal',
    bindingProfile: {},
  })
  const made = { ...port, status }
  tx.replace(ports, made)
  return made
}

/** Records that a port is a router's. */
export function joinRouter(tx: Transaction, router: Router, port: Port, role: RouterPort['role']): void {
  tx.insert(routerPorts, { id: port.id, routerId: router.id, networkId: port.networkId, role })
  revise(tx, router.id)
}

/** Takes a port from its router and removes it. */
export function dropRouterPort(tx: Transaction, router: Router, port: Port): void {
  tx.remove(routerPorts, port.id)
  deletePort(tx, port)
  revise(tx, router.id)
}

/** Gives the interfaces of a router their device owner, which tells whether it is distributed. */
export function renameInterfaces(tx: Transaction, router: Router, deviceOwner: string): void {
  for (const port of interfacesOf(tx, router.id)) change(tx, ports, { ...port, deviceOwner })
}

/** The subnets on which a port has addresses. */
export const subnetsOfPort = (reader: Reader, port: Port): Subnet[] =>
  [...new Set(port.fixedIps.map(ip => ip.subnetId))].map(id => subnetOf(reader, id))

/** The subnets that a router reaches by itself: of its interfaces, and all of its external network. */
function subnetsOfRouter(reader: Reader, routerId: string): Subnet[] {
  const gateway = gatewayOf(reader, routerId)
  return [
    ...interfacesOf(reader, routerId).flatMap(port => subnetsOfPort(reader, port)),
    ...(gateway ? reader.by(subnets, 'network', gateway.networkId) : []),
  ]
}

/** A router has one port on a subnet, and no two subnets with an address in common. */
export function requireApart(reader: Reader, router: Router, added: readonly Subnet[]): void {
  for (const old of subnetsOfRouter(reader, router.id))
    for (const subnet of added) {
      if (old.id === subnet.id) throw badRouter(`Router already has a port on subnet ${subnet.id}`)
      if (overlap(parsePrefix(old.cidr)!, parsePrefix(subnet.cidr)!))
        throw badRouter(`Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${old.cidr} of subnet ${old.id}`)
    }
}
