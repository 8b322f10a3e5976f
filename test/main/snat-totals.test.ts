// What routers translated is read no more often than is cheap, and is never less than it was.
import { expect, test } from 'vitest'
import type { CountedRouter, SnatCountView } from '#api'
import { snatTotals } from '../../src/main/snat-totals.ts'

test('SNAT is summed by router and by chassis, through restarts of switches and moves of gateways', async () => {
  let now = 0
  let counts: SnatCountView[] = []
  const asked: (readonly CountedRouter[])[] = []
  let gateways = [{ router: 'r', candidates: [{ chassis: 'a' }, { chassis: 'b' }] }]
  const totals = snatTotals(
    {
      snat: async routers => {
        asked.push(routers)
        return counts
      },
    },
    () => gateways,
    () => now,
  )
  const read = async () => {
    now += 1000
    const { perRouter, perChassis } = await totals()
    return [perRouter.get('r'), perChassis.get('a'), perChassis.get('b')]
  }
  const count = (chassis: string, connections: number, exhausted = 0) => ({
    ...{ router: 'r', chassis, connections, exhausted },
  })

  counts = [count('a', 10, 1), count('b', 2)]
  const first = [
    { connections: 12, exhausted: 1 },
    { connections: 10, exhausted: 1 },
    { connections: 2, exhausted: 0 },
  ]
  expect(await read()).toEqual(first)
  expect(asked).toEqual([[{ router: 'r', chassis: ['a', 'b'] }]])
  now += 900
  expect(await totals()).toEqual(await totals())
  expect(asked).toHaveLength(1)

  // One does not answer; then it began anew, and so did what it counts.
  counts = [count('b', 5)]
  expect((await read())[0]).toEqual({ connections: 15, exhausted: 1 })
  counts = [count('a', 3), count('b', 5)]
  expect(await read()).toEqual([
    { connections: 18, exhausted: 1 },
    { connections: 13, exhausted: 1 },
    { connections: 5, exhausted: 0 },
  ])

  // Without its gateway a router is not told of, but what chassis did stays done.
  gateways = []
  counts = []
  expect((await read()).map(view => view?.connections)).toEqual([undefined, 13, 5])
})
