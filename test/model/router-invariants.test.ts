// Whatever is asked of routers, floating IPs and port forwardings, in whatever order, what the data plane is compiled from
// holds together, and nothing is left when all is gone.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  contains,
  FLOATING_IP_OWNER,
  floatingIps,
  gatewayOf,
  interfaceOwner,
  interfacesOf,
  type Kind,
  modelKinds,
  networks,
  overlap,
  parseIp,
  parsePrefix,
  portForwardings,
  ports,
  routerPorts,
  routers,
  subnetOf,
  subnets,
} from '#model'
import { MemoryLog, openMemoryStore, type Store } from '#store'
import { type TestApi, testApi } from '#test/support/api'

const cidrs = ['10.0.0.0/28', '10.0.0.0/27', '10.0.1.0/28', '10.0.2.0/28', 'fd00::/64', 'fd00:1::/64']
const pick = fc.nat(30)
const verbs = [
  ...['router', 'router', 'connect', 'connect', 'connect', 'connectPort', 'disconnect', 'disconnectPort'],
  ...[
    'gateway',
    'gateway',
    'gateway',
    'clear',
    'route',
    'port',
    'port',
    'port',
    'floatingIp',
    'floatingIp',
    'associate',
  ],
  ...['associate', 'disassociate', 'forward', 'forward', 'unforward', 'move', 'device', 'addSubnet', 'down'],
  ...['deletePort', 'deleteRouter', 'deleteFloatingIp', 'deleteSubnet', 'deleteNetwork'],
] as const
const command = fc.record({ verb: fc.constantFrom(...verbs), a: pick, b: pick, c: pick })
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

/** Four networks, the last two external, with subnets; a router from the first to the third, with VMs behind it. */
async function seed(api: TestApi): Promise<void> {
  const ids: string[] = []
  for (const [i, own] of [
    ['10.0.0.0/28', 'fd00::/64'],
    ['10.0.1.0/28'],
    ['203.0.113.0/28'],
    ['10.0.1.0/24'],
  ].entries()) {
    const { id } = (await api.ok('POST', 'networks', { network: { 'router:external': i > 1 } })).network
    ids.push(id)
    for (const cidr of own) {
      const subnet = { network_id: id, cidr, ip_version: cidr.includes(':') ? 6 : 4 }
      await api.ok('POST', 'subnets', { subnet })
    }
  }
  const [first, second, outside] = ids
  const gateway = { external_gateway_info: { network_id: outside } }
  const router = (await api.ok('POST', 'routers', { router: gateway })).router.id
  for (const network of [first, second]) {
    const [subnet] = (await api.ok('GET', `subnets?network_id=${network}&ip_version=4`)).subnets
    await api.ok('PUT', `routers/${router}/add_router_interface`, { subnet_id: subnet.id })
    for (let i = 0; i < 2; i++) await api.ok('POST', 'ports', { port: { network_id: network } })
  }
}

function requestFor(store: Store, { verb, a, b, c }: Command): readonly [string, string, unknown?] {
  const at = <T>(all: Iterable<T>, n: number): T | undefined => {
    const list = [...all]
    return list[n % Math.max(list.length, 1)]
  }
  const idOf = (all: Iterable<{ id: string }>, n: number) => at(all, n)?.id ?? '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c'
  const network = idOf(store.all(networks), a)
  const subnet = idOf(store.all(subnets), b)
  const router = idOf(store.all(routers), a)
  const vms = Array.from(store.all(ports)).filter(p => !p.deviceOwner.startsWith('network:'))
  const port = idOf(c % 5 === 0 || vms.length === 0 ? store.all(ports) : vms, b)
  const own = at(store.all(routerPorts), b)
  const floatingIp = idOf(store.all(floatingIps), c)
  const forwarding = at(store.all(portForwardings), a)
  const fixedIp = store.get(ports, port)?.fixedIps[0]?.ipAddress
  const external = idOf(
    Array.from(store.all(networks)).filter(n => n.external),
    c % 4 === 3 ? b : 0,
  )
  const address = at(['10.0.0.5', '10.0.0.6', '10.0.1.5', '10.0.1.200', '203.0.113.5', 'fd00::9'], c)!
  const cidr = at(cidrs, c)!
  const put = (path: string, body: unknown) => ['PUT', path, body] as const
  switch (verb) {
    case 'router':
      return ['POST', 'routers', { router: c % 2 ? { external_gateway_info: { network_id: external } } : {} }]
    case 'connect':
      return put(`routers/${router}/add_router_interface`, { subnet_id: subnet })
    case 'connectPort':
      return put(`routers/${router}/add_router_interface`, { port_id: port })
    case 'disconnect':
      return put(`routers/${own?.routerId}/remove_router_interface`, { subnet_id: subnet })
    case 'disconnectPort':
      return put(`routers/${own?.routerId}/remove_router_interface`, { port_id: own?.id })
    case 'gateway':
      return put(`routers/${router}`, { router: { external_gateway_info: { network_id: external } } })
    case 'clear':
      return put(`routers/${router}`, { router: { external_gateway_info: null } })
    case 'route':
      return put(`routers/${router}`, { router: { routes: [{ destination: '10.9.0.0/16', nexthop: address }] } })
    case 'down':
      return put(`routers/${router}`, { router: { admin_state_up: c % 2 === 1, distributed: b % 2 === 1 } })
    case 'port':
      return ['POST', 'ports', { port: { network_id: network } }]
    case 'move':
      return put(`ports/${port}`, { port: { fixed_ips: c % 3 ? [{ ip_address: address }] : [{ subnet_id: subnet }] } })
    case 'device':
      return put(`ports/${port}`, { port: { device_id: router, device_owner: 'network:router_interface' } })
    case 'addSubnet':
      return ['POST', 'subnets', { subnet: { network_id: network, cidr, ip_version: cidr.includes(':') ? 6 : 4 } }]
    case 'floatingIp':
      return [
        'POST',
        'floatingips',
        { floatingip: { floating_network_id: external, ...(c % 2 ? { port_id: port } : {}) } },
      ]
    case 'associate':
      return put(`floatingips/${floatingIp}`, { floatingip: { port_id: port, fixed_ip_address: fixedIp } })
    case 'disassociate':
      return put(`floatingips/${floatingIp}`, { floatingip: { port_id: null } })
    case 'forward':
      return [
        'POST',
        `floatingips/${floatingIp}/port_forwardings`,
        {
          port_forwarding: {
            protocol: 'tcp',
            internal_port_id: port,
            internal_ip_address: fixedIp,
            internal_port: 1 + a,
            external_port: 1 + (b % 5),
          },
        },
      ]
    case 'unforward':
      return ['DELETE', `floatingips/${forwarding?.floatingIpId}/port_forwardings/${forwarding?.id}`]
    case 'deletePort':
      return ['DELETE', `ports/${port}`]
    case 'deleteRouter':
      return ['DELETE', `routers/${router}`]
    case 'deleteFloatingIp':
      return ['DELETE', `floatingips/${floatingIp}`]
    case 'deleteSubnet':
      return ['DELETE', `subnets/${subnet}`]
    case 'deleteNetwork':
      return ['DELETE', `networks/${network}`]
  }
}

function check(store: Store): void {
  for (const record of store.all(routerPorts)) {
    const port = store.get(ports, record.id)!
    const router = store.get(routers, record.routerId)!
    const owner = record.role === 'gateway' ? 'network:router_gateway' : interfaceOwner(router)
    expect([port.networkId, port.deviceId, port.deviceOwner]).toEqual([record.networkId, router.id, owner])
    expect([port.portSecurityEnabled, port.securityGroups, port.policy]).toEqual([false, [], 0])
    expect(port.status).toBe(port.adminStateUp ? 'ACTIVE' : 'DOWN')
    if (record.role === 'gateway') expect(store.get(networks, port.networkId)!.external).toBe(true)
  }
  for (const router of store.all(routers)) {
    const own = interfacesOf(store, router.id)
    const prefixes = own
      .flatMap(p => [...new Set(p.fixedIps.map(ip => ip.subnetId))])
      .map(id => subnetOf(store, id).cidr)
    for (const [i, one] of prefixes.entries())
      for (const other of prefixes.slice(i + 1)) expect(overlap(parsePrefix(one)!, parsePrefix(other)!)).toBe(false)
    const gateway = gatewayOf(store, router.id)
    const outer = gateway ? Array.from(store.by(subnets, 'network', gateway.networkId), s => s.cidr) : []
    for (const { nexthop } of router.routes)
      expect([...prefixes, ...outer].some(cidr => contains(parsePrefix(cidr)!, parseIp(nexthop)!))).toBe(true)
  }
  for (const f of store.all(floatingIps)) {
    const holder = store.get(ports, f.floatingPortId)!
    expect([holder.networkId, holder.deviceOwner, holder.deviceId]).toEqual([
      f.floatingNetworkId,
      FLOATING_IP_OWNER,
      f.id,
    ])
    expect(holder.fixedIps.map(ip => ip.ipAddress)).toEqual([f.floatingIpAddress])
    const forwarded = [...store.by(portForwardings, 'floatingIp', f.id)]
    expect(f.routerId !== null).toBe(f.portId !== null || forwarded.length > 0)
    expect(f.portId !== null && forwarded.length > 0).toBe(false)
    const inner = [
      ...(f.portId === null ? [] : [[f.portId, f.fixedIpAddress!] as const]),
      ...forwarded.map(p => [p.internalPortId, p.internalIpAddress] as const),
    ]
    if (f.routerId !== null) expect(gatewayOf(store, f.routerId)?.networkId).toBe(f.floatingNetworkId)
    for (const [portId, address] of inner) {
      const fixedIp = store.get(ports, portId)!.fixedIps.find(ip => ip.ipAddress === address)!
      const reached = interfacesOf(store, f.routerId!).flatMap(p => p.fixedIps.map(ip => ip.subnetId))
      expect(reached).toContain(fixedIp.subnetId)
    }
  }
}

async function clear(api: TestApi, store: Store): Promise<void> {
  const remove = async (path: string) => expect([204, 404], path).toContain((await api.call('DELETE', path)).status)
  for (const { id, floatingIpId } of [...store.all(portForwardings)])
    await remove(`floatingips/${floatingIpId}/port_forwardings/${id}`)
  for (const { id } of [...store.all(floatingIps)]) await remove(`floatingips/${id}`)
  for (const { id } of [...store.all(routers)]) {
    await api.ok('PUT', `routers/${id}`, { router: { routes: [] } })
    for (const port of interfacesOf(store, id))
      await api.ok('PUT', `routers/${id}/remove_router_interface`, { port_id: port.id })
    await remove(`routers/${id}`)
  }
  for (const { id } of [...store.all(ports)]) await remove(`ports/${id}`)
  for (const { id } of [...store.all(networks)]) await remove(`networks/${id}`)
  const left = [ports, subnets, networks, routers, routerPorts, floatingIps, portForwardings] as unknown as Kind[]
  for (const kind of left) expect(store.count(kind), kind.name).toBe(0)
}

test('routers, floating IPs and port forwardings hold together, whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 20, maxLength: 60 }), async commands => {
      const store = openMemoryStore({ kinds: modelKinds, log: new MemoryLog() })
      const api = testApi({ store })
      await seed(api)
      for (const c of commands) {
        const [method, path, body] = requestFor(store, c)
        const answer = await api.call(method, path, body)
        expect(answer.status, `${method} ${path} ${JSON.stringify(body)}: ${answer.text}`).toBeLessThan(500)
        check(store)
      }
      await clear(api, store)
    }),
    { numRuns: 30 },
  )
}, 120_000)
