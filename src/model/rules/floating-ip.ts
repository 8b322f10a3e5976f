// How floating IPs may be made, associated, and removed.
import { type FloatingIp, floatingIpKey, floatingIpKeys, floatingIps } from '../floating-ip.ts'
import { parseIp } from '../ip.ts'
import { networkOf } from '../network.ts'
import { type FixedIp, FLOATING_IP_OWNER, type Port, portOf, ports } from '../port.ts'
import { portForwardings } from '../port-forwarding.ts'
import { refuse } from '../refusal.ts'
import { routerOf } from '../router.ts'
import { add, change, drop } from '../standard.ts'
import { subnets } from '../subnet.ts'
import type { Transaction } from '../transaction.ts'
import { ipv4Of, routerBetween } from './floating-ip-router.ts'
import { deletePort } from './port.ts'
import { createServicePort } from './router-port.ts'

/** A port that a floating IP is to stand for, and which of its addresses: needed where it has several. */
export interface Association {
  readonly portId: string
  readonly fixedIpAddress?: string | undefined
}

/** A floating IP to be made; the ids are the caller's. */
export interface FloatingIpRequest
  extends Pick<FloatingIp, 'id' | 'projectId' | 'floatingNetworkId' | 'floatingPortId' | 'dnsName' | 'dnsDomain'> {
  readonly description: string
  /** Absent: any, of any subnet. */
  readonly floatingIpAddress?: string | undefined
  readonly subnetId?: string | undefined
  readonly association: Association | null
}

const bad = (message: string) => refuse('BadRequest', { resource: 'floatingip', message })

/** Makes a floating IP, with a port on the external network that holds its address. */
export function createFloatingIp(tx: Transaction, request: FloatingIpRequest): FloatingIp {
  const { association, description, floatingIpAddress, subnetId, ...rest } = request
  const network = networkOf(tx, request.floatingNetworkId)
  if (!network.external) throw bad(`Network ${network.id} is not a valid external network`)
  if (!Array.from(tx.by(subnets, 'network', network.id)).some(subnet => subnet.ipVersion === 4))
    throw bad(`Network ${network.id} does not contain any IPv4 subnet`)
  const port = createServicePort(
    tx,
    {
      id: request.floatingPortId,
      // it is shown to nobody but administrators
      projectId: '',
      networkId: network.id,
      deviceOwner: FLOATING_IP_OWNER,
      deviceId: request.id,
      fixedIps: floatingIpAddress || subnetId ? [{ ipAddress: floatingIpAddress, subnetId }] : undefined,
    },
    'N/A',
  )
  const fixedIp = ipv4Of(port)[0]
  if (!fixedIp) throw refuse('ExternalIpAddressExhausted', { network: network.id })
  // one address, though ports usually have one of each family
  tx.replace(ports, { ...port, fixedIps: [fixedIp] })
  const free: FloatingIp = {
    ...rest,
    key: tx.allocate(floatingIpKeys),
    floatingIpAddress: fixedIp.ipAddress,
    portId: null,
    fixedIpAddress: null,
    routerId: null,
  }
  return add(tx, floatingIps, association ? associated(tx, free, association) : free, description, 1)
}

/** Lets a floating IP stand for another port, or none (null); undefined leaves it. */
export function updateFloatingIp(
  tx: Transaction,
  floatingIp: FloatingIp,
  association: Association | null | undefined,
  description?: string,
): FloatingIp {
  if (association && tx.countBy(portForwardings, 'floatingIp', floatingIp.id) > 0)
    throw refuse('FipInUseByPortForwarding', { id: floatingIp.id })
  const after = association
    ? associated(tx, floatingIp, association)
    : association === null && floatingIp.portId !== null
      ? { ...floatingIp, portId: null, fixedIpAddress: null, routerId: null }
      : floatingIp
  return change(tx, floatingIps, after, description)
}

/** Removes a floating IP; its address is free again. */
export function deleteFloatingIp(tx: Transaction, floatingIp: FloatingIp): void {
  if (tx.countBy(portForwardings, 'floatingIp', floatingIp.id) > 0)
    throw refuse('FipInUseByPortForwarding', { id: floatingIp.id })
  drop(tx, floatingIps, floatingIp.id)
  tx.release(floatingIpKeys, floatingIp.key)
  deletePort(tx, portOf(tx, floatingIp.floatingPortId))
}

/** Removes the floating IPs of a network that stand for nothing: they go with the network. */
export function deleteUnusedFloatingIps(tx: Transaction, networkId: string): void {
  for (const floatingIp of [...tx.by(floatingIps, 'network', networkId)])
    if (floatingIp.routerId === null) deleteFloatingIp(tx, floatingIp)
}

function associated(tx: Transaction, floatingIp: FloatingIp, { portId, fixedIpAddress }: Association): FloatingIp {
  const port = portOf(tx, portId)
  const networkId = floatingIp.floatingNetworkId
  if (port.deviceOwner === 'network:dhcp') throw bad(`Port ${port.id} is unable to be assigned a floating IP`)
  requireNotForwarded(tx, port)
  const fixedIp = fixedIpOf(port, fixedIpAddress)
  const routerId = routerBetween(tx, port, fixedIp, networkId)
  const holder = tx.holder(floatingIps, floatingIpKey(networkId, port.id, fixedIp.ipAddress))
  if (holder && holder.id !== floatingIp.id)
    throw refuse('FloatingIPPortAlreadyAssociated', {
      address: floatingIp.floatingIpAddress,
      id: floatingIp.id,
      port: port.id,
      fixedIp: fixedIp.ipAddress,
      network: networkId,
    })
  return { ...floatingIp, portId: port.id, fixedIpAddress: fixedIp.ipAddress, routerId }
}

/** Distributed routers translate for a port in one way: by port forwarding or by a floating IP. */
function requireNotForwarded(tx: Transaction, port: Port): void {
  for (const { floatingIpId } of tx.by(portForwardings, 'port', port.id)) {
    const routerId = tx.get(floatingIps, floatingIpId)?.routerId
    if (routerId && routerOf(tx, routerId).distributed) throw refuse('PortHasPortForwarding', { port: port.id })
  }
}

/** The address of a port that is meant: the one named, or the only one. */
function fixedIpOf(port: Port, address: string | undefined): FixedIp {
  const candidates = ipv4Of(port)
  if (address !== undefined) {
    if (parseIp(address)?.version !== 4)
      throw bad(`Cannot process floating IP association with ${address}, since that is not an IPv4 address`)
    const found = candidates.find(ip => ip.ipAddress === address)
    if (!found) throw bad(`Port ${port.id} does not have fixed ip ${address}`)
    return found
  }
  const [only, ...more] = candidates
  if (!only) throw bad(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`)
  if (more.length > 0)
    throw bad(
      `Port ${port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`,
    )
  return only
}
