// What tests of north-south traffic have in common: a controller, hosts of which some are gateways, an external network
// with the world outside on it, and networks of tenants behind routers.
import type { Host, HostOptions, Node, Vm } from '#test/support/cloud'
import { type Internet, startInternet } from '#test/support/internet'
import { until } from '#test/support/ovs'
import { type Capture, capture } from './capture.ts'
import { type PortResource, type Resource, startWorld, type World } from './world.ts'

/** The physical network that leads outside. */
export const PHYSNET = 'physnet-ext'

/** What each host is made of: whether it has the physical network, and its priority as a gateway (0: it is none). */
export type HostPlan = Readonly<Record<string, { readonly physnet?: boolean; readonly gateway?: number }>>

/** A VM and its port. */
export type Machine = readonly [vm: Vm, port: PortResource]

/** Controller, hosts, and the world outside. */
export interface NorthSouth {
  readonly world: World
  readonly internet: Internet
  readonly external: Resource
  /** The MTU of tenant networks is 1450, of the external one 1500. */
  host(name: string): Host
  /** A router with a gateway on the external network, at these addresses if any are given. */
  addRouter(addresses?: readonly string[], more?: object): Promise<Resource>
  /** A tenant's network with subnets, whose hosts 1 are interfaces of a router. */
  addNetwork(router: Resource, cidrs: readonly string[], more?: Readonly<Record<string, unknown>>): Promise<Resource>
  /** A VM on a host whose default routes lead to hosts 1 of its subnets. */
  vmOn(host: string, network: Resource, body?: Readonly<Record<string, unknown>>): Promise<Machine>
  addFloatingIp(more?: object): Promise<Resource>
  changeFloatingIp(floatingIp: Resource, more: object): Promise<Resource>
  changeRouter(router: Resource, more: object): Promise<Resource>
  /** The name of a host's leg in the physical network's bridge. */
  legOf(name: string): Promise<string>
  /** What crosses the physical network and matches a filter of tcpdump, from now on. */
  capture(filter: string): Promise<Capture>
  stop(): Promise<void>
}

/** Starts it all. */
export const startNorthSouth = async (plan: HostPlan): Promise<NorthSouth> => {
  const world = await startWorld()
  await world.openDefaultGroup()
  const internet = await startInternet(world.cloud, PHYSNET)
  const hosts = new Map<string, Host>()
  for (const [name, { physnet, gateway = 0 }] of Object.entries(plan)) {
    const options: Partial<HostOptions> = {
      ...(physnet || gateway > 0 ? { physicalNetworks: [PHYSNET] } : {}),
      ...(gateway > 0 ? { externalIds: { 'flowright-gateway': `${gateway}` } } : {}),
    }
    hosts.set(name, await world.addHost(name, hosts.size + 1, options))
  }
  const external = await world.create('network', {
    ...{ name: 'outside', 'router:external': true },
    ...{ 'provider:network_type': 'flat', 'provider:physical_network': PHYSNET },
  })
  const outside = { network_id: external.id, enable_dhcp: false }
  await world.create('subnet', {
    ...{ ...outside, cidr: '203.0.113.0/24', ip_version: 4, gateway_ip: '203.0.113.1' },
    allocation_pools: [{ start: '203.0.113.100', end: '203.0.113.199' }],
  })
  await world.create('subnet', {
    ...{ ...outside, cidr: '2001:db8:113::/64', ip_version: 6, gateway_ip: '2001:db8:113::1' },
  })

  const host = (name: string) => hosts.get(name) as Host
  return {
    world,
    internet,
    external,
    host,
    addRouter: (addresses = [], more = {}) =>
      world.create('router', {
        external_gateway_info: {
          network_id: external.id,
          ...(addresses.length ? { external_fixed_ips: addresses.map(ip_address => ({ ip_address })) } : {}),
          ...more,
        },
      }),
    addNetwork: (router, cidrs, more = {}) => world.createRoutedNetwork(router, more, cidrs),
    vmOn: (name, network, body) => world.routedVmOn(host(name), network, body),
    addFloatingIp: (more = {}) => world.create('floatingip', { floating_network_id: external.id, ...more }),
    changeFloatingIp: (floatingIp, more) =>
      world.call('PUT', `/v2.0/floatingips/${floatingIp.id}`, { floatingip: more }),
    changeRouter: (router, more) => world.call('PUT', `/v2.0/routers/${router.id}`, { router: more }),
    legOf: async name => {
      // A veth is `name@ifN` after the number of its peer, which is on the wire.
      const [leg] = JSON.parse(await host(name).exec('ip', '-j', 'link', 'show', `leg-${PHYSNET}`))
      const legs: { ifindex: number; ifname: string }[] = JSON.parse(await world.cloud.wires.exec('ip', '-j', 'link'))
      return legs.find(({ ifindex }) => ifindex === leg.link_index)?.ifname as string
    },
    capture: filter => capture(world.cloud.wires, PHYSNET, filter),
    stop: async () => {
      internet.stop()
      await world.stop()
    },
  }
}

/** Pings with more options; what ping said, whether it was answered or not. */
export const pinged = (node: Pick<Node, 'exec'>, ...args: readonly string[]): Promise<string> =>
  node
    .exec('ping', '-n', '-c', '1', '-W', '1', ...args)
    .catch((error: { stdout?: string; stderr?: string }) => `${error.stdout ?? ''}${error.stderr ?? ''}`)

/** Whether all of some pings were answered, from a machine that is no VM. */
export const reaches = async (node: Pick<Node, 'exec'>, to: string, count = 1): Promise<boolean> =>
  (await pinged(node, '-q', '-i', '0.1', '-c', `${count}`, to)).includes(` ${count} received`)

/** Pings until one is answered. */
export const untilReached = (node: Node, to: string, limit?: number): Promise<void> =>
  until(`${node.netns} to reach ${to}`, () => reaches(node, to), limit)
