// How the addresses of a subnet are handed out: none twice, the one given up last comes last, and no search in proportion
// to the ports there are.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createNetwork,
  createPort,
  createSubnet,
  deletePort,
  formatIp,
  modelKinds,
  type Port,
  parseIp,
  portOf,
  Refusal,
  type Transaction,
} from '#model'
import { openMemoryStore, type Store } from '#store'

const id = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
const networkId = id(1)

/** A network with one subnet. */
async function opened(cidr: string, allocationPools?: { start: string; end: string }[]): Promise<Store> {
  const store = openMemoryStore({ kinds: modelKinds })
  const owned = { projectId: '', name: '', description: '' }
  await store.transact({ source: 'test' }, tx => {
    const flags = { adminStateUp: true, shared: false, external: false, isDefault: false, portSecurityEnabled: true }
    createNetwork(tx, { id: networkId, ...owned, ...flags, dnsDomain: '', availabilityZoneHints: [], segments: [] })
    createSubnet(tx, {
      ...{ id: id(2), networkId, ...owned, cidr, ipVersion: cidr.includes(':') ? 6 : 4, allocationPools },
      ...{ enableDhcp: true, dnsNameservers: [], hostRoutes: [], ipv6RaMode: null, ipv6AddressMode: null },
      ...{ subnetPoolId: null, serviceTypes: [], dnsPublishFixedIp: false },
    })
  })
  return store
}

const add = (tx: Transaction, n: number, ipAddress?: string): Port =>
  createPort(tx, {
    ...{ id: id(100 + n), networkId, projectId: '', name: '', description: '', adminStateUp: true },
    ...{ deviceOwner: '', deviceId: '', bindingHost: '', bindingVnicType: 'normal', bindingProfile: {} },
    ...{ extraDhcpOptions: [], dnsName: '', allowedAddressPairs: [] },
    ...(ipAddress === undefined ? {} : { fixedIps: [{ ipAddress }] }),
  })

const refusedAs = (name: string) => (error: unknown) => {
  if (error instanceof Refusal && error.name === name) return undefined
  throw error
}

test('none is given twice, and none is left while a port asks', async () => {
  const pools = [
    { start: '10.0.0.3', end: '10.0.0.6' },
    { start: '10.0.0.9', end: '10.0.0.10' },
  ]
  const free = ['3', '4', '5', '6', '9', '10'].map(n => `10.0.0.${n}`)
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const) }),
    fc.record({ do: fc.constant('take' as const), ip: fc.constantFrom(...free, '10.0.0.12') }),
    fc.record({ do: fc.constant('drop' as const), at: fc.nat(20) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const store = await opened('10.0.0.0/28', pools)
      const held = new Map<string, string>()
      let n = 0
      for (const s of steps) {
        const origin = { source: 'test' }
        if (s.do === 'drop') {
          const [ip, port] = [...held][s.at % Math.max(held.size, 1)] ?? []
          if (ip === undefined) continue
          await store.transact(origin, tx => deletePort(tx, portOf(tx, port!)))
          held.delete(ip)
          continue
        }
        const wanted = s.do === 'take' ? s.ip : undefined
        const mayFail = wanted === undefined ? 'IpAddressGenerationFailure' : 'IpAddressAlreadyAllocated'
        const made = await store.transact(origin, tx => add(tx, n++, wanted)).catch(refusedAs(mayFail))
        const isPossible = wanted === undefined ? free.some(ip => !held.has(ip)) : !held.has(wanted)
        expect(made !== undefined).toBe(isPossible)
        if (!made) continue
        const ip = made.fixedIps[0]!.ipAddress
        expect(held.has(ip)).toBe(false)
        expect(wanted === undefined ? free : [wanted]).toContain(ip)
        held.set(ip, made.id)
      }
    }),
    { numRuns: 100 },
  )
})

test('one given up is given again only after all others', async () => {
  const store = await opened('10.0.0.0/28')
  const give = async (n: number) => (await store.transact({ source: 'test' }, tx => add(tx, n))).fixedIps[0]!.ipAddress
  const given: string[] = []
  for (let n = 0; n < 26; n++) {
    given.push(await give(n))
    await store.transact({ source: 'test' }, tx => deletePort(tx, portOf(tx, id(100 + n))))
  }
  expect(new Set(given.slice(0, 13)).size).toBe(13)
  expect(given.slice(13)).toEqual(given.slice(0, 13))
})

test('a port on a network of thousands costs as few look-ups as the first', async () => {
  for (const cidr of ['10.0.0.0/16', 'fd00::/64']) {
    const store = await opened(cidr)
    await store.transact({ source: 'test' }, tx => {
      for (let n = 0; n < 3000; n++) add(tx, n)
    })
    let lookUps = 0
    const counting = (tx: Transaction) =>
      new Proxy(tx, {
        get(target, name) {
          if (name === 'all' || name === 'by' || name === 'holder') lookUps++
          const value = Reflect.get(target, name, target) as unknown
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    const { fixedIps } = await store.transact({ source: 'test' }, tx => add(counting(tx), 3000))
    const first = cidr.includes(':') ? 'fd00::1' : '10.0.0.2'
    const { version, value } = parseIp(first)!
    expect(fixedIps[0]!.ipAddress).toBe(formatIp({ version, value: value + 3000n }))
    expect(lookUps).toBeLessThan(12)
  }
})
