import { beforeEach, describe, expect, test } from 'vitest'
import { floatingIps } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { addSubnet, externalNetwork, routedNetwork } from '#test/support/routed'

let api: TestApi
let outside: Awaited<ReturnType<typeof externalNetwork>>
let inside: Awaited<ReturnType<typeof routedNetwork>>
beforeEach(async () => {
  api = testApi()
  outside = await externalNetwork(api)
  inside = await routedNetwork(api, '10.0.0.0/24', outside.network)
})
const create = (body: object = {}) =>
  api.call('POST', 'floatingips', { floatingip: { floating_network_id: outside.network, ...body } })
const made = async (body: object = {}) => {
  const answer = await create(body)
  expect(answer.status, answer.text).toBe(201)
  return answer.body.floatingip
}
const update = (id: string, body: object) => api.call('PUT', `floatingips/${id}`, { floatingip: body })
const show = async (id: string) => (await api.ok('GET', `floatingips/${id}`)).floatingip
const nothing = { port_id: null, fixed_ip_address: null, router_id: null, status: 'DOWN', port_details: null }

describe('a floating IP', () => {
  test('is an address of the external network, held by a port of nobody', async () => {
    const floatingIp = await made({ description: 'd' })
    expect(floatingIp).toMatchObject({
      ...nothing,
      floating_network_id: outside.network,
      floating_ip_address: '203.0.113.3',
      description: 'd',
      tags: [],
      port_forwardings: [],
      dns_name: '',
      dns_domain: '',
    })
    const [port] = (await api.ok('GET', `ports?device_id=${floatingIp.id}`)).ports
    expect(port).toMatchObject({
      device_owner: 'network:floatingip',
      project_id: '',
      status: 'N/A',
      fixed_ips: [{ subnet_id: outside.subnet, ip_address: '203.0.113.3' }],
      security_groups: [],
      port_security_enabled: false,
    })
    expect(refusal(await api.call('DELETE', `ports/${port.id}`))).toEqual([409, 'ServicePortInUse'])
    const moved = { port: { fixed_ips: [{ ip_address: '203.0.113.77' }] } }
    expect(refusal(await api.call('PUT', `ports/${port.id}`, moved))).toEqual([400, 'BadRequest'])
    await addSubnet(api, outside.network, '2001:db8::/64', { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })
    expect((await api.ok('GET', `ports/${port.id}`)).port.fixed_ips).toHaveLength(1)
    expect((await api.call('DELETE', `floatingips/${floatingIp.id}`)).status).toBe(204)
    expect(refusal(await api.call('GET', `floatingips/${floatingIp.id}`))).toEqual([404, 'FloatingIPNotFound'])
    expect(refusal(await api.call('GET', `ports/${port.id}`))).toEqual([404, 'PortNotFound'])
  })

  test('has the address, or the subnet, asked for, and one address only', async () => {
    const second = (await addSubnet(api, outside.network, '198.51.100.0/24')).id
    await addSubnet(api, outside.network, '2001:db8::/64')
    expect((await made({ floating_ip_address: '203.0.113.50' })).floating_ip_address).toBe('203.0.113.50')
    const other = await made({ subnet_id: second })
    expect(other.floating_ip_address).toBe('198.51.100.2')
    expect((await api.ok('GET', `ports?device_id=${other.id}`)).ports[0].fixed_ips).toHaveLength(1)
    const [port] = (await api.ok('GET', `ports?device_id=${(await made()).id}`)).ports
    expect(port.fixed_ips).toHaveLength(1)
    expect(refusal(await create({ floating_ip_address: '203.0.113.50' }))).toEqual([409, 'IpAddressAlreadyAllocated'])
    expect(refusal(await create({ floating_ip_address: '192.0.2.1' }))).toEqual([400, 'InvalidIpForNetwork'])
    expect(refusal(await create({ floating_ip_address: '203.0.113.9', subnet_id: second }))).toEqual([
      400,
      'InvalidIpForSubnet',
    ])
  })

  test('is refused where there is nothing to take it from', async () => {
    expect(refusal(await create({ floating_network_id: inside.network }))).toEqual([400, 'BadRequest'])
    const v6 = await externalNetwork(api, '2001:db8::/64')
    expect(refusal(await create({ floating_network_id: v6.network }))).toEqual([400, 'BadRequest'])
    const small = await externalNetwork(api, '198.51.100.0/30')
    const first = await create({ floating_network_id: small.network })
    expect(first.status).toBe(201)
    expect(refusal(await create({ floating_network_id: small.network }))).toEqual([409, 'IpAddressGenerationFailure'])
    expect(refusal(await create({ floating_network_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }))).toEqual([
      404,
      'NetworkNotFound',
    ])
    expect(refusal(await create({ router_id: inside.router }))).toEqual([400, 'HTTPBadRequest'])
  })

  test('stands for a port, at once or later, until it is told otherwise', async () => {
    const [a, b] = [await inside.port({ name: 'a' }), await inside.port({ name: 'b' })]
    const floatingIp = await made({ port_id: a.id })
    expect(floatingIp).toMatchObject({
      port_id: a.id,
      fixed_ip_address: a.fixed_ips[0].ip_address,
      router_id: inside.router,
      status: 'ACTIVE',
      port_details: { name: 'a', mac_address: a.mac_address, network_id: inside.network, device_id: '' },
    })
    expect((await update(floatingIp.id, { port_id: b.id })).body.floatingip).toMatchObject({
      port_id: b.id,
      fixed_ip_address: b.fixed_ips[0].ip_address,
      router_id: inside.router,
    })
    expect((await update(floatingIp.id, { description: 'x' })).body.floatingip).toMatchObject({
      port_id: b.id,
      description: 'x',
    })
    expect((await update(floatingIp.id, { port_id: null, description: 'y' })).body.floatingip).toMatchObject({
      ...nothing,
      description: 'y',
    })
    expect((await update(floatingIp.id, { port_id: b.id })).body.floatingip.status).toBe('ACTIVE')
    expect((await update(floatingIp.id, {})).body.floatingip).toMatchObject(nothing)
  })

  test('stands for one of several addresses when told which', async () => {
    const port = await inside.port({ fixed_ips: [{ ip_address: '10.0.0.20' }, { ip_address: '10.0.0.21' }] })
    expect(refusal(await create({ port_id: port.id }))).toEqual([400, 'BadRequest'])
    const first = await made({ port_id: port.id, fixed_ip_address: '10.0.0.20' })
    const second = await made({ port_id: port.id, fixed_ip_address: '10.0.0.21' })
    expect(second.fixed_ip_address).toBe('10.0.0.21')
    const both = { port_id: port.id, fixed_ip_address: '10.0.0.21' }
    expect(refusal(await update(first.id, both))).toEqual([409, 'FloatingIPPortAlreadyAssociated'])
    expect(refusal(await create({ port_id: port.id, fixed_ip_address: '10.0.0.9' }))).toEqual([400, 'BadRequest'])
    expect(refusal(await create({ port_id: port.id, fixed_ip_address: 'fd00::1' }))).toEqual([400, 'BadRequest'])
    expect(refusal(await update(first.id, { fixed_ip_address: '10.0.0.21' }))).toEqual([400, 'BadRequest'])
    await api.call('DELETE', `floatingips/${second.id}`)
    expect((await update(first.id, both)).body.floatingip.fixed_ip_address).toBe('10.0.0.21')
  })

  test('stands for nothing that no router connects', async () => {
    const { port } = await routedNetwork(api, '10.1.0.0/24', null)
    const unreachable = [404, 'ExternalGatewayForFloatingIPNotFound']
    expect(refusal(await create({ port_id: (await port()).id }))).toEqual(unreachable)
    const elsewhere = await externalNetwork(api, '198.51.100.0/24')
    const floatingIp = await made({ floating_network_id: elsewhere.network })
    expect(refusal(await update(floatingIp.id, { port_id: (await inside.port()).id }))).toEqual(unreachable)
    const lonely = await api.network('10.2.0.0/24')
    const { id } = (await api.ok('POST', 'ports', { port: { network_id: lonely.network } })).port
    expect(refusal(await create({ port_id: id }))).toEqual(unreachable)
    const none = await inside.port({ fixed_ips: [] })
    expect(refusal(await create({ port_id: none.id }))).toEqual([400, 'BadRequest'])
    const dhcp = await inside.port({ device_owner: 'network:dhcp' })
    expect(refusal(await create({ port_id: dhcp.id }))).toEqual([400, 'BadRequest'])
  })

  test('of several routers takes the one that is the gateway of the subnet', async () => {
    const gateway = { external_gateway_info: { network_id: outside.network } }
    const second = (await api.ok('POST', 'routers', { router: gateway })).router.id
    const { id } = await inside.port()
    await api.ok('PUT', `routers/${second}/add_router_interface`, { port_id: id })
    expect((await made({ port_id: (await inside.port()).id })).router_id).toBe(inside.router)
  })

  test('keeps the interface and the gateway over which it is reached', async () => {
    const port = await inside.port()
    const floatingIp = await made({ port_id: port.id })
    const disconnect = () =>
      api.call('PUT', `routers/${inside.router}/remove_router_interface`, { subnet_id: inside.subnet })
    const clear = () => api.call('PUT', `routers/${inside.router}`, { router: { external_gateway_info: null } })
    expect(refusal(await disconnect())).toEqual([409, 'RouterInterfaceInUseByFloatingIP'])
    expect(refusal(await clear())).toEqual([409, 'RouterExternalGatewayInUseByFloatingIp'])
    const moved = { fixed_ips: [{ ip_address: '10.0.0.99' }] }
    expect(refusal(await api.call('PUT', `ports/${port.id}`, { port: moved }))).toEqual([400, 'BadRequest'])
    const more = { fixed_ips: [...port.fixed_ips, { ip_address: '10.0.0.99' }] }
    expect((await api.call('PUT', `ports/${port.id}`, { port: more })).status).toBe(200)
    const down = { router: { admin_state_up: false } }
    await api.ok('PUT', `routers/${inside.router}`, down)
    expect((await show(floatingIp.id)).status).toBe('DOWN')
    expect((await api.call('DELETE', `ports/${port.id}`)).status).toBe(204)
    expect(await show(floatingIp.id)).toMatchObject(nothing)
    expect((await clear()).status).toBe(200)
    expect((await disconnect()).status).toBe(200)
  })

  test('goes with its network when it stands for nothing', async () => {
    const elsewhere = await externalNetwork(api, '198.51.100.0/24')
    await made({ floating_network_id: elsewhere.network })
    expect((await api.call('DELETE', `networks/${elsewhere.network}`)).status).toBe(204)
    expect(api.store.count(floatingIps)).toBe(0)
    await made({ port_id: (await inside.port()).id })
    await made()
    expect(refusal(await api.call('DELETE', `networks/${outside.network}`))).toEqual([409, 'NetworkInUse'])
    expect((await api.ok('GET', 'floatingips')).floatingips).toHaveLength(2)
  })

  test('is found by what it is', async () => {
    const port = await inside.port()
    const floatingIp = await made({ port_id: port.id })
    await made()
    for (const query of [
      `floating_ip_address=${floatingIp.floating_ip_address}`,
      `port_id=${port.id}`,
      `router_id=${inside.router}`,
      `fixed_ip_address=${port.fixed_ips[0].ip_address}`,
      'status=ACTIVE',
    ])
      expect((await api.ok('GET', `floatingips?${query}`)).floatingips.map((f: { id: string }) => f.id)).toEqual([
        floatingIp.id,
      ])
    expect((await api.ok('GET', `floatingips?floating_network_id=${outside.network}`)).floatingips).toHaveLength(2)
  })
})

describe('a member', () => {
  let member: TestApi
  beforeEach(() => {
    const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
    member = testApi({ store: api.store, authenticate: async () => identity })
  })
  const createAs = (body: object) =>
    member.call('POST', 'floatingips', { floatingip: { floating_network_id: outside.network, ...body } })

  test('takes floating IPs from the pools, but does not choose addresses', async () => {
    const pools = (await member.ok('GET', 'floatingip-pools')).floatingip_pools
    expect(pools).toEqual([
      {
        subnet_id: outside.subnet,
        subnet_name: '',
        network_id: outside.network,
        cidr: '203.0.113.0/24',
        project_id: 'p',
        tenant_id: 'p',
      },
    ])
    expect((await createAs({ subnet_id: outside.subnet })).body.floatingip.project_id).toBe('p')
    expect(refusal(await createAs({ floating_ip_address: '203.0.113.9' }))).toEqual([403, 'PolicyNotAuthorized'])
    expect((await createAs({ floating_ip_address: null })).status).toBe(201)
    expect((await member.ok('GET', 'floatingips')).floatingips).toHaveLength(2)
    await made()
    expect((await member.ok('GET', 'floatingips')).floatingips).toHaveLength(2)
  })

  test('associates own ports only', async () => {
    const foreign = await inside.port()
    expect(refusal(await createAs({ port_id: foreign.id }))).toEqual([404, 'PortNotFound'])
    const own = await inside.port({ project_id: 'p' })
    expect((await createAs({ port_id: own.id })).status).toBe(201)
    const { network } = await member.ok('POST', 'networks', { network: {} })
    const visible = (await api.ok('POST', 'ports', { port: { network_id: network.id, project_id: 'other' } })).port
    expect(refusal(await createAs({ port_id: visible.id }))).toEqual([400, 'BadRequest'])
  })
})
