// Hits of rules of security groups and firewalls, and drops, as the API tells them of what the switches counted.
import { beforeEach, expect, test } from 'vitest'
import type { CounterView, DropView } from '#api'
import { bindings, chassis, networks, policies, ports } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'

let api: TestApi
let counts: Readonly<Record<string, readonly { chassis: string; packets: number; bytes: number }[]>>
let drops: readonly DropView[]
const asked: (readonly string[])[] = []
const counters: CounterView = {
  hits: async rules => {
    asked.push(rules.map(rule => rule.id))
    return { hits: new Map(Object.entries(counts)), silent: [{ chassis: 'host2', reason: 'br-int is away' }] }
  },
  drops: async ids => ({ drops: drops.filter(drop => ids.includes(drop.chassis)), silent: [] }),
  snat: async () => [],
}

const group = async (name: string, more: object = {}) =>
  (await api.ok('POST', 'security-groups', { security_group: { name, ...more } })).security_group
const rule = async (group: string, more: object) =>
  (
    await api.ok('POST', 'security-group-rules', {
      security_group_rule: { security_group_id: group, direction: 'ingress', ...more },
    })
  ).security_group_rule
const hits = (id: string) => api.ok('GET', `/flowright/v1/security-group-rules/${id}/hits`)
const words = async (id: string) => (await hits(id)).hits.words

beforeEach(() => {
  asked.length = 0
  counts = {}
  drops = []
  api = testApi({ counters })
})

test('a rule is told in words', async () => {
  const [web, db] = [await group('web'), await group('db')]
  const { address_group: office } = await api.ok('POST', 'address-groups', {
    address_group: { name: 'office', addresses: ['192.0.2.0/24'] },
  })
  const said = async (more: object) => words((await rule(web.id, more)).id)
  expect(await said({ protocol: 'tcp', port_range_min: 443, port_range_max: 443 })).toBe(
    'ingress tcp 443 IPv4 from anywhere',
  )
  expect(await said({ protocol: 'udp', port_range_min: 1000, port_range_max: 2000, remote_group_id: db.id })).toBe(
    'ingress udp 1000-2000 IPv4 from members of group db',
  )
  expect(await said({ protocol: 'icmp', port_range_min: 8, port_range_max: 0, remote_ip_prefix: '10.0.0.0/8' })).toBe(
    'ingress icmp type 8 code 0 IPv4 from 10.0.0.0/8',
  )
  expect(await said({ protocol: 'icmp', port_range_min: 128, ethertype: 'IPv6' })).toBe(
    'ingress ipv6-icmp type 128 IPv6 from anywhere',
  )
  expect(await said({ protocol: 112, remote_address_group_id: office.id })).toBe(
    'ingress protocol 112 IPv4 from address group office',
  )
  expect(await words(web.security_group_rules.find((r: { ethertype: string }) => r.ethertype === 'IPv6').id)).toBe(
    'egress any protocol IPv6 to anywhere',
  )
})

test("a rule's hits are summed up over chassis, and those that could not be asked are named", async () => {
  const web = await group('web')
  const { id } = await rule(web.id, { protocol: 'tcp', port_range_min: 443, port_range_max: 443 })
  counts = {
    [id]: [
      { chassis: 'host1', packets: 3, bytes: 300 },
      { chassis: 'host3', packets: 4, bytes: 400 },
    ],
  }
  expect(await hits(id)).toEqual({
    hits: {
      id,
      security_group: { id: web.id, name: 'web' },
      words: 'ingress tcp 443 IPv4 from anywhere',
      packets: 7,
      bytes: 700,
      chassis: [
        { id: 'host1', packets: 3, bytes: 300 },
        { id: 'host3', packets: 4, bytes: 400 },
      ],
    },
    silent: [{ chassis: 'host2', reason: 'br-int is away' }],
  })
  expect(asked).toEqual([[id]])
  expect(refusal(await api.call('GET', '/flowright/v1/security-group-rules/nope/hits'))).toEqual([
    404,
    'SecurityGroupRuleNotFound',
  ])
})

test('groups are found by id or name, and are all listed when none is named', async () => {
  const web = await group('web')
  await group('db', { stateful: false })
  const names = async (query = '') =>
    (await api.ok('GET', `/flowright/v1/security-group-hits${query}`)).security_groups.map(
      (g: { name: string; stateful: boolean; rules: unknown[] }) => [g.name, g.stateful, g.rules.length],
    )
  expect(await names('?group=db')).toEqual([['db', false, 2]])
  expect(await names(`?group=${web.id}&group=db`)).toEqual([
    ['web', true, 2],
    ['db', false, 2],
  ])
  expect((await names()).map(([name]: [string]) => name).sort()).toEqual(['db', 'default', 'web'])
  expect(refusal(await api.call('GET', '/flowright/v1/security-group-hits?group=nope'))).toEqual([
    404,
    'SecurityGroupNotFound',
  ])
})

test('a drop leads to the security groups and the ports that it concerns', async () => {
  const web = await group('web')
  const host = aChassis('host1', 1)
  const port = aPort('vm1', 5, 'net', { securityGroups: [web.id], policy: 7 })
  await api.store.transact({ source: 'test' }, tx => {
    tx.insert(chassis, host)
    tx.insert(networks, aNetwork('net', 3))
    tx.insert(policies, { id: '7', key: 7, groups: [web.id], stateful: true })
    tx.insert(ports, port)
    tx.insert(ports, aPort('vm2', 6, 'net', { securityGroups: [web.id], policy: 7 }))
    tx.insert(bindings, aBinding(port, host, 1))
  })
  const drop = { chassis: 'host1', bridge: 'br-int', packets: 2, bytes: 84, cookie: 0xf10e000000000001n } as const
  drops = [
    {
      ...{ ...drop, table: 'ingress_verdict', reason: 'no_ingress_rule', words: 'no rule' },
      sources: [{ kind: 'policy', id: '7', table: 'ingress_verdict' }],
    },
    {
      ...{ ...drop, table: 'classify', reason: 'port_down', words: 'down', packets: 0 },
      sources: [{ kind: 'binding', id: 'vm1@host1', table: 'classify' }],
    },
  ]
  const shown = async (query = '') => (await api.ok('GET', `/flowright/v1/drops${query}`)).drops
  const vm1 = { id: 'vm1', name: 'vm1' }
  expect(await shown()).toEqual([
    {
      ...{
        ...drop,
        table: 'ingress_verdict',
        reason: 'no_ingress_rule',
        words: 'no rule',
        cookie: '0xf10e000000000001',
      },
      security_groups: [{ id: web.id, name: 'web' }],
      firewall_groups: [],
      ports: [vm1],
    },
  ])
  expect((await shown('?chassis=host1&all=true'))[1]).toMatchObject({ security_groups: [], ports: [vm1] })
  expect(refusal(await api.call('GET', '/flowright/v1/drops?chassis=nope'))).toEqual([404, 'ChassisNotFound'])
})

test('rules of firewalls are told in words, with their hits in each policy that has them', async () => {
  const rule = async (more: object) =>
    (await api.ok('POST', 'fwaas/firewall_rules', { firewall_rule: more })).firewall_rule.id as string
  const policy = async (name: string, rules: readonly string[]) =>
    (await api.ok('POST', 'fwaas/firewall_policies', { firewall_policy: { name, firewall_rules: rules } }))
      .firewall_policy.id as string
  const refuse = await rule({
    action: 'reject',
    protocol: 'tcp',
    destination_port: '443',
    source_ip_address: '10.0.0.0/8',
  })
  const odd = await rule({ action: 'deny', protocol: '99', ip_version: 6, enabled: false })
  const from = await rule({ action: 'allow', protocol: 'udp', source_port: '1:9', destination_ip_address: '192.0.2.7' })
  const [edge, other] = [await policy('edge', [refuse, odd, from]), await policy('other', [from])]
  counts = {
    [`${edge} ${refuse}`]: [
      { chassis: 'host1', packets: 3, bytes: 300 },
      { chassis: 'host3', packets: 4, bytes: 400 },
    ],
    [`${other} ${from}`]: [{ chassis: 'host1', packets: 1, bytes: 10 }],
  }
  const { firewall_policies: policies, silent } = await api.ok('GET', '/flowright/v1/firewall-hits?policy=edge')
  expect(silent).toHaveLength(1)
  expect(policies).toMatchObject([{ id: edge, name: 'edge', rules: [{ id: refuse }, { id: odd }, { id: from }] }])
  const shown = policies[0].rules.map((r: { words: string; packets: number; enabled: boolean }) => [
    ...[r.words, r.packets, r.enabled],
  ])
  expect(shown).toEqual([
    ['reject tcp 443 IPv4 from 10.0.0.0/8 to anywhere', 7, true],
    ['deny protocol 99 IPv6 from anywhere to anywhere', 0, false],
    ['allow udp IPv4 from anywhere port 1-9 to 192.0.2.7', 0, true],
  ])
  expect((await api.ok('GET', `/flowright/v1/firewall-rules/${from}/hits`)).hits).toMatchObject([
    { policy: { id: edge, name: 'edge' }, packets: 0 },
    { policy: { id: other, name: 'other' }, packets: 1, chassis: [{ id: 'host1', packets: 1, bytes: 10 }] },
  ])
  const named = (await api.ok('GET', '/flowright/v1/firewall-hits')).firewall_policies.map(
    (p: { name: string }) => p.name,
  )
  expect(named).toEqual(expect.arrayContaining(['edge', 'other']))
  const absent = ['firewall-hits?policy=nope', 'firewall-rules/nope/hits'].map(path =>
    api.call('GET', `/flowright/v1/${path}`),
  )
  expect((await Promise.all(absent)).map(refusal)).toEqual([
    [404, 'FirewallPolicyNotFound'],
    [404, 'FirewallRuleNotFound'],
  ])
})

test('only administrators see them', async () => {
  const member = testApi({
    counters,
    authenticate: async () => ({ projectId: 'p', isAdmin: false, userId: 'u' }) as never,
  })
  for (const path of [
    'security-group-hits',
    'firewall-hits',
    'drops',
    'security-group-rules/x/hits',
    'firewall-rules/x/hits',
  ])
    expect((await member.call('GET', `/flowright/v1/${path}`)).status).toBe(403)
})
