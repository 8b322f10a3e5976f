// Security groups and the ports that bear them, as Neutron's clients see them.
import { beforeEach, describe, expect, test } from 'vitest'
import { refusal, type TestApi, testApi } from '#test/support/api'

let api: TestApi
beforeEach(() => {
  api = testApi()
})

const groups = async (query = '') => (await api.ok('GET', `security-groups${query}`)).security_groups
const create = async (group: object = {}) =>
  (await api.ok('POST', 'security-groups', { security_group: { name: 'g', ...group } })).security_group
const remove = (id: string) => api.call('DELETE', `security-groups/${id}`)
const update = (id: string, group: object) => api.call('PUT', `security-groups/${id}`, { security_group: group })

const any = {
  protocol: null,
  port_range_min: null,
  port_range_max: null,
  remote_ip_prefix: null,
  normalized_cidr: null,
  remote_address_group_id: null,
}
const sending = ['IPv4', 'IPv6'].map(ethertype => ({ ...any, direction: 'egress', ethertype, remote_group_id: null }))

describe('a default security group', () => {
  test('is there as soon as a project lists its groups, lets out everything and in what comes from itself', async () => {
    const [group, ...more] = await groups()
    expect(more).toEqual([])
    expect(group).toMatchObject({ name: 'default', description: 'Default security group', stateful: true })
    const receiving = ['IPv4', 'IPv6'].map(ethertype => ({
      ...any,
      direction: 'ingress',
      ethertype,
      remote_group_id: group.id,
    }))
    expect(group.security_group_rules).toMatchObject([...sending, ...receiving])
    for (const rule of group.security_group_rules) expect(rule.belongs_to_default_sg).toBe(true)
    expect((await groups())[0].id).toBe(group.id)
  })

  test('is there for each project that is asked for, that makes a group or that has a port', async () => {
    expect(await groups('?project_id=p')).toMatchObject([{ name: 'default', project_id: 'p', tenant_id: 'p' }])
    expect(await groups('?tenant_id=t')).toMatchObject([{ name: 'default', project_id: 't' }])
    await create({ project_id: 'q' })
    expect((await api.ok('GET', 'security-group-rules?project_id=r')).security_group_rules).toHaveLength(4)
    const { network } = await api.network('10.0.0.0/24')
    const { port } = await api.ok('POST', 'ports', { port: { network_id: network, project_id: 's' } })
    const all = (await groups()).filter((g: { name: string }) => g.name === 'default')
    expect(all.map((g: { project_id: string }) => g.project_id)).toEqual(['p', 't', 'q', 'r', 's', ''])
    expect(port.security_groups).toEqual([all[4].id])
  })

  test('keeps its name, which no other group gets, and stays unless an administrator removes it', async () => {
    const [{ id }] = await groups('?project_id=p')
    expect(refusal(await update(id, { name: 'x' }))).toEqual([409, 'SecurityGroupCannotUpdateDefault'])
    expect((await update(id, { description: 'mine' })).body.security_group.description).toBe('mine')
    const post = (name: string) => api.call('POST', 'security-groups', { security_group: { name } })
    expect(refusal(await post('default'))).toEqual([409, 'SecurityGroupDefaultAlreadyExists'])
    expect(refusal(await post('Default'))).toEqual([409, 'SecurityGroupDefaultAlreadyExists'])
    const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
    const member = testApi({ store: api.store, authenticate: async () => identity })
    const refused = await member.call('DELETE', `security-groups/${id}`)
    expect(refusal(refused)).toEqual([409, 'SecurityGroupCannotRemoveDefault'])
    expect((await remove(id)).status).toBe(204)
    expect((await groups('?project_id=p'))[0].id).not.toBe(id)
  })
})

describe('a security group', () => {
  test('begins with two rules that let out everything', async () => {
    const group = await create({ description: 'd', project_id: 'p' })
    expect(group).toMatchObject({ name: 'g', description: 'd', stateful: true, shared: false, revision_number: 1 })
    expect(group).toMatchObject({ project_id: 'p', tenant_id: 'p', tags: [], created_at: expect.any(String) })
    expect(group.security_group_rules).toMatchObject(sending)
    for (const rule of group.security_group_rules)
      expect(rule).toMatchObject({ security_group_id: group.id, project_id: 'p', belongs_to_default_sg: false })
  })

  test('is found by name, id, description, stateful and shared, is sorted and tagged', async () => {
    const [a, b] = [await create({ name: 'a' }), await create({ name: 'b', stateful: false })]
    const ids = async (query: string) => (await groups(query)).map((g: { id: string }) => g.id)
    expect(await ids('?name=a')).toEqual([a.id])
    expect(await ids(`?id=${b.id}&fields=id`)).toEqual([b.id])
    expect(await ids('?stateful=false')).toEqual([b.id])
    expect(await ids('?shared=true')).toEqual([])
    expect((await ids('?sort_key=name&sort_dir=desc')).slice(1)).toEqual([b.id, a.id])
    await api.ok('PUT', `security-groups/${b.id}/tags/blue`)
    expect(await ids('?tags=blue')).toEqual([b.id])
    expect(await ids('?limit=1&name=b')).toEqual([b.id])
  })

  test('goes with its rules, and with the rules of others that name it', async () => {
    const [a, b] = [await create(), await create()]
    const { security_group_rule: rule } = await api.ok('POST', 'security-group-rules', {
      security_group_rule: { security_group_id: b.id, direction: 'ingress', remote_group_id: a.id },
    })
    expect((await remove(a.id)).status).toBe(204)
    expect(refusal(await remove(a.id))).toEqual([404, 'SecurityGroupNotFound'])
    expect(refusal(await api.call('GET', `security-group-rules/${rule.id}`))[0]).toBe(404)
    const left = (await api.ok('GET', 'security-group-rules')).security_group_rules
    expect(left.some((r: { security_group_id: string }) => r.security_group_id === a.id)).toBe(false)
    expect((await api.ok('GET', `security-groups/${b.id}`)).security_group.security_group_rules).toHaveLength(2)
  })

  test('is made in bulk', async () => {
    const body = { security_groups: [{ name: 'a' }, { name: 'b', stateful: false }] }
    const { security_groups } = await api.ok('POST', 'security-groups', body)
    expect(security_groups).toMatchObject([{ name: 'a' }, { name: 'b', stateful: false }])
  })
})

describe('ports', () => {
  let network: string
  beforeEach(async () => {
    network = (await api.network('10.0.0.0/24')).network
  })
  const post = (port: object = {}) => api.call('POST', 'ports', { port: { network_id: network, ...port } })
  const made = async (port: object = {}) => (await post(port)).body.port
  const put = (id: string, port: object) => api.call('PUT', `ports/${id}`, { port })

  test('bear the groups that they are given, none for an empty list', async () => {
    const [a, b] = [await create(), await create()]
    const port = await made({ security_groups: [b.id, a.id] })
    expect(port.security_groups).toEqual([b.id, a.id])
    expect((await made({ security_groups: [] })).security_groups).toEqual([])
    expect((await made({ security_groups: null })).security_groups).toEqual([])
    expect((await put(port.id, { security_groups: [a.id] })).body.port.security_groups).toEqual([a.id])
    expect((await put(port.id, { name: 'x' })).body.port.security_groups).toEqual([a.id])
    const found = async (id: string) => (await api.ok('GET', `ports?security_groups=${id}`)).ports.length
    expect([await found(a.id), await found(b.id)]).toEqual([1, 0])
    const unknown = '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c'
    expect(refusal(await post({ security_groups: [unknown] }))).toEqual([404, 'SecurityGroupNotFound'])
    expect(refusal(await put(port.id, { security_groups: [unknown] }))).toEqual([404, 'SecurityGroupNotFound'])
    expect(refusal(await post({ security_groups: ['x'] }))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await post({ security_groups: [a.id, a.id] }))).toEqual([400, 'HTTPBadRequest'])
  })

  test('keep their groups from being removed', async () => {
    const group = await create()
    const port = await made({ security_groups: [group.id] })
    expect(refusal(await remove(group.id))).toEqual([409, 'SecurityGroupInUse'])
    await api.ok('DELETE', `ports/${port.id}`)
    expect((await remove(group.id)).status).toBe(204)
  })

  test('bear stateful groups or stateless ones, which stay so meanwhile', async () => {
    const [a, b] = [await create(), await create({ stateful: false })]
    expect(refusal(await post({ security_groups: [a.id, b.id] }))).toEqual([409, 'SecurityGroupConflict'])
    const port = await made({ security_groups: [b.id] })
    expect(refusal(await put(port.id, { security_groups: [a.id, b.id] }))).toEqual([409, 'SecurityGroupConflict'])
    expect(refusal(await update(b.id, { stateful: true }))).toEqual([409, 'SecurityGroupInUse'])
    expect((await update(b.id, { stateful: false, name: 'n' })).body.security_group.name).toBe('n')
    await put(port.id, { security_groups: [a.id] })
    expect((await update(b.id, { stateful: true })).body.security_group.stateful).toBe(true)
  })

  test('have neither groups nor port security, or both', async () => {
    const [{ id }] = await groups()
    const needed = [400, 'PortSecurityAndIPRequiredForSecurityGroups']
    expect(refusal(await post({ port_security_enabled: false, security_groups: [id] }))).toEqual(needed)
    const open = await made({ port_security_enabled: false })
    expect(open.security_groups).toEqual([])
    expect(refusal(await put(open.id, { security_groups: [id] }))).toEqual(needed)
    const both = await put(open.id, { security_groups: [id], port_security_enabled: true })
    expect(both.body.port).toMatchObject({ security_groups: [id], port_security_enabled: true })
    const off = { port_security_enabled: false }
    expect(refusal(await put(open.id, off))).toEqual([409, 'PortSecurityPortHasSecurityGroup'])
    expect(refusal(await put(open.id, { ...off, security_groups: [id] }))).toEqual(needed)
    expect((await put(open.id, { ...off, security_groups: [] })).status).toBe(200)
    const on = await put(open.id, { port_security_enabled: true })
    expect(on.body.port.security_groups).toEqual([])
  })

  test('of Neutron’s own have neither', async () => {
    const dhcp = await made({ device_owner: 'network:dhcp' })
    expect(dhcp).toMatchObject({ port_security_enabled: false, security_groups: [] })
    const [{ id }] = await groups()
    expect((await post({ device_owner: 'network:dhcp', security_groups: [id] })).status).toBe(400)
  })
})

describe('another project', () => {
  let member: TestApi
  beforeEach(() => {
    const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
    member = testApi({ store: api.store, authenticate: async () => identity })
  })
  const share = (id: string, type = 'security_group') =>
    api.ok('POST', 'rbac-policies', {
      rbac_policy: { object_type: type, object_id: id, action: 'access_as_shared', target_tenant: 'p' },
    })

  test('has no use of a group until it is shared, and then uses it without changing it', async () => {
    const group = await create({ project_id: 'q' })
    const { network } = await member.network('10.0.0.0/24')
    const body = { port: { network_id: network, security_groups: [group.id] } }
    expect(refusal(await member.call('GET', `security-groups/${group.id}`))).toEqual([404, 'SecurityGroupNotFound'])
    expect(refusal(await member.call('POST', 'ports', body))).toEqual([404, 'SecurityGroupNotFound'])
    expect((await member.ok('GET', 'security-groups')).security_groups).toHaveLength(1)
    await share(group.id)
    expect((await member.ok('GET', 'security-groups?shared=true')).security_groups).toMatchObject([{ id: group.id }])
    expect((await member.ok('POST', 'ports', body)).port.security_groups).toEqual([group.id])
    const rule = { security_group_rule: { security_group_id: group.id, direction: 'ingress' } }
    expect(refusal(await member.call('POST', 'security-group-rules', rule))).toEqual([403, 'PolicyNotAuthorized'])
    expect(refusal(await member.call('DELETE', `security-groups/${group.id}`))).toEqual([403, 'PolicyNotAuthorized'])
  })

  test('sees its own default group only', async () => {
    await groups()
    expect((await member.ok('GET', 'security-groups?project_id=q')).security_groups).toEqual([])
    expect((await member.ok('GET', 'security-groups')).security_groups).toMatchObject([{ project_id: 'p' }])
  })

  test('names an address group in a rule once it is shared', async () => {
    const body = { address_group: { addresses: ['10.0.0.0/8'], project_id: 'q' } }
    const { id } = (await api.ok('POST', 'address-groups', body)).address_group
    const [{ id: own }] = (await member.ok('GET', 'security-groups')).security_groups
    const rule = { security_group_id: own, direction: 'ingress', remote_address_group_id: id }
    const post = () => member.call('POST', 'security-group-rules', { security_group_rule: rule })
    expect(refusal(await post())).toEqual([404, 'AddressGroupNotFound'])
    await share(id, 'address_group')
    expect((await post()).status).toBe(201)
  })
})
