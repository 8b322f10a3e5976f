// Which chassis may be the gateway of a router.
import { expect, test } from 'vitest'
import { type Chassis, gatewayCandidates, type Segment } from '#model'
import { aChassis } from '#test/support/model'

const outside: readonly Segment[] = [{ networkType: 'flat', physicalNetwork: 'physnet1' }]

const aGateway = (key: number, more: Partial<Chassis> = {}) =>
  aChassis(`host${key}`, key, { gatewayPriority: 10, providerPorts: { physnet1: 7 }, ...more })

test('the higher priority comes first', () => {
  const all = [aGateway(1), aGateway(2, { gatewayPriority: 30 }), aGateway(3, { gatewayPriority: 20 })]
  expect(gatewayCandidates(all, outside, 1)).toEqual(['host2', 'host3', 'host1'])
})

test('only chassis that work, offer themselves and have the physical network with its link are candidates', () => {
  const all = [
    aGateway(1, { gatewayPriority: 0 }),
    aGateway(2, { admission: 'waiting' }),
    aGateway(3, { refused: 'too old' }),
    aGateway(4, { providerPorts: { physnet2: 7 } }),
    aGateway(5, { providerDown: ['physnet1'] }),
    aGateway(6, { providerDown: ['physnet2'] }),
  ]
  expect(gatewayCandidates(all, outside, 1)).toEqual(['host6'])
})

test('a chassis that is being drained comes last, and is better than none', () => {
  const drained = aGateway(1, { gatewayPriority: 99, admission: 'draining' })
  expect(gatewayCandidates([drained, aGateway(2)], outside, 1)).toEqual(['host2', 'host1'])
  expect(gatewayCandidates([drained], outside, 1)).toEqual(['host1'])
})

test('a chassis that no other reaches is a gateway only where no other is', () => {
  const alone = aGateway(1, { tunnelIp: '', gatewayPriority: 99 })
  expect(gatewayCandidates([alone, aGateway(2)], outside, 1)).toEqual(['host2'])
  expect(gatewayCandidates([alone, aGateway(3, { tunnelIp: '' })], outside, 1)).toEqual(['host1'])
})

test('routers spread over chassis of one priority, five to each, and few move when one leaves', () => {
  const all = Array.from({ length: 10 }, (_, i) => aGateway(i + 1))
  const keys = Array.from({ length: 1000 }, (_, i) => i + 1)
  const first = (of: readonly Chassis[], key: number) => gatewayCandidates(of, outside, key)[0]!
  const count = new Map<string, number>()
  for (const key of keys) count.set(first(all, key), (count.get(first(all, key)) ?? 0) + 1)
  expect(count.size).toBe(10)
  for (const routers of count.values()) expect(routers).toBeGreaterThan(60)
  for (const key of keys) {
    const candidates = gatewayCandidates(all, outside, key)
    expect(candidates).toHaveLength(5)
    const left = gatewayCandidates(
      all.filter(c => c.id !== candidates[0]),
      outside,
      key,
    )
    expect(left.slice(0, 4)).toEqual(candidates.slice(1))
    expect(gatewayCandidates(all.toReversed(), outside, key)).toEqual(candidates)
  }
})
