// Networks behind a router that leads outside, made through the API.
import type { TestApi } from './api.ts'

/** Makes a subnet on a network. */
export async function addSubnet(api: TestApi, network: string, cidr: string, more: object = {}) {
  const subnet = { network_id: network, cidr, ip_version: cidr.includes(':') ? 6 : 4, ...more }
  return (await api.ok('POST', 'subnets', { subnet })).subnet
}

/** Makes an external network with a subnet; their ids. */
export async function externalNetwork(api: TestApi, cidr = '203.0.113.0/24') {
  const network: string = (await api.ok('POST', 'networks', { network: { 'router:external': true } })).network.id
  return { network, subnet: (await addSubnet(api, network, cidr)).id as string }
}

/** Makes a network behind a router whose gateway is on an external network, unless `external` is null. */
export async function routedNetwork(api: TestApi, cidr: string, external: string | null) {
  const { network, subnet } = await api.network(cidr)
  const gateway = external === null ? {} : { external_gateway_info: { network_id: external } }
  const router: string = (await api.ok('POST', 'routers', { router: gateway })).router.id
  await api.ok('PUT', `routers/${router}/add_router_interface`, { subnet_id: subnet })
  const port = async (more: object = {}) =>
    (await api.ok('POST', 'ports', { port: { network_id: network, ...more } })).port
  return { network, subnet, router, port }
}
