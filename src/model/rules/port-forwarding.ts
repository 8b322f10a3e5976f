// How ports of floating IPs may be forwarded: each to one place, and each place from one port.
import { type FloatingIp, floatingIpOf, floatingIps } from '../floating-ip.ts'
import { type FixedIp, type Port, portOf } from '../port.ts'
import { type PortForwarding, portForwardings } from '../port-forwarding.ts'
import type { PortRange } from '../port-range.ts'
import { Refusal, refuse } from '../refusal.ts'
import { add, change } from '../standard.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { type Changes, changed } from './changes.ts'
import { ipv4Of, routerBetween } from './floating-ip-router.ts'
import { forgetPortForwarding } from './router-owned.ts'

/** A port forwarding to be made; the id is the caller's. */
export interface PortForwardingRequest
  extends Omit<PortForwarding, 'projectId' | 'floatingIpId' | 'internalIpAddress'> {
  readonly description: string
  /** Absent: the port's first. */
  readonly internalIpAddress?: string | undefined
}

/** What may change of a port forwarding. */
export type PortForwardingChange = Changes<Omit<PortForwardingRequest, 'id'>>

const bad = (message: string) => refuse('BadRequest', { resource: 'port_forwarding', message })

/** Forwards ports of a floating IP. The floating IP belongs to the router that leads there. */
export function createPortForwarding(
  tx: Transaction,
  floatingIp: FloatingIp,
  { description, internalIpAddress, ...rest }: PortForwardingRequest,
): PortForwarding {
  const port = portOf(tx, rest.internalPortId)
  const fixedIp = fixedIpOf(port, internalIpAddress)
  const forwarding: PortForwarding = {
    ...rest,
    projectId: floatingIp.projectId,
    floatingIpId: floatingIp.id,
    internalIpAddress: fixedIp.ipAddress,
  }
  requireNoCollision(tx, forwarding)
  requireNoFloatingIp(tx, forwarding)
  if (floatingIp.portId !== null)
    throw refuse('FloatingIPPortAlreadyAssociated', {
      address: floatingIp.floatingIpAddress,
      id: floatingIp.id,
      port: port.id,
      fixedIp: fixedIp.ipAddress,
      network: floatingIp.floatingNetworkId,
    })
  const routerId = routerFor(tx, floatingIp, port, fixedIp)
  if (floatingIp.routerId === null) change(tx, floatingIps, { ...floatingIp, routerId })
  return add(tx, portForwardings, forwarding, description)
}

/** Changes a port forwarding. */
export function updatePortForwarding(
  tx: Transaction,
  before: PortForwarding,
  { description, ...rest }: PortForwardingChange,
): PortForwarding {
  const floatingIp = floatingIpOf(tx, before.floatingIpId)
  const isMoved = rest.internalPortId !== undefined && rest.internalPortId !== before.internalPortId
  const port = portOf(tx, rest.internalPortId ?? before.internalPortId)
  const fixedIp = fixedIpOf(port, rest.internalIpAddress ?? (isMoved ? undefined : before.internalIpAddress))
  const after: PortForwarding = { ...changed(before, rest), internalIpAddress: fixedIp.ipAddress }
  requireNoCollision(tx, after)
  if (isMoved) requireNoFloatingIp(tx, after)
  routerFor(tx, floatingIp, port, fixedIp)
  return change(tx, portForwardings, after, description)
}

/** Ends a port forwarding. */
export const deletePortForwarding = (tx: Transaction, forwarding: PortForwarding): void =>
  forgetPortForwarding(tx, forwarding.id, forwarding.floatingIpId)

function fixedIpOf(port: Port, address: string | undefined): FixedIp {
  const candidates = ipv4Of(port)
  const found = address === undefined ? candidates[0] : candidates.find(ip => ip.ipAddress === address)
  if (found) return found
  if (candidates.length === 0) throw bad(`Requested internal port ${port.id} must allocate an IPv4 address at least`)
  throw bad(
    `Requested internal IP address ${address} is not suitable for internal neutron port ${port.id}, as its fixed_ips are ${candidates.map(ip => ip.ipAddress).join(', ')}`,
  )
}

/** The router that leads to the internal address: one for all forwardings of a floating IP. */
function routerFor(tx: Reader, floatingIp: FloatingIp, port: Port, fixedIp: FixedIp): string {
  try {
    const routerId = routerBetween(tx, port, fixedIp, floatingIp.floatingNetworkId)
    if (floatingIp.routerId === null || floatingIp.routerId === routerId) return routerId
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw bad(
      `External network ${floatingIp.floatingNetworkId} is not reachable from subnet ${fixedIp.subnetId}. Cannot set Port forwarding for port ${port.id} with Floating IP ${floatingIp.id}`,
    )
  }
  throw bad(
    `The Floating IP ${floatingIp.id} had been set on router ${floatingIp.routerId}, the internal Neutron port ${port.id} can not reach it`,
  )
}

const countOf = ({ first, last }: PortRange) => last - first + 1
const meet = (a: PortRange, b: PortRange) => a.first <= b.last && b.first <= a.last
const textOf = ({ first, last }: PortRange) => `${first}:${last}`

function requireNoCollision(tx: Reader, forwarding: PortForwarding): void {
  const { id, externalPorts, internalPorts, protocol } = forwarding
  if (countOf(internalPorts) > 1 && countOf(internalPorts) !== countOf(externalPorts))
    throw bad(
      'Invalid ranges of internal and/or external ports. The relation between internal and external ports must be N-N or 1-N',
    )
  const collision = (key: string, existing: PortRange, asked: PortRange) =>
    bad(
      `There is a port collision with the ${key}. The following ranges collide: ${textOf(existing)} and ${textOf(asked)}`,
    )
  for (const other of tx.by(portForwardings, 'port', forwarding.internalPortId)) {
    const isSamePlace = other.internalIpAddress === forwarding.internalIpAddress && other.protocol === protocol
    if (other.id !== id && isSamePlace && meet(other.internalPorts, internalPorts))
      throw collision('internal_port_range', other.internalPorts, internalPorts)
  }
  for (const other of tx.by(portForwardings, 'floatingIp', forwarding.floatingIpId))
    if (other.id !== id && other.protocol === protocol && meet(other.externalPorts, externalPorts))
      throw collision('external_port_range', other.externalPorts, externalPorts)
}

/** A port with a floating IP of its own needs no forwarding. */
function requireNoFloatingIp(tx: Reader, { internalPortId: port, internalIpAddress: fixedIp }: PortForwarding): void {
  for (const { id, floatingIpAddress: address } of tx.by(floatingIps, 'port', port))
    throw refuse('PortHasBindingFloatingIP', { address, id, port, fixedIp })
}
