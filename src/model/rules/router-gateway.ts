// The external gateway of a router: its port on an external network.
import { floatingIps } from '../floating-ip.ts'
import { parseIp } from '../ip.ts'
import { networkOf } from '../network.ts'
import { GATEWAY_OWNER, type Port, ports } from '../port.ts'
import { Refusal, refuse } from '../refusal.ts'
import { gatewayOf, type Router, routerPorts } from '../router.ts'
import { type Subnet, subnets } from '../subnet.ts'
import type { Transaction } from '../transaction.ts'
import type { FixedIpRequest } from './address.ts'
import { updatePort } from './port.ts'
import { createServicePort, dropRouterPort, joinRouter } from './router-port.ts'
import { badRouter, requireApart } from './router-subnet.ts'

/** A gateway as asked for. */
export interface GatewayRequest {
  readonly networkId: string
  /** Absent: yes. */
  readonly enableSnat?: boolean | undefined
  /** Absent or empty: those that it has, or one of each family. */
  readonly fixedIps?: readonly FixedIpRequest[] | undefined
  /** The id of the port, should one be made. */
  readonly portId: string
}

/** Gives a router another gateway, or none. What depends on it (`enableSnat`, routes) is the caller's. */
export function setGateway(tx: Transaction, router: Router, request: GatewayRequest | null): void {
  const old = gatewayOf(tx, router.id)
  if (request === null) {
    if (old) dropGateway(tx, router, old)
    return
  }
  const { networkId, fixedIps = [] } = request
  const network = networkOf(tx, networkId)
  if (!network.external) throw badRouter(`Network ${networkId} is not an external network`)
  const all = [...tx.by(subnets, 'network', networkId)]
  for (const { ipAddress } of fixedIps)
    if (ipAddress !== undefined && all.some(subnet => subnet.gatewayIp === ipAddress))
      throw badRouter(`External IP ${ipAddress} is the same as the gateway IP`)
  if (old?.networkId === networkId) {
    if (fixedIps.length > 0) updatePort(tx, old, { fixedIps })
    return
  }
  if (old) dropGateway(tx, router, old)
  requireApart(tx, router.id, all)
  const port = createServicePort(tx, {
    id: request.portId,
    // it is shown to nobody but administrators
    projectId: '',
    networkId,
    deviceOwner: GATEWAY_OWNER,
    deviceId: router.id,
    fixedIps: fixedIps.length > 0 ? fixedIps : undefined,
  })
  joinRouter(tx, router, port, 'gateway')
}

function dropGateway(tx: Transaction, router: Router, gateway: Port): void {
  if (tx.countBy(floatingIps, 'router', router.id) > 0)
    throw refuse('RouterExternalGatewayInUseByFloatingIp', { router: router.id, network: gateway.networkId })
  dropRouterPort(tx, router, gateway)
}

/** Gives the gateways on the network of a new subnet an address there, if they have none of its family. */
export function addGatewayAddresses(tx: Transaction, subnet: Subnet): void {
  if (subnet.serviceTypes.length > 0 && !subnet.serviceTypes.includes(GATEWAY_OWNER)) return
  for (const { id, role } of [...tx.by(routerPorts, 'network', subnet.networkId)]) {
    const port = tx.get(ports, id)!
    if (role !== 'gateway' || port.fixedIps.some(ip => parseIp(ip.ipAddress)!.version === subnet.ipVersion)) continue
    try {
      updatePort(tx, port, { fixedIps: [...port.fixedIps, { subnetId: subnet.id }] })
    } catch (error) {
      // a subnet without free addresses is still a subnet
      if (!(error instanceof Refusal) || error.name !== 'IpAddressGenerationFailure') throw error
    }
  }
}
