// How many resources a project may have.
import { beforeEach, describe, expect, test } from 'vitest'
import { neutronQuotas, unlimitedQuotas } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'

let admin: TestApi
let member: TestApi
beforeEach(() => {
  admin = testApi({ quotas: neutronQuotas })
  const identity = { projectId: 'p', userId: 'u', roles: ['member'], isAdmin: false }
  member = testApi({ store: admin.store, quotas: neutronQuotas, authenticate: async () => identity })
})
const limit = (quota: object, project = 'p') => admin.call('PUT', `quotas/${project}`, { quota })
const network = (body: object = {}) => member.call('POST', 'networks', { network: body })
const over = [409, 'OverQuota']
const denied = [403, 'PolicyNotAuthorized']

describe('a project', () => {
  test('has the limits of Neutron until it gets its own', async () => {
    const { quota } = await member.ok('GET', 'quotas/p')
    expect(quota).toMatchObject({ network: 100, port: 500, security_group: 10, rbac_policy: 10, subnetpool: -1 })
    expect((await member.ok('GET', 'quotas/p/default')).quota).toEqual(quota)
    expect((await admin.ok('GET', 'quotas')).quotas).toEqual([])
    expect((await limit({ network: 7, port: '-1' })).body.quota).toEqual({ ...quota, network: 7, port: -1 })
    expect((await limit({ port: 9 })).body.quota).toEqual({ ...quota, network: 7, port: 9 })
    expect((await member.ok('GET', 'quotas/p/default')).quota).toEqual(quota)
    expect((await admin.ok('GET', 'quotas')).quotas).toEqual([
      { ...quota, network: 7, port: 9, project_id: 'p', tenant_id: 'p' },
    ])
    expect((await admin.call('DELETE', 'quotas/p')).status).toBe(204)
    expect((await member.ok('GET', 'quotas/p')).quota).toEqual(quota)
    expect(refusal(await admin.call('DELETE', 'quotas/p'))).toEqual([404, 'TenantQuotaNotFound'])
  })

  test('sees its own quota; the rest is for administrators', async () => {
    for (const path of ['quotas', 'quotas/q', 'quotas/q/default', 'quotas/q/details'])
      expect(refusal(await member.call('GET', path))).toEqual(denied)
    expect(refusal(await member.call('PUT', 'quotas/p', { quota: { port: 1 } }))).toEqual(denied)
    expect(refusal(await member.call('DELETE', 'quotas/p'))).toEqual(denied)
    expect((await member.ok('GET', 'quotas/tenant')).tenant).toEqual({ tenant_id: 'p' })
    expect((await member.call('POST', 'quotas', {})).status).toBe(405)
  })

  test('has no more than its limit, and may have one again when one goes', async () => {
    await limit({ network: 2 })
    const first = await network()
    expect([first.status, (await network()).status]).toEqual([201, 201])
    const refused = await network()
    expect(refusal(refused)).toEqual(over)
    expect(refused.body.NeutronError.message).toBe("Quota exceeded for resources: ['network'].")
    await member.ok('DELETE', `networks/${first.body.network.id}`)
    expect((await network()).status).toBe(201)
    await limit({ network: -1 })
    expect((await network()).status).toBe(201)
  })

  test('makes all of a bulk request or nothing', async () => {
    await limit({ network: 3 })
    const bulk = (n: number) => member.call('POST', 'networks', { networks: Array.from({ length: n }, () => ({})) })
    expect(refusal(await bulk(4))).toEqual(over)
    expect((await member.ok('GET', 'networks')).networks).toEqual([])
    expect((await bulk(3)).status).toBe(201)
    await limit({ network: 2 })
    expect(refusal(await network())).toEqual(over)
  })

  test('has its limit also when it asks for many at once', async () => {
    await limit({ network: 3 })
    const answers = await Promise.all(Array.from({ length: 10 }, () => network()))
    expect(answers.map(a => a.status).sort()).toEqual([201, 201, 201, ...Array(7).fill(409)])
    expect((await member.ok('GET', 'networks')).networks).toHaveLength(3)
  })

  test('answers for what an administrator makes in its name', async () => {
    await limit({ network: 0 })
    const make = (project_id: string) => admin.call('POST', 'networks', { network: { project_id } })
    expect(refusal(await make('p'))).toEqual(over)
    expect((await make('q')).status).toBe(201)
  })

  test('is told what it uses', async () => {
    const { id } = (await network()).body.network
    await member.ok('POST', 'ports', { ports: [{ network_id: id }, { network_id: id }] })
    const { quota } = (await member.call('GET', 'quotas/p/details.json')).body
    expect(quota).toMatchObject({
      network: { limit: 100, used: 1, reserved: 0 },
      port: { limit: 500, used: 2, reserved: 0 },
      router: { limit: 10, used: 0, reserved: 0 },
    })
    const check = (port: number) => limit({ port, check_limit: true })
    expect(refusal(await check(1))).toEqual([400, 'HTTPBadRequest'])
    expect([(await check(2)).status, (await check(-1)).status, (await limit({ port: 1 })).status]).toEqual([
      200, 200, 200,
    ])
  })
})

test('subnets, ports, pools, policies and firewalls count', async () => {
  const { id } = (await network()).body.network
  await limit({ subnet: 1, port: 1, subnetpool: 1, rbac_policy: 1, firewall_rule: 1 })
  const bodies: Record<string, (n: number) => [string, object]> = {
    subnets: n => ['subnet', { network_id: id, ip_version: 4, cidr: `10.${n}.0.0/24` }],
    ports: () => ['port', { network_id: id }],
    subnetpools: n => ['subnetpool', { name: 'p', prefixes: [`10.${n}.0.0/16`] }],
    'fwaas/firewall_rules': () => ['firewall_rule', {}],
    'rbac-policies': n => [
      'rbac_policy',
      { object_type: 'network', object_id: id, target_tenant: `t${n}`, action: 'access_as_shared' },
    ],
  }
  for (const [plural, make] of Object.entries(bodies))
    for (const n of [0, 1]) {
      const [name, body] = make(n)
      const answer = await member.call('POST', plural, { [name]: body })
      if (n === 0) expect(answer.status, plural).toBe(201)
      else expect(refusal(answer), plural).toEqual(over)
    }
})

test('rules count, those that come with a group too', async () => {
  await member.ok('GET', 'security-groups')
  await limit({ security_group_rule: 7 })
  const group = () => member.call('POST', 'security-groups', { security_group: { name: 'g' } })
  const made = await group()
  expect(made.status).toBe(201)
  expect(refusal(await group())).toEqual(over)
  const rule = (port: number) => ({
    security_group_id: made.body.security_group.id,
    direction: 'ingress',
    protocol: 'tcp',
    port_range_min: port,
    port_range_max: port,
  })
  const bulk = { security_group_rules: [rule(1), rule(2)] }
  expect(refusal(await member.call('POST', 'security-group-rules', bulk))).toEqual(over)
  expect((await member.call('POST', 'security-group-rules', { security_group_rule: rule(1) })).status).toBe(201)
})

test('limits that are none are refused', async () => {
  for (const quota of [{ network: -2 }, { network: 2 ** 31 }, { nets: 1 }, []])
    expect(refusal(await limit(quota)), JSON.stringify(quota)).toEqual([400, 'HTTPBadRequest'])
  expect(refusal(await limit({ network: 'many' }))).toEqual([400, 'InvalidInput'])
  expect(refusal(await admin.call('PUT', 'quotas/p', {}))).toEqual([400, 'HTTPBadRequest'])
})

test('without quotas everything is unlimited, until a project gets a limit', async () => {
  const lab = testApi()
  expect((await lab.ok('GET', 'quotas/p')).quota).toEqual(unlimitedQuotas)
  const { network: own } = await lab.ok('POST', 'networks', { network: { project_id: 'p' } })
  const ports = { ports: Array.from({ length: 600 }, () => ({ network_id: own.id, project_id: 'p' })) }
  expect((await lab.call('POST', 'ports', ports)).status).toBe(201)
  await lab.ok('PUT', 'quotas/p', { quota: { port: 600 } })
  const port = { port: { network_id: own.id, project_id: 'p' } }
  expect(refusal(await lab.call('POST', 'ports', port))).toEqual(over)
})

test('/openapi tells of quotas', async () => {
  const { paths } = await admin.ok('GET', '/openapi')
  const { put } = paths['/v2.0/quotas/{project}']
  const limits = put.requestBody.content['application/json'].schema.properties.quota.properties
  expect(Object.keys(limits)).toEqual(Object.keys(neutronQuotas))
})
