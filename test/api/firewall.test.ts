import { beforeEach, describe, expect, test } from 'vitest'
import { firewallGroupOfPort, firewallRules } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { routedNetwork } from '#test/support/routed'

let api: TestApi
beforeEach(() => {
  api = testApi()
})
const paths = {
  firewall_rule: 'firewall_rules',
  firewall_policy: 'firewall_policies',
  firewall_group: 'firewall_groups',
}
type Name = keyof typeof paths
const create = (name: Name, body: object = {}, as = api) => as.call('POST', `fwaas/${paths[name]}`, { [name]: body })
const made = async (name: Name, body: object = {}, as = api) => {
  const answer = await create(name, body, as)
  expect(answer.status, answer.text).toBe(201)
  return answer.body[name]
}
const update = (name: Name, id: string, body: object, as = api) =>
  as.call('PUT', `fwaas/${paths[name]}/${id}`, { [name]: body })
const show = async (name: Name, id: string) => (await api.ok('GET', `fwaas/${paths[name]}/${id}`))[name]
const remove = (name: Name, id: string, as = api) => as.call('DELETE', `fwaas/${paths[name]}/${id}`)
const asMember = (projectId: string) => {
  const identity = { projectId, userId: 'u', roles: ['member'], isAdmin: false }
  return testApi({ store: api.store, authenticate: async () => identity })
}

describe('a firewall rule', () => {
  test('has the defaults of Neutron', async () => {
    const rule = await made('firewall_rule', { name: 'r' })
    expect(rule).toEqual({
      id: rule.id,
      project_id: '',
      tenant_id: '',
      name: 'r',
      description: '',
      shared: false,
      enabled: true,
      action: 'deny',
      ip_version: 4,
      protocol: null,
      source_ip_address: null,
      destination_ip_address: null,
      source_port: null,
      destination_port: null,
      source_firewall_group_id: null,
      destination_firewall_group_id: null,
      firewall_policy_id: null,
    })
    expect((await api.ok('GET', 'fwaas/firewall_rules?name=r&protocol=')).firewall_rules).toHaveLength(1)
  })

  test('says what it matches', async () => {
    const rule = await made('firewall_rule', {
      action: 'allow',
      protocol: 'TCP',
      source_ip_address: '10.0.0.7',
      destination_ip_address: '10.1.0.9/16',
      source_port: 80,
      destination_port: '8000:8100',
    })
    expect(rule).toMatchObject({
      protocol: 'tcp',
      source_ip_address: '10.0.0.7',
      destination_ip_address: '10.1.0.0/16',
      source_port: '80',
      destination_port: '8000:8100',
    })
    const change = { protocol: '17', source_port: null, destination_port: '53:53', enabled: false, action: 'reject' }
    expect((await update('firewall_rule', rule.id, change)).body.firewall_rule).toMatchObject({
      protocol: 'udp',
      source_port: null,
      destination_port: '53',
      enabled: false,
      action: 'reject',
    })
    expect(api.store.get(firewallRules, rule.id)).toMatchObject({
      protocolNumber: 17,
      sourcePorts: null,
      destinationPorts: { first: 53, last: 53 },
    })
    const v6 = await made('firewall_rule', { protocol: 'icmp', ip_version: 6 })
    expect(api.store.get(firewallRules, v6.id)).toMatchObject({ protocol: 'icmp', protocolNumber: 58 })
    expect((await remove('firewall_rule', rule.id)).status).toBe(204)
    expect(refusal(await remove('firewall_rule', rule.id))).toEqual([404, 'FirewallRuleNotFound'])
  })

  test.each([
    [{ destination_port: '80' }, 'FirewallRuleWithPortWithoutProtocolInvalid'],
    [{ protocol: 'icmp', source_port: '80' }, 'FirewallRuleInvalidICMPParameter'],
    [{ source_ip_address: 'fd00::1' }, 'FirewallIpAddressConflict'],
    [{ ip_version: 6, destination_ip_address: '10.0.0.0/8' }, 'FirewallIpAddressConflict'],
    [{ protocol: 'tcp', source_port: '0' }, 'HTTPBadRequest'],
    [{ protocol: 'tcp', source_port: '90:80' }, 'HTTPBadRequest'],
    [{ protocol: 'tcp', source_port: { first: 1 } }, 'HTTPBadRequest'],
    [{ protocol: 'quic' }, 'HTTPBadRequest'],
    [{ protocol: [] }, 'HTTPBadRequest'],
    [{ action: 'log' }, 'HTTPBadRequest'],
    [{ ip_version: 5 }, 'HTTPBadRequest'],
    [{ source_ip_address: 'nowhere' }, 'HTTPBadRequest'],
    [{ source_firewall_group_id: '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c' }, 'InvalidInput'],
    [{ position: 1 }, 'HTTPBadRequest'],
  ])('is refused with %j', async (body, type) => {
    expect(refusal(await create('firewall_rule', body))).toEqual([400, type])
  })
})

describe('a firewall policy', () => {
  const rules = async (count: number, body: object = {}): Promise<string[]> => {
    const ids: string[] = []
    for (let i = 0; i < count; i++) ids.push((await made('firewall_rule', body)).id)
    return ids
  }
  const verb = (name: 'insert_rule' | 'remove_rule', id: string, body?: object) =>
    api.call('PUT', `fwaas/firewall_policies/${id}/${name}`, body)

  test('keeps its rules in order', async () => {
    const [a, b, c, d] = await rules(4)
    const policy = await made('firewall_policy', { firewall_rules: [a, b], audited: true })
    expect(policy).toMatchObject({ name: '', shared: false, audited: true, firewall_rules: [a, b] })
    expect((await verb('insert_rule', policy.id, { firewall_rule_id: c })).body).toMatchObject({
      id: policy.id,
      audited: false,
      firewall_rules: [c, a, b],
    })
    const before = { firewall_rule_id: d, insert_before: b, insert_after: '' }
    expect((await verb('insert_rule', policy.id, before)).body.firewall_rules).toEqual([c, a, d, b])
    expect((await verb('remove_rule', policy.id, { firewall_rule_id: a })).body.firewall_rules).toEqual([c, d, b])
    const after = { firewall_rule_id: a, insert_after: b }
    expect((await verb('insert_rule', policy.id, after)).body.firewall_rules).toEqual([c, d, b, a])
    expect((await show('firewall_rule', a!)).firewall_policy_id).toEqual([policy.id])
    expect((await update('firewall_policy', policy.id, { firewall_rules: [b, a] })).body.firewall_policy).toMatchObject(
      {
        firewall_rules: [b, a],
      },
    )
    expect((await api.ok('GET', `fwaas/firewall_policies?firewall_rules=${a}`)).firewall_policies).toHaveLength(1)
    expect((await api.ok('GET', `fwaas/firewall_policies?firewall_rules=${c}`)).firewall_policies).toEqual([])
  })

  test('refuses rules that it has, has not, or that are not there', async () => {
    const [a, b] = await rules(2)
    const { id } = await made('firewall_policy', { firewall_rules: [a] })
    const nothing = '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c'
    expect(refusal(await verb('insert_rule', id))).toEqual([400, 'FirewallRuleInfoMissing'])
    expect(refusal(await verb('remove_rule', id, {}))).toEqual([400, 'FirewallRuleInfoMissing'])
    expect(refusal(await verb('insert_rule', id, { firewall_rule_id: 'x' }))).toEqual([404, 'FirewallRuleNotFound'])
    expect(refusal(await verb('insert_rule', id, { firewall_rule_id: a }))).toEqual([
      409,
      'FirewallRuleAlreadyAssociated',
    ])
    expect(refusal(await verb('remove_rule', id, { firewall_rule_id: b }))).toEqual([
      400,
      'FirewallRuleNotAssociatedWithPolicy',
    ])
    expect(refusal(await verb('insert_rule', id, { firewall_rule_id: b, insert_after: nothing }))).toEqual([
      400,
      'FirewallRuleNotAssociatedWithPolicy',
    ])
    expect(refusal(await create('firewall_policy', { firewall_rules: [nothing] }))).toEqual([
      404,
      'FirewallRuleNotFound',
    ])
    expect(refusal(await create('firewall_policy', { firewall_rules: [a, a] }))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await remove('firewall_rule', a!))).toEqual([409, 'FirewallRuleInUse'])
    expect((await remove('firewall_policy', id)).status).toBe(204)
    expect((await remove('firewall_rule', a!)).status).toBe(204)
  })

  test('is audited until it or one of its rules changes', async () => {
    const [a] = await rules(1)
    const { id } = await made('firewall_policy', { firewall_rules: [a], audited: true })
    await update('firewall_rule', a!, { action: 'allow' })
    expect((await show('firewall_policy', id)).audited).toBe(false)
    expect((await update('firewall_policy', id, { audited: true })).body.firewall_policy.audited).toBe(true)
    expect((await update('firewall_policy', id, { name: 'x' })).body.firewall_policy.audited).toBe(false)
  })

  test('is shared with its rules', async () => {
    const [own] = await rules(1)
    const [common] = await rules(1, { shared: true })
    expect(refusal(await create('firewall_policy', { shared: true, firewall_rules: [own] }))).toEqual([
      404,
      'FirewallRuleSharingConflict',
    ])
    const { id } = await made('firewall_policy', { firewall_rules: [own, common] })
    expect(refusal(await update('firewall_policy', id, { shared: true }))).toEqual([
      409,
      'FirewallPolicySharingConflict',
    ])
    expect((await update('firewall_policy', id, { shared: true, firewall_rules: [common] })).status).toBe(200)
    expect(refusal(await update('firewall_rule', common!, { shared: false }))).toEqual([409, 'FirewallRuleInUse'])
    const foreign = await made('firewall_rule', { project_id: 'other' })
    expect(refusal(await create('firewall_policy', { firewall_rules: [foreign.id] }))).toEqual([
      409,
      'FirewallRuleConflict',
    ])
    const member = asMember('p')
    expect((await member.ok('GET', `fwaas/firewall_policies/${id}`)).firewall_policy.shared).toBe(true)
    expect(refusal(await create('firewall_policy', { firewall_rules: [own] }, member))).toEqual([
      404,
      'FirewallRuleNotFound',
    ])
    expect(refusal(await create('firewall_rule', { shared: true }, member))).toEqual([403, 'PolicyNotAuthorized'])
    expect((await create('firewall_rule', { shared: false }, member)).status).toBe(201)
    await made('firewall_group', { ingress_firewall_policy_id: id }, member)
    expect(refusal(await update('firewall_policy', id, { shared: false }))).toEqual([409, 'FirewallPolicyInUse'])
  })
})

describe('a firewall group', () => {
  let inside: Awaited<ReturnType<typeof routedNetwork>>
  let interfaceId: string
  beforeEach(async () => {
    inside = await routedNetwork(api, '10.0.0.0/24', null)
    interfaceId = (await api.ok('GET', `ports?device_id=${inside.router}`)).ports[0].id
  })

  test('has ports of VMs and routers, and a policy for each direction', async () => {
    const [ingress, egress] = [await made('firewall_policy'), await made('firewall_policy')]
    const vm = (await inside.port({ device_owner: 'compute:nova' })).id
    const group = await made('firewall_group', {
      name: 'g',
      ports: [interfaceId, vm],
      ingress_firewall_policy_id: ingress.id,
      egress_firewall_policy_id: egress.id,
    })
    expect(group).toEqual({
      id: group.id,
      project_id: '',
      tenant_id: '',
      name: 'g',
      description: '',
      status: 'ACTIVE',
      admin_state_up: true,
      shared: false,
      ports: [interfaceId, vm],
      ingress_firewall_policy_id: ingress.id,
      egress_firewall_policy_id: egress.id,
    })
    expect(firewallGroupOfPort(api.store, vm)?.id).toBe(group.id)
    expect((await api.ok('GET', `fwaas/firewall_groups?ports=${vm}`)).firewall_groups).toEqual([group])
    expect(refusal(await remove('firewall_policy', ingress.id))).toEqual([409, 'FirewallPolicyInUse'])
    expect(refusal(await remove('firewall_group', group.id))).toEqual([409, 'FirewallGroupInUse'])
    await api.call('DELETE', `ports/${vm}`)
    expect((await show('firewall_group', group.id)).ports).toEqual([interfaceId])
    await api.ok('PUT', `routers/${inside.router}/remove_router_interface`, { port_id: interfaceId })
    expect(await show('firewall_group', group.id)).toMatchObject({ ports: [], status: 'INACTIVE' })
    expect((await update('firewall_group', group.id, { admin_state_up: false })).body.firewall_group.status).toBe(
      'DOWN',
    )
    expect((await remove('firewall_group', group.id)).status).toBe(204)
    expect((await remove('firewall_policy', ingress.id)).status).toBe(204)
  })

  test('refuses ports that are nobody’s VM or router, or another group’s', async () => {
    const plain = (await inside.port()).id
    expect(refusal(await create('firewall_group', { ports: [plain] }))).toEqual([409, 'FirewallGroupPortInvalid'])
    const nothing = '7a2b2d3c-0d0e-4f71-9e1b-5a3f7d1a2b3c'
    expect(refusal(await create('firewall_group', { ports: [nothing] }))).toEqual([404, 'PortNotFound'])
    const { id } = await made('firewall_group', { ports: [interfaceId] })
    expect(refusal(await create('firewall_group', { ports: [interfaceId] }))).toEqual([409, 'FirewallGroupPortInUse'])
    const other = (await made('firewall_group')).id
    expect(refusal(await update('firewall_group', other, { ports: [interfaceId] }))).toEqual([
      409,
      'FirewallGroupPortInUse',
    ])
    expect((await update('firewall_group', id, { ports: [] })).body.firewall_group.ports).toEqual([])
    expect((await update('firewall_group', other, { ports: [interfaceId] })).status).toBe(200)
    expect(refusal(await create('firewall_group', { ingress_firewall_policy_id: nothing }))).toEqual([
      404,
      'FirewallPolicyNotFound',
    ])
    const foreign = await made('firewall_policy', { project_id: 'other' })
    expect(refusal(await update('firewall_group', id, { egress_firewall_policy_id: foreign.id }))).toEqual([
      404,
      'FirewallPolicyConflict',
    ])
  })

  test('of a project is there by default, and kept as it is', async () => {
    const member = asMember('p')
    const list = async () => (await member.ok('GET', 'fwaas/firewall_groups')).firewall_groups
    const [group] = await list()
    expect(group).toMatchObject({ name: 'default', project_id: 'p', status: 'INACTIVE', ports: [] })
    expect(await list()).toEqual([group])
    const rules = (await member.ok('GET', 'fwaas/firewall_rules')).firewall_rules
    expect(rules.map((r: { name: string; action: string }) => `${r.name}: ${r.action}`)).toEqual([
      'default ingress ipv4: deny',
      'default ingress ipv6: deny',
      'default egress ipv4: allow',
      'default egress ipv6: allow',
    ])
    expect((await member.ok('GET', 'fwaas/firewall_policies')).firewall_policies).toMatchObject([
      { name: 'default ingress', id: group.ingress_firewall_policy_id },
      { name: 'default egress', id: group.egress_firewall_policy_id },
    ])
    const restricted = [409, 'FirewallDefaultObjectUpdateRestricted']
    for (const change of [{ description: 'x' }, { admin_state_up: false }, { ingress_firewall_policy_id: null }])
      expect(refusal(await update('firewall_group', group.id, change, member))).toEqual(restricted)
    const policy = group.ingress_firewall_policy_id
    expect(refusal(await update('firewall_policy', policy, { description: 'x' }, member))).toEqual(restricted)
    expect(refusal(await update('firewall_group', group.id, { name: 'mine' }))).toEqual(restricted)
    const vm = (await inside.port({ device_owner: 'compute:nova', project_id: 'p' })).id
    expect((await update('firewall_group', group.id, { ports: [vm] }, member)).status).toBe(200)
    expect((await update('firewall_group', group.id, { ports: [] }, member)).status).toBe(200)
    expect(refusal(await remove('firewall_group', group.id, member))).toEqual([409, 'FirewallGroupCannotRemoveDefault'])
    const reserved = [409, 'FirewallDefaultParameterExists']
    expect(refusal(await create('firewall_group', { name: 'default' }))).toEqual(reserved)
    expect(refusal(await create('firewall_policy', { name: 'default ingress' }))).toEqual(reserved)
    expect((await remove('firewall_group', group.id)).status).toBe(204)
    expect(api.store.count(firewallRules)).toBe(0)
    await made('firewall_group', {}, member)
    expect(await list()).toHaveLength(2)
  })

  test('is its project’s, unless it is shared', async () => {
    const member = asMember('p')
    const { id } = await made('firewall_group')
    const get = () => member.call('GET', `fwaas/firewall_groups/${id}`)
    expect(refusal(await get())).toEqual([404, 'FirewallGroupNotFound'])
    await update('firewall_group', id, { shared: true })
    expect((await get()).status).toBe(200)
    expect(refusal(await update('firewall_group', id, { name: 'x' }, member))).toEqual([403, 'PolicyNotAuthorized'])
    expect(refusal(await create('firewall_group', { ports: [interfaceId] }, member))).toEqual([404, 'PortNotFound'])
  })
})
