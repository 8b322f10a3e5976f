import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
let network: string
beforeEach(async () => {
  api = testApi()
  network = (await api.network()).network
})
const create = (subnet: object) =>
  api.call('POST', 'subnets', { subnet: { network_id: network, ip_version: 4, ...subnet } })

describe('a subnet', () => {
  test('has the first address as gateway and hands out the rest', async () => {
    expect((await create({ cidr: '10.75.0.7/24' })).body.subnet).toMatchObject({
      cidr: '10.75.0.0/24',
      gateway_ip: '10.75.0.1',
      allocation_pools: [{ start: '10.75.0.2', end: '10.75.0.254' }],
      enable_dhcp: true,
      dns_nameservers: [],
      host_routes: [],
      ipv6_ra_mode: null,
      ipv6_address_mode: null,
      subnetpool_id: null,
      revision_number: 0,
    })
    expect((await create({ cidr: 'FD00:3::/64', ip_version: 6 })).body.subnet).toMatchObject({
      cidr: 'fd00:3::/64',
      gateway_ip: 'fd00:3::',
      allocation_pools: [{ start: 'fd00:3::1', end: 'fd00:3::ffff:ffff:ffff:ffff' }],
    })
  })

  test('takes a gateway anywhere, and none', async () => {
    expect((await create({ cidr: '10.6.0.0/24', gateway_ip: '10.7.0.1' })).body.subnet).toMatchObject({
      gateway_ip: '10.7.0.1',
      allocation_pools: [{ start: '10.6.0.1', end: '10.6.0.254' }],
    })
    expect((await create({ cidr: '10.8.0.0/24', gateway_ip: null })).body.subnet.gateway_ip).toBeNull()
    expect((await create({ cidr: '10.9.0.0/24', gateway_ip: '10.9.0.100' })).body.subnet.allocation_pools).toEqual([
      { start: '10.9.0.1', end: '10.9.0.99' },
      { start: '10.9.0.101', end: '10.9.0.254' },
    ])
  })

  test.each([
    [{ cidr: '10.0.0.0/33' }, 400, 'HTTPBadRequest'],
    [{ cidr: '10.0.0.0' }, 400, 'HTTPBadRequest'],
    [{ cidr: '0.0.0.0/0' }, 400, 'InvalidInput'],
    [{ cidr: 'fd00::/64' }, 400, 'InvalidInput'],
    [{ cidr: '10.0.0.0/31' }, 400, 'InvalidInput'],
    [{ cidr: '224.0.0.0/24' }, 400, 'InvalidInput'],
    [{ cidr: '127.0.0.0/24' }, 400, 'InvalidInput'],
    [{ cidr: '10.0.0.0/24', gateway_ip: '10.0.0.0' }, 400, 'InvalidInput'],
    [{ cidr: '10.0.0.0/24', gateway_ip: '10.0.0.255' }, 400, 'InvalidInput'],
    [{ cidr: '10.0.0.0/24', gateway_ip: 'fd00::1' }, 400, 'InvalidInput'],
    [{ cidr: '10.0.0.0/24', ip_version: 5 }, 400, 'HTTPBadRequest'],
    [{ cidr: '10.0.0.0/24', ipv6_ra_mode: 'slaac' }, 400, 'InvalidInput'],
    [{ cidr: 'fd00::/64', ip_version: 6, ipv6_ra_mode: 'magic' }, 400, 'HTTPBadRequest'],
    [{ cidr: 'fd00::/65', ip_version: 6, ipv6_ra_mode: 'slaac' }, 400, 'InvalidInput'],
    [{ cidr: 'fd00::/64', ip_version: 6, ipv6_ra_mode: 'slaac', enable_dhcp: false }, 400, 'InvalidInput'],
    [
      { cidr: 'fd00::/64', ip_version: 6, ipv6_ra_mode: 'slaac', ipv6_address_mode: 'dhcpv6-stateful' },
      400,
      'InvalidInput',
    ],
    [{ cidr: '10.0.0.0/24', allocation_pools: [{ start: '10.0.0.9', end: '10.0.0.2' }] }, 400, 'InvalidAllocationPool'],
    [
      { cidr: '10.0.0.0/24', allocation_pools: [{ start: '10.0.0.9', end: '10.0.1.2' }] },
      400,
      'OutOfBoundsAllocationPool',
    ],
    [
      {
        cidr: '10.0.0.0/24',
        allocation_pools: [
          { start: '10.0.0.9', end: '10.0.0.20' },
          { start: '10.0.0.20', end: '10.0.0.30' },
        ],
      },
      409,
      'OverlappingAllocationPools',
    ],
    [
      { cidr: '10.0.0.0/24', allocation_pools: [{ start: '10.0.0.1', end: '10.0.0.9' }] },
      409,
      'GatewayConflictWithAllocationPools',
    ],
    [{ cidr: '10.0.0.0/24', allocation_pools: [{ start: '10.0.0.1' }] }, 400, 'HTTPBadRequest'],
    [{ cidr: '10.0.0.0/24', dns_nameservers: ['8.8.8.8', 'nobody'] }, 400, 'HTTPBadRequest'],
    [{ cidr: '10.0.0.0/24', dns_nameservers: ['8.8.8.8', '8.8.8.8'] }, 400, 'HTTPBadRequest'],
    [
      { cidr: '10.0.0.0/24', dns_nameservers: [1, 2, 3, 4, 5, 6].map(n => `8.8.8.${n}`) },
      400,
      'DNSNameServersExhausted',
    ],
    [{ cidr: '10.0.0.0/24', host_routes: [{ destination: '10.1.0.0/16' }] }, 400, 'HTTPBadRequest'],
    [{ cidr: '10.0.0.0/24', service_types: ['my-own'] }, 400, 'InvalidSubnetServiceType'],
    [{}, 400, 'BadRequest'],
    [{ network_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c', cidr: '10.0.0.0/24' }, 404, 'NetworkNotFound'],
  ])('is refused as %j', async (body, status, type) => {
    expect(refusal(await create(body))).toEqual([status, type])
    expect((await api.ok('GET', 'subnets')).subnets).toEqual([])
  })

  test('overlaps no other of its network', async () => {
    await create({ cidr: '10.0.0.0/24' })
    expect(refusal(await create({ cidr: '10.0.0.128/25' }))).toEqual([400, 'InvalidInput'])
    expect(refusal(await create({ cidr: '10.0.0.0/16' }))).toEqual([400, 'InvalidInput'])
    expect((await create({ cidr: '10.0.1.0/24' })).status).toBe(201)
    expect((await create({ cidr: '10.0.0.0/24', network_id: (await api.network()).network })).status).toBe(201)
  })

  test('changes what may change', async () => {
    const { subnet } = (await create({ cidr: '10.0.0.0/24' })).body
    const put = (body: object) => api.call('PUT', `subnets/${subnet.id}`, { subnet: body })
    const changed = await put({
      name: 'x',
      gateway_ip: '10.0.0.254',
      allocation_pools: [{ start: '10.0.0.10', end: '10.0.0.20' }],
      dns_nameservers: ['8.8.8.8'],
      host_routes: [{ destination: '10.1.0.0/16', nexthop: '10.0.0.9' }],
      enable_dhcp: 'false',
    })
    expect(changed.body.subnet).toMatchObject({
      name: 'x',
      gateway_ip: '10.0.0.254',
      allocation_pools: [{ start: '10.0.0.10', end: '10.0.0.20' }],
      dns_nameservers: ['8.8.8.8'],
      host_routes: [{ destination: '10.1.0.0/16', nexthop: '10.0.0.9' }],
      enable_dhcp: false,
      revision_number: 1,
    })
    expect((await put({ gateway_ip: null })).body.subnet.gateway_ip).toBeNull()
    expect(refusal(await put({ cidr: '10.0.1.0/24' }))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await put({ gateway_ip: '10.0.0.15' }))).toEqual([409, 'GatewayConflictWithAllocationPools'])
  })

  test('stays while ports have addresses of it', async () => {
    const { subnet } = (await create({ cidr: '10.0.0.0/24' })).body
    const { port } = await api.ok('POST', 'ports', { port: { network_id: network } })
    expect(refusal(await api.call('DELETE', `subnets/${subnet.id}`))).toEqual([409, 'SubnetInUse'])
    await api.ok('DELETE', `ports/${port.id}`)
    expect((await api.call('DELETE', `subnets/${subnet.id}`)).status).toBe(204)
  })

  test('with automatic addresses gives and takes them as it comes and goes', async () => {
    const { port } = await api.ok('POST', 'ports', { port: { network_id: network, mac_address: 'fa:16:3e:00:00:01' } })
    const { subnet } = (
      await create({ cidr: 'fd00::/64', ip_version: 6, ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })
    ).body
    const addresses = async () => (await api.ok('GET', `ports/${port.id}`)).port.fixed_ips
    expect(await addresses()).toEqual([{ subnet_id: subnet.id, ip_address: 'fd00::f816:3eff:fe00:1' }])
    expect((await api.call('DELETE', `subnets/${subnet.id}`)).status).toBe(204)
    expect(await addresses()).toEqual([])
  })

  test('needs an MTU that IPv6 can live with', async () => {
    const small = (await api.ok('POST', 'networks', { network: { mtu: 1000 } })).network
    expect(refusal(await create({ network_id: small.id, cidr: 'fd00::/64', ip_version: 6 }))).toEqual([
      409,
      'NetworkMTUSubnetConflict',
    ])
  })
})

describe('a subnet pool', () => {
  const pool = (subnetpool: object) => api.call('POST', 'subnetpools', { subnetpool: { name: 'p', ...subnetpool } })
  const cut = (id: string, more: object = {}) => create({ ip_version: 4, subnetpool_id: id, ...more })

  test('joins its prefixes and has the bounds of its IP version', async () => {
    expect(
      (await pool({ prefixes: ['10.0.1.0/24', '10.0.0.0/24', '10.9.0.0/16', '10.9.4.0/24'] })).body.subnetpool,
    ).toMatchObject({
      prefixes: ['10.0.0.0/23', '10.9.0.0/16'],
      ip_version: 4,
      min_prefixlen: '8',
      max_prefixlen: '32',
      default_prefixlen: '8',
      default_quota: null,
      is_default: false,
      shared: false,
      address_scope_id: null,
    })
    expect((await pool({ prefixes: ['fd00::/48'] })).body.subnetpool).toMatchObject({
      ip_version: 6,
      min_prefixlen: '64',
      max_prefixlen: '128',
      default_prefixlen: '64',
    })
  })

  test('cuts subnets that share no address until it is used up', async () => {
    const { id } = (await pool({ prefixes: ['10.0.0.0/24'], default_prefixlen: 26 })).body.subnetpool
    const cidrs = [await cut(id), await cut(id, { prefixlen: 25 }), await cut(id)].map(a => a.body.subnet?.cidr)
    expect(cidrs).toEqual(['10.0.0.0/26', '10.0.0.128/25', '10.0.0.64/26'])
    expect(refusal(await cut(id))).toEqual([409, 'SubnetAllocationError'])
    expect(refusal(await api.call('DELETE', `subnetpools/${id}`))).toEqual([400, 'SubnetPoolDeleteError'])
  })

  test('cuts a given prefix, inside its bounds', async () => {
    const { id } = (
      await pool({ prefixes: ['10.0.0.0/16'], min_prefixlen: 20, max_prefixlen: 28, default_prefixlen: 24 })
    ).body.subnetpool
    expect((await cut(id, { cidr: '10.0.7.0/24' })).body.subnet).toMatchObject({
      cidr: '10.0.7.0/24',
      subnetpool_id: id,
    })
    expect(refusal(await cut(id, { cidr: '10.0.7.0/25', network_id: (await api.network()).network }))).toEqual([
      409,
      'SubnetAllocationError',
    ])
    expect(refusal(await cut(id, { cidr: '10.7.0.0/24' }))).toEqual([409, 'SubnetAllocationError'])
    expect(refusal(await cut(id, { prefixlen: 19 }))).toEqual([400, 'MinPrefixSubnetAllocationError'])
    expect(refusal(await cut(id, { prefixlen: 29 }))).toEqual([400, 'MaxPrefixSubnetAllocationError'])
    expect(refusal(await create({ cidr: '10.99.0.0/24' }))).toEqual([400, 'NetworkSubnetPoolAffinityError'])
  })

  test('keeps a project within its quota', async () => {
    const { id } = (await pool({ prefixes: ['10.0.0.0/16'], default_prefixlen: 24, default_quota: 512 })).body
      .subnetpool
    expect([(await cut(id)).status, (await cut(id)).status]).toEqual([201, 201])
    expect(refusal(await cut(id))).toEqual([409, 'SubnetPoolQuotaExceeded'])
  })

  test('grows and shrinks by prefixes that nobody uses', async () => {
    const { id } = (await pool({ prefixes: ['10.0.0.0/24'], default_prefixlen: 24 })).body.subnetpool
    const act = (verb: string, prefixes: string[]) => api.call('PUT', `subnetpools/${id}/${verb}`, { prefixes })
    expect((await act('add_prefixes', ['10.0.1.0/24'])).body).toEqual({ prefixes: ['10.0.0.0/23'] })
    await cut(id)
    expect((await act('remove_prefixes', ['10.0.1.0/24'])).body).toEqual({ prefixes: ['10.0.0.0/24'] })
    expect(refusal(await act('remove_prefixes', ['10.0.0.0/24']))).toEqual([400, 'IllegalSubnetPoolPrefixUpdate'])
    expect(refusal(await api.call('PUT', `subnetpools/${id}`, { subnetpool: { prefixes: ['10.5.0.0/24'] } }))).toEqual([
      400,
      'IllegalSubnetPoolPrefixUpdate',
    ])
  })

  test('is the default of at most one per IP version', async () => {
    const { id } = (await pool({ prefixes: ['10.0.0.0/16'], default_prefixlen: 24, is_default: true })).body.subnetpool
    expect(refusal(await pool({ prefixes: ['10.1.0.0/16'], is_default: true }))).toEqual([400, 'InvalidInput'])
    expect((await create({ use_default_subnetpool: true })).body.subnet).toMatchObject({
      subnetpool_id: id,
      cidr: '10.0.0.0/24',
    })
    expect(refusal(await create({ ip_version: 6, use_default_subnetpool: true }))).toEqual([400, 'BadRequest'])
  })

  test('shares no address with others of its address scope', async () => {
    const scope = (await api.ok('POST', 'address-scopes', { address_scope: { name: 's', ip_version: 4 } }))
      .address_scope
    const { id } = (await pool({ prefixes: ['10.0.0.0/16'], default_prefixlen: 24, address_scope_id: scope.id })).body
      .subnetpool
    expect(refusal(await pool({ prefixes: ['10.0.8.0/24'], address_scope_id: scope.id }))).toEqual([
      409,
      'AddressScopePrefixConflict',
    ])
    expect(refusal(await pool({ prefixes: ['fd00::/48'], address_scope_id: scope.id }))[0]).toBe(400)
    expect(refusal(await api.call('DELETE', `address-scopes/${scope.id}`))).toEqual([409, 'AddressScopeInUse'])
    await cut(id)
    expect((await api.ok('GET', `networks/${network}`)).network).toMatchObject({
      ipv4_address_scope: scope.id,
      ipv6_address_scope: null,
    })
  })
})
