// A preview says of a request what it would do to flows, chassis by chassis; nothing is done, and then just that is.
import { beforeEach, describe, expect, test } from 'vitest'
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import { chassis, claimPort, modelKinds } from '#model'
import { openMemoryStore } from '#store'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { aChassis } from '#test/support/model'
import { entriesAt } from '../../src/main/chassis-flows.ts'
import { previewing } from '../../src/main/preview.ts'

let api: TestApi
let compiler: Compiler
const hosts = ['host1', 'host2', 'idle']

const flowsOf = (id: string) => entriesAt(compiler, id).map(entry => `${entry.slot} ${entry.digest}`)
const preview = async (method: string, path: string, body?: unknown, limit?: number) =>
  api.call('POST', '/flowright/v1/preview', { method, path: `/v2.0/${path}`, body, limit })

/** What a preview counts on each chassis, and what the request then does there. */
const foretold = async (method: string, path: string, body?: unknown) => {
  const before = new Map(hosts.map(id => [id, flowsOf(id)]))
  const { revision } = api.store
  const answer = await preview(method, path, body)
  expect(answer.status, answer.text).toBe(200)
  expect(api.store.revision).toBe(revision)
  for (const id of hosts) expect(flowsOf(id)).toEqual(before.get(id))
  await api.ok(method, path, body)
  const done = hosts.flatMap(id => {
    const [was, is] = [new Set(before.get(id)), new Set(flowsOf(id))]
    const [added, removed] = [is.difference(was).size, was.difference(is).size]
    return added + removed === 0 ? [] : [{ id, added, removed }]
  })
  expect(answer.body.preview.chassis).toEqual(done)
  return answer.body.preview
}

beforeEach(async () => {
  const store = openMemoryStore({ kinds: modelKinds })
  compiler = new Compiler(pipeline)
  store.follow(commit => compiler.apply(commit), { fromStart: true })
  api = testApi({ store, preview: previewing(compiler, pipeline) })
  await store.transact({ source: 'test' }, tx => {
    for (const [i, id] of hosts.entries()) tx.insert(chassis, aChassis(id, i + 1))
  })
})

const plug = async (name: string, network: string, host: string, groups: readonly string[]) => {
  const { port } = await api.ok('POST', 'ports', { port: { name, network_id: network, security_groups: groups } })
  await api.store.transact({ source: 'test' }, tx =>
    claimPort(tx, { chassis: host, interface: `tap-${name}`, port: port.id, ofport: 5, error: '' }),
  )
  return port
}

describe('a preview', () => {
  test('tells which flows a rule brings and takes, where the group is used and nowhere else', async () => {
    const { network } = await api.network('10.0.0.0/24')
    const { security_group: group } = await api.ok('POST', 'security-groups', { security_group: { name: 'web' } })
    await plug('a', network, 'host1', [group.id])
    await plug('b', network, 'host2', [])
    const rule = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 443 }
    const body = { security_group_rule: { ...rule, port_range_max: 443 } }
    const coming = await foretold('POST', 'security-group-rules', body)
    expect(coming.chassis.map((c: { id: string }) => c.id)).toEqual(['host1'])
    expect(coming.flows.length).toBe(coming.total)
    expect(coming.flows[0]).toMatchObject({ op: 'add', bridge: 'br-int', chassis: ['host1'] })
    expect(coming.flows.some((flow: { text: string }) => flow.text.includes('tp_dst=443'))).toBe(true)
    expect(coming.changes[0]).toMatchObject({ kind: 'security_group_rule', op: 'create' })

    const { security_group: shown } = await api.ok('GET', `security-groups/${group.id}`)
    const added = shown.security_group_rules.find((one: { port_range_min: number }) => one.port_range_min === 443)
    const going = await foretold('DELETE', `security-group-rules/${added.id}`)
    expect(going.chassis).toEqual([{ id: 'host1', added: 0, removed: coming.chassis[0].added }])
  })

  test('serves any change: another group for a port, an address, a port that goes, a name', async () => {
    const { network } = await api.network('10.0.0.0/24')
    const { security_group: group } = await api.ok('POST', 'security-groups', { security_group: { name: 'web' } })
    const a = await plug('a', network, 'host1', [])
    const b = await plug('b', network, 'host2', [])
    const put = (body: object) => foretold('PUT', `ports/${a.id}`, { port: body })
    expect((await put({ security_groups: [group.id] })).total).toBeGreaterThan(0)
    const addresses = await put({ allowed_address_pairs: [{ ip_address: '10.0.0.77' }] })
    expect(addresses.flows.some((flow: { text: string }) => flow.text.includes('10.0.0.77'))).toBe(true)
    expect(await put({ name: 'renamed' })).toMatchObject({ total: 0, flows: [], chassis: [] })
    await foretold('DELETE', `ports/${b.id}`)
    await foretold('PUT', `networks/${network}`, { network: { admin_state_up: false } })
  })

  test('lists as many as it is asked for, and counts all', async () => {
    const { network } = await api.network('10.0.0.0/24')
    const port = await plug('a', network, 'host1', [])
    const { body } = await preview('DELETE', `ports/${port.id}`, undefined, 2)
    expect(body.preview.flows).toHaveLength(2)
    expect(body.preview.total).toBeGreaterThan(2)
    expect(body.preview.chassis[0].removed).toBe(body.preview.total)
  })

  test('refuses what the request itself would be refused for, and what it cannot preview', async () => {
    expect(refusal(await preview('DELETE', 'ports/nobody'))).toEqual([404, 'PortNotFound'])
    const bad = { subnet: { network_id: 'x', cidr: 'nonsense', ip_version: 4 } }
    expect((await preview('POST', 'subnets', bad)).status).toBe(400)
    expect(refusal(await preview('GET', 'ports'))).toEqual([400, 'HTTPBadRequest'])
    const other = { method: 'POST', path: '/flowright/v1/preview' }
    expect((await api.call('POST', '/flowright/v1/preview', other)).status).toBe(400)
    expect((await api.call('POST', '/flowright/v1/preview', 'nonsense')).status).toBe(400)
    const { network } = await api.network()
    const { body } = await preview('PUT', `networks/${network}`, { network: { name: 'net' } })
    expect(body.preview).toMatchObject({ total: 0, flows: [], chassis: [] })
  })
})
