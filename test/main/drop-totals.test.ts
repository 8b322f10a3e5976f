// Totals of drops are read from the switches no more often than is cheap, however often they are asked for.
import { expect, test } from 'vitest'
import { dropTotals } from '../../src/main/drop-totals.ts'

const drop = (chassis: string, reason: string, packets: number) => ({
  ...{ chassis, bridge: 'br-int' as const, table: 't', reason, words: '', cookie: 1n, packets, bytes: 0, sources: [] },
})

test('totals of drops are summed by reason, read seldom, and kept for a chassis that does not answer', async () => {
  let [now, reads] = [0, 0]
  let isAway = false
  const drops = async () => {
    reads++
    now += 1000
    const here = [drop('a', 'spoofed_mac', 3), drop('a', 'spoofed_mac', 4), drop('a', 'invalid', 1)]
    const there = isAway ? [] : [drop('b', 'invalid', 5)]
    return { drops: [...here, ...there], silent: isAway ? [{ chassis: 'b', reason: 'away' }] : [] }
  }
  const totals = dropTotals(
    { drops },
    () => ['a', 'b'],
    () => now,
  )
  const all = [
    { chassis: 'a', reason: 'spoofed_mac', packets: 7 },
    { chassis: 'a', reason: 'invalid', packets: 1 },
    { chassis: 'b', reason: 'invalid', packets: 5 },
  ]
  expect(await totals()).toEqual(all)
  now += 18_000
  await totals()
  expect(reads).toBe(1)
  isAway = true
  now += 1000
  await totals()
  expect(reads).toBe(2)
  expect(await totals()).toEqual(all)
})
