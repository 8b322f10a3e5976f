// Which router translates for an address of a port: one that connects its subnet with the external network.
import { parseIp } from '../ip.ts'
import type { FixedIp, Port } from '../port.ts'
import { refuse } from '../refusal.ts'
import { gatewayOf, interfacesOf, routerPorts } from '../router.ts'
import { subnetOf } from '../subnet.ts'
import type { Reader } from '../transaction.ts'

/** The IPv4 addresses of a port: only those are translated. */
export const ipv4Of = (port: Port): FixedIp[] => port.fixedIps.filter(ip => parseIp(ip.ipAddress)!.version === 4)

/**
 * The id of the router over which an address of a port reaches an external network: the one whose interface is the
 * subnet's gateway, if there are several. Throws ExternalGatewayForFloatingIPNotFound.
 */
export function routerBetween(reader: Reader, port: Port, fixedIp: FixedIp, externalNetworkId: string): string {
  const subnet = subnetOf(reader, fixedIp.subnetId)
  let found: string | undefined
  for (const { routerId, role } of reader.by(routerPorts, 'network', port.networkId)) {
    if (role !== 'interface' || gatewayOf(reader, routerId)?.networkId !== externalNetworkId) continue
    const own = interfacesOf(reader, routerId).flatMap(p => p.fixedIps.filter(ip => ip.subnetId === subnet.id))
    if (own.some(ip => ip.ipAddress === subnet.gatewayIp)) return routerId
    if (own.length > 0) found ??= routerId
  }
  if (found === undefined)
    throw refuse('ExternalGatewayForFloatingIPNotFound', {
      network: externalNetworkId,
      subnet: subnet.id,
      port: port.id,
    })
  return found
}
