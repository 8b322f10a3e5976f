// What rules of ports must know of routers and floating IPs: which ports may not be removed by themselves, which
// addresses must stay, and what goes with a port.
import { floatingIps } from '../floating-ip.ts'
import { type FixedIp, FLOATING_IP_OWNER, type Port, ports } from '../port.ts'
import { portForwardings } from '../port-forwarding.ts'
import { refuse } from '../refusal.ts'
import { routerOf, routerPorts } from '../router.ts'
import { change, drop } from '../standard.ts'
import { subnetOf } from '../subnet.ts'
import type { Reader, Transaction } from '../transaction.ts'
import { requireApart, requireUnused } from './router-subnet.ts'

/** Refuses to remove a port that is a router's, or holds a floating IP: it goes with these. */
export function requireRemovable(reader: Reader, port: Port): void {
  const isUsed =
    reader.get(routerPorts, port.id) !== undefined ||
    (port.deviceOwner === FLOATING_IP_OWNER && reader.get(floatingIps, port.deviceId)?.floatingPortId === port.id)
  if (isUsed) throw refuse('ServicePortInUse', { id: port.id, reason: `has device owner ${port.deviceOwner}` })
}

/**
 * Refuses a change of a port that a router or a floating IP relies on: of an address that a floating IP stands for, or
 * is; of the subnets of a router beyond what it may have; and of whose port it is.
 */
export function requireReliable(reader: Reader, before: Port, after: Port): void {
  const bad = (message: string) => refuse('BadRequest', { resource: 'port', message })
  for (const { fixedIpAddress } of reader.by(floatingIps, 'port', before.id))
    if (!after.fixedIps.some(ip => ip.ipAddress === fixedIpAddress))
      throw bad(
        `Cannot update the fixed_ips of the port ${before.id}, because its original fixed_ip has been associated to a floating ip`,
      )
  const held = before.deviceOwner === FLOATING_IP_OWNER ? reader.get(floatingIps, before.deviceId) : undefined
  if (held?.floatingPortId === before.id && after.fixedIps.map(ip => ip.ipAddress).join() !== held.floatingIpAddress)
    throw bad(`The fixed_ips of the port ${before.id} are those of floating ip ${held.id}`)
  const record = reader.get(routerPorts, before.id)
  if ((record || held) && (before.deviceId !== after.deviceId || before.deviceOwner !== after.deviceOwner))
    throw bad(`The port ${before.id} belongs to ${before.deviceOwner} ${before.deviceId}: remove it from there`)
  if (record?.role !== 'interface') return
  const without = (all: readonly FixedIp[], others: readonly FixedIp[]) =>
    [...new Set(all.map(ip => ip.subnetId))]
      .filter(id => !others.some(ip => ip.subnetId === id))
      .map(id => subnetOf(reader, id))
  const router = routerOf(reader, record.routerId)
  for (const subnet of without(before.fixedIps, after.fixedIps)) requireUnused(reader, router, subnet)
  requireApart(reader, router.id, without(after.fixedIps, before.fixedIps))
}

/** Ends what floating IPs and port forwardings do for addresses that a port gives up: all, when it is removed. */
export function forgetAddressesOf(tx: Transaction, port: Port, kept: readonly FixedIp[]): void {
  const isKept = (address: string | null) => kept.some(ip => ip.ipAddress === address)
  for (const floatingIp of [...tx.by(floatingIps, 'port', port.id)])
    if (!isKept(floatingIp.fixedIpAddress))
      change(tx, floatingIps, { ...floatingIp, portId: null, fixedIpAddress: null, routerId: null })
  for (const { id, floatingIpId, internalIpAddress } of [...tx.by(portForwardings, 'port', port.id)])
    if (!isKept(internalIpAddress)) forgetPortForwarding(tx, id, floatingIpId)
}

/** Removes a port forwarding; with the last one its floating IP belongs to no router. */
export function forgetPortForwarding(tx: Transaction, id: string, floatingIpId: string): void {
  drop(tx, portForwardings, id)
  const floatingIp = tx.get(floatingIps, floatingIpId)
  if (floatingIp && tx.countBy(portForwardings, 'floatingIp', floatingIpId) === 0)
    change(tx, floatingIps, { ...floatingIp, routerId: null })
}

/** A port of a router works whenever it is up: no chassis has to plug it. */
export function settleRouterPort(tx: Transaction, portId: string): void {
  const port = tx.get(ports, portId)
  if (port?.adminStateUp && port.status === 'DOWN' && tx.get(routerPorts, portId))
    tx.replace(ports, { ...port, status: 'ACTIVE' })
}
