// What other rules must know of ports that routers and floating IPs use: which may not be removed by themselves, and
// what goes with a port.
import { FLOATING_IP_OWNER, floatingIps } from '../floating-ip.ts'
import type { Port } from '../port.ts'
import { refuse } from '../refusal.ts'
import { routerPorts } from '../router.ts'
import type { Reader } from '../transaction.ts'

/** Refuses to remove a port that is a router's, or holds a floating IP: it goes with these. */
export function requireRemovable(reader: Reader, port: Port): void {
  const isUsed =
    reader.get(routerPorts, port.id) !== undefined ||
    (port.deviceOwner === FLOATING_IP_OWNER && reader.get(floatingIps, port.deviceId)?.floatingPortId === port.id)
  if (isUsed) throw refuse('ServicePortInUse', { id: port.id, reason: `has device owner ${port.deviceOwner}` })
}
