import { beforeEach, describe, expect, test } from 'vitest'
import { gatewayOf, interfacesOf, routerPorts, standardOf } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { addSubnet, externalNetwork } from '#test/support/routed'

let api: TestApi
let network: string
let subnet: string
let router: string
beforeEach(async () => {
  api = testApi()
  ;({ network, subnet } = await api.network('10.0.0.0/24'))
  router = (await create()).body.router.id
})
const create = (body: object = {}) => api.call('POST', 'routers', { router: body })
const update = (body: object, id = router) => api.call('PUT', `routers/${id}`, { router: body })
const show = async (id = router) => (await api.ok('GET', `routers/${id}`)).router
const verb = (name: string, body?: unknown, id = router) => api.call('PUT', `routers/${id}/${name}`, body)
const connect = (body: object, id = router) => verb('add_router_interface', body, id)
const disconnect = (body: object, id = router) => verb('remove_router_interface', body, id)
const port = async (body: object = {}) =>
  (await api.ok('POST', 'ports', { port: { network_id: network, ...body } })).port
const portOf = async (id: string) => (await api.ok('GET', `ports/${id}`)).port
const subnetOn = (networkId: string, cidr: string, more?: object) => addSubnet(api, networkId, cidr, more)
const outside = (cidr?: string) => externalNetwork(api, cidr)

describe('a router', () => {
  test('has the defaults of Neutron', async () => {
    const { status, body } = await create({ name: 'r' })
    expect(status).toBe(201)
    expect(body.router).toMatchObject({
      name: 'r',
      status: 'ACTIVE',
      admin_state_up: true,
      external_gateway_info: null,
      routes: [],
      distributed: true,
      ha: true,
      availability_zone_hints: [],
      availability_zones: [],
      description: '',
      tags: [],
      revision_number: 1,
    })
    expect((await api.ok('GET', 'routers?name=r')).routers).toHaveLength(1)
  })

  test('changes its name, and is gone when deleted', async () => {
    expect((await update({ name: 'x', admin_state_up: false, description: 'd' })).body.router).toMatchObject({
      name: 'x',
      admin_state_up: false,
      description: 'd',
    })
    expect((await api.call('DELETE', `routers/${router}`)).status).toBe(204)
    expect(refusal(await api.call('GET', `routers/${router}`))).toEqual([404, 'RouterNotFound'])
    expect(refusal(await update({ name: 'y' }))).toEqual([404, 'RouterNotFound'])
  })

  test('is turned into another kind only while it is down', async () => {
    expect(refusal(await update({ distributed: false }))).toEqual([400, 'BadRequest'])
    expect(refusal(await update({ ha: false }))).toEqual([400, 'BadRequest'])
    expect(refusal(await update({ distributed: false, admin_state_up: false }))).toEqual([400, 'BadRequest'])
    const { port_id } = (await connect({ subnet_id: subnet })).body
    expect((await portOf(port_id)).device_owner).toBe('network:router_interface_distributed')
    expect((await update({ admin_state_up: false })).status).toBe(200)
    expect((await update({ distributed: false, ha: false })).body.router).toMatchObject({
      distributed: false,
      ha: false,
    })
    expect((await portOf(port_id)).device_owner).toBe('network:router_interface')
    expect((await update({ distributed: false, admin_state_up: true })).status).toBe(200)
    expect((await update({ distributed: null })).body.router.distributed).toBe(false)
  })

  test.each([
    [{ flavor: 'x' }, 400, 'HTTPBadRequest'],
    [{ routes: [] }, 400, 'HTTPBadRequest'],
    [{ admin_state_up: 'perhaps' }, 400, 'InvalidInput'],
    [{ availability_zone_hints: ['elsewhere'] }, 404, 'AvailabilityZoneNotFound'],
    [{ external_gateway_info: { enable_snat: true } }, 400, 'HTTPBadRequest'],
    [{ external_gateway_info: { network_id: 'x' } }, 400, 'HTTPBadRequest'],
    [{ external_gateway_info: 'public' }, 400, 'HTTPBadRequest'],
    [{ external_gateway_info: { network_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' } }, 404, 'NetworkNotFound'],
  ])('is refused with %j', async (body, status, type) => {
    expect(refusal(await create(body))).toEqual([status, type])
  })
})

describe('an interface', () => {
  test('by subnet takes its gateway address, and is a port that nothing filters', async () => {
    const before = (await show()).revision_number
    const { status, body } = await connect({ subnet_id: subnet })
    expect(status).toBe(200)
    const made = await portOf(body.port_id)
    expect(body).toEqual({
      id: router,
      project_id: '',
      tenant_id: '',
      port_id: made.id,
      network_id: network,
      subnet_id: subnet,
      subnet_ids: [subnet],
    })
    expect(made).toMatchObject({
      device_id: router,
      fixed_ips: [{ subnet_id: subnet, ip_address: '10.0.0.1' }],
      status: 'ACTIVE',
      port_security_enabled: false,
      security_groups: [],
    })
    expect((await show()).revision_number).toBeGreaterThan(before)
    expect(Array.from(api.store.by(routerPorts, 'network', network))).toEqual([
      { id: made.id, routerId: router, networkId: network, role: 'interface' },
    ])
    expect((await disconnect({ subnet_id: subnet })).body).toEqual(body)
    expect(refusal(await api.call('GET', `ports/${made.id}`))).toEqual([404, 'PortNotFound'])
    expect(refusal(await disconnect({ subnet_id: subnet }))).toEqual([404, 'RouterInterfaceNotFoundForSubnet'])
    expect(api.store.count(routerPorts)).toBe(0)
  })

  test('by port takes its addresses, and goes with it', async () => {
    const { id } = await port({ fixed_ips: [{ ip_address: '10.0.0.9' }] })
    expect((await connect({ port_id: id })).body).toMatchObject({ port_id: id, subnet_ids: [subnet] })
    expect(await portOf(id)).toMatchObject({
      device_id: router,
      device_owner: 'network:router_interface_distributed',
      port_security_enabled: false,
      security_groups: [],
      status: 'ACTIVE',
    })
    expect(refusal(await connect({ port_id: id }))).toEqual([409, 'PortInUse'])
    expect(refusal(await api.call('DELETE', `ports/${id}`))).toEqual([409, 'ServicePortInUse'])
    const other = (await create()).body.router.id
    expect(refusal(await disconnect({ port_id: id }, other))).toEqual([404, 'RouterInterfaceNotFound'])
    const elsewhere = await api.network('10.1.0.0/24')
    expect(refusal(await disconnect({ port_id: id, subnet_id: elsewhere.subnet }))).toEqual([
      400,
      'SubnetMismatchForPort',
    ])
    expect((await disconnect({ port_id: id, subnet_id: subnet })).status).toBe(200)
    expect(refusal(await api.call('GET', `ports/${id}`))).toEqual([404, 'PortNotFound'])
  })

  test('of IPv6: further subnets of a network join one port, at the subnet-router address', async () => {
    const [a, b] = [await subnetOn(network, 'fd00:1::/64'), await subnetOn(network, 'fd00:2::/64')]
    const first = (await connect({ subnet_id: a.id })).body
    const second = (await connect({ subnet_id: b.id })).body
    expect(second).toMatchObject({ port_id: first.port_id, subnet_id: b.id, subnet_ids: [b.id] })
    expect((await portOf(first.port_id)).fixed_ips.map((f: { ip_address: string }) => f.ip_address)).toEqual([
      'fd00:1::',
      'fd00:2::',
    ])
    expect((await connect({ subnet_id: subnet })).body.port_id).not.toBe(first.port_id)
    const other = await port({ fixed_ips: [{ subnet_id: a.id }] })
    expect(refusal(await connect({ port_id: other.id }))).toEqual([400, 'BadRequest'])
    await disconnect({ subnet_id: a.id })
    expect((await portOf(first.port_id)).fixed_ips).toEqual([{ subnet_id: b.id, ip_address: 'fd00:2::' }])
    await disconnect({ subnet_id: b.id })
    expect(refusal(await api.call('GET', `ports/${first.port_id}`))).toEqual([404, 'PortNotFound'])
  })

  test('is refused where addresses meet, and where Neutron refuses it', async () => {
    await connect({ subnet_id: subnet })
    expect(refusal(await connect({ subnet_id: subnet }))).toEqual([400, 'BadRequest'])
    const overlapping = await api.network('10.0.0.0/16')
    expect(refusal(await connect({ subnet_id: overlapping.subnet }))).toEqual([400, 'BadRequest'])
    const bare = await api.network('10.1.0.0/24', { gateway_ip: null })
    expect(refusal(await connect({ subnet_id: bare.subnet }))).toEqual([400, 'BadRequest'])
    const taken = await api.network('10.2.0.0/24')
    await api.ok('POST', 'ports', { port: { network_id: taken.network, fixed_ips: [{ ip_address: '10.2.0.1' }] } })
    expect(refusal(await connect({ subnet_id: taken.subnet }))).toEqual([409, 'IpAddressAlreadyAllocated'])
    const foreign = await api.network('fd00:9::/64', { ipv6_address_mode: 'slaac' })
    expect(refusal(await connect({ subnet_id: foreign.subnet }))).toEqual([400, 'BadRequest'])
    const none = await port({ fixed_ips: [] })
    expect(refusal(await connect({ port_id: none.id }))).toEqual([400, 'BadRequest'])
  })

  test.each([
    [undefined, 400],
    [{}, 400],
    [{ subnet_id: 'x' }, 400],
    [{ port_id: 7 }, 400],
    [{ port_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }, 404],
    [{ subnet_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }, 404],
    [{ subnet_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c', port_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }, 400],
  ])('named %j is refused', async (body, status) => {
    expect((await connect(body as object)).status).toBe(status)
  })

  test('keeps its router, its subnet and the gateway of its subnet', async () => {
    await connect({ subnet_id: subnet })
    expect(refusal(await api.call('DELETE', `routers/${router}`))).toEqual([409, 'RouterInUse'])
    expect(refusal(await api.call('DELETE', `subnets/${subnet}`))).toEqual([409, 'SubnetInUse'])
    expect(refusal(await api.call('DELETE', `networks/${network}`))).toEqual([409, 'NetworkInUse'])
    const gateway = { subnet: { gateway_ip: '10.0.0.254', allocation_pools: [] } }
    expect(refusal(await api.call('PUT', `subnets/${subnet}`, gateway))).toEqual([409, 'GatewayIpInUse'])
  })

  test('two routers connect one network', async () => {
    const other = (await create()).body.router.id
    await connect({ subnet_id: subnet })
    expect((await connect({ port_id: (await port()).id }, other)).status).toBe(200)
    expect(api.store.countBy(routerPorts, 'network', network)).toBe(2)
    expect(interfacesOf(api.store, other)).toHaveLength(1)
  })

  test('stays what it is, whatever is written on its port', async () => {
    const { port_id } = (await connect({ subnet_id: subnet })).body
    const change = (body: object) => api.call('PUT', `ports/${port_id}`, { port: body })
    expect(refusal(await change({ device_id: '' }))).toEqual([400, 'BadRequest'])
    expect(refusal(await change({ device_owner: 'compute:nova' }))).toEqual([400, 'BadRequest'])
    const more = await subnetOn(network, '10.0.1.0/24')
    const elsewhere = await api.network('10.0.2.0/24')
    await connect({ subnet_id: elsewhere.subnet })
    const overlapping = await subnetOn(network, '10.0.2.128/25')
    const addresses = (...ids: string[]) => change({ fixed_ips: ids.map(subnet_id => ({ subnet_id })) })
    expect(refusal(await addresses(subnet, overlapping.id))).toEqual([400, 'BadRequest'])
    expect((await addresses(subnet, more.id)).status).toBe(200)
    await update({ routes: [{ destination: '10.9.0.0/24', nexthop: '10.0.0.9' }] })
    expect(refusal(await addresses(more.id))).toEqual([409, 'RouterInterfaceInUseByRoute'])
    expect((await change({ admin_state_up: false })).body.port.status).toBe('DOWN')
    expect((await change({ admin_state_up: true, name: 'x' })).body.port).toMatchObject({ status: 'ACTIVE', name: 'x' })
  })

  test('is not made by writing a router’s id on a port', async () => {
    const { id } = await port({ device_id: router, device_owner: 'network:router_interface' })
    expect(interfacesOf(api.store, router)).toEqual([])
    expect((await api.call('DELETE', `ports/${id}`)).status).toBe(204)
  })
})

describe('a gateway', () => {
  test('is a port on the external network that no project owns', async () => {
    const out = await outside()
    const info = (await update({ external_gateway_info: { network_id: out.network } })).body.router
      .external_gateway_info
    expect(info).toEqual({
      network_id: out.network,
      enable_snat: true,
      external_fixed_ips: [{ subnet_id: out.subnet, ip_address: '203.0.113.2' }],
    })
    const [gateway] = (await api.ok('GET', `ports?device_id=${router}`)).ports
    expect(gateway).toMatchObject({ device_owner: 'network:router_gateway', project_id: '', security_groups: [] })
    expect(gatewayOf(api.store, router)?.id).toBe(gateway.id)
    expect(refusal(await api.call('DELETE', `ports/${gateway.id}`))).toEqual([409, 'ServicePortInUse'])
    expect(refusal(await api.call('DELETE', `networks/${out.network}`))).toEqual([409, 'NetworkInUse'])
    expect((await api.call('DELETE', `routers/${router}`)).status).toBe(204)
    expect((await api.call('DELETE', `networks/${out.network}`)).status).toBe(204)
  })

  test('has the addresses asked for, several, and changes them in place', async () => {
    const out = await outside()
    const v6 = await subnetOn(out.network, '2001:db8::/64')
    const info = {
      network_id: out.network,
      enable_snat: false,
      external_fixed_ips: [{ ip_address: '203.0.113.77' }, { subnet_id: v6.id }],
    }
    const made = (await create({ external_gateway_info: info })).body.router
    expect(made.external_gateway_info).toMatchObject({
      enable_snat: false,
      external_fixed_ips: [{ ip_address: '203.0.113.77' }, { subnet_id: v6.id }],
    })
    const id = gatewayOf(api.store, made.id)?.id
    const changed = { network_id: out.network, external_fixed_ips: [{ ip_address: '203.0.113.78' }] }
    expect((await update({ external_gateway_info: changed }, made.id)).body.router.external_gateway_info).toEqual({
      network_id: out.network,
      enable_snat: true,
      external_fixed_ips: [{ subnet_id: out.subnet, ip_address: '203.0.113.78' }],
    })
    expect(gatewayOf(api.store, made.id)?.id).toBe(id)
    const used = { network_id: out.network, external_fixed_ips: [{ ip_address: '203.0.113.78' }] }
    expect(refusal(await update({ external_gateway_info: used }))).toEqual([409, 'IpAddressAlreadyAllocated'])
    const own = { network_id: out.network, external_fixed_ips: [{ ip_address: '203.0.113.1' }] }
    expect(refusal(await update({ external_gateway_info: own }))).toEqual([400, 'BadRequest'])
    const moved = await outside('198.51.100.0/24')
    expect((await update({ external_gateway_info: { network_id: moved.network } }, made.id)).status).toBe(200)
    expect(gatewayOf(api.store, made.id)?.networkId).toBe(moved.network)
    for (const none of [null, {}])
      expect((await update({ external_gateway_info: none }, made.id)).body.router.external_gateway_info).toBeNull()
    expect((await api.ok('GET', `ports?device_id=${made.id}`)).ports).toEqual([])
  })

  test('gets an address of the other family when its network gets a subnet', async () => {
    const out = await outside()
    const info = { external_gateway_info: { network_id: out.network } }
    const { id } = (await create(info)).body.router
    await subnetOn(out.network, '198.51.100.0/24')
    await subnetOn(out.network, '2001:db8:2::/64', { allocation_pools: [] })
    expect(gatewayOf(api.store, id)?.fixedIps).toHaveLength(1)
    const v6 = await subnetOn(out.network, '2001:db8::/64')
    expect(gatewayOf(api.store, id)?.fixedIps.map(ip => ip.subnetId)).toEqual([out.subnet, v6.id])
    await subnetOn(out.network, '2001:db8:1::/64')
    expect(gatewayOf(api.store, id)?.fixedIps).toHaveLength(2)
  })

  test('is refused on a network that is not external, and where addresses meet', async () => {
    expect(refusal(await update({ external_gateway_info: { network_id: network } }))).toEqual([400, 'BadRequest'])
    const out = await outside('10.0.0.0/16')
    await connect({ subnet_id: subnet })
    expect(refusal(await update({ external_gateway_info: { network_id: out.network } }))).toEqual([400, 'BadRequest'])
    const other = (await create({ external_gateway_info: { network_id: out.network } })).body.router.id
    expect(refusal(await connect({ subnet_id: subnet }, other))).toEqual([400, 'BadRequest'])
    const plain = { network: { 'router:external': false } }
    expect(refusal(await api.call('PUT', `networks/${out.network}`, plain))).toEqual([409, 'ExternalNetworkInUse'])
  })
})

describe('extra routes', () => {
  const route = (destination: string, nexthop: string) => ({ destination, nexthop })
  beforeEach(() => connect({ subnet_id: subnet }))

  test('are set as a whole, or added and removed', async () => {
    const a = route('10.9.0.0/24', '10.0.0.7')
    const b = route('10.9.1.0/24', '10.0.0.8')
    expect((await update({ routes: [a] })).body.router.routes).toEqual([a])
    expect((await verb('add_extraroutes', { router: { routes: [a, b, b] } })).status).toBe(400)
    expect((await verb('add_extraroutes', { router: { routes: [a, b] } })).body.router.routes).toEqual([a, b])
    expect((await verb('remove_extraroutes', { router: { routes: [a, a] } })).status).toBe(400)
    expect(
      (await verb('remove_extraroutes', { router: { routes: [a, route('1.0.0.0/8', '10.0.0.8')] } })).body.router,
    ).toMatchObject({ id: router, routes: [b] })
    expect((await update({ routes: null })).body.router.routes).toEqual([])
  })

  test('lead over a neighbour', async () => {
    const refused = async (nexthop: string) => refusal(await update({ routes: [route('10.9.0.0/24', nexthop)] }))
    expect(await refused('10.5.0.1')).toEqual([400, 'InvalidRoutes'])
    expect(await refused('10.0.0.1')).toEqual([400, 'InvalidRoutes'])
    expect(await refused('fd00::1')).toEqual([400, 'InvalidRoutes'])
    expect(await refused('nowhere')).toEqual([400, 'HTTPBadRequest'])
    const many = Array.from({ length: 31 }, (_, i) => route(`10.9.${i}.0/24`, '10.0.0.7'))
    expect(refusal(await update({ routes: many }))).toEqual([400, 'RoutesExhausted'])
    expect(refusal(await verb('add_extraroutes', {}))).toEqual([400, 'HTTPBadRequest'])
  })

  test('keep the interface and the gateway that they lead over', async () => {
    await update({ routes: [route('10.9.0.0/24', '10.0.0.7')] })
    expect(refusal(await disconnect({ subnet_id: subnet }))).toEqual([409, 'RouterInterfaceInUseByRoute'])
    const out = await outside()
    const outward = [route('10.9.0.0/24', '203.0.113.99')]
    const gateway = { external_gateway_info: { network_id: out.network }, routes: outward }
    expect((await update(gateway)).body.router.routes).toEqual(outward)
    expect(refusal(await update({ external_gateway_info: null }))).toEqual([400, 'InvalidRoutes'])
    expect((await update({ external_gateway_info: null, routes: [] })).status).toBe(200)
    expect((await disconnect({ subnet_id: subnet })).status).toBe(200)
  })
})

describe('a member', () => {
  let member: TestApi
  beforeEach(() => {
    const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
    member = testApi({ store: api.store, authenticate: async () => identity })
  })
  const denied = [403, 'PolicyNotAuthorized']

  test('makes routers, but does not choose where they run or how they leave', async () => {
    const out = await outside()
    const made = await member.ok('POST', 'routers', { router: { external_gateway_info: { network_id: out.network } } })
    expect(made.router).toMatchObject({ project_id: 'p', external_gateway_info: { enable_snat: true } })
    expect(made.router).not.toHaveProperty('distributed')
    expect(made.router).not.toHaveProperty('ha')
    for (const body of [
      { distributed: true },
      { ha: false },
      { external_gateway_info: { network_id: out.network, enable_snat: false } },
      { external_gateway_info: { network_id: out.network, external_fixed_ips: [{ ip_address: '203.0.113.9' }] } },
    ])
      expect(refusal(await member.call('POST', 'routers', { router: body })), JSON.stringify(body)).toEqual(denied)
    expect(refusal(await member.call('GET', `routers/${router}`))).toEqual([404, 'RouterNotFound'])
  })

  test('connects what is its own', async () => {
    const own = (await member.ok('POST', 'routers', { router: {} })).router.id
    const connectAs = (body: object) => member.call('PUT', `routers/${own}/add_router_interface`, body)
    expect(refusal(await connectAs({ subnet_id: subnet }))).toEqual([404, 'SubnetNotFound'])
    expect(refusal(await connectAs({ port_id: (await port()).id }))).toEqual([404, 'PortNotFound'])
    await api.ok('PUT', `networks/${network}`, { network: { shared: true } })
    expect(refusal(await connectAs({ subnet_id: subnet }))).toEqual([400, 'BadRequest'])
    const given = (await member.ok('POST', 'ports', { port: { network_id: network } })).port.id
    expect((await connectAs({ port_id: given })).status).toBe(200)
  })
})

test('what is refused leaves nothing behind', async () => {
  const out = await outside()
  const ports = (await api.ok('GET', 'ports')).ports.length
  const taken = { network_id: out.network, external_fixed_ips: [{ ip_address: '192.0.2.1' }] }
  expect(refusal(await create({ external_gateway_info: taken }))).toEqual([400, 'InvalidIpForNetwork'])
  expect((await api.ok('GET', 'routers')).routers).toHaveLength(1)
  expect((await api.ok('GET', 'ports')).ports).toHaveLength(ports)
  expect(standardOf(api.store, router)?.revision).toBe(1)
})
