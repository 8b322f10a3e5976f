// Routers for tests that make records themselves: records with defaults, and how they are put into a model.
import {
  FLOATING_IP_OWNER,
  type FloatingIp,
  floatingIps,
  GATEWAY_OWNER,
  type Network,
  type Port,
  ports,
  type Router,
  type RouterPort,
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

const addRouterPort =
  (role: RouterPort['role'], deviceOwner: string, gatewayOf: (cidr: string) => string | null) =>
  (
    tx: Transaction,
    router: Router,
    network: Network,
    key: number,
    addresses: Readonly<Record<string, string>>,
  ): Port => {
    if (!tx.get(routers, router.id)) tx.insert(routers, router)
    for (const cidr of Object.keys(addresses))
      if (!tx.get(subnets, cidr)) tx.insert(subnets, { ...aSubnet(cidr, network.id), gatewayIp: gatewayOf(cidr) })
    const port = aPort(`${router.id}-${role === 'gateway' ? role : network.id}`, key, network.id, {
      ...{ fixedIps: fixedIps(addresses), portSecurityEnabled: false, deviceOwner, deviceId: router.id },
    })
    tx.insert(ports, port)
    tx.insert(routerPorts, { id: port.id, routerId: router.id, networkId: network.id, role })
    return port
  }

/** Puts a router on a network, with an address by subnet; subnets that are not there yet are made. */
export const addInterface = addRouterPort('interface', 'network:router_interface_distributed', () => null)

/** Gives a router a gateway on an external network, with an address by subnet; a subnet that is made has the gateway `.1`. */
export const addGateway = addRouterPort('gateway', GATEWAY_OWNER, cidr =>
  cidr.replace(/(\.0|:)\/\d+$/, (_, end) => (end === ':' ? ':1' : '.1')),
)

/** A floating IP with its port, which has the key given; it stands for a port's first address, if one is given. */
export const addFloatingIp = (
  tx: Transaction,
  id: string,
  key: number,
  network: Network,
  address: Readonly<Record<string, string>>,
  { routerId, port }: { readonly routerId: string; readonly port?: Port },
): FloatingIp => {
  const [fixedIp] = fixedIps(address)
  const holder = aPort(`${id}-port`, key, network.id, {
    ...{ fixedIps: fixedIps(address), portSecurityEnabled: false, deviceOwner: FLOATING_IP_OWNER, deviceId: id },
  })
  const floatingIp: FloatingIp = {
    ...{ id, key, projectId: 'p', floatingNetworkId: network.id, floatingIpAddress: fixedIp?.ipAddress ?? '' },
    ...{ floatingPortId: holder.id, routerId, dnsName: '', dnsDomain: '' },
    portId: port?.id ?? null,
    fixedIpAddress: port?.fixedIps[0]?.ipAddress ?? null,
  }
  tx.insert(ports, holder)
  tx.insert(floatingIps, floatingIp)
  return floatingIp
}
