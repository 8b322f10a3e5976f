// What projects share with one another, by RBAC policies.
import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let admin: TestApi
/** Members of the projects a, b and c. */
let a: TestApi
let b: TestApi
let c: TestApi
beforeEach(() => {
  admin = testApi()
  const member = (projectId: string) =>
    testApi({ store: admin.store, authenticate: async () => ({ projectId, userId: 'u', roles: [], isAdmin: false }) })
  a = member('a')
  b = member('b')
  c = member('c')
})

const share = (by: TestApi, objectType: string, id: string, target: string, action = 'access_as_shared') =>
  by.call('POST', 'rbac-policies', {
    rbac_policy: { object_type: objectType, object_id: id, target_tenant: target, action },
  })
const policyOf = async (answer: ReturnType<typeof share>) => {
  const { status, text, body } = await answer
  if (status !== 201) throw new Error(text)
  return body.rbac_policy
}
const made = async (by: TestApi, name: string, plural: string, body: object) =>
  (await by.ok('POST', plural, { [name]: body }))[name]
const network = (by: TestApi, body: object = {}) => made(by, 'network', 'networks', body)
const port = (by: TestApi, networkId: string) => by.call('POST', 'ports', { port: { network_id: networkId } })
const policies = async (by: TestApi, query = '') => (await by.ok('GET', `rbac-policies${query}`)).rbac_policies
const gone = (by: TestApi, id: string) => by.call('DELETE', `rbac-policies/${id}`)

describe('a policy', () => {
  test('shows a network to one project, as shared, and lets it have ports there', async () => {
    const { id } = await network(a)
    const subnet = { network_id: id, ip_version: 4, cidr: '10.0.0.0/24' }
    const { id: subnetId } = await made(a, 'subnet', 'subnets', subnet)
    const policy = await policyOf(share(a, 'network', id, 'b'))
    expect(policy).toEqual({
      id: expect.any(String),
      project_id: 'a',
      tenant_id: 'a',
      object_type: 'network',
      object_id: id,
      action: 'access_as_shared',
      target_tenant: 'b',
    })
    expect((await b.ok('GET', `networks/${id}`)).network).toMatchObject({ shared: true, project_id: 'a' })
    expect((await b.ok('GET', `subnets/${subnetId}`)).subnet.id).toBe(subnetId)
    expect((await b.ok('GET', 'networks?shared=true')).networks).toHaveLength(1)
    expect((await b.ok('GET', 'networks?shared=false')).networks).toEqual([])
    expect((await a.ok('GET', `networks/${id}`)).network.shared).toBe(false)
    expect((await port(b, id)).body.port).toMatchObject({ project_id: 'b', fixed_ips: [{ subnet_id: subnetId }] })
    expect(refusal(await c.call('GET', `networks/${id}`))).toEqual([404, 'NetworkNotFound'])
    expect(refusal(await port(c, id))).toEqual([404, 'NetworkNotFound'])
  })

  test('is seen by those who made it, and by administrators', async () => {
    const { id } = await network(a)
    const policy = await policyOf(share(a, 'network', id, 'b'))
    for (const by of [a, admin]) expect(await policies(by)).toEqual([policy])
    expect(await policies(b)).toEqual([])
    expect(refusal(await b.call('GET', `rbac-policies/${policy.id}`))).toEqual([404, 'RbacPolicyNotFound'])
    expect(await policies(a, `?object_id=${id}&target_tenant=b&action=access_as_shared`)).toEqual([policy])
    expect(await policies(a, '?target_tenant=c')).toEqual([])
    expect(await policies(a, '?fields=id&fields=action')).toEqual([{ id: policy.id, action: 'access_as_shared' }])
  })

  test('may be made once', async () => {
    const { id } = await network(a)
    await policyOf(share(a, 'network', id, 'b'))
    const other = await policyOf(share(a, 'network', id, 'c'))
    expect(refusal(await share(admin, 'network', id, 'b'))).toEqual([409, 'DuplicateRbacPolicy'])
    const put = (target: string) =>
      a.call('PUT', `rbac-policies/${other.id}`, { rbac_policy: { target_tenant: target } })
    expect(refusal(await put('b'))).toEqual([409, 'DuplicateRbacPolicy'])
    expect((await put('d')).body.rbac_policy).toEqual({ ...other, target_tenant: 'd' })
  })

  test('is refused for what is unknown, for what is not one’s own, and for everybody', async () => {
    const { id } = await network(a)
    expect(refusal(await share(a, 'port', id, 'b'))).toEqual([400, 'InvalidInput'])
    expect(refusal(await share(a, 'subnetpool', id, 'b'))).toEqual([400, 'InvalidInput'])
    expect(refusal(await share(a, 'network', id, 'b', 'access_as_external '))).toEqual([400, 'InvalidActionForType'])
    expect(refusal(await share(b, 'network', id, 'b'))).toEqual([400, 'InvalidInput'])
    expect(refusal(await share(a, 'network', id, null as never))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await share(a, 'network', id, 'x'.repeat(400)))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await share(a, 'network', id, '*'))).toEqual([403, 'PolicyNotAuthorized'])
    const policy = await policyOf(share(a, 'network', id, 'b'))
    const everybody = { rbac_policy: { target_tenant: '*' } }
    expect(refusal(await a.call('PUT', `rbac-policies/${policy.id}`, everybody))).toEqual([403, 'PolicyNotAuthorized'])
    expect((await admin.call('PUT', `rbac-policies/${policy.id}`, everybody)).status).toBe(200)
    expect((await c.ok('GET', `networks/${id}`)).network.shared).toBe(true)
  })

  test('stays while somebody relies on it alone', async () => {
    const { id } = await network(a)
    const policy = await policyOf(share(a, 'network', id, 'b'))
    const own = (await port(b, id)).body.port
    expect(refusal(await gone(a, policy.id))).toEqual([409, 'RbacPolicyInUse'])
    const put = { rbac_policy: { target_tenant: 'c' } }
    expect(refusal(await a.call('PUT', `rbac-policies/${policy.id}`, put))).toEqual([409, 'RbacPolicyInUse'])
    const wildcard = await policyOf(share(admin, 'network', id, '*'))
    expect((await gone(a, policy.id)).status).toBe(204)
    expect(refusal(await gone(admin, wildcard.id))).toEqual([409, 'RbacPolicyInUse'])
    await b.ok('DELETE', `ports/${own.id}`)
    expect((await gone(admin, wildcard.id)).status).toBe(204)
    expect(refusal(await b.call('GET', `networks/${id}`))).toEqual([404, 'NetworkNotFound'])
  })

  test('for the owner’s own project is needed by nobody', async () => {
    const { id } = await network(a)
    const policy = await policyOf(share(a, 'network', id, 'a'))
    await port(a, id)
    expect((await a.ok('GET', `networks/${id}`)).network.shared).toBe(true)
    expect((await gone(a, policy.id)).status).toBe(204)
  })

  test('goes with its object', async () => {
    const { id } = await network(a)
    await policyOf(share(a, 'network', id, 'b'))
    await a.ok('DELETE', `networks/${id}`)
    expect(await policies(admin)).toEqual([])
  })
})

describe('a network', () => {
  const wildcards = (id: string, action: string) => policies(admin, `?object_id=${id}&action=${action}&target_tenant=*`)

  test('is shared as long as there is the policy for everybody', async () => {
    const { id } = await network(admin, { shared: true, project_id: 'a' })
    const [policy] = await wildcards(id, 'access_as_shared')
    expect(policy.project_id).toBe('a')
    expect((await gone(admin, policy.id)).status).toBe(204)
    expect((await admin.ok('GET', `networks/${id}`)).network.shared).toBe(false)
    const put = (shared: boolean) => admin.call('PUT', `networks/${id}`, { network: { shared } })
    for (const shared of [true, true, false]) {
      expect((await put(shared)).body.network.shared).toBe(shared)
      expect(await wildcards(id, 'access_as_shared')).toHaveLength(shared ? 1 : 0)
    }
    await put(true)
    const [again] = await wildcards(id, 'access_as_shared')
    await admin.ok('PUT', `rbac-policies/${again.id}`, { rbac_policy: { target_tenant: 'c' } })
    expect((await put(true)).body.network.shared).toBe(true)
    expect(await policies(admin, `?object_id=${id}`)).toHaveLength(2)
  })

  test('counts its revision up when what is shared of it changes, and stays the same record', async () => {
    const { id } = await network(a)
    const before = (await a.ok('GET', `networks/${id}`)).network
    const record = admin.store.get({ name: 'network', unique: () => [], index: {} }, id)
    await policyOf(share(a, 'network', id, 'b'))
    expect((await a.ok('GET', `networks/${id}`)).network.revision_number).toBe(before.revision_number + 1)
    expect(admin.store.get({ name: 'network', unique: () => [], index: {} }, id)).toBe(record)
  })

  test('is external as long as there is a policy that says so', async () => {
    const isExternal = async (id: string) => (await admin.ok('GET', `networks/${id}`)).network['router:external']
    const { id } = await network(admin)
    await policyOf(share(admin, 'network', id, 'b', 'access_as_external'))
    const second = await policyOf(share(admin, 'network', id, 'c', 'access_as_external'))
    expect(await isExternal(id)).toBe(true)
    expect(await wildcards(id, 'access_as_external')).toEqual([])
    expect((await b.ok('GET', `networks/${id}`)).network).toMatchObject({ shared: false, 'router:external': true })
    expect(refusal(await a.call('GET', `networks/${id}`))).toEqual([404, 'NetworkNotFound'])
    await gone(admin, second.id)
    expect(await isExternal(id)).toBe(true)
    const put = (isOn: boolean) => admin.call('PUT', `networks/${id}`, { network: { 'router:external': isOn } })
    await put(false)
    expect([await isExternal(id), await policies(admin)]).toEqual([false, []])
    await put(true)
    const [wildcard] = await wildcards(id, 'access_as_external')
    expect((await gone(admin, wildcard.id)).status).toBe(204)
    expect(await isExternal(id)).toBe(false)
  })

  test('that is the default external one is everybody’s', async () => {
    const { id } = await network(admin, { 'router:external': true, is_default: true })
    const [wildcard] = await wildcards(id, 'access_as_external')
    expect(refusal(await gone(admin, wildcard.id))).toEqual([409, 'RbacPolicyInUse'])
  })
})

describe('subnet pools and address scopes', () => {
  const pool = (by: TestApi, body: object = {}) =>
    made(by, 'subnetpool', 'subnetpools', { name: 'p', prefixes: ['10.0.0.0/16'], default_prefixlen: 24, ...body })
  const scope = (by: TestApi) => made(by, 'address_scope', 'address-scopes', { name: 's', ip_version: 4 })

  test('a pool is cut by those it is shared with, and stays shared while they have subnets of it', async () => {
    const { id } = await pool(a)
    const { id: net } = await network(b)
    const cut = () => b.call('POST', 'subnets', { subnet: { network_id: net, ip_version: 4, subnetpool_id: id } })
    expect(refusal(await cut())).toEqual([404, 'SubnetPoolNotFound'])
    const policy = await policyOf(share(a, 'subnetpool', id, 'b'))
    expect((await b.ok('GET', `subnetpools/${id}`)).subnetpool.shared).toBe(true)
    const { subnet } = (await cut()).body
    expect(refusal(await gone(a, policy.id))).toEqual([409, 'RbacPolicyInUse'])
    await b.ok('DELETE', `subnets/${subnet.id}`)
    expect((await gone(a, policy.id)).status).toBe(204)
  })

  test('an address scope stays shared while others have pools in it', async () => {
    const { id } = await scope(a)
    const policy = await policyOf(share(a, 'address_scope', id, 'b'))
    const { id: poolId } = await pool(b, { address_scope_id: id })
    expect(refusal(await gone(a, policy.id))).toEqual([409, 'RbacPolicyInUse'])
    await b.ok('DELETE', `subnetpools/${poolId}`)
    expect((await gone(a, policy.id)).status).toBe(204)
  })

  test('a pool is not shared with those who lack its address scope', async () => {
    const { id: scopeId } = await scope(a)
    const { id } = await pool(a, { address_scope_id: scopeId })
    expect(refusal(await share(a, 'subnetpool', id, 'b'))).toEqual([400, 'RbacPolicyInitError'])
    await policyOf(share(a, 'address_scope', scopeId, 'b'))
    await policyOf(share(a, 'subnetpool', id, 'b'))
  })
})

describe('security groups and address groups', () => {
  const group = (by: TestApi) => made(by, 'security_group', 'security-groups', { name: 'g' })
  const rule = (by: TestApi, groupId: string, body: object = {}) =>
    by.call('POST', 'security-group-rules', {
      security_group_rule: { security_group_id: groupId, direction: 'ingress', ...body },
    })

  test('ports of others bear a group that is shared with them, and keep it shared', async () => {
    const { id } = await group(a)
    const { id: networkId } = await network(b)
    const bear = () => b.call('POST', 'ports', { port: { network_id: networkId, security_groups: [id] } })
    expect(refusal(await bear())).toEqual([404, 'SecurityGroupNotFound'])
    const policy = await policyOf(share(a, 'security_group', id, 'b'))
    expect((await b.ok('GET', `security-groups/${id}`)).security_group.shared).toBe(true)
    expect(refusal(await b.call('PUT', `security-groups/${id}`, { security_group: { name: 'x' } }))[0]).toBe(403)
    const { port: own } = (await bear()).body
    expect(own.security_groups).toEqual([id])
    expect(refusal(await gone(a, policy.id))).toEqual([409, 'RbacPolicyInUse'])
    await b.ok('PUT', `ports/${own.id}`, { port: { security_groups: [] } })
    expect((await gone(a, policy.id)).status).toBe(204)
  })

  test('rules of others name an address group that is shared with them, and keep it shared', async () => {
    const { id } = await made(a, 'address_group', 'address-groups', { addresses: ['10.0.0.0/24'] })
    const { id: groupId } = await group(b)
    const name = () => rule(b, groupId, { remote_address_group_id: id })
    expect((await name()).status).toBe(404)
    const policy = await policyOf(share(a, 'address_group', id, 'b'))
    expect((await b.ok('GET', `address-groups/${id}`)).address_group.shared).toBe(true)
    const { security_group_rule: own } = (await name()).body
    const rename = b.call('PUT', `address-groups/${id}`, { address_group: { name: 'x' } })
    expect(refusal(await rename)).toEqual([404, 'AddressGroupNotFound'])
    expect(refusal(await gone(a, policy.id))).toEqual([409, 'RbacPolicyInUse'])
    await b.ok('DELETE', `security-group-rules/${own.id}`)
    expect((await gone(a, policy.id)).status).toBe(204)
  })
})

test('routers keep the external network that they lead to', async () => {
  const { id } = await network(admin)
  const router = (by: TestApi) => by.call('POST', 'routers', { router: { external_gateway_info: { network_id: id } } })
  const policy = await policyOf(share(admin, 'network', id, 'b', 'access_as_external'))
  expect(refusal(await router(a))).toEqual([404, 'NetworkNotFound'])
  const own = (await router(b)).body.router
  expect(refusal(await gone(admin, policy.id))).toEqual([409, 'RbacPolicyInUse'])
  const wildcard = await policyOf(share(admin, 'network', id, '*', 'access_as_external'))
  expect((await gone(admin, policy.id)).status).toBe(204)
  expect(refusal(await gone(admin, wildcard.id))).toEqual([409, 'RbacPolicyInUse'])
  await b.ok('DELETE', `routers/${own.id}`)
  expect((await gone(admin, wildcard.id)).status).toBe(204)
})
