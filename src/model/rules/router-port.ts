// The ports of routers as such: how they are made and dropped.
import { affectedBy, reattach } from '../attachment.ts'
import { localVlans } from '../chassis.ts'
import { type Port, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { interfacesOf, type Router, type RouterPort, routerPorts } from '../router.ts'
import { change, revise } from '../standard.ts'
import { PoolExhausted, type Transaction } from '../transaction.ts'
import { createPort, deletePort, type PortRequest } from './port.ts'

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

/** Records that a port is a router's. Refused when a chassis cannot reach as many networks as it would have to. */
export function joinRouter(tx: Transaction, router: Router, port: Port, role: RouterPort['role']): void {
  tx.insert(routerPorts, { id: port.id, routerId: router.id, networkId: port.networkId, role })
  try {
    reattach(tx, affectedBy(tx, router.id))
  } catch (error) {
    if (!(error instanceof PoolExhausted)) throw error
    const message = `A chassis would have to reach more than ${localVlans.last} networks: ${error.message}`
    throw refuse('BadRequest', { resource: 'router', message })
  }
  revise(tx, router.id)
}

/** Takes a port from its router and removes it. */
export function dropRouterPort(tx: Transaction, router: Router, port: Port): void {
  const affected = affectedBy(tx, router.id)
  tx.remove(routerPorts, port.id)
  reattach(tx, affected)
  deletePort(tx, port)
  revise(tx, router.id)
}

/** Gives the interfaces of a router their device owner, which tells whether it is distributed. */
export function renameInterfaces(tx: Transaction, router: Router, deviceOwner: string): void {
  for (const port of interfacesOf(tx, router.id)) change(tx, ports, { ...port, deviceOwner })
}
