import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FlowEntry } from '#compiler'
import { type Change, ChangeLog, netEffect } from '#fabric/programming/change-log'

const entry = (slot: string, version: number) => ({ slot, version }) as unknown as FlowEntry

/** Any sequence of steps over three slots, each consistent with what the one before left. */
const steps = fc.array(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.boolean()), { maxLength: 4 }), {
  maxLength: 6,
})

const asChanges = (script: [string, boolean][][], state: Map<string, FlowEntry>): Change[] => {
  let version = 1
  return script.map(step => {
    const removed: FlowEntry[] = []
    const added: FlowEntry[] = []
    for (const [slot, isThere] of new Map(step)) {
      const old = state.get(slot)
      if (old) removed.push(old)
      state.delete(slot)
      if (!isThere) continue
      const next = entry(slot, version++)
      added.push(next)
      state.set(slot, next)
    }
    return { removed, added }
  })
}

describe('the net effect of changes', () => {
  test('leads to the same state as the changes one by one', () => {
    fc.assert(
      fc.property(steps, script => {
        const first = entry('a', 0)
        const state = new Map([['a', first]])
        const changes = asChanges(script, state)
        const applied = new Map([['a', first]])
        for (const { was, want } of netEffect(changes)) {
          if (was) expect(applied.get(was.slot)).toBe(was)
          if (want) applied.set(want.slot, want)
          else applied.delete(was!.slot)
        }
        expect(applied).toEqual(state)
      }),
    )
  })

  test('of a flow that came and went is nothing', () => {
    const passing = entry('a', 1)
    expect(
      netEffect([
        { removed: [], added: [passing] },
        { removed: [passing], added: [] },
      ]),
    ).toEqual([])
  })

  test('keeps the entry of the flow set that took a slot over before another gave it up', () => {
    const [old, next] = [entry('a', 1), entry('a', 2)]
    const changes = [
      { removed: [], added: [next] },
      { removed: [old], added: [] },
    ]
    expect(netEffect(changes)).toEqual([{ was: old, want: next }])
  })
})

describe('a change log', () => {
  const change = (n: number): Change => ({ removed: [], added: Array.from({ length: n }, (_, i) => entry(`${i}`, n)) })

  test('gives up when more waits than its bound, and begins anew when cleared', () => {
    const log = new ChangeLog(10)
    log.push(change(6))
    log.push(change(6))
    expect(log.overflowed).toBe(true)
    expect(log.take()).toEqual([])
    log.clear()
    log.push(change(6))
    expect(log.size).toBe(6)
  })

  test('takes one change however large it is', () => {
    const log = new ChangeLog(10)
    log.push(change(1000))
    expect(log.overflowed).toBe(false)
  })

  test('puts back what did not get through before what came since', () => {
    const log = new ChangeLog(10)
    const [first, second] = [change(1), change(2)]
    log.push(second)
    log.putBack([first])
    expect(log.take()).toEqual([first, second])
    expect(log.isEmpty).toBe(true)
  })
})
