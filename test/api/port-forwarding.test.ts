import { beforeEach, describe, expect, test } from 'vitest'
import { portForwardings } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { externalNetwork, routedNetwork } from '#test/support/routed'

let api: TestApi
let outside: Awaited<ReturnType<typeof externalNetwork>>
let inside: Awaited<ReturnType<typeof routedNetwork>>
let floatingIp: string
let port: { id: string; fixed_ips: { ip_address: string }[] }
beforeEach(async () => {
  api = testApi()
  outside = await externalNetwork(api)
  inside = await routedNetwork(api, '10.0.0.0/24', outside.network)
  floatingIp = await newFloatingIp()
  port = await inside.port()
})
const newFloatingIp = async (more: object = {}): Promise<string> =>
  (await api.ok('POST', 'floatingips', { floatingip: { floating_network_id: outside.network, ...more } })).floatingip.id
const path = (id?: string, of = floatingIp) => `floatingips/${of}/port_forwardings${id ? `/${id}` : ''}`
const body = (more: object = {}) => ({
  port_forwarding: {
    protocol: 'tcp',
    internal_port_id: port.id,
    internal_ip_address: port.fixed_ips[0]?.ip_address,
    internal_port: 22,
    external_port: 2222,
    ...more,
  },
})
const create = (more: object = {}, of = floatingIp) => api.call('POST', path(undefined, of), body(more))
const bad = [400, 'BadRequest']

describe('a port forwarding', () => {
  test('is made, shown, changed and ended below its floating IP', async () => {
    const { status, body } = await create({ description: 'ssh' })
    expect(status).toBe(201)
    const made = body.port_forwarding
    expect(made).toEqual({
      id: expect.any(String),
      protocol: 'tcp',
      internal_port_id: port.id,
      internal_ip_address: '10.0.0.2',
      internal_port: 22,
      external_port: 2222,
      internal_port_range: '22:22',
      external_port_range: '2222:2222',
      description: 'ssh',
    })
    expect((await api.ok('GET', path())).port_forwardings).toEqual([made])
    expect((await api.ok('GET', path(made.id))).port_forwarding).toEqual(made)
    expect((await api.ok('GET', `floatingips/${floatingIp}`)).floatingip).toMatchObject({
      router_id: inside.router,
      port_id: null,
      status: 'ACTIVE',
      port_forwardings: [{ id: made.id, protocol: 'tcp', external_port: 2222, internal_port: 22 }],
    })
    const change = { port_forwarding: { internal_port: 80, protocol: 'udp', description: '' } }
    expect((await api.ok('PUT', path(made.id), change)).port_forwarding).toEqual({
      ...made,
      internal_port: 80,
      internal_port_range: '80:80',
      protocol: 'udp',
      description: '',
    })
    expect(refusal(await api.call('DELETE', `floatingips/${floatingIp}`))).toEqual([409, 'FipInUseByPortForwarding'])
    expect((await api.call('DELETE', path(made.id))).status).toBe(204)
    expect(refusal(await api.call('GET', path(made.id)))).toEqual([404, 'PortForwardingNotFound'])
    expect((await api.ok('GET', `floatingips/${floatingIp}`)).floatingip).toMatchObject({
      router_id: null,
      port_forwardings: [],
    })
    expect((await api.call('DELETE', `floatingips/${floatingIp}`)).status).toBe(204)
  })

  test('is part of one floating IP', async () => {
    const { id } = (await create()).body.port_forwarding
    const other = await newFloatingIp()
    expect((await api.ok('GET', path(undefined, other))).port_forwardings).toEqual([])
    expect(refusal(await api.call('GET', path(id, other)))).toEqual([404, 'PortForwardingNotFound'])
    expect(refusal(await api.call('DELETE', path(id, other)))).toEqual([404, 'PortForwardingNotFound'])
    expect(refusal(await api.call('GET', path(undefined, port.id)))).toEqual([404, 'FloatingIPNotFound'])
    expect(refusal(await create({}, port.id))).toEqual([404, 'FloatingIPNotFound'])
    expect((await api.ok('GET', `${path()}?external_port=2222&protocol=tcp`)).port_forwardings).toHaveLength(1)
    expect((await api.ok('GET', `${path()}?external_port=1`)).port_forwardings).toEqual([])
  })

  test('leads ranges to ranges, or to one port', async () => {
    const ranges = (external_port_range: string, internal_port_range: string) =>
      create({ internal_port: undefined, external_port: undefined, external_port_range, internal_port_range })
    expect((await ranges('100:109', '200:209')).body.port_forwarding).toMatchObject({
      external_port: null,
      internal_port: null,
      external_port_range: '100:109',
      internal_port_range: '200:209',
    })
    expect((await ranges('110:119', '300')).body.port_forwarding.internal_port).toBe(300)
    for (const [external, internal] of [
      ['120:129', '400:404'],
      ['120', '400:404'],
      ['105:106', '500:501'],
      ['120:121', '209:210'],
    ] as const)
      expect(refusal(await ranges(external, internal)), `${external} to ${internal}`).toEqual(bad)
    for (const wrong of ['0:5', '5:1', '1:2:3', '65536', 'x', ':'])
      expect(refusal(await ranges(wrong, '700')), wrong).toEqual([400, 'HTTPBadRequest'])
  })

  test('of one port and place is the only one, by protocol', async () => {
    const { id } = (await create()).body.port_forwarding
    const other = await inside.port()
    const elsewhere = { internal_port_id: other.id, internal_ip_address: undefined }
    expect(refusal(await create(elsewhere))).toEqual(bad)
    expect(refusal(await create({ external_port: 5555 }))).toEqual(bad)
    expect(refusal(await create({ external_port: 5555 }, await newFloatingIp()))).toEqual(bad)
    expect((await create({ protocol: 'udp' })).status).toBe(201)
    const second = (await create({ ...elsewhere, external_port: 3333 })).body.port_forwarding
    expect(second.internal_ip_address).toBe(other.fixed_ips[0].ip_address)
    const change = { port_forwarding: { external_port: 2222 } }
    expect(refusal(await api.call('PUT', path(second.id), change))).toEqual(bad)
    expect((await api.call('PUT', path(id), change)).status).toBe(200)
  })

  test.each([
    [{ external_port: 108343 }, 400],
    [{ internal_port: 0 }, 400],
    [{ external_port: undefined }, 400],
    [{ external_port: 5, external_port_range: '6:7' }, 400],
    [{ protocol: 'icmp' }, 400],
    [{ protocol: undefined }, 400],
    [{ internal_port_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }, 404],
    [{ internal_ip_address: '10.0.0.77' }, 400],
    [{ internal_ip_address: 'fd00::1' }, 400],
  ])('is refused with %j', async (more, status) => {
    expect((await create(more)).status).toBe(status)
    expect(api.store.count(portForwardings)).toBe(0)
  })

  test('and a floating IP do not meet in one port or one floating IP', async () => {
    const associated = await newFloatingIp({ port_id: (await inside.port()).id })
    expect(refusal(await create({}, associated))).toEqual([409, 'FloatingIPPortAlreadyAssociated'])
    const holder = await inside.port()
    await newFloatingIp({ port_id: holder.id })
    expect(refusal(await create({ internal_port_id: holder.id, internal_ip_address: undefined }))).toEqual([
      409,
      'PortHasBindingFloatingIP',
    ])
    await create()
    const associate = (id: string, portId: string) =>
      api.call('PUT', `floatingips/${id}`, { floatingip: { port_id: portId } })
    expect(refusal(await associate(await newFloatingIp(), port.id))).toEqual([400, 'PortHasPortForwarding'])
    expect(refusal(await associate(floatingIp, (await inside.port()).id))).toEqual([409, 'FipInUseByPortForwarding'])
  })

  test('stays behind one router, which keeps its interface and gateway', async () => {
    const other = await routedNetwork(api, '10.1.0.0/24', outside.network)
    const away = { internal_port_id: (await other.port()).id, internal_ip_address: undefined }
    const { id } = (await create()).body.port_forwarding
    expect(refusal(await create({ ...away, external_port: 7 }))).toEqual(bad)
    expect(refusal(await api.call('PUT', path(id), { port_forwarding: away }))).toEqual(bad)
    const unreachable = await routedNetwork(api, '10.2.0.0/24', null)
    const nowhere = { internal_port_id: (await unreachable.port()).id, internal_ip_address: undefined }
    expect(refusal(await create(nowhere, await newFloatingIp()))).toEqual(bad)
    const router = `routers/${inside.router}`
    expect(refusal(await api.call('PUT', `${router}/remove_router_interface`, { subnet_id: inside.subnet }))).toEqual([
      409,
      'RouterInterfaceInUseByFloatingIP',
    ])
    expect(refusal(await api.call('PUT', router, { router: { external_gateway_info: {} } }))).toEqual([
      409,
      'RouterExternalGatewayInUseByFloatingIp',
    ])
  })

  test('goes with the address that it leads to', async () => {
    const two = { fixed_ips: [...port.fixed_ips, { ip_address: '10.0.0.50' }] }
    await api.ok('PUT', `ports/${port.id}`, { port: two })
    await create()
    await create({ internal_ip_address: '10.0.0.50', external_port: 50 })
    await api.ok('PUT', `ports/${port.id}`, { port: { fixed_ips: port.fixed_ips } })
    expect((await api.ok('GET', path())).port_forwardings).toHaveLength(1)
    await api.call('DELETE', `ports/${port.id}`)
    expect((await api.ok('GET', path())).port_forwardings).toEqual([])
    expect((await api.ok('GET', `floatingips/${floatingIp}`)).floatingip.router_id).toBeNull()
  })

  test('is its project’s', async () => {
    const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
    const member = testApi({ store: api.store, authenticate: async () => identity })
    await create()
    expect(refusal(await member.call('GET', path()))).toEqual([404, 'FloatingIPNotFound'])
    expect(refusal(await member.call('POST', path(), body()))).toEqual([404, 'FloatingIPNotFound'])
  })
})
