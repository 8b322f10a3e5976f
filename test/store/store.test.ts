// What a store promises its callers, over both engines.
import { afterEach, beforeEach, describe, expect, test as it } from 'vitest'
import { type Change, type Commit, PoolExhausted, UniqueKeyTaken } from '#model/transaction'
import { openMemoryStore, type Store } from '#store'
import { declared, notes, open, small, type Thing, temporary, test, things } from './things.ts'

const thing = (id: string, name = id, ...groups: string[]) => ({ id, name, groups })
const ids = (docs: Iterable<{ id: string }>) => [...docs].map(doc => doc.id)

describe.each(['sqlite', 'memory'])('a store over %s', engine => {
  let store: Store
  let directory: ReturnType<typeof temporary>
  beforeEach(async () => {
    directory = temporary()
    store = engine === 'sqlite' ? await open(directory.dir) : openMemoryStore(declared)
  })
  afterEach(async () => {
    await store.close()
    directory.remove()
  })

  it('shows writes at once and tells followers when they are durable, in order', async () => {
    const seen: Commit[] = []
    store.follow(commit => seen.push(commit))
    const first = store.transact(test, tx => tx.insert(things, thing('a', 'a', 'g')))
    const second = store.transact(test, tx => tx.replace(things, thing('a', 'b', 'h')))
    expect(store.get(things, 'a')?.name).toBe('b')
    expect(ids(store.by(things, 'group', 'g'))).toEqual([])
    expect(ids(store.by(things, 'group', 'h'))).toEqual(['a'])
    expect(seen).toEqual([])
    expect(store.revision).toBe(0)
    await Promise.all([first, second])
    expect(seen.map(c => [c.revision, c.changes[0]?.before, c.changes[0]?.after])).toEqual([
      [1, undefined, thing('a', 'a', 'g')],
      [2, thing('a', 'a', 'g'), thing('a', 'b', 'h')],
    ])
    expect(store.revision).toBe(2)
  })

  it('refuses a second holder of a unique key and changes nothing', async () => {
    await store.transact(test, tx => tx.insert(things, thing('a', 'n')))
    const refused = store.transact(test, tx => {
      tx.insert(notes, { id: 'x', text: '' })
      tx.insert(things, thing('b', 'n'))
    })
    await expect(refused).rejects.toMatchObject({ name: 'UniqueKeyTaken', kind: 'thing', key: 'name n', holder: 'a' })
    expect(store.count(notes)).toBe(0)
    await expect(store.transact(test, tx => tx.insert(things, thing('a')))).rejects.toThrow(UniqueKeyTaken)
    expect(store.holder(things, 'name n')?.id).toBe('a')
    expect(store.revision).toBe(1)
  })

  it('makes no commit of a transaction that changes nothing in the end', async () => {
    await store.transact(test, tx => tx.insert(things, thing('a', 'n', 'g')))
    const before = store.get(things, 'a')
    const written = store.written(things, 'a')
    await store.transact(test, tx => tx.replace(things, { groups: ['g'], name: 'n', id: 'a' }))
    await store.transact(test, tx => {
      tx.replace(things, thing('a', 'other'))
      tx.insert(things, thing('b', 'n'))
      tx.remove(things, 'b')
      tx.remove(things, 'a')
      tx.insert(things, thing('a', 'n', 'g'))
      tx.remove(things, 'nobody')
    })
    expect(store.revision).toBe(1)
    expect(store.get(things, 'a')).toBe(before)
    expect(store.written(things, 'a')).toBe(written)
  })

  it('freezes records, and takes nothing that JSON would lose', async () => {
    await store.transact(test, tx => tx.insert(things, thing('a', 'n', 'g')))
    expect(() => (store.get(things, 'a')!.groups as string[]).push('x')).toThrow(TypeError)
    for (const bad of [undefined, Number.NaN, 1n, new Date(0), () => 0]) {
      const insert = store.transact(test, tx => tx.insert(notes, { id: 'x', text: [bad] as unknown as string }))
      await expect(insert).rejects.toThrow(/note x\.text\[0\] is .*JSON/)
    }
    await expect(store.transact(test, tx => tx.insert(notes, { id: '', text: '' }))).rejects.toThrow(/id must be/)
  })

  it('keeps the order of creation through replacements and moves between index values', async () => {
    for (const id of ['a', 'b', 'c']) await store.transact(test, tx => tx.insert(things, thing(id, id, 'g')))
    await store.transact(test, tx => tx.replace(things, thing('a', 'a2')))
    await store.transact(test, tx => tx.replace(things, thing('a', 'a3', 'g')))
    expect(ids(store.by(things, 'group', 'g'))).toEqual(['a', 'b', 'c'])
    const failed = store.transact(test, tx => {
      tx.remove(things, 'b')
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    expect(ids(store.all(things))).toEqual(['a', 'b', 'c'])
    await store.transact(test, tx => tx.remove(things, 'b'))
    await store.transact(test, tx => tx.insert(things, thing('b')))
    expect(ids(store.all(things))).toEqual(['a', 'c', 'b'])
  })

  it('can be changed while it is iterated', async () => {
    for (const id of ['a', 'b', 'c']) await store.transact(test, tx => tx.insert(things, thing(id, id, 'g')))
    await store.transact(test, tx => {
      for (const { id } of tx.by(things, 'group', 'g')) {
        tx.remove(things, id)
        tx.insert(things, thing(`${id}${id}`, id, 'g'))
      }
    })
    expect(ids(store.by(things, 'group', 'g'))).toEqual(['aa', 'bb', 'cc'])
    expect(store.countBy(things, 'group', 'g')).toBe(3)
  })

  it('hands out numbers never used before first, then those released longest ago, per scope', async () => {
    const allocate = (scope?: string) => store.transact(test, tx => tx.allocate(small, scope))
    await store.transact(test, tx => tx.take(small, 2))
    await expect(store.transact(test, tx => tx.take(small, 2))).rejects.toThrow(UniqueKeyTaken)
    expect([await allocate(), await allocate()]).toEqual([1, 3])
    expect(await allocate('chassis')).toBe(1)
    await store.transact(test, tx => tx.release(small, 3))
    await store.transact(test, tx => tx.release(small, 1))
    await store.transact(test, tx => tx.release(small, 1))
    const failed = store.transact(test, tx => {
      expect([tx.allocate(small), tx.allocate(small), tx.allocate(small)]).toEqual([4, 5, 3])
      throw new Error('no')
    })
    await expect(failed).rejects.toThrow('no')
    const got: number[] = []
    for (let i = 0; i < 4; i++) got.push(await allocate())
    expect(got).toEqual([4, 5, 3, 1])
    await expect(allocate()).rejects.toThrow(PoolExhausted)
    await store.transact(test, tx => tx.forget(small, 'chassis'))
    expect(await allocate('chassis')).toBe(1)
    await store.transact(test, tx => tx.take(small, 99))
    await store.transact(test, tx => tx.release(small, 99))
    await expect(allocate()).rejects.toThrow(PoolExhausted)
  })

  it('shows a follower from the start each durable record once, also with transactions in flight', async () => {
    await store.transact(test, tx => {
      tx.insert(things, thing('kept'))
      tx.insert(things, thing('changed', 'old'))
      tx.insert(things, thing('removed'))
    })
    const late = store.transact(test, tx => {
      tx.replace(things, thing('changed', 'new'))
      tx.remove(things, 'removed')
      tx.insert(things, thing('added'))
    })
    const state = new Map<string, string>()
    store.follow(
      ({ changes }) => {
        for (const { id, before, after } of changes as readonly Change<Thing>[]) {
          expect(before?.name).toBe(state.get(id))
          if (after === undefined) state.delete(id)
          else state.set(id, after.name)
        }
      },
      { fromStart: true },
    )
    expect(Object.fromEntries(state)).toEqual({ kept: 'kept', changed: 'old', removed: 'removed' })
    await late
    expect(Object.fromEntries(state)).toEqual({ kept: 'kept', changed: 'new', added: 'added' })
  })

  it('rehearses a transaction on what is durable, and keeps nothing of it', async () => {
    const told: Commit[] = []
    const before = store.transact(test, tx => tx.insert(things, thing('a', 'old')))
    store.follow(commit => told.push(commit))
    const work = (tx: Parameters<Parameters<Store['transact']>[1]>[0]) => {
      tx.replace(things, thing('a', 'new'))
      tx.insert(things, thing('b'))
      return tx.allocate(small)
    }
    const see = (changes: readonly Change[]) => {
      expect(told.map(commit => commit.revision)).toEqual([1])
      return changes.map(({ id, before, after }) => [id, (before as Thing | undefined)?.name, (after as Thing)?.name])
    }
    const seen = await store.rehearse(test, work, see)
    expect(seen).toEqual([
      ['a', 'old', 'new'],
      ['b', undefined, 'b'],
    ])
    await before
    expect([store.revision, ids(store.all(things)), store.get(things, 'a')?.name]).toEqual([1, ['a'], 'old'])
    expect(await store.transact(test, work)).toBe(1)
    await expect(store.rehearse(test, tx => tx.insert(things, thing('b')), see)).rejects.toThrow(UniqueKeyTaken)
    expect(store.revision).toBe(2)
  })

  it('refuses work that is asynchronous, nested, or goes on after its end', async () => {
    await expect(store.transact(test, async tx => tx.insert(things, thing('a')))).rejects.toThrow(/synchronous/)
    const nested = store.transact(test, () => store.transact(test, () => {}))
    await expect(nested).rejects.toThrow(/inside another/)
    const kept = await store.transact(test, tx => ({ tx }))
    expect(() => kept.tx.insert(things, thing('a'))).toThrow(/has ended/)
    expect(store.count(things)).toBe(0)
  })

  it('takes nothing more once it is closed', async () => {
    const last = store.transact(test, tx => tx.insert(things, thing('a')))
    const closed = store.close()
    await expect(store.transact(test, () => {})).rejects.toMatchObject({ name: 'StoreUnavailable', code: 'closed' })
    await closed
    await last
  })
})

it('is the same after it was closed and opened again', async () => {
  const { dir, remove } = temporary()
  try {
    const store = await open(dir, { clock: () => 1234 })
    await store.transact({ source: 'api', request: 'req-1' }, tx => {
      tx.insert(things, thing('a', 'ä\u0000\ud800', 'g'))
      tx.insert(things, thing('b', 'b', 'g'))
      tx.allocate(small)
      tx.allocate(small)
    })
    await store.transact(test, tx => {
      tx.release(small, 2)
      tx.replace(things, thing('b', 'c', 'g'))
    })
    await store.close()
    const again = await open(dir)
    expect(again.revision).toBe(2)
    expect(again.upgrade).toBeUndefined()
    expect([...again.by(things, 'group', 'g')]).toEqual([thing('a', 'ä\u0000\ud800', 'g'), thing('b', 'c', 'g')])
    const origin = { source: 'api', request: 'req-1' }
    expect(again.written(things, 'a')).toEqual({ revision: 1, at: 1234, origin })
    expect(again.written(things, 'b')).toEqual({ revision: 2, at: 1234, origin: test })
    const numbers = await again.transact(test, tx => [1, 2, 3, 4].map(() => tx.allocate(small)))
    expect(numbers).toEqual([3, 4, 5, 2])
    await again.close()
  } finally {
    remove()
  }
})
