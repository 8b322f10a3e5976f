import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import type { FabricView, FlowFilter, FlowView } from '#api'
import { chassis, claimPort } from '#model'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { aChassis } from '#test/support/model'

let api: TestApi
let flow: FlowView
const asked: unknown[] = []
const fabric: FabricView = {
  tables: [
    { bridge: 'br-int', number: 31, name: 'arp_responder' },
    { bridge: 'br-int', number: 60, name: 'l2_lookup' },
    { bridge: 'br-tun', number: 30, name: 'admit' },
  ],
  session: id =>
    id === 'host1' ? { isUp: true, since: 0, remote: 'tcp:192.0.2.1:5', reason: '', problems: ['late'] } : undefined,
  strangers: () => [{ remote: 'tcp:192.0.2.9:7', systemId: '', since: 0, reason: 'it has no system-id' }],
  programming: id =>
    id === 'host1'
      ? {
          isConnected: true,
          acknowledged: 7,
          bridges: {
            'br-int': { state: 'in_sync', flows: 10, drift: 1, quarantined: 0 },
            'br-tun': { state: 'in_sync', flows: 5, drift: 0, quarantined: 0 },
          },
        }
      : undefined,
  flows: async (id, filter) => {
    asked.push([id, filter])
    return [{ ...flow, ...(filter.counters ? { counters: { packets: 3n, bytes: 99n, seconds: 5 } } : {}) }]
  },
  diff: async () => ({
    missing: [flow],
    unexpected: [],
    different: [{ expected: flow, installed: { ...flow, text: 'edited', sources: [] } }],
    quarantined: [{ flow, error: 'OFPFMFC_TABLE_FULL' }],
  }),
  explain: (_id, cookie) =>
    cookie === flow.cookie
      ? {
          bridge: 'br-int',
          table: 'arp_responder',
          file: 'flows/br-int/30-arp-responder.ts',
          description: 'Answers ARP.',
          flows: [flow],
        }
      : undefined,
  drift: () => [{ at: 0, bridge: 'br-int', kind: 'removed', count: 1, text: 'table=30', sources: flow.sources }],
}

beforeEach(async () => {
  asked.length = 0
  api = testApi({ fabric, clock: () => Date.UTC(2026, 0, 1), metrics: new Registry() })
  await api.store.transact({ source: 'test' }, tx => {
    tx.insert(chassis, aChassis('host1', 1, { problems: ['no bridge br-ex'], bridgeMappings: { physnet1: 'br-ex' } }))
    tx.insert(chassis, aChassis('host2', 2, { admission: 'waiting', hostname: 'two' }))
  })
  const { network } = await api.ok('POST', 'networks', { network: { name: 'blue' } })
  flow = {
    bridge: 'br-int',
    table: 'arp_responder',
    cookie: 0xf10e000000000001n,
    text: 'table=arp_responder, priority=1,arp',
    sources: [{ kind: 'network', id: network.id, table: 'arp_responder' }],
  }
})
const one = (path: string) => api.ok('GET', `/flowright/v1/chassis/${path}`)

describe('a chassis', () => {
  test('is shown with its session, its bridges and what is wrong', async () => {
    expect((await one('host1')).chassis).toMatchObject({
      id: 'host1',
      admission: 'approved',
      connected: true,
      remote: 'tcp:192.0.2.1:5',
      tunnel_ip: '192.0.2.1',
      problems: ['no bridge br-ex', 'late'],
      openflow: { connected: true, acknowledged: 7, bridges: { 'br-int': { state: 'in_sync', flows: 10 } } },
      bindings: [],
    })
    const { chassis: all, strangers } = await api.ok('GET', '/flowright/v1/chassis')
    expect(strangers).toMatchObject([{ remote: 'tcp:192.0.2.9:7', system_id: '', reason: 'it has no system-id' }])
    expect(all.map((c: { id: string; connected: boolean }) => [c.id, c.connected])).toEqual([
      ['host1', true],
      ['host2', false],
    ])
    expect(refusal(await api.call('GET', '/flowright/v1/chassis/nobody'))).toEqual([404, 'ChassisNotFound'])
  })

  test('shows the interfaces whose ports are not bound, and why', async () => {
    const { network } = await api.network()
    const { port } = await api.ok('POST', 'ports', { port: { network_id: network, 'binding:host_id': 'two' } })
    const plug = (name: string, id: string) =>
      api.store.transact({ source: 'test' }, tx =>
        claimPort(tx, { chassis: 'host1', interface: name, port: id, ofport: 5, error: '' }),
      )
    await plug('tap1', port.id)
    await plug('tap2', 'nonsense')
    expect((await one('host1')).chassis).toMatchObject({
      bindings: [],
      unbound: [
        { port: port.id, interface: 'tap1', reason: 'the port is bound to host two, not to host1' },
        { port: 'nonsense', interface: 'tap2', reason: 'there is no such port' },
      ],
    })
  })

  test('is approved, drained and removed', async () => {
    const put = (id: string, admission: unknown) =>
      api.call('PUT', `/flowright/v1/chassis/${id}`, { chassis: { admission } })
    expect((await put('host2', 'approved')).body.chassis.admission).toBe('approved')
    expect((await put('host1', 'draining')).body.chassis.admission).toBe('draining')
    expect(refusal(await put('host1', 'banned'))).toEqual([400, 'HTTPBadRequest'])
    expect(refusal(await put('nobody', 'approved'))).toEqual([404, 'ChassisNotFound'])
    expect((await api.call('DELETE', '/flowright/v1/chassis/host2')).status).toBe(204)
    expect((await api.ok('GET', '/flowright/v1/chassis')).chassis).toHaveLength(1)
  })

  test('is an agent of Neutron', async () => {
    const { agents } = await api.ok('GET', 'agents?agent_type=Open%20vSwitch%20agent&alive=true')
    expect(agents).toHaveLength(1)
    expect(agents[0]).toMatchObject({
      id: 'host1',
      binary: 'neutron-openvswitch-agent',
      host: 'host1',
      alive: true,
      admin_state_up: true,
      heartbeat_timestamp: '2026-01-01 00:00:00',
      configurations: {
        bridge_mappings: { physnet1: 'br-ex' },
        tunnel_types: ['vxlan'],
        tunneling_ip: '192.0.2.1',
        devices: 0,
      },
    })
    expect((await api.ok('GET', 'agents?host=two')).agents[0]).toMatchObject({ alive: false, admin_state_up: false })
    await api.ok('PUT', 'agents/host1', { agent: { admin_state_up: false } })
    expect((await one('host1')).chassis.admission).toBe('draining')
  })
})

describe('the flows of a chassis', () => {
  test('are those of a resource by its id, or of all that have a name', async () => {
    const blue = flow.sources[0]!.id
    const { network: other } = await api.ok('POST', 'networks', { network: { name: 'blue' } })
    const { router } = await api.ok('POST', 'routers', { router: { name: 'blue' } })
    const { network: misnamed } = await api.ok('POST', 'networks', { network: { name: blue } })
    const asksFor = async (source: string) => {
      asked.length = 0
      await one(`host1/flows?source=${encodeURIComponent(source)}`)
      return [...((asked[0] as [string, FlowFilter])[1].sources ?? [])].sort()
    }
    expect(await asksFor(blue)).toEqual([blue])
    expect(await asksFor(misnamed.id)).toEqual([misnamed.id])
    expect(await asksFor(`host1/${blue}`)).toEqual([`host1/${blue}`])
    expect(await asksFor('blue')).toEqual([blue, other.id, router.id].sort())
    await api.ok('POST', 'networks', { network: {} })
    for (const absent of ['green', '', `host1/${blue}/${blue}`, 'host1/green']) {
      const refused = await api.call('GET', `/flowright/v1/chassis/host1/flows?source=${encodeURIComponent(absent)}`)
      expect(refusal(refused)).toEqual([400, 'HTTPBadRequest'])
      expect(refused.body.NeutronError.message).toContain(`'${absent}' is neither the id nor the name of a resource`)
    }
  })

  test('lead to the resources that asked for them, and to the request that made those', async () => {
    const { flows } = await one('host1/flows?bridge=br-int&table=arp_responder&counters=true')
    expect(asked).toEqual([['host1', { bridge: 'br-int', table: 'arp_responder', sources: undefined, counters: true }]])
    expect(flows).toEqual([
      {
        bridge: 'br-int',
        table: 'arp_responder',
        cookie: '0xf10e000000000001',
        text: 'table=arp_responder, priority=1,arp',
        packets: 3,
        bytes: 99,
        seconds: 5,
        resources: [
          {
            kind: 'network',
            id: flow.sources[0]!.id,
            name: 'blue',
            table: 'arp_responder',
            revision: expect.any(Number),
            at: expect.stringMatching(/Z$/),
            request: expect.stringMatching(/^req-/),
          },
        ],
      },
    ])
  })

  test.each([
    ['bridge=ovsbr0', "bridge. Reason: 'ovsbr0' is not in ['br-int', 'br-tun']."],
    [
      'table=arp_responer',
      "table. Reason: 'arp_responer' (the nearest is 'arp_responder') is not in ['arp_responder', 'l2_lookup', 'admit'].",
    ],
    ['table=99', "table. Reason: '99' is not in ['arp_responder', 'l2_lookup', 'admit']."],
    ['bridge=br-tun&table=arp_responder', "table. Reason: 'arp_responder' is not in ['admit']."],
    ['table=31&table=60', 'table. Reason: it is given more than once.'],
  ])('are not looked for where there are none: %s', async (query, reason) => {
    const { status, body } = await api.call('GET', `/flowright/v1/chassis/host1/flows?${query}`)
    expect(status).toBe(400)
    expect(body.NeutronError.message).toBe(`Invalid input for ${reason}`)
    expect(asked).toEqual([])
  })

  test('are found by the number of their table, on the bridge that has it', async () => {
    await one('host1/flows?table=31&counters=false')
    await one('host1/flows?bridge=br-tun&table=30')
    expect(asked).toMatchObject([
      ['host1', { bridge: undefined, table: '31', counters: false }],
      ['host1', { bridge: 'br-tun', table: '30' }],
    ])
  })

  test('are compared with what the switch holds', async () => {
    expect(await one('host1/diff')).toMatchObject({
      missing: [{ text: flow.text }],
      unexpected: [],
      different: [{ expected: { text: flow.text }, installed: { text: 'edited' } }],
      quarantined: [{ text: flow.text, error: 'OFPFMFC_TABLE_FULL' }],
    })
    expect((await one('host1/drift')).drift[0]).toMatchObject({ kind: 'removed', at: '1970-01-01T00:00:00Z' })
  })

  test('are explained by their cookies', async () => {
    expect(await one('host1/cookies/0xf10e000000000001')).toMatchObject({
      cookie: '0xf10e000000000001',
      file: 'flows/br-int/30-arp-responder.ts',
      flows: [flow.text],
      resources: [{ kind: 'network', name: 'blue' }],
      request: expect.stringMatching(/^req-/),
    })
    const refused = async (cookie: string) =>
      refusal(await api.call('GET', `/flowright/v1/chassis/host1/cookies/${cookie}`))
    expect(await refused('0x1')).toEqual([404, 'CookieNotFound'])
    expect(await refused('sugar')).toEqual([400, 'HTTPBadRequest'])
  })
})

describe('what a query asks for that there is not', () => {
  test.each([
    [
      'GET',
      'chassis/host1/flows?tabel=31',
      "'tabel' (the nearest is 'table') is no parameter of /flowright/v1/chassis",
    ],
    ['GET', 'chassis/host1/flows?tabel=31', '/:id/flows: it takes bridge, table, source, counters.'],
    ['GET', 'chassis?id=host1', "'id' is no parameter of /flowright/v1/chassis: it takes none."],
    ['GET', 'chassis/host1/flows?counters=maybe', "counters: 'maybe' cannot be converted to boolean."],
    ['DELETE', 'chassis/host1?force=maybe', "force: 'maybe' cannot be converted to boolean."],
    ['GET', 'drops?all=maybe', "all: 'maybe' cannot be converted to boolean."],
    [
      'GET',
      'drops?chasis=host1',
      "'chasis' (the nearest is 'chassis') is no parameter of /flowright/v1/drops: it takes",
    ],
  ])('is refused: %s %s', async (method, path, message) => {
    const { status, body } = await api.call(method, `/flowright/v1/${path}`)
    expect(status).toBe(400)
    expect(body.NeutronError.message).toContain(message)
  })
})

describe('beside its resources the API', () => {
  test('lists its versions, its resources and its extensions', async () => {
    expect((await api.ok('GET', '/')).versions[0]).toMatchObject({ id: 'v2.0', status: 'CURRENT' })
    const { resources } = await api.ok('GET', '/v2.0/')
    expect(resources.map((r: { collection: string }) => r.collection)).toContain('networks')
    const { extensions } = await api.ok('GET', 'extensions')
    expect(extensions.map((e: { alias: string }) => e.alias)).toContain('standard-attr-tag')
    expect((await api.ok('GET', 'extensions/provider')).extension.alias).toBe('provider')
  })

  test('has health, metrics and an OpenAPI page', async () => {
    expect(await api.ok('GET', '/healthz')).toMatchObject({ status: 'ok' })
    expect((await api.call('GET', '/metrics')).text).toContain('flowright_api_request_seconds_bucket')
    const page = await api.ok('GET', '/openapi')
    expect(page.openapi).toBe('3.1.0')
    const port = page.paths['/v2.0/ports'].post.requestBody.content['application/json'].schema.properties.port
    expect(port.required).toEqual(['network_id'])
    expect(port.properties.admin_state_up).toMatchObject({ type: 'boolean', default: true })
  })
})
