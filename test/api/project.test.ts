// What a member of a project may see and do of what is another's.
import { once } from 'node:events'
import { get } from 'node:http'
import { hostname } from 'node:os'
import { beforeEach, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let admin: TestApi
let member: TestApi
beforeEach(() => {
  admin = testApi()
  const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
  member = testApi({ store: admin.store, authenticate: async () => identity })
})
const denied = [403, 'PolicyNotAuthorized']

/** A network of another project, with a subnet. */
async function foreign(network: object = {}) {
  const { id } = (await admin.ok('POST', 'networks', { network: { project_id: 'other', ...network } })).network
  const subnet = { network_id: id, ip_version: 4, cidr: '10.0.0.0/24', project_id: 'other' }
  return { id: id as string, subnet: (await admin.ok('POST', 'subnets', { subnet })).subnet.id as string }
}

test('chassis are for administrators', async () => {
  expect(refusal(await member.call('GET', '/flowright/v1/chassis'))).toEqual(denied)
  expect((await member.ok('GET', 'agents')).agents).toEqual([])
})

test('another project’s network is not there, until it is shared', async () => {
  const { id, subnet } = await foreign()
  expect(refusal(await member.call('GET', `networks/${id}`))).toEqual([404, 'NetworkNotFound'])
  expect(refusal(await member.call('PUT', `networks/${id}`, { network: { name: 'x' } }))).toEqual([
    404,
    'NetworkNotFound',
  ])
  expect(refusal(await member.call('GET', `subnets/${subnet}`))).toEqual([404, 'SubnetNotFound'])
  expect(refusal(await member.call('POST', 'ports', { port: { network_id: id } }))).toEqual([404, 'NetworkNotFound'])
  expect((await member.ok('GET', 'networks')).networks).toEqual([])
  await admin.ok('PUT', `networks/${id}`, { network: { shared: true } })
  const { network } = await member.ok('GET', `networks/${id}`)
  expect(network).toMatchObject({ shared: true, subnets: [subnet] })
  expect(network).not.toHaveProperty('provider:network_type')
  expect(refusal(await member.call('PUT', `networks/${id}`, { network: { name: 'x' } }))).toEqual(denied)
  const more = { network_id: id, ip_version: 4, cidr: '10.1.0.0/24' }
  expect(refusal(await member.call('POST', 'subnets', { subnet: more }))).toEqual(denied)
})

test('a port on a shared network takes what it is given', async () => {
  const { id, subnet } = await foreign({ shared: true })
  const create = (port: object) => member.call('POST', 'ports', { port: { network_id: id, ...port } })
  for (const chosen of [
    { mac_address: 'fa:16:3e:00:00:01' },
    { fixed_ips: [{ ip_address: '10.0.0.7' }] },
    { port_security_enabled: false },
    { allowed_address_pairs: [{ ip_address: '10.0.0.7' }] },
    { device_owner: 'network:router_interface' },
    { 'binding:host_id': 'h' },
  ])
    expect(refusal(await create(chosen)), JSON.stringify(chosen)).toEqual(denied)
  const { port } = (await create({ fixed_ips: [{ subnet_id: subnet }] })).body
  expect(port).toMatchObject({ project_id: 'p', fixed_ips: [{ subnet_id: subnet }] })
  expect(port).not.toHaveProperty('binding:host_id')
  const pairs = { allowed_address_pairs: [{ ip_address: '10.0.0.7' }] }
  expect(refusal(await member.call('PUT', `ports/${port.id}`, { port: pairs }))).toEqual(denied)
})

test('the owner of a network sees the ports of others on it, and may remove them', async () => {
  const { network } = await member.ok('POST', 'networks', { network: {} })
  const body = { port: { network_id: network.id, project_id: 'other' } }
  const { id } = (await admin.ok('POST', 'ports', body)).port
  expect((await member.ok('GET', 'ports')).ports).toHaveLength(1)
  expect(refusal(await member.call('PUT', `ports/${id}`, { port: { name: 'x' } }))).toEqual(denied)
  expect((await member.call('DELETE', `ports/${id}`)).status).toBe(204)
})

test('a page of another site gets nothing done', async () => {
  const post = (origin: string) =>
    admin.call('POST', 'networks', { network: {} }, { host: '127.0.0.1:9696', origin, 'content-type': 'text/plain' })
  expect(refusal(await post('https://evil.example'))).toEqual([403, 'HTTPForbidden'])
  expect(refusal(await post('null'))).toEqual([403, 'HTTPForbidden'])
  expect((await post('http://127.0.0.1:9696')).status).toBe(201)
})

test('over loopback, a name that a page made point here gets nothing', async () => {
  const url = new URL(await admin.app.listen({ host: '127.0.0.1', port: 0 }))
  const statusFor = async (host: string) => {
    const [answer] = await once(get(url, { path: '/v2.0/networks', headers: { host } }), 'response')
    answer.resume()
    return answer.statusCode
  }
  try {
    expect(await statusFor(`evil.example:${url.port}`)).toBe(403)
    for (const host of ['127.0.0.1', 'localhost', '[::1]', hostname()])
      expect(await statusFor(`${host}:${url.port}`), host).toBe(200)
  } finally {
    await admin.app.close()
  }
})

test('what is for administrators is refused, as value and as filter', async () => {
  for (const body of [{ shared: true }, { 'router:external': true }, { 'provider:network_type': 'gre' }])
    expect(refusal(await member.call('POST', 'networks', { network: body }))).toEqual(denied)
  expect(refusal(await member.call('GET', 'networks?provider:network_type=vxlan'))).toEqual([400, 'HTTPBadRequest'])
  expect((await member.ok('POST', 'networks', { network: {} })).network.project_id).toBe('p')
  expect(refusal(await member.call('POST', 'networks', { network: { project_id: 'other' } }))[0]).toBe(400)
})

test('a pool goes into an address scope that may be seen, and one of others keeps it as it is', async () => {
  const scope = async (shared: boolean) => {
    const body = { name: 's', ip_version: 4, shared, project_id: 'other' }
    return (await admin.ok('POST', 'address-scopes', { address_scope: body })).address_scope.id
  }
  const pool = async (id: string) =>
    member.call('POST', 'subnetpools', {
      subnetpool: { name: 'p', prefixes: ['10.0.0.0/16'], address_scope_id: id },
    })
  expect(refusal(await pool(await scope(false)))).toEqual([404, 'AddressScopeNotFound'])
  const { subnetpool } = (await pool(await scope(true))).body
  expect(refusal(await member.call('PUT', `subnetpools/${subnetpool.id}`, { subnetpool: { name: 'q' } }))).toEqual([
    400,
    'IllegalSubnetPoolUpdate',
  ])
})
