// Next hops on external networks: what is held for how long, what is asked when, and that both are bounded.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ExternalQuestions } from '#fabric/external-questions'
import { KnownNextHops } from '#fabric/known-next-hops'
import { type Held, type NextHop, NextHops } from '#fabric/next-hops'
import { wayOut } from '#fabric/way-out'
import { attachments, chassis, modelKinds, networks, ports, routerPorts, routers, subnets } from '#model'
import { openMemoryStore, type Store } from '#store'
import { aChassis, aNetwork, aPort } from '#test/support/model'
import { aRouter, aSubnet } from '#test/support/routing'

const hop = (ip = '203.0.113.1', chassis = 'host1'): NextHop => ({ chassis, network: 'out', ip })
const packet = (n = 1, chassis = 'host1'): Held => ({ chassis, inPort: 7, fields: { reg13: n }, packet: Buffer.of(n) })

describe('packets that lack their next hop', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  /** Next hops, and what they did. `lost`: whether what is sent on comes back. */
  const start = (isLost = true) => {
    const resumed: number[] = []
    const unreachable: number[] = []
    const asked: string[] = []
    const questions = new ExternalQuestions({
      wayOut: () => ({ port: 20, vlan: 5, physicalNetwork: 'physnet1', chassisKey: 1 }),
      chassisMac: () => '0a:00:00:00:00:01',
      emit: (chassis, port, frame) => asked.push(`${chassis} ${port} ${Buffer.from(frame).toString('hex', 12, 18)}`),
      now: () => performance.now(),
    })
    const hops: NextHops = new NextHops({
      ask: one => questions.ask(one),
      resume: held => {
        resumed.push(held.packet[0] ?? 0)
        if (isLost) queueMicrotask(() => hops.want(hop(), held))
      },
      unreachable: held => unreachable.push(held.packet[0] ?? 0),
    })
    return { hops, resumed, unreachable, asked }
  }

  test('go back after 20, 100, 500 and 1,000 ms, and then the host is unreachable', async () => {
    const { hops, resumed, unreachable, asked } = start()
    hops.want(hop(), packet())
    expect(asked).toEqual(['host1 20 810000050806'])
    const seen: [number, number][] = []
    for (const ms of [19, 20, 100, 500, 999, 1000]) {
      await vi.advanceTimersByTimeAsync(ms - (seen.at(-1)?.[0] ?? 0))
      seen.push([ms, resumed.length])
    }
    expect(seen).toEqual([
      [19, 0],
      [20, 1],
      [100, 2],
      [500, 3],
      [999, 3],
      [1000, 4],
    ])
    expect(unreachable).toEqual([1])
    expect(asked).toHaveLength(3)
    hops.want(hop(), packet(2))
    expect(unreachable).toEqual([1, 2])
    await vi.advanceTimersByTimeAsync(1000)
    hops.want(hop(), packet(3))
    expect([asked.length, unreachable.length, hops.held]).toEqual([4, 2, 1])
  })

  test('go on once, when the answer is there', async () => {
    const { hops, resumed, unreachable, asked } = start(false)
    hops.want(hop(), packet())
    await vi.advanceTimersByTimeAsync(5000)
    expect([resumed, unreachable, asked.length]).toEqual([[1], [], 1])
  })

  test('are three for each next hop, and 200 next hops of one chassis', () => {
    const { hops, asked } = start()
    for (let n = 1; n <= 5; n++) hops.want(hop(), packet(n))
    expect([hops.held, hops.counts.dropped]).toEqual([3, 2])
    for (let n = 1; n < 1000; n++) hops.want(hop(`198.51.${n >> 8}.${n & 255}`), packet(n))
    expect([hops.held, asked.length]).toEqual([202, 200])
    hops.want(hop('198.51.0.1', 'host2'), packet(1, 'host2'))
    expect(hops.held).toBe(203)
    hops.close()
    expect(hops.held).toBe(0)
  })

  test('are 1,000 in all', () => {
    const { hops } = start()
    for (let host = 1; host <= 10; host++)
      for (let n = 0; n < 100; n++)
        for (let i = 0; i < 3; i++) hops.want(hop(`198.51.100.${n}`, `host${host}`), packet(n, `host${host}`))
    expect(hops.held).toBe(1000)
  })
})

describe('next hops that routers may need', () => {
  let store: Store
  const asked: string[] = []
  const connected = new Set<string>()
  let known: KnownNextHops
  const seconds = (n: number) => {
    for (let i = 0; i < n; i++) known.tick()
  }

  beforeEach(async () => {
    asked.length = 0
    connected.clear()
    for (const id of ['host1', 'host2']) connected.add(id)
    store = openMemoryStore({ kinds: modelKinds })
    await store.transact({ source: 'test' }, tx => {
      const segments = [{ networkType: 'vlan', physicalNetwork: 'physnet1', segmentationId: 5 }] as const
      tx.insert(networks, { ...aNetwork('out', 1), external: true, segments })
      tx.insert(subnets, { ...aSubnet('203.0.113.0/24', 'out'), gatewayIp: '203.0.113.1' })
      tx.insert(subnets, { ...aSubnet('2001:db8::/64', 'out'), gatewayIp: '2001:db8::1' })
      for (const [key, id] of ['host1', 'host2'].entries()) {
        tx.insert(chassis, { ...aChassis(id, key + 1), providerPorts: { physnet1: 20 } })
        tx.insert(attachments, { id: `${id}/out`, chassis: id, network: 'out', localVlan: 1, isMember: false })
      }
      const routes = ['203.0.113.9', '10.0.0.9'].map((nexthop, i) => ({ destination: `10.9.${i}.0/24`, nexthop }))
      tx.insert(routers, aRouter('r', 1, { routes }))
      tx.insert(ports, aPort('gw', 1, 'out'))
    })
    known = new KnownNextHops({
      store,
      ask: ({ chassis, network, ip }) => asked.push(`${chassis} ${network} ${ip}`),
      isConnected: id => connected.has(id),
    })
  })
  afterEach(async () => {
    known.close()
    await store.close()
  })

  const setGateway = () =>
    store.transact({ source: 'test' }, tx =>
      tx.insert(routerPorts, { id: 'gw', routerId: 'r', networkId: 'out', role: 'gateway' }),
    )
  const all = ['203.0.113.1', '2001:db8::1', '203.0.113.9'].flatMap(ip => [`host1 out ${ip}`, `host2 out ${ip}`]).sort()

  test('are asked for at once and then every 30 s, from every chassis that the network reaches', async () => {
    seconds(60)
    expect(asked).toEqual([])
    await setGateway()
    seconds(1)
    expect(asked.toSorted()).toEqual(all)
    asked.length = 0
    seconds(30)
    expect(asked.toSorted()).toEqual(all)
    connected.delete('host2')
    asked.length = 0
    seconds(30)
    expect(asked).toHaveLength(3)
    connected.add('host2')
    known.forgot('host2')
    asked.length = 0
    seconds(1)
    expect(asked.filter(text => text.startsWith('host2'))).toHaveLength(3)
  })

  test('and those that packets lacked, for ten minutes', () => {
    known.want(hop('203.0.113.77'))
    seconds(600)
    expect(asked).toEqual(Array.from({ length: 20 }, () => 'host1 out 203.0.113.77'))
    seconds(100)
    expect([asked.length, known.size]).toEqual([20, 0])
    for (let n = 0; n < 5000; n++) known.want(hop(`198.51.${n >> 8}.${n & 255}`))
    expect(known.size).toBe(4096)
  })

  test('leave a chassis by the patch port of the physical network, tagged', () => {
    expect(wayOut(store, hop())).toMatchObject({ port: 20, vlan: 5, physicalNetwork: 'physnet1', chassisKey: 1 })
    expect(wayOut(store, { chassis: 'host1', network: 'elsewhere' })).toBeUndefined()
  })
})
