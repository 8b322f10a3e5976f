// What the API says of a flow of security groups: its rule, group and ports in words.
import { beforeEach, expect, test } from 'vitest'
import { type ExplanationView, noFabric, type SourceView } from '#api'
import { addressGroups, bindings, chassis, networks, policies, ports, remoteGroupBits } from '#model'
import { type TestApi, testApi } from '#test/support/api'
import { aBinding, aChassis, aNetwork, aPort } from '#test/support/model'

let api: TestApi
let explanation: ExplanationView
let web: { readonly id: string }
let rule: string

const flowOf = (...sources: SourceView[]): ExplanationView => ({
  ...{ bridge: 'br-int', table: 't', file: 'flows/br-int/114-t.ts', description: 'Judges.' },
  flows: [{ bridge: 'br-int', table: 't', cookie: 1n, text: 'table=t', sources }],
})
const from = (kind: string, id: string): SourceView => ({ kind, id, table: 't' })
const meaning = async () => (await api.ok('GET', '/flowright/v1/chassis/host1/cookies/0x1')).meaning

beforeEach(async () => {
  api = testApi({ fabric: { ...noFabric, explain: () => explanation } })
  web = (await api.ok('POST', 'security-groups', { security_group: { name: 'web' } })).security_group
  const made = await api.ok('POST', 'security-group-rules', {
    security_group_rule: {
      ...{ security_group_id: web.id, direction: 'ingress', protocol: 'tcp' },
      ...{ port_range_min: 443, port_range_max: 443, remote_group_id: web.id },
    },
  })
  rule = made.security_group_rule.id
  const [host, other] = [aChassis('host1', 1), aChassis('host2', 2)]
  await api.store.transact({ source: 'test' }, tx => {
    for (const on of [host, other]) tx.insert(chassis, on)
    tx.insert(networks, aNetwork('net', 3))
    tx.insert(policies, { id: '7', key: 7, groups: [web.id], stateful: true })
    for (let i = 1; i <= 14; i++) {
      const port = aPort(`vm${i}`, i, 'net', i < 13 ? { securityGroups: [web.id], policy: 7 } : {})
      tx.insert(ports, port)
      tx.insert(bindings, aBinding(port, i === 1 ? other : host, i))
    }
  })
})

test('a rule is named with its group and the ports that bear it there', async () => {
  explanation = flowOf(from('security_group_rule', rule))
  expect(await meaning()).toEqual([
    'allows ingress tcp 443 IPv4 from members of group web',
    `a rule of security group web (${web.id}), borne on this chassis by 11 ports (vm2, vm3, vm4, vm5, vm6, vm7, vm8, vm9, vm10, vm11 and 1 more)`,
  ])
})

test('a drop says why, and for the ports of which groups', async () => {
  explanation = { ...flowOf(from('policy', '7')), drop: { reason: 'no_ingress_rule', words: 'no rule allows it' } }
  expect(await meaning()).toEqual([
    'drops: no rule allows it',
    expect.stringMatching(/^for ports of security groups web: on this chassis 11 ports \(vm2, .* and 1 more\)$/),
  ])
})

test('a member of remote groups is named, and the groups that its bits stand for', async () => {
  await api.store.transact({ source: 'test' }, tx => {
    tx.insert(addressGroups, { id: 'ag', projectId: 'p', name: 'office', addresses: ['10.0.0.2'] })
    tx.insert(remoteGroupBits, { id: 'p/ag', projectId: 'p', remote: 'ag', page: 9, bit: 5 })
    tx.insert(remoteGroupBits, { id: `p/${web.id}`, projectId: 'p', remote: web.id, page: 9, bit: 3 })
  })
  explanation = {
    ...flowOf(from('port', 'vm2'), from('address_group', 'ag')),
    remoteGroups: { page: 9, bits: [3, 5, 6] },
  }
  expect(await meaning()).toEqual([
    'an address of port vm2, address group office: a member of group web (bit 3), address group office (bit 5), ' +
      'what bit 6 stands for, as rules of project p name them',
  ])
})

test('of other flows nothing more is said', async () => {
  explanation = flowOf(from('port', 'vm2'))
  expect(await meaning()).toEqual([])
})
