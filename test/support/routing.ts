// Routers for tests that make records themselves: records with defaults, and how they are put into a model.
import {
  type Network,
  type Port,
  ports,
  type Router,
  routerPorts,
  routers,
  type Subnet,
  subnets,
  type Transaction,
} from '#model'
import { aPort } from './model.ts'

/** A router. */
export const aRouter = (id: string, key: number, more: Partial<Router> = {}): Router => ({
  ...{ id, key, projectId: 'p', name: id, adminStateUp: true, distributed: true, ha: false, enableSnat: true },
  ...{ routes: [], availabilityZoneHints: [], ...more },
})

/** A subnet whose id is its prefix. */
export const aSubnet = (cidr: string, networkId: string): Subnet => ({
  ...{ id: cidr, networkId, projectId: 'p', name: cidr, ipVersion: cidr.includes(':') ? 6 : 4, cidr },
  ...{ gatewayIp: null, enableDhcp: false, allocationPools: [], dnsNameservers: [], hostRoutes: [] },
  ...{ ipv6RaMode: null, ipv6AddressMode: null, subnetPoolId: null, serviceTypes: [], dnsPublishFixedIp: false },
})

/** Addresses by the subnet that each is of. */
export const fixedIps = (given: Readonly<Record<string, string>>): Port['fixedIps'] =>
  Object.entries(given).map(([subnetId, ipAddress]) => ({ subnetId, ipAddress }))

/** Puts a router on a network, with an address by subnet; subnets that are not there yet are made. */
export const addInterface = (
  tx: Transaction,
  router: Router,
  network: Network,
  key: number,
  addresses: Readonly<Record<string, string>>,
): Port => {
  if (!tx.get(routers, router.id)) tx.insert(routers, router)
  for (const cidr of Object.keys(addresses)) if (!tx.get(subnets, cidr)) tx.insert(subnets, aSubnet(cidr, network.id))
  const port = aPort(`${router.id}-${network.id}`, key, network.id, {
    ...{ fixedIps: fixedIps(addresses), portSecurityEnabled: false },
    ...{ deviceOwner: 'network:router_interface_distributed', deviceId: router.id },
  })
  tx.insert(ports, port)
  tx.insert(routerPorts, { id: port.id, routerId: router.id, networkId: network.id, role: 'interface' })
  return port
}
