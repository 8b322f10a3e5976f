// Whatever is asked, in whatever order and at once, addresses and segments stay unique and nothing in use goes away.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  contains,
  deleteSecurityGroup,
  modelKinds,
  networks,
  overlap,
  parseIp,
  parsePrefix,
  ports,
  securityGroups,
  subnets,
} from '#model'
import { MemoryLog, openMemoryStore, type Store } from '#store'
import { testApi } from '#test/support/api'

const cidrs = ['10.0.0.0/28', '10.0.0.8/29', '10.0.1.0/29', 'fd00::/64', 'fd00:1::/64']
const addresses = ['10.0.0.1', '10.0.0.3', '10.0.0.9', '10.0.1.2', '10.0.1.4', 'fd00::5', 'fd00:1::7']
const pick = fc.nat(50)

const command = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('network' as const), vlan: fc.option(fc.integer({ min: 1, max: 3 })) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subnet' as const),
      on: pick,
      cidr: fc.constantFrom(...cidrs),
      slaac: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('port' as const),
      on: pick,
      ip: fc.option(fc.constantFrom(...addresses)),
      mac: fc.option(fc.integer({ min: 1, max: 4 })),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      on: pick,
      ip: fc.constantFrom(...addresses),
      mac: fc.option(fc.integer({ min: 1, max: 4 })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('delete' as const),
      on: pick,
      what: fc.constantFrom('networks', 'subnets', 'ports'),
    }),
  },
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

async function run(api: ReturnType<typeof testApi>, store: Store, c: Command): Promise<void> {
  const at = <T extends { id: string }>(all: Iterable<T>, n: number) => {
    const list = [...all]
    return list[n % Math.max(list.length, 1)]?.id ?? 'none'
  }
  const mac = (n: number | null) => (n === null ? {} : { mac_address: `fa:16:3e:00:00:0${n}` })
  const requests = {
    network: () => {
      const { vlan } = c as Command & { do: 'network' }
      const provider = vlan && {
        'provider:network_type': 'vlan',
        'provider:physical_network': 'physnet1',
        'provider:segmentation_id': vlan,
      }
      return ['POST', 'networks', { network: provider || {} }] as const
    },
    subnet: () => {
      const { on, cidr, slaac } = c as Command & { do: 'subnet' }
      const isV6 = cidr.includes(':')
      const modes = isV6 && slaac ? { ipv6_address_mode: 'slaac', ipv6_ra_mode: 'slaac' } : {}
      const subnet = { network_id: at(store.all(networks), on), cidr, ip_version: isV6 ? 6 : 4, ...modes }
      return ['POST', 'subnets', { subnet }] as const
    },
    port: () => {
      const { on, ip, count, ...rest } = c as Command & { do: 'port' }
      const port = {
        network_id: at(store.all(networks), on),
        ...(ip === null ? {} : { fixed_ips: [{ ip_address: ip }] }),
        ...mac(rest.mac),
      }
      return ['POST', 'ports', { ports: Array(count).fill(port) }] as const
    },
    move: () => {
      const { on, ip, ...rest } = c as Command & { do: 'move' }
      return [
        'PUT',
        `ports/${at(store.all(ports), on)}`,
        { port: { fixed_ips: [{ ip_address: ip }], ...mac(rest.mac) } },
      ] as const
    },
    delete: () => {
      const { on, what } = c as Command & { do: 'delete' }
      const kind = { networks, subnets, ports }[what as 'ports']
      return ['DELETE', `${what}/${at(store.all(kind), on)}`, undefined] as const
    },
  }
  const [method, path, body] = requests[c.do]()
  const answer = await api.call(method, path, body)
  expect(answer.status, answer.text).toBeLessThan(500)
}

function check(store: Store): void {
  const segments = [...store.all(networks)].flatMap(n => n.segments.map(s => JSON.stringify(s)))
  expect(new Set(segments).size).toBe(segments.length)
  for (const network of store.all(networks)) {
    const on = [...store.by(subnets, 'network', network.id)]
    for (const a of on)
      for (const b of on) expect(a !== b && overlap(parsePrefix(a.cidr)!, parsePrefix(b.cidr)!)).toBe(false)
    const there = [...store.by(ports, 'network', network.id)]
    const macs = there.map(p => p.macAddress)
    const ips = there.flatMap(p => p.fixedIps.map(ip => ip.ipAddress))
    expect(new Set(macs).size).toBe(macs.length)
    expect(new Set(ips).size).toBe(ips.length)
  }
  for (const subnet of store.all(subnets)) expect(store.get(networks, subnet.networkId)).toBeDefined()
  for (const port of store.all(ports)) {
    expect(store.get(networks, port.networkId)).toBeDefined()
    for (const { subnetId, ipAddress } of port.fixedIps) {
      const subnet = store.get(subnets, subnetId)
      expect(subnet?.networkId).toBe(port.networkId)
      expect(contains(parsePrefix(subnet!.cidr)!, parseIp(ipAddress)!)).toBe(true)
    }
  }
}

test('one controller keeps them, with requests at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(command, { maxLength: 6 }), { maxLength: 12 }), async rounds => {
      const api = testApi()
      for (const round of rounds) await Promise.all(round.map(c => run(api, api.store, c)))
      check(api.store)
    }),
    { numRuns: 60 },
  )
})

test('two controllers over one log keep them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(command, { maxLength: 6 }), { maxLength: 8 }), async rounds => {
      const log = new MemoryLog()
      const delay = () => new Promise<void>(done => setImmediate(done))
      const stores = [1, 2].map(() => openMemoryStore({ kinds: modelKinds, log, delay }))
      const apis = stores.map(store => testApi({ store }))
      for (const round of rounds) await Promise.all(round.map((c, i) => run(apis[i % 2]!, stores[i % 2]!, c)))
      for (const store of stores) await store.settled()
      check(stores[0]!)
    }),
    { numRuns: 30 },
  )
})

test('what is deleted gives everything back', async () => {
  const api = testApi()
  const rounds = async () => {
    const { network } = await api.network('10.0.0.0/29')
    const { ports: made } = await api.ok('POST', 'ports', { ports: Array(5).fill({ network_id: network }) })
    for (const { id } of made) await api.ok('DELETE', `ports/${id}`)
    await api.ok('DELETE', `networks/${network}`)
  }
  for (let i = 0; i < 3; i++) await rounds()
  await api.store.transact({ source: 'test' }, tx => {
    for (const group of [...tx.all(securityGroups)]) deleteSecurityGroup(tx, group)
  })
  for (const kind of modelKinds) expect([kind.name, api.store.count(kind)]).toEqual([kind.name, 0])
})
