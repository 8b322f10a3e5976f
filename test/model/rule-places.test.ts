import { expect, test } from 'vitest'
import { placesFor } from '#model'
import { seeded } from '#test/support/seeded'

const isFalling = (places: readonly number[]) => places.every((place, i) => i === 0 || place < places[i - 1]!)

test('rules that stay in order keep their places', () => {
  const before = { rules: ['a', 'b', 'c'], places: placesFor(['a', 'b', 'c']) }
  const [a, b, c] = before.places
  expect(isFalling(before.places)).toBe(true)
  expect(placesFor(['x', 'a', 'b', 'c'], before).slice(1)).toEqual([a, b, c])
  expect(placesFor(['a', 'b', 'y', 'c', 'z'], before)).toEqual([a, b, expect.any(Number), c, expect.any(Number)])
  expect(placesFor(['a', 'c'], before)).toEqual([a, c])
  const moved = placesFor(['c', 'a', 'b'], before)
  expect(moved.slice(1)).toEqual([a, b])
  expect(isFalling(moved)).toBe(true)
})

test('places fall whatever is done to a policy, and seldom all change', () => {
  const next = seeded(7)
  let rules: string[] = []
  let places: readonly number[] = []
  let renumbered = 0
  for (let i = 0; i < 3000; i++) {
    const at = next() % (rules.length + 1)
    const after =
      rules.length > 60 || (rules.length > 0 && next() % 3 === 0)
        ? rules.toSpliced(at % rules.length, 1)
        : rules.toSpliced(at, 0, `r${i}`)
    const found = placesFor(after, { rules, places })
    expect(found).toHaveLength(after.length)
    expect(isFalling(found)).toBe(true)
    expect((found[0] ?? 1) <= 60_000 && (found.at(-1) ?? 1) >= 1).toBe(true)
    const old = new Map(rules.map((rule, j) => [rule, places[j]]))
    if (after.some((rule, j) => old.has(rule) && old.get(rule) !== found[j])) renumbered++
    rules = after
    places = found
  }
  expect(renumbered).toBeLessThan(60)
})

test('as many rules as there are priorities find a place each', () => {
  const many = Array.from({ length: 59_999 }, (_, i) => `r${i}`)
  expect(isFalling(placesFor(many))).toBe(true)
})
