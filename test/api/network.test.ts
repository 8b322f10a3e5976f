import { beforeEach, describe, expect, test } from 'vitest'
import { BFD_VNI, TRANSIT_VNI } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
beforeEach(() => {
  api = testApi()
})
const create = (network: object) => api.call('POST', 'networks', { network })

describe('a network', () => {
  test('has the defaults of Neutron', async () => {
    const { status, body, headers } = await create({})
    expect(status).toBe(201)
    expect(headers['x-openstack-request-id']).toMatch(/^req-[0-9a-f-]{36}$/)
    expect(body.network).toMatchObject({
      name: '',
      admin_state_up: true,
      status: 'ACTIVE',
      shared: false,
      'router:external': false,
      port_security_enabled: true,
      subnets: [],
      mtu: 1450,
      'provider:network_type': 'vxlan',
      'provider:physical_network': null,
      'provider:segmentation_id': 1,
      tenant_id: '',
      project_id: '',
      description: '',
      tags: [],
      revision_number: 1,
    })
    expect(body.network.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(await api.ok('GET', `networks/${body.network.id}`)).toEqual(body)
  })

  test('belongs to the project that the body names, by either name', async () => {
    expect((await create({ tenant_id: 'p1' })).body.network).toMatchObject({ tenant_id: 'p1', project_id: 'p1' })
    expect((await create({ project_id: 'p2' })).body.network).toMatchObject({ tenant_id: 'p2', project_id: 'p2' })
    expect(refusal(await create({ project_id: 'p2', tenant_id: 'p1' }))).toEqual([400, 'HTTPBadRequest'])
  })

  test.each([
    ['vxlan', undefined, 70, 1450],
    ['geneve', undefined, 70, 1450],
    ['gre', undefined, 70, 1458],
    ['vlan', 'physnet1', 70, 1500],
    ['flat', 'physnet1', undefined, 1500],
    ['local', undefined, undefined, 1500],
  ])('of type %s has the MTU that fits', async (type, physnet, id, mtu) => {
    const { status, body } = await create({
      'provider:network_type': type,
      ...(physnet ? { 'provider:physical_network': physnet } : {}),
      ...(id ? { 'provider:segmentation_id': id } : {}),
    })
    expect(status).toBe(201)
    expect(body.network).toMatchObject({
      mtu,
      'provider:network_type': type,
      'provider:physical_network': physnet ?? null,
      'provider:segmentation_id': id ?? null,
    })
  })

  test('takes a smaller MTU, and refuses a larger one', async () => {
    const { network } = (await create({ mtu: 1300 })).body
    expect(network.mtu).toBe(1300)
    const put = (mtu: unknown) => api.call('PUT', `networks/${network.id}`, { network: { mtu } })
    expect((await put('1400')).body.network.mtu).toBe(1400)
    expect(refusal(await put(1451))).toEqual([400, 'InvalidInput'])
    expect(refusal(await put(-1))).toEqual([400, 'HTTPBadRequest'])
  })

  test('may have several segments', async () => {
    const segments = [
      { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', 'provider:segmentation_id': 5 },
      { 'provider:network_type': 'vxlan' },
    ]
    const { body } = await create({ segments })
    expect(body.network.segments).toEqual([
      { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', 'provider:segmentation_id': 5 },
      { 'provider:network_type': 'vxlan', 'provider:physical_network': null, 'provider:segmentation_id': 1 },
    ])
    expect(body.network).not.toHaveProperty('provider:network_type')
    expect(body.network.mtu).toBe(1450)
    const { networks } = await api.ok('GET', 'networks?provider:segmentation_id=5&fields=id')
    expect(networks).toEqual([{ id: body.network.id }])
    expect(refusal(await create({ segments, 'provider:network_type': 'gre' }))[1]).toBe(
      'SegmentsSetInConjunctionWithProviders',
    )
    expect(refusal(await create({ segments: [segments[0], segments[0]] }))[0]).toBe(400)
  })

  test('needs what its type needs', async () => {
    const type = 'provider:network_type'
    for (const body of [
      { [type]: 'token-ring' },
      { [type]: 'vlan', 'provider:segmentation_id': 3 },
      { [type]: 'vlan', 'provider:physical_network': 'p', 'provider:segmentation_id': 4095 },
      { [type]: 'vxlan', 'provider:physical_network': 'p' },
      { [type]: 'vxlan', 'provider:segmentation_id': 0x1000000 },
      { [type]: 'vxlan', 'provider:segmentation_id': TRANSIT_VNI },
      { [type]: 'geneve', 'provider:segmentation_id': BFD_VNI },
      { [type]: 'gre', 'provider:segmentation_id': TRANSIT_VNI },
      { [type]: 'gre', 'provider:segmentation_id': BFD_VNI },
      { [type]: 'flat' },
      { [type]: 'flat', 'provider:physical_network': 'p', 'provider:segmentation_id': 3 },
      { [type]: 'local', 'provider:segmentation_id': 3 },
      { 'provider:segmentation_id': 3 },
    ])
      expect(refusal(await create(body)), JSON.stringify(body)).toEqual([400, 'InvalidInput'])
  })

  test('has a segment of its own, free again once it is gone', async () => {
    const vlan = {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 100,
    }
    const flat = { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' }
    const vxlan = { 'provider:network_type': 'vxlan', 'provider:segmentation_id': 7 }
    const ids: string[] = []
    for (const [body, type] of [
      [vlan, 'VlanIdInUse'],
      [flat, 'FlatNetworkInUse'],
      [vxlan, 'TunnelIdInUse'],
    ] as const) {
      ids.push((await create(body)).body.network.id)
      expect(refusal(await create(body))).toEqual([409, type])
    }
    expect((await create({ ...vlan, 'provider:physical_network': 'physnet2' })).status).toBe(201)
    expect((await create({ ...vxlan, 'provider:network_type': 'gre' })).status).toBe(201)
    for (const id of ids) expect((await api.call('DELETE', `networks/${id}`)).status).toBe(204)
    for (const body of [vlan, flat, vxlan]) expect((await create(body)).status).toBe(201)
  })

  test('keeps its segments: provider attributes may be repeated, not changed', async () => {
    const { network } = (await create({ 'provider:network_type': 'vxlan', 'provider:segmentation_id': 7 })).body
    const put = (body: object) => api.call('PUT', `networks/${network.id}`, { network: body })
    expect((await put({ name: 'x', 'provider:segmentation_id': 7 })).status).toBe(200)
    expect(refusal(await put({ 'provider:segmentation_id': 8 }))).toEqual([400, 'InvalidInput'])
  })

  test('cannot be taken from other projects that use it', async () => {
    const { network } = (await create({ shared: true, project_id: 'a' })).body
    const { port } = await api.ok('POST', 'ports', { port: { network_id: network.id, project_id: 'b' } })
    const unshare = () => api.call('PUT', `networks/${network.id}`, { network: { shared: false } })
    expect(refusal(await unshare())).toEqual([409, 'InvalidSharedSetting'])
    await api.ok('DELETE', `ports/${port.id}`)
    expect((await unshare()).body.network.shared).toBe(false)
  })

  test('is deleted with its subnets, but not while ports use it', async () => {
    const { network, subnet } = await api.network('10.0.0.0/24')
    const { port } = await api.ok('POST', 'ports', { port: { network_id: network } })
    expect(refusal(await api.call('DELETE', `networks/${network}`))).toEqual([409, 'NetworkInUse'])
    await api.ok('DELETE', `ports/${port.id}`)
    expect((await api.call('DELETE', `networks/${network}`)).status).toBe(204)
    expect(refusal(await api.call('GET', `subnets/${subnet}`))).toEqual([404, 'SubnetNotFound'])
    expect(refusal(await api.call('DELETE', `networks/${network}`))).toEqual([404, 'NetworkNotFound'])
  })

  test('is made in bulk: all or none, in order', async () => {
    const { networks } = await api.ok('POST', 'networks', { networks: [{ name: 'a' }, { network: { name: 'b' } }] })
    expect(networks.map((n: { name: string }) => n.name)).toEqual(['a', 'b'])
    const vlan = {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 100,
    }
    expect(refusal(await api.call('POST', 'networks', { networks: [vlan, vlan] }))).toEqual([409, 'VlanIdInUse'])
    expect((await api.ok('GET', 'networks')).networks).toHaveLength(2)
    expect((await create(vlan)).status).toBe(201)
  })

  test('tells how many of its addresses are in use, however many there are', async () => {
    const { network, subnet } = await api.network('fd00::/64')
    await api.ok('POST', 'ports', { port: { network_id: network } })
    const answer = await api.call('GET', `network-ip-availabilities/${network}`)
    expect(answer.text).toContain('"total_ips":18446744073709551615,')
    expect(answer.body.network_ip_availability).toMatchObject({
      network_id: network,
      used_ips: 1,
      subnet_ip_availability: [{ subnet_id: subnet, ip_version: 6, used_ips: 1 }],
    })
    expect((await api.ok('GET', 'network-ip-availabilities?ip_version=4')).network_ip_availabilities).toEqual([])
  })
})
