// A whole controller with real hosts: the API is called as a client would, packets are sent by VMs in namespaces.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { unlimitedQuotas } from '#model'
import { type Cloud, type Host, type HostOptions, startCloud, type Vm } from '#test/support/cloud'
import { until } from '#test/support/ovs'
import { type Controller, startController } from '../../src/main/controller.ts'

/** A resource as the API shows it. */
export type Resource = Readonly<Record<string, unknown>> & { readonly id: string }

/** A port as the API shows it. */
export type PortResource = Resource & {
  readonly mac_address: string
  readonly status: string
  readonly network_id: string
  readonly fixed_ips: readonly { readonly ip_address: string; readonly subnet_id: string }[]
}

/** A controller, hosts, and ways to ask for things. */
export interface World {
  readonly cloud: Cloud
  readonly controller: () => Controller
  /** Calls the API; rejects with status and body when it is refused. */
  call<T = Resource>(method: string, path: string, body?: unknown): Promise<T>
  /** Makes a resource: `port`, `security-group`. */
  create(resource: string, body: Readonly<Record<string, unknown>>): Promise<Resource>
  createPort(network: Resource, body?: Readonly<Record<string, unknown>>): Promise<PortResource>
  addHost(name: string, n: number, more?: Partial<HostOptions>): Promise<Host>
  /** A network with subnets that have neither gateway nor DHCP. */
  createNetwork(body: Readonly<Record<string, unknown>>, cidrs: readonly string[]): Promise<Resource>
  /** A network with subnets of which a router has the first address, the gateway's. */
  createRoutedNetwork(
    router: Resource,
    body: Readonly<Record<string, unknown>>,
    cidrs: readonly string[],
  ): Promise<Resource>
  /** A VM on a host with the port's MAC and addresses, and the network's MTU; resolves when the port is ACTIVE. */
  addVm(host: Host, port: PortResource): Promise<Vm>
  /** A port on a network, and its VM on a host. */
  vmOn(host: Host, network: Resource, body?: Readonly<Record<string, unknown>>): Promise<[Vm, PortResource]>
  /** The same on a routed network, with default routes by the gateways of its subnets. */
  routedVmOn(host: Host, network: Resource, body?: Readonly<Record<string, unknown>>): Promise<[Vm, PortResource]>
  /** Lets anything in at ports of the default security group: for tests of what lies below. */
  openDefaultGroup(): Promise<void>
  untilActive(port: Resource): Promise<void>
  /** Ends the controller: SIGTERM's way. Hosts and VMs go on. */
  stopController(): Promise<void>
  /** Starts it again on the same data; its API on any port, or on a given one. */
  startController(port?: number): Promise<void>
  stop(): Promise<void>
}

/** Starts a controller on an empty store, listening on Unix sockets that the hosts' run directories link to. */
export const startWorld = async (): Promise<World> => {
  const dir = mkdtempSync(join(tmpdir(), 'fr-world-'))
  const sockets = { ovsdb: `${dir}/ovsdb`, openflow: `${dir}/openflow` }
  const log = pino({ level: process.env.FLOWRIGHT_TEST_LOG ?? 'silent' })
  let controller: Controller | undefined
  const start = async (port = 0) => {
    controller = await startController(
      {
        data: `${dir}/data`,
        api: { host: '127.0.0.1', port },
        ovsdb: [{ protocol: 'punix', path: sockets.ovsdb }],
        openflow: [{ protocol: 'punix', path: sockets.openflow }],
        chassis: [],
        advertise: 'unix:openflow',
        keystone: undefined,
        quotas: unlimitedQuotas,
        tls: undefined,
        autoApprove: true,
        logLevel: 'info',
      },
      log,
      'test',
    )
  }
  await start()
  const cloud = await startCloud()

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`http://${controller?.api}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  const create = async (resource: string, body: Readonly<Record<string, unknown>>) => {
    const root = resource.replaceAll('-', '_')
    const answer = await call<Record<string, Resource>>('POST', `/v2.0/${resource}s`, { [root]: body })
    return answer[root] as Resource
  }
  const untilActive = (port: Resource) =>
    until(`port ${port.id} to be ACTIVE`, async () => {
      const { port: shown } = await call<{ port: PortResource }>('GET', `/v2.0/ports/${port.id}`)
      return shown.status === 'ACTIVE'
    })

  const createPort = async (network: Resource, body: Readonly<Record<string, unknown>> = {}) =>
    (await create('port', { network_id: network.id, ...body })) as unknown as PortResource
  const addVm = async (host: Host, port: PortResource) => {
    const addresses = port.fixed_ips.map(({ ip_address: ip }) => `${ip}/${ip.includes(':') ? 64 : 24}`)
    const { network } = await call<{ network: { mtu: number } }>('GET', `/v2.0/networks/${port.network_id}`)
    const vm = await host.addVm({ port: port.id, mac: port.mac_address, addresses, mtu: network.mtu })
    await untilActive(port)
    return vm
  }
  const vmOn: World['vmOn'] = async (host, network, body) => {
    const port = await createPort(network, body)
    return [await addVm(host, port), port]
  }

  return {
    cloud,
    controller: () => controller as Controller,
    call,
    create,
    createPort,
    createNetwork: async (body, cidrs) => {
      const network = await create('network', body)
      const bare = { network_id: network.id, enable_dhcp: false, gateway_ip: null }
      for (const cidr of cidrs) await create('subnet', { ...bare, cidr, ip_version: cidr.includes(':') ? 6 : 4 })
      return network
    },
    createRoutedNetwork: async (router, body, cidrs) => {
      const network = await create('network', body)
      for (const cidr of cidrs) {
        const ip_version = cidr.includes(':') ? 6 : 4
        const routed = { network_id: network.id, enable_dhcp: false, gateway_ip: firstOf(cidr) }
        const subnet = await create('subnet', { ...routed, cidr, ip_version })
        await call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
      }
      return network
    },
    addVm,
    vmOn,
    routedVmOn: async (host, network, body) => {
      const [vm, port] = await vmOn(host, network, body)
      for (const { subnet_id: id } of port.fixed_ips) {
        const { subnet } = await call<{ subnet: { gateway_ip: string } }>('GET', `/v2.0/subnets/${id}`)
        const family = subnet.gateway_ip.includes(':') ? '-6' : '-4'
        await vm.exec('ip', family, 'route', 'add', 'default', 'via', subnet.gateway_ip)
      }
      return [vm, port]
    },
    addHost: async (name, n, more = {}) => {
      const host = await cloud.addHost({
        name,
        tunnelIp: `192.0.2.${n}`,
        sockets: { openflow: sockets.openflow },
        ...more,
      })
      await host.ovs.vsctl('set-manager', `unix:${sockets.ovsdb}`)
      await until(`${name} to be in sync`, async () => {
        const { chassis } = await call<{ chassis: { id: string; openflow: { connected: boolean } | null }[] }>(
          'GET',
          '/flowright/v1/chassis',
        )
        return chassis.some(c => c.id === name && c.openflow?.connected)
      })
      return host
    },
    openDefaultGroup: async () => {
      const { security_groups: groups } = await call<{ security_groups: Resource[] }>(
        'GET',
        '/v2.0/security-groups?name=default',
      )
      for (const ethertype of ['IPv4', 'IPv6'])
        await call('POST', '/v2.0/security-group-rules', {
          security_group_rule: { security_group_id: groups[0]?.id, direction: 'ingress', ethertype },
        })
    },
    untilActive,
    stopController: async () => {
      await controller?.stop()
      controller = undefined
    },
    startController: start,
    stop: async () => {
      await cloud.stop()
      await controller?.stop()
      rmSync(dir, { recursive: true })
    },
  }
}

/** The first address of a prefix. */
const firstOf = (cidr: string) => (cidr.includes(':') ? cidr.replace(/::\/.*/, '::1') : cidr.replace(/\.0\/.*/, '.1'))

/** A port's address of a family. */
export const ipOf = (port: PortResource, family: 4 | 6 = 4): string =>
  port.fixed_ips.map(ip => ip.ip_address).find(ip => ip.includes(':') === (family === 6)) as string
