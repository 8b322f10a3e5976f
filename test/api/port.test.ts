import { beforeEach, describe, expect, test } from 'vitest'
import { chassis, claimPort } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { aChassis } from '#test/support/model'

let api: TestApi
let network: string
let subnet: string
beforeEach(async () => {
  api = testApi()
  ;({ network, subnet } = await api.network('10.0.0.0/24'))
})
const create = (port: object = {}) => api.call('POST', 'ports', { port: { network_id: network, ...port } })
const update = (id: string, port: object) => api.call('PUT', `ports/${id}`, { port })
const ips = (answer: { body: { port: { fixed_ips: { ip_address: string }[] } } }) =>
  answer.body.port.fixed_ips.map(ip => ip.ip_address)
const ipv6 = (more: object = {}) =>
  api.ok('POST', 'subnets', { subnet: { network_id: network, cidr: 'fd00::/64', ip_version: 6, ...more } })

describe('a port', () => {
  test('has the defaults of Neutron', async () => {
    const { status, body } = await create()
    expect(status).toBe(201)
    expect(body.port).toMatchObject({
      name: '',
      status: 'DOWN',
      admin_state_up: true,
      network_id: network,
      fixed_ips: [{ subnet_id: subnet, ip_address: '10.0.0.2' }],
      device_id: '',
      device_owner: '',
      allowed_address_pairs: [],
      extra_dhcp_opts: [],
      port_security_enabled: true,
      'binding:host_id': '',
      'binding:vif_type': 'unbound',
      'binding:vif_details': {},
      'binding:vnic_type': 'normal',
      'binding:profile': {},
    })
    expect(body.port.mac_address).toMatch(/^fa:16:3e(:[0-9a-f]{2}){3}$/)
  })

  test('has one address of each family', async () => {
    const v6 = (await ipv6()).subnet.id
    await api.ok('POST', 'subnets', { subnet: { network_id: network, cidr: '10.0.1.0/24', ip_version: 4 } })
    expect((await create()).body.port.fixed_ips).toEqual([
      { subnet_id: subnet, ip_address: '10.0.0.2' },
      { subnet_id: v6, ip_address: 'fd00::1' },
    ])
  })

  test('has the addresses asked for: given, or on a given subnet', async () => {
    const port = await create({
      fixed_ips: [{ ip_address: '10.0.0.50' }, { subnet_id: subnet }, { subnet_id: subnet }],
    })
    expect(ips(port)).toEqual(['10.0.0.50', '10.0.0.2', '10.0.0.3'])
    expect(ips(await create({ fixed_ips: [] }))).toEqual([])
    expect(ips(await create({ fixed_ips: [{ subnet_id: subnet, ip_address: '10.0.0.1' }] }))).toEqual(['10.0.0.1'])
    expect(refusal(await create({ fixed_ips: [{ ip_address: '10.0.0.50' }] }))).toEqual([
      409,
      'IpAddressAlreadyAllocated',
    ])
  })

  test.each([
    [[{ ip_address: '10.1.0.5' }], 400, 'InvalidIpForNetwork'],
    [[{ ip_address: '10.0.0.255' }], 400, 'InvalidIpForNetwork'],
    [[{ ip_address: '10.0.0.300' }], 400, 'HTTPBadRequest'],
    [[{}], 400, 'InvalidInput'],
    [[{ ip_address: '10.0.0.5' }, { ip_address: '10.0.0.5' }], 400, 'HTTPBadRequest'],
    [[{ subnet_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }], 404, 'SubnetNotFound'],
    [[{ subnet_id: 'no-uuid' }], 400, 'HTTPBadRequest'],
    ['10.0.0.5', 400, 'HTTPBadRequest'],
    [[{ ip: '10.0.0.5' }], 400, 'HTTPBadRequest'],
  ])('is refused the addresses %j', async (fixed_ips, status, type) => {
    expect(refusal(await create({ fixed_ips }))).toEqual([status, type])
  })

  test('makes its own address on a SLAAC subnet, asked or not', async () => {
    const v6 = (await ipv6({ ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' })).subnet.id
    const mac = { mac_address: 'FA-16-3E-00-00-01' }
    const own = 'fd00::f816:3eff:fe00:1'
    const made = await create({ ...mac, fixed_ips: [] })
    expect(made.body.port).toMatchObject({
      mac_address: 'fa:16:3e:00:00:01',
      fixed_ips: [{ subnet_id: v6, ip_address: own }],
    })
    expect(refusal(await create({ fixed_ips: [{ subnet_id: v6, ip_address: 'fd00::5' }] }))).toEqual([
      400,
      'InvalidInput',
    ])
    expect(ips(await update(made.body.port.id, { mac_address: 'fa:16:3e:00:00:02' }))).toEqual([
      'fd00::f816:3eff:fe00:2',
    ])
    const router = await create({
      device_owner: 'network:router_interface',
      fixed_ips: [{ subnet_id: v6, ip_address: 'fd00::5' }],
    })
    expect(ips(router)).toEqual(['fd00::5'])
  })

  test('shares no MAC address on a network', async () => {
    const mac_address = 'fa:16:3e:00:00:01'
    await create({ mac_address })
    expect(refusal(await create({ mac_address }))).toEqual([409, 'MacAddressInUse'])
    expect((await create({ mac_address, network_id: (await api.network()).network })).status).toBe(201)
    for (const bad of ['01:00:5e:00:00:01', 'nonsense', '00:00:00:00:00:00', 'fa:16:3e:00:00:01:02'])
      expect(refusal(await create({ mac_address: bad })), bad).toEqual([400, 'HTTPBadRequest'])
  })

  test('gets a new MAC address for null', async () => {
    const { port } = (await create()).body
    const { body } = await update(port.id, { mac_address: null })
    expect(body.port.mac_address).toMatch(/^fa:16:3e/)
    expect(body.port.mac_address).not.toBe(port.mac_address)
  })

  test('keeps the addresses that an update repeats', async () => {
    const { port } = (await create({ fixed_ips: [{ subnet_id: subnet }, { subnet_id: subnet }] })).body
    expect(ips(await update(port.id, { fixed_ips: [{ subnet_id: subnet }, { ip_address: '10.0.0.3' }] }))).toEqual([
      '10.0.0.3',
      '10.0.0.2',
    ])
    expect(ips(await update(port.id, { fixed_ips: [{ ip_address: '10.0.0.9' }] }))).toEqual(['10.0.0.9'])
    expect(ips(await create({ fixed_ips: [{ ip_address: '10.0.0.2' }] }))).toEqual(['10.0.0.2'])
  })

  test('is refused when every address is in use, and given one as soon as one is free', async () => {
    ;({ network, subnet } = await api.network('10.5.0.0/29'))
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => create()))
    expect(made.map(a => a.status)).toEqual([201, 201, 201, 201, 201])
    expect(refusal(await create())).toEqual([409, 'IpAddressGenerationFailure'])
    await api.ok('DELETE', `ports/${made[2]!.body.port.id}`)
    expect(ips(await create())).toEqual(ips(made[2]!))
  })

  test('takes addresses of a subnet for its kind first', async () => {
    const { subnet: own } = await api.ok('POST', 'subnets', {
      subnet: { network_id: network, cidr: '10.9.0.0/24', ip_version: 4, service_types: ['compute:nova'] },
    })
    expect((await create({ device_owner: 'compute:nova' })).body.port.fixed_ips[0].subnet_id).toBe(own.id)
    expect((await create({ device_owner: 'network:dhcp' })).body.port.fixed_ips[0].subnet_id).toBe(subnet)
  })

  test('fills in its MAC address in allowed address pairs', async () => {
    const pair = { ip_address: '10.1.0.7/16' }
    const { port } = (await create({ allowed_address_pairs: [pair] })).body
    expect(port.allowed_address_pairs).toEqual([{ ip_address: '10.1.0.0/16', mac_address: port.mac_address }])
    expect((await update(port.id, { allowed_address_pairs: [] })).body.port.allowed_address_pairs).toEqual([])
    expect(refusal(await create({ allowed_address_pairs: [pair], port_security_enabled: false }))).toEqual([
      409,
      'AddressPairAndPortSecurityRequired',
    ])
    expect(refusal(await create({ allowed_address_pairs: [pair, pair] }))[0]).toBe(400)
    expect(refusal(await create({ allowed_address_pairs: [{ mac_address: 'fa:16:3e:00:00:01' }] }))[0]).toBe(400)
    const eleven = Array.from({ length: 11 }, (_, i) => ({ ip_address: `10.3.0.${i}` }))
    expect(refusal(await create({ allowed_address_pairs: eleven }))).toEqual([400, 'AllowedAddressPairExhausted'])
  })

  test('takes port security from its network', async () => {
    expect((await create({ security_groups: [], port_security_enabled: false })).body.port.security_groups).toEqual([])
    expect(refusal(await create({ security_groups: [network] }))).toEqual([404, 'SecurityGroupNotFound'])
    await api.ok('PUT', `networks/${network}`, { network: { port_security_enabled: false } })
    expect((await create()).body.port.port_security_enabled).toBe(false)
    expect((await create({ port_security_enabled: true })).body.port.port_security_enabled).toBe(true)
  })

  test('adds, changes and drops DHCP options one by one', async () => {
    const option = (opt_name: string, opt_value: string | null) => ({ opt_name, opt_value })
    const { port } = (await create({ extra_dhcp_opts: [option('tftp-server', '10.0.0.9'), option('mtu', '1400')] }))
      .body
    const changed = await update(port.id, { extra_dhcp_opts: [option('mtu', null), option('tftp-server', '10.0.0.8')] })
    expect(changed.body.port.extra_dhcp_opts).toEqual([{ ...option('tftp-server', '10.0.0.8'), ip_version: 4 }])
    expect(refusal(await create({ extra_dhcp_opts: [option('', 'x')] }))[0]).toBe(400)
  })

  test('is made in bulk, all or none', async () => {
    const many = await api.call('POST', 'ports', { ports: Array(50).fill({ network_id: network }) })
    expect(new Set(many.body.ports.map((p: { fixed_ips: unknown }) => JSON.stringify(p.fixed_ips))).size).toBe(50)
    const bad = { ports: [{ network_id: network }, { network_id: network, fixed_ips: [{ ip_address: '10.0.0.2' }] }] }
    expect(refusal(await api.call('POST', 'ports', bad))).toEqual([409, 'IpAddressAlreadyAllocated'])
    expect((await api.ok('GET', 'ports?fields=id')).ports).toHaveLength(50)
  })

  test('is found by its addresses', async () => {
    const { port } = (await create({ fixed_ips: [{ ip_address: '10.0.0.77' }] })).body
    await create()
    const found = async (filter: string) =>
      (await api.ok('GET', `ports?fields=id&${filter}`)).ports.map((p: { id: string }) => p.id)
    expect(await found('fixed_ips=ip_address%3D10.0.0.77')).toEqual([port.id])
    expect(await found(`fixed_ips=subnet_id%3D${subnet}&fixed_ips=ip_address%3D10.0.0.77`)).toEqual([port.id])
    expect(await found('fixed_ips=ip_address_substr%3D.77')).toEqual([port.id])
    expect(await found(`fixed_ips=subnet_id%3D${subnet}`)).toHaveLength(2)
    expect(await found(`mac_address=${port.mac_address.toUpperCase()}`)).toEqual([port.id])
  })
})

describe('bindings of a port', () => {
  beforeEach(async () => {
    await api.store.transact({ source: 'test' }, tx => {
      tx.insert(chassis, aChassis('host1', 1))
      tx.insert(chassis, aChassis('host2', 2))
    })
  })
  const bindings = (id: string, method = 'GET', host = '', body?: object) =>
    api.call(method, `ports/${id}/bindings${host}`, body)

  test('tell Nova how to plug it, or that it cannot be', async () => {
    expect((await create({ 'binding:host_id': 'host1' })).body.port).toMatchObject({
      'binding:host_id': 'host1',
      'binding:vif_type': 'ovs',
      'binding:vif_details': { bridge_name: 'br-int', port_filter: true },
    })
    expect((await create({ 'binding:host_id': 'nowhere' })).body.port['binding:vif_type']).toBe('binding_failed')
  })

  test('move it from host to host', async () => {
    const { id } = (await create({ 'binding:host_id': 'host1' })).body.port
    const made = await bindings(id, 'POST', '', { binding: { host: 'host2', profile: { a: 1 } } })
    expect(made).toMatchObject({
      status: 201,
      body: { binding: { host: 'host2', status: 'INACTIVE', vif_type: 'ovs', profile: { a: 1 } } },
    })
    expect(refusal(await bindings(id, 'POST', '', { binding: { host: 'host2' } }))).toEqual([
      409,
      'PortBindingAlreadyExists',
    ])
    expect(refusal(await bindings(id, 'PUT', '/host1/activate'))).toEqual([409, 'PortBindingAlreadyActive'])
    expect((await bindings(id, 'PUT', '/host2/activate')).body.binding).toMatchObject({
      host: 'host2',
      status: 'ACTIVE',
    })
    expect((await api.ok('GET', `ports/${id}`)).port['binding:host_id']).toBe('host2')
    expect((await bindings(id)).body.bindings.map((b: { host: string; status: string }) => [b.host, b.status])).toEqual(
      [
        ['host2', 'ACTIVE'],
        ['host1', 'INACTIVE'],
      ],
    )
    expect((await bindings(id, 'DELETE', '/host1')).status).toBe(204)
    expect(refusal(await bindings(id, 'DELETE', '/host1'))).toEqual([404, 'PortBindingNotFound'])
  })

  test('follow activation in the data plane, and the port is bound to what is plugged', async () => {
    const { id } = (await create({ 'binding:host_id': 'host1' })).body.port
    await bindings(id, 'POST', '', { binding: { host: 'host2' } })
    await api.store.transact({ source: 'test' }, tx => {
      for (const at of ['host1', 'host2'])
        claimPort(tx, { chassis: at, interface: 'tap1', port: id, ofport: 5, error: '' })
    })
    const bound = async () =>
      (await api.ok('GET', '/flowright/v1/chassis')).chassis.map(
        (c: { bindings: { state: string }[] }) => c.bindings[0]?.state,
      )
    expect(await bound()).toEqual(['active', 'pending'])
    await bindings(id, 'PUT', '/host2/activate')
    expect(await bound()).toEqual(['pending', 'active'])
    expect(refusal(await update(id, { mac_address: 'fa:16:3e:00:00:01' }))).toEqual([409, 'PortBound'])
    await api.ok('DELETE', `ports/${id}`)
    expect(await bound()).toEqual([undefined, undefined])
  })
})
