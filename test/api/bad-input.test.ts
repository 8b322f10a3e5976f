import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { modelKinds } from '#model'
import { openMemoryStore, type Store, StoreUnavailable } from '#store'
import { refusal, type TestApi, testApi } from '#test/support/api'
import { externalNetwork, routedNetwork } from '#test/support/routed'

let api: TestApi
beforeEach(() => {
  api = testApi()
})

describe('a request', () => {
  test.each([
    ['{"network": ', 'HTTPBadRequest', /not JSON/],
    ['', 'HTTPBadRequest', /body required/],
    ['[]', 'HTTPBadRequest', /body required/],
    ['null', 'HTTPBadRequest', /body required/],
    ['"network"', 'HTTPBadRequest', /body required/],
    ['{"net": {}}', 'HTTPBadRequest', /Unable to find 'network'/],
    ['{"network": []}', 'HTTPBadRequest', /body required/],
    ['{"networks": {}}', 'HTTPBadRequest', /networks/],
    ['{"networks": []}', 'HTTPBadRequest', /Resources required/],
    ['{"networks": [1]}', 'HTTPBadRequest', /body required/],
    ['{"network": {"colour": 1}}', 'HTTPBadRequest', /'colour'/],
    ['{"network": {"__proto__": {"name": 1}}}', 'HTTPBadRequest', /'__proto__'/],
    ['{"network": {"constructor": 1}}', 'HTTPBadRequest', /'constructor'/],
    ['{"network": {"id": "x"}}', 'HTTPBadRequest', /'id' not allowed in POST/],
    ['{"network": {"name": 5}}', 'HTTPBadRequest', /for name\. .*not a valid string/],
    ['{"network": {"name": null}}', 'HTTPBadRequest', /for name\./],
    ['{"network": {"name": "a\\u0000b"}}', 'HTTPBadRequest', /for name\./],
    ['{"network": {"name": "a\\ud800b"}}', 'HTTPBadRequest', /for name\. .*not Unicode/],
    [
      '{"network": {"admin_state_up": "maybe"}}',
      'InvalidInput',
      /admin_state_up: 'maybe' cannot be converted to boolean/,
    ],
    ['{"network": {"mtu": 1.5}}', 'InvalidInput', /mtu: '1.5' is not an integer/],
    ['{"network": {"mtu": 1e308}}', 'InvalidInput', /mtu/],
    ['{"network": {"segments": 3}}', 'HTTPBadRequest', /for segments\./],
    ['{"network": {"availability_zone_hints": ["moon"]}}', 'AvailabilityZoneNotFound', /moon/],
  ])('with the body %s is refused, and says why', async (body, type, message) => {
    const answer = await api.call('POST', 'networks', body)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.body.NeutronError).toMatchObject({ type, message: expect.stringMatching(message), detail: '' })
  })

  test('with a path that cannot be decoded is refused like any other', async () => {
    const answer = await api.call('GET', 'networks/%ff')
    expect(answer.status).toBe(400)
    expect(answer.body.NeutronError).toMatchObject({ type: 'HTTPBadRequest', message: expect.stringMatching(/%ff/) })
  })

  test('of absurd size is refused by the attribute, shortly', async () => {
    const { network } = await api.network()
    const pairs = Array.from({ length: 100_000 }, (_, i) => ({
      ip_address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    }))
    for (const [attribute, body] of [
      ['name', { network_id: network, name: 'x'.repeat(1_000_000) }],
      ['allowed_address_pairs', { network_id: network, allowed_address_pairs: pairs }],
      ['fixed_ips', { network_id: network, fixed_ips: pairs }],
      ['mac_address', { network_id: network, mac_address: ':'.repeat(1_000_000) }],
      ['binding:profile', { network_id: network, 'binding:profile': { x: 'x'.repeat(5000) } }],
    ] as const) {
      const answer = await api.call('POST', 'ports', { port: body })
      expect(refusal(answer)).toEqual([400, 'HTTPBadRequest'])
      expect(answer.body.NeutronError.message).toContain(attribute)
      expect(answer.text.length).toBeLessThan(1000)
    }
    for (const [attribute, nested] of [
      ['name', '['.repeat(100_000) + ']'.repeat(100_000)],
      ['admin_state_up', '['.repeat(100_000) + ']'.repeat(100_000)],
      ['binding:profile', '{"a":'.repeat(100_000) + 1 + '}'.repeat(100_000)],
    ]) {
      const answer = await api.call(
        'POST',
        'ports',
        `{"port": {"network_id": "${network}", "${attribute}": ${nested}}}`,
      )
      expect([attribute, answer.status]).toEqual([attribute, 400])
      expect(answer.body.NeutronError.message).toContain(attribute)
    }
    expect((await api.call('POST', 'ports', ' '.repeat(9_000_000))).status).toBe(413)
    const bulk = { networks: Array(2001).fill({}) }
    expect(refusal(await api.call('POST', 'networks', bulk))).toEqual([400, 'HTTPBadRequest'])
  })

  test('for what is not there, or not in this way, is told so', async () => {
    const { network } = await api.network()
    expect(refusal(await api.call('GET', 'networks/not-a-uuid'))).toEqual([404, 'NetworkNotFound'])
    expect(refusal(await api.call('PUT', 'networks/none', { network: { name: 'x' } }))).toEqual([
      404,
      'NetworkNotFound',
    ])
    expect(refusal(await api.call('DELETE', 'ports/none'))).toEqual([404, 'PortNotFound'])
    expect(refusal(await api.call('GET', 'nothing'))).toEqual([404, 'HTTPNotFound'])
    for (const method of ['PATCH', 'POST']) expect((await api.call(method, `networks/${network}`, {})).status).toBe(405)
    expect((await api.call('PUT', 'networks', {})).headers.allow).toBe('GET, POST')
    expect((await api.call('GET', 'networks', undefined, { accept: 'application/xml' })).status).toBe(406)
    expect((await api.call('GET', 'networks', undefined, { accept: 'application/json, text/plain' })).status).toBe(200)
    expect(refusal(await api.call('PUT', `networks/${network}`, { network: { id: 'x' } }))).toEqual([
      400,
      'HTTPBadRequest',
    ])
    const extension = await api.call('GET', 'extensions/nope')
    expect([extension.status, extension.headers['content-type']]).toEqual([404, 'text/plain'])
  })

  test('needs no content type, and may end in .json', async () => {
    const made = await api.app.inject({
      method: 'POST',
      url: '/v2.0/networks.json',
      payload: Buffer.from('{"network":{}}'),
    })
    expect(made.statusCode).toBe(201)
    expect((await api.ok('GET', 'networks.json?name=')).networks).toHaveLength(1)
  })

  test('of any JSON at all is never answered by 500', async () => {
    const external = await externalNetwork(api)
    const routed = await routedNetwork(api, '10.0.0.0/24', external.network)
    const { network, subnet, router } = routed
    const port = (await routed.port()).id
    const made = async (path: string, root: string, body: object): Promise<string> =>
      (await api.ok('POST', path, { [root]: body }))[root].id
    const floatingIp = await made('floatingips', 'floatingip', { floating_network_id: external.network })
    const group = await made('security-groups', 'security_group', { name: 'g' })
    const list = await made('address-groups', 'address_group', { addresses: ['10.0.0.0/24'] })
    const rule = await made('fwaas/firewall_rules', 'firewall_rule', {})
    const policy = await made('fwaas/firewall_policies', 'firewall_policy', { firewall_rules: [rule] })
    const ids = [...Object.values(external), network, subnet, router, port, floatingIp, group, list, rule, policy]
    const words = '10.0.0.0/24 10.0.0.9 10.0.0.1 fd00::1 tcp ingress IPv4 access_as_shared 80:90'.split(' ')
    const word = fc.oneof(fc.constantFrom<unknown>(...ids, ...words, null, 0, 4, 6, 80), fc.jsonValue())
    const keys = fc.constantFrom(...'network_id subnet_id ip_address destination nexthop external_fixed_ips'.split(' '))
    const value = fc.oneof(
      word,
      fc.array(word, { maxLength: 3 }),
      fc.array(fc.dictionary(keys, word), { maxLength: 2 }),
    )
    const forwarding = { internal_port_id: port, protocol: 'tcp', internal_port: 80, external_port: 80 }
    const resources = [
      ['networks', 'network', network, {}],
      ['subnets', 'subnet', subnet, { network_id: network, ip_version: 4, cidr: '10.77.0.0/24' }],
      ['ports', 'port', port, { network_id: network }],
      ['routers', 'router', router, {}],
      ['floatingips', 'floatingip', floatingIp, { floating_network_id: external.network }],
      [`floatingips/${floatingIp}/port_forwardings`, 'port_forwarding', undefined, forwarding],
      ['security-groups', 'security_group', group, {}],
      ['security-group-rules', 'security_group_rule', undefined, { security_group_id: group, direction: 'ingress' }],
      ['address-groups', 'address_group', list, {}],
      ['fwaas/firewall_rules', 'firewall_rule', rule, {}],
      ['fwaas/firewall_policies', 'firewall_policy', policy, {}],
      ['fwaas/firewall_groups', 'firewall_group', undefined, {}],
    ] as const
    const known = await Promise.all(
      resources.map(async ([path, root, id, needed]) => {
        const shown = id ?? (await made(path, root, needed))
        return { path, root, needed, shown, names: Object.keys((await api.ok('GET', `${path}/${shown}`))[root]) }
      }),
    )
    for (const { path, root, needed, shown, names } of known) {
      const body = fc.dictionary(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.string()), value, {
        maxKeys: 4,
      })
      await fc.assert(
        fc.asyncProperty(body, fc.boolean(), async (given, isPost) => {
          const answer = isPost
            ? await api.call('POST', path, { [root]: { ...needed, ...given } })
            : await api.call('PUT', `${path}/${shown}`, { [root]: given })
          expect(answer.status, answer.text).toBeLessThan(500)
        }),
        { numRuns: 60 },
      )
    }
  })
})

describe('a disk that takes no writes', () => {
  /** A store whose writes can be made to fail. */
  const failing = () => {
    const store = openMemoryStore({ kinds: modelKinds })
    let trouble: StoreUnavailable | undefined
    const wrapped = new Proxy(store, {
      get(target, name) {
        if (name === 'trouble') return trouble
        if (name === 'transact' && trouble) return () => Promise.reject(trouble)
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    return { store: wrapped as Store, fail: (error: StoreUnavailable | undefined) => (trouble = error) }
  }

  test('refuses writes for a while, and reads go on', async () => {
    const { store, fail } = failing()
    api = testApi({ store })
    const { network } = await api.network()
    fail(new StoreUnavailable('disk-full', 'the disk is full'))
    const refused = await api.call('POST', 'networks', { network: {} })
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5'])
    expect((await api.ok('GET', `networks/${network}`)).network.id).toBe(network)
    expect((await api.ok('GET', '/healthz')).status).toBe('degraded')
    fail(undefined)
    expect((await api.call('POST', 'networks', { network: {} })).status).toBe(201)
    expect((await api.ok('GET', '/healthz')).status).toBe('ok')
  })
})
