// Random transactions against a plain model of them, with appends that fail and transactions built on those in flight.
import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import { type Commit, PoolExhausted, type Transaction, UniqueKeyTaken } from '#model/transaction'
import { MemoryLog, openMemoryStore, type Store, StoreUnavailable } from '#store'
import { declared, open, small, type Thing, temporary, test, things } from './things.ts'

type Step =
  | { readonly do: 'insert'; readonly thing: Thing }
  | { readonly do: 'replace'; readonly thing: Thing }
  | { readonly do: 'remove'; readonly id: string }
  | { readonly do: 'allocate' }
  | { readonly do: 'throw' }
  | { readonly do: 'take'; readonly value: number }
  | { readonly do: 'release'; readonly value: number }

/** A transaction, and how many turns to let pass before the next is started. */
interface Round {
  readonly steps: readonly Step[]
  readonly pause: number
  /** What becomes of the append that is started next after it. */
  readonly fails: boolean
}

const id = fc.constantFrom('a', 'b', 'c', 'd')
const thing = fc.record({ id, name: fc.constantFrom('k', 'l', 'm', 'n', 'o'), groups: fc.subarray(['g', 'h']) })
const value = fc.integer({ min: 1, max: 6 })
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('insert'), thing }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('replace'), thing }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove'), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('allocate') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take'), value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release'), value }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('throw') }) },
) as fc.Arbitrary<Step>
const round: fc.Arbitrary<Round> = fc.record({
  steps: fc.array(step, { maxLength: 4 }),
  pause: fc.nat(6),
  fails: fc.boolean(),
})
const rounds = fc.array(round, { minLength: 1, maxLength: 30 })

/** The plain model: arrays in order of creation and of release. */
interface Plain {
  things: Thing[]
  used: number[]
  free: number[]
  ever: number[]
}

class Refused extends Error {}

const plainly = (before: Plain, steps: readonly Step[]): { after: Plain; got: number[] } => {
  const s = structuredClone(before)
  const got: number[] = []
  const gone = new Map<string, number>()
  const check = (t: Thing) => {
    if (s.things.some(other => other.id !== t.id && other.name === t.name)) throw new Refused()
  }
  const inUse = (value: number) => {
    s.used.push(value)
    s.free = s.free.filter(v => v !== value)
    s.ever.push(value)
  }
  for (const step of steps) {
    if (step.do === 'throw') throw new Refused()
    if (step.do === 'insert') {
      if (s.things.some(t => t.id === step.thing.id)) throw new Refused()
      check(step.thing)
      // A record removed by the same transaction comes back to where it was.
      const place = gone.get(step.thing.id)
      const rank = (t: Thing) => before.things.findIndex(b => b.id === t.id)
      if (place === undefined) s.things.push(step.thing)
      else {
        const at = s.things.findIndex(t => rank(t) === -1 || rank(t) > place)
        s.things.splice(at === -1 ? s.things.length : at, 0, step.thing)
      }
    } else if (step.do === 'replace') {
      const at = s.things.findIndex(t => t.id === step.thing.id)
      if (at === -1) throw new Refused()
      check(step.thing)
      s.things[at] = step.thing
    } else if (step.do === 'remove') {
      const place = before.things.findIndex(t => t.id === step.id)
      if (place !== -1) gone.set(step.id, place)
      s.things = s.things.filter(t => t.id !== step.id)
    } else if (step.do === 'allocate') {
      const fresh = [1, 2, 3, 4, 5].find(v => !s.ever.includes(v))
      const value = fresh ?? s.free[0]
      if (value === undefined) throw new Refused()
      inUse(value)
      got.push(value)
    } else if (step.do === 'take') {
      if (s.used.includes(step.value)) throw new Refused()
      inUse(step.value)
    } else if (s.used.includes(step.value)) {
      s.used = s.used.filter(v => v !== step.value)
      if (step.value <= 5) s.free.push(step.value)
    }
  }
  return { after: s, got }
}

const perform = (tx: Transaction, steps: readonly Step[]): number[] => {
  const got: number[] = []
  for (const step of steps) {
    if (step.do === 'throw') throw new Refused()
    if (step.do === 'insert') tx.insert(things, structuredClone(step.thing))
    else if (step.do === 'replace') tx.replace(things, structuredClone(step.thing))
    else if (step.do === 'remove') tx.remove(things, step.id)
    else if (step.do === 'allocate') got.push(tx.allocate(small))
    else if (step.do === 'take') tx.take(small, step.value)
    else tx.release(small, step.value)
  }
  return got
}

const isRefusal = (error: unknown): boolean =>
  error instanceof Refused ||
  error instanceof UniqueKeyTaken ||
  error instanceof PoolExhausted ||
  /cannot be replaced/.test(String(error))

/** Every way to read agrees with the plain list. */
const expectState = (store: Store, expected: readonly Thing[]) => {
  expect([...store.all(things)]).toEqual(expected)
  expect(store.count(things)).toBe(expected.length)
  for (const name of ['k', 'l', 'm', 'n', 'o']) {
    expect(store.holder(things, `name ${name}`)).toEqual(expected.find(t => t.name === name))
  }
  for (const group of ['g', 'h']) {
    const members = expected.filter(t => t.groups.includes(group))
    expect([...store.by(things, 'group', group)]).toEqual(members)
    expect(store.countBy(things, 'group', group)).toBe(members.length)
  }
  for (const t of expected) expect(store.get(things, t.id)).toEqual(t)
}

/** A follower's own copy, and that commits come in order and fit on one another. */
const following = (store: Store) => {
  const copy = new Map<string, Thing>()
  let revision = store.revision
  store.follow((commit: Commit) => {
    expect(commit.revision).toBe(++revision)
    for (const { kind, id, before, after } of commit.changes) {
      expect(kind.name).toBe('thing')
      expect(before).toEqual(copy.get(id))
      if (after === undefined) copy.delete(id)
      else copy.set(id, after as unknown as Thing)
    }
  })
  return copy
}

/** Plays the rounds; every answer must be what the model gives after the transactions that were acknowledged before. */
const play = async (store: Store, plan: readonly Round[], failing: { next: boolean }) => {
  const copy = following(store)
  let state: Plain = { things: [...store.all(things)], used: [], free: [], ever: [] }
  const answers: Promise<PromiseSettledResult<number[]>[]>[] = []
  for (const { steps, pause, fails } of plan) {
    failing.next = fails
    answers.push(Promise.allSettled([store.transact(test, tx => perform(tx, steps))]))
    for (let i = 0; i < pause; i++) await Promise.resolve()
  }
  await store.settled()
  let durable = 0
  for (const [i, answer] of answers.entries()) {
    const [result] = await answer
    if (result!.status === 'rejected' && result!.reason instanceof StoreUnavailable) continue
    durable++
    let expected: ReturnType<typeof plainly> | undefined
    try {
      expected = plainly(state, plan[i]!.steps)
    } catch {}
    if (result!.status === 'fulfilled') expect(result!.value).toEqual(expected?.got)
    else if (!isRefusal(result!.reason)) throw result!.reason
    else expect(expected).toBeUndefined()
    state = expected?.after ?? state
  }
  expectState(store, state.things)
  expect(new Map([...copy])).toEqual(new Map(state.things.map(t => [t.id, t])))
  return { state, durable }
}

describe('random transactions', () => {
  it('do what the plain model does, whichever appends fail', async () => {
    let refusals = 0
    await fc.assert(
      fc.asyncProperty(rounds, async plan => {
        const log = new MemoryLog()
        const failing = { next: false }
        const delay = async () => {
          const fails = failing.next
          await Promise.resolve()
          await Promise.resolve()
          if (fails) throw new Error('the disk says no')
        }
        const store = openMemoryStore({ ...declared, log, delay })
        const { state, durable } = await play(store, plan, failing)
        refusals += plan.length - durable
        const asItWas = new MemoryLog()
        asItWas.entries.push(...log.entries)
        const reloaded = openMemoryStore({ ...declared, log: asItWas })
        expectState(reloaded, state.things)
        expect(reloaded.revision).toBe(store.revision)
        for (const t of state.things) expect(reloaded.written(things, t.id)).toEqual(store.written(things, t.id))
        failing.next = false
        // The free numbers come in the same order from both, and from the model.
        const rest = (s: Store) =>
          s.transact(test, tx => {
            const got: number[] = []
            try {
              for (;;) got.push(tx.allocate(small))
            } catch {
              return got
            }
          })
        const fresh = [1, 2, 3, 4, 5].filter(v => !state.ever.includes(v))
        const expected = [...fresh, ...state.free]
        expect(await rest(reloaded)).toEqual(expected)
        expect(await rest(store)).toEqual(expected)
      }),
      { numRuns: 400 },
    )
    expect(refusals).toBeGreaterThan(100)
  })

  it('are the same after a reload from disk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rounds, { minLength: 1, maxLength: 3 }), async lives => {
        const { dir, remove } = temporary()
        try {
          let last: readonly Thing[] = []
          for (const plan of lives) {
            const store = await open(dir)
            expectState(store, last)
            // Numbers are left out: the model starts each life without any.
            const without = plan.map(r => ({ ...r, steps: r.steps.filter(s => !/allocate|take|release/.test(s.do)) }))
            const copy = [...store.all(things)]
            expect(copy).toEqual(last)
            last = (await playFrom(store, without)).things
            await store.close()
          }
          const store = await open(dir)
          expectState(store, last)
          await store.close()
        } finally {
          remove()
        }
      }),
      { numRuns: 8 },
    )
  })
})

const playFrom = async (store: Store, plan: readonly Round[]): Promise<Plain> => {
  let state: Plain = { things: [...store.all(things)], used: [], free: [], ever: [] }
  await Promise.all(
    plan.map(async ({ steps }) => {
      try {
        await store.transact(test, tx => perform(tx, steps))
      } catch (error) {
        if (!isRefusal(error)) throw error
      }
    }),
  )
  for (const { steps } of plan) {
    try {
      state = plainly(state, steps).after
    } catch {}
  }
  return state
}

describe('two controllers over one log', () => {
  it('lose no write to one another, and end in the same state', async () => {
    const who = fc.record({ second: fc.boolean(), pause: fc.nat(5), wait: fc.nat(4) })
    await fc.assert(
      fc.asyncProperty(fc.array(who, { minLength: 1, maxLength: 40 }), async plan => {
        const log = new MemoryLog()
        let wait = 0
        const delay = async () => {
          for (let i = wait; i-- > 0; ) await Promise.resolve()
        }
        const stores = [
          openMemoryStore({ ...declared, log, delay }),
          openMemoryStore({ ...declared, log, delay }),
        ] as const
        const copies = stores.map(following)
        const numbers: Promise<number | undefined>[] = []
        for (const [i, { second, pause, wait: turns }] of plan.entries()) {
          wait = turns
          numbers.push(
            stores[second ? 1 : 0].transact(test, tx => {
              const counter = tx.get(things, 'counter')
              if (counter === undefined) tx.insert(things, { id: 'counter', name: '1', groups: [] })
              else tx.replace(things, { ...counter, name: String(Number(counter.name) + 1), groups: [`g${i}`] })
              return tx.allocate({ ...small, last: 1000 })
            }),
          )
          for (let n = 0; n < pause; n++) await Promise.resolve()
        }
        const got = await Promise.all(numbers)
        await Promise.all(stores.map(store => store.settled()))
        expect([...got].sort((a, b) => a! - b!)).toEqual(plan.map((_, i) => i + 1))
        for (const [i, store] of stores.entries()) {
          expect(store.get(things, 'counter')?.name).toBe(String(plan.length))
          expect(store.revision).toBe(plan.length)
          expect(copies[i]!.get('counter')?.name).toBe(String(plan.length))
          expect([...store.all(things)]).toEqual([...stores[0].all(things)])
        }
      }),
      { numRuns: 200 },
    )
  })

  it('rejects what no longer holds on top of the other', async () => {
    const log = new MemoryLog()
    const [first, second] = [openMemoryStore({ ...declared, log }), openMemoryStore({ ...declared, log })]
    const insert = (store: Store, id: string) =>
      store.transact(test, tx => tx.insert(things, { id, name: 'same', groups: [] }))
    const results = await Promise.allSettled([insert(first, 'a'), insert(second, 'b')])
    expect(results.map(r => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(results.find(r => r.status === 'rejected')?.reason).toBeInstanceOf(UniqueKeyTaken)
    expect([...first.all(things)]).toEqual([...second.all(things)])
  })
})
