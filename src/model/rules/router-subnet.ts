// The subnets of routers: no two with an address in common, and none goes while a route or a floating IP needs it.
import { floatingIps } from '../floating-ip.ts'
import { contains, overlap, parseIp, parsePrefix } from '../ip.ts'
import { type Port, ports } from '../port.ts'
import { portForwardings } from '../port-forwarding.ts'
import { refuse } from '../refusal.ts'
import { gatewayOf, interfacesOf, type Router } from '../router.ts'
import { type Subnet, subnetOf, subnets } from '../subnet.ts'
import type { Reader } from '../transaction.ts'

/** Why a router is not as it was asked to be: Neutron's BadRequest. */
export const badRouter = (message: string) => refuse('BadRequest', { resource: 'router', message })

/** The subnets on which a port has addresses. */
export const subnetsOfPort = (reader: Reader, port: Pick<Port, 'fixedIps'>): Subnet[] =>
  [...new Set(port.fixedIps.map(ip => ip.subnetId))].map(id => subnetOf(reader, id))

/** The subnets that a router reaches by itself: of its interfaces, and all of its external network. */
export function subnetsOfRouter(reader: Reader, routerId: string): Subnet[] {
  const gateway = gatewayOf(reader, routerId)
  return [
    ...interfacesOf(reader, routerId).flatMap(port => subnetsOfPort(reader, port)),
    ...(gateway ? reader.by(subnets, 'network', gateway.networkId) : []),
  ]
}

/** A router has one port on a subnet, and no two subnets with an address in common. */
export function requireApart(reader: Reader, routerId: string, added: readonly Subnet[]): void {
  for (const old of subnetsOfRouter(reader, routerId))
    for (const subnet of added) {
      if (old.id === subnet.id) throw badRouter(`Router already has a port on subnet ${subnet.id}`)
      if (overlap(parsePrefix(old.cidr)!, parsePrefix(subnet.cidr)!))
        throw badRouter(`Cidr ${subnet.cidr} of subnet ${subnet.id} overlaps with cidr ${old.cidr} of subnet ${old.id}`)
    }
}

/** Refuses to take a subnet from a router that has a route or a floating IP over it. */
export function requireUnused(reader: Reader, router: Router, subnet: Subnet): void {
  const facts = { router: router.id, subnet: subnet.id }
  const prefix = parsePrefix(subnet.cidr)!
  if (router.routes.some(({ nexthop }) => contains(prefix, parseIp(nexthop)!)))
    throw refuse('RouterInterfaceInUseByRoute', facts)
  const isOnSubnet = (portId: string, address: string) =>
    reader.get(ports, portId)?.fixedIps.some(ip => ip.subnetId === subnet.id && ip.ipAddress === address) ?? false
  for (const { id, portId, fixedIpAddress } of reader.by(floatingIps, 'router', router.id)) {
    const isUsed =
      (portId !== null && isOnSubnet(portId, fixedIpAddress!)) ||
      Array.from(reader.by(portForwardings, 'floatingIp', id)).some(f =>
        isOnSubnet(f.internalPortId, f.internalIpAddress),
      )
    if (isUsed) throw refuse('RouterInterfaceInUseByFloatingIP', facts)
  }
}
