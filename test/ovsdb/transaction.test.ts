/** Transactions: every operation, results and errors, waits, races, size, locks (behaviours 18 to 23). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  Aborted,
  abort,
  assertLock,
  ConstraintViolation,
  comment,
  commit,
  DomainError,
  DuplicateUuid,
  DuplicateUuidName,
  deleteFrom,
  everyRow,
  insert,
  integer,
  mutate,
  NotOwner,
  named,
  RangeViolation,
  ReferentialIntegrityViolation,
  RequestCanceled,
  RequestTimeout,
  select,
  set,
  smallInteger,
  string,
  type Tables,
  TimedOut,
  TransactionError,
  toUuid,
  UnknownDatabase,
  update,
  uuid,
  verify,
  wait,
  where,
  whereUuid,
} from 'ovsdb-client'
import { describe, expect, test } from 'vitest'
import { missing, sh, standalone, tempDir, until } from './daemons.ts'
import { startProxy } from './proxy.ts'
import { addBridge, open, openVswitch, root } from './tables.ts'

const counters = {
  Counter: { name: string, count: integer, scores: set(smallInteger), next: set(uuid) },
} satisfies Tables

const schema = {
  name: 'Counters',
  version: '1.0.0',
  tables: {
    Counter: {
      isRoot: true,
      indexes: [['name']],
      columns: {
        name: { type: 'string' },
        count: { type: 'integer' },
        scores: { type: { key: 'integer', min: 0, max: 'unlimited' } },
        next: { type: { key: { type: 'uuid', refTable: 'Counter' }, min: 0, max: 'unlimited' } },
      },
    },
  },
}

async function openCounters() {
  const dir = tempDir()
  const file = join(dir, 'counters.ovsschema')
  writeFileSync(file, JSON.stringify(schema))
  const server = await standalone(file, [], dir)
  const client = open(server.remote)
  const db = await client.database('Counters', { tables: counters })
  return { server, client, db }
}

describe.skipIf(missing)(`transactions${missing ? ` (${missing})` : ''}`, () => {
  test('every operation gives its result in its place', async () => {
    const { db, server } = await openCounters()
    const results = await db.transact([
      insert('Counter', { name: 'a', count: 1 }, 'a'),
      insert('Counter', { name: 'b', count: 2, next: [named('a'), named('c')] }),
      insert('Counter', { name: 'c', count: 3 }, { name: 'c' }),
      comment('three counters'),
      mutate('Counter', where('count', '>=', 2), [
        ['count', '*=', 10],
        ['scores', 'insert', [1, 2]],
      ]),
      update('Counter', where('name', '==', 'c'), { scores: new Set([7]) }),
      select('Counter', where('count', '>', 5), ['name', 'count', 'scores']),
      wait('Counter', where('name', '==', 'a'), [{ count: 1 }], { timeout: 0 }),
      deleteFrom('Counter', where('name', '==', 'b')),
      commit(true),
    ])
    expect(results.map(result => Object.keys(result))).toEqual([
      ['uuid'],
      ['uuid'],
      ['uuid'],
      [],
      ['count'],
      ['count'],
      ['rows'],
      [],
      ['count'],
      [],
    ])
    const [, , , , mutated, updated, { rows }, , deleted] = results
    expect([mutated.count, updated.count, deleted.count]).toEqual([2, 1, 1])
    expect(rows.toSorted((a, b) => Number(a.count) - Number(b.count))).toEqual([
      { name: 'b', count: 20, scores: [1, 2] },
      { name: 'c', count: 30, scores: [7] },
    ])
    expect(await sh('ovsdb-tool', 'show-log', join(server.dir, 'conf.db'))).toContain('three counters')
    expect(await db.transact([])).toEqual([])
  })

  test.each([
    ['<', 2, ['a']],
    ['<=', 2, ['a', 'b']],
    ['==', 2, ['b']],
    ['!=', 2, ['a', 'c']],
    ['>=', 2, ['b', 'c']],
    ['>', 2, ['c']],
    ['includes', 2, ['b']],
    ['excludes', 2, ['a', 'c']],
  ] as const)('the condition %s chooses rows, of scalars and sets', async (fn, value, expected) => {
    const { db } = await openCounters()
    await db.transact(['a', 'b', 'c'].map((name, i) => insert('Counter', { name, count: i + 1, scores: [i + 1] })))
    const columns = ['count', ...(/=$|cludes/.test(fn) && !/[<>]/.test(fn) ? ['scores'] : [])]
    for (const column of columns) {
      const [{ rows }] = await db.transact([select('Counter', where(column, fn, value), ['name'])])
      expect(rows.map(row => row.name).sort()).toEqual(expected)
    }
  })

  test.each([
    ['+=', 3, 10],
    ['-=', 3, 4],
    ['*=', 3, 21],
    ['/=', 3, 2],
    ['%=', 3, 1],
    ['+=', 2n ** 62n, 2n ** 62n + 7n],
  ] as const)('the mutator %s %s changes a number', async (mutator, value, expected) => {
    const { db } = await openCounters()
    const [, , { rows }] = await db.transact([
      insert('Counter', { name: 'a', count: 7 }),
      mutate('Counter', everyRow, [['count', mutator, value]]),
      select('Counter', everyRow, ['count']),
    ])
    expect(rows).toEqual([{ count: expected }])
  })

  test('a row gets the UUID that was chosen for it, once', async () => {
    const { db } = await openCounters()
    const chosen = toUuid('6A3C0F7E-0000-4000-8000-000000000001')
    const [{ uuid }] = await db.transact([insert('Counter', { name: 'a' }, { uuid: chosen })])
    expect(uuid).toBe(chosen)
    await expect(db.transact([insert('Counter', { name: 'b' }, { uuid: chosen })])).rejects.toThrow(DuplicateUuid)
  })

  test.each([
    ['an abort', Aborted, 1, [insert('Counter', { name: 'b' }), abort()]],
    ['division by zero', DomainError, 0, [mutate('Counter', everyRow, [['count', '/=', 0]])]],
    ['overflow', RangeViolation, 0, [mutate('Counter', everyRow, [['count', '+=', 2n ** 63n - 1n]])]],
    ['one name twice', DuplicateUuidName, 1, [insert('Counter', {}, 'x'), insert('Counter', {}, 'x')]],
    ['a lock that is not held', NotOwner, 0, [assertLock('nobody')]],
    ['a wait in vain', TimedOut, 1, [comment('x'), wait('Counter', everyRow, [{ count: 9 }], { timeout: 0 })]],
  ] as const)('%s fails as the operation at fault, and nothing was done', async (_name, Kind, index, operations) => {
    const { db } = await openCounters()
    await db.transact([insert('Counter', { name: 'a', count: 1 })])
    const attempt = db.transact([...operations, insert('Counter', { name: 'behind' })])
    await expect(attempt).rejects.toThrow(Kind)
    await expect(attempt).rejects.toMatchObject({ index, operation: operations[index] })
    expect((await db.transact([select('Counter', everyRow, ['name', 'count'])]))[0].rows).toEqual([
      { name: 'a', count: 1 },
    ])
  })

  test('an error of the commit belongs to no operation', async () => {
    const { db } = await openCounters()
    const dangling = toUuid('6a3c0f7e-0000-4000-8000-00000000dead')
    const missing = db.transact([insert('Counter', { name: 'a', next: dangling })])
    await expect(missing).rejects.toThrow(ReferentialIntegrityViolation)
    await expect(missing).rejects.toMatchObject({ index: undefined, operation: undefined })
    await expect(missing).rejects.toThrow(/^commit: referential integrity violation: /)
    const unnamed = db.transact([insert('Counter', { name: 'a', next: named('nobody') })])
    await expect(unnamed).rejects.toThrow(TransactionError)
    const twice = db.transact([insert('Counter', { name: 'a' }), insert('Counter', { name: 'a' })])
    await expect(twice).rejects.toThrow(ConstraintViolation)
  })

  test('a constraint of the schema is named in the error', async () => {
    const server = await standalone()
    const db = await openVswitch(open(server.remote))
    await db.transact([root, ...addBridge('br0')])
    const attempt = db.transact([update('Port', everyRow, { tag: 4096 })])
    await expect(attempt).rejects.toThrow(ConstraintViolation)
    await expect(attempt).rejects.toThrow(/^operation 0 \(update Port\): constraint violation: 4096/)
  })

  test('an error of the whole request is typed', async () => {
    const { client } = await openCounters()
    const attempt = client.request('transact', ['Nowhere'])
    await expect(attempt).rejects.toThrow(UnknownDatabase)
    await expect(attempt).rejects.toMatchObject({ method: 'transact', code: 'unknown database' })
    await expect(client.request('transact', [])).rejects.toMatchObject({ code: 'syntax error' })
    await expect(client.request('nonsense', [])).rejects.toMatchObject({ code: 'unknown method' })
  })

  test('a wait without a time limit blocks neither others nor its own connection', async () => {
    const { db, server } = await openCounters()
    const other = await open(server.remote).database('Counters', { tables: counters })
    await db.transact([insert('Counter', { name: 'a' })])
    let isDone = false
    const waiting = db.transact([
      wait('Counter', where('name', '==', 'a'), [{ count: 5 }]),
      mutate('Counter', everyRow, [['count', '+=', 1]]),
    ])
    void waiting.then(() => {
      isDone = true
    })
    await db.transact([update('Counter', everyRow, { scores: 4 })])
    await other.transact([update('Counter', everyRow, { scores: 5 })])
    expect(isDone).toBe(false)
    await other.transact([update('Counter', everyRow, { count: 5 })])
    await waiting
    expect((await db.transact([select('Counter', everyRow, ['count'])]))[0].rows).toEqual([{ count: 6 }])
  })

  test('a wait that is given up is cancelled at the server too', async () => {
    const { db } = await openCounters()
    await db.transact([insert('Counter', { name: 'a' })])
    const never = [wait('Counter', everyRow, [{ count: 5 }]), update('Counter', everyRow, { count: 99 })] as const
    const controller = new AbortController()
    const aborted = db.transact(never, { signal: controller.signal })
    setTimeout(() => controller.abort(), 20)
    await expect(aborted).rejects.toThrow(RequestCanceled)
    await expect(db.transact(never, { timeout: 20 })).rejects.toThrow(RequestTimeout)
    await db.transact([update('Counter', everyRow, { count: 5 })])
    expect((await db.transact([select('Counter', everyRow, ['count'])]))[0].rows).toEqual([{ count: 5 }])
  })

  test('optimistic changes of two writers are all made, one after the other', async () => {
    const { db, server } = await openCounters()
    const other = await open(server.remote).database('Counters', { tables: counters })
    await db.transact([insert('Counter', { name: 'a' })])
    const replicas = [await db.monitor({ Counter: ['count'] }), await other.monitor({ Counter: ['count'] })]
    const databases = [db, other]
    // Whoever has just won is the first to try again.
    const often = { attempts: 100 }
    await Promise.all(
      databases.map(async (database, i) => {
        for (let n = 0; n < 20; n++) {
          const replica = replicas[i]!
          await database.retry(
            replica,
            () => {
              const [row] = replica.table('Counter').values()
              return [
                verify('Counter', row!, ['count']),
                update('Counter', whereUuid(row!._uuid), { count: Number(row!.count) + 1 }),
              ]
            },
            often,
          )
        }
      }),
    )
    expect((await db.transact([select('Counter', everyRow, ['count'])]))[0].rows).toEqual([{ count: 40 }])
  })

  test('an optimistic change against a stale copy fetches it anew', async () => {
    const { db, client } = await openCounters()
    await db.transact([insert('Counter', { name: 'a' })])
    const replica = await db.monitor({ Counter: ['count'] })
    await client.request('monitor_cancel', ['monitor-2'])
    await db.transact([update('Counter', everyRow, { count: 10 })])
    let tries = 0
    const build = () => {
      tries++
      const [row] = replica.table('Counter').values()
      return [verify('Counter', row!, ['count']), update('Counter', everyRow, { count: Number(row!.count) + 1 })]
    }
    await db.retry(replica, build, { patience: 30 })
    expect(tries).toBe(2)
    expect((await db.transact([select('Counter', everyRow, ['count'])]))[0].rows).toEqual([{ count: 11 }])
    const hopeless = () => [wait('Counter', everyRow, [{ count: 0 }], { timeout: 0 })]
    await expect(db.retry(replica, hopeless, { attempts: 2, patience: 10 })).rejects.toThrow(TimedOut)
  })

  test('two writers change one set without overwriting each other', async () => {
    const { db, server } = await openCounters()
    const other = await open(server.remote).database('Counters', { tables: counters })
    await db.transact([insert('Counter', { name: 'a' })])
    const add = (n: number) => [mutate('Counter', everyRow, [['scores', 'insert', n]])]
    await Promise.all(Array.from({ length: 50 }, (_, n) => (n % 2 ? db : other).transact(add(n))))
    const [{ rows }] = await db.transact([select('Counter', everyRow, ['scores'])])
    expect(rows[0]?.scores).toHaveLength(50)
  })

  test('10,000 operations go in one message', async () => {
    const { db } = await openCounters()
    const results = await db.transact(
      Array.from({ length: 10_000 }, (_, i) => insert('Counter', { name: `c${i}`, count: i }, `c${i}`)),
      { timeout: 20_000 },
    )
    expect(new Set(results.map(({ uuid }) => uuid)).size).toBe(10_000)
    expect((await db.monitor({ Counter: ['name'] })).table('Counter').size).toBe(10_000)
  })

  test('a lock goes from hand to hand, and transactions can depend on it', async () => {
    const { client, db, server } = await openCounters()
    const rival = open(server.remote)
    await rival.database('Counters')
    const events: string[] = []
    const ours = client.lock('l')
    ours.on('acquired', () => events.push('ours'))
    ours.on('lost', why => events.push(why))
    await ours.acquired()
    await db.transact([assertLock('l'), insert('Counter', { name: 'a' })])

    const theirs = rival.lock('l')
    await rival.request('echo', [])
    expect(theirs.isOwned).toBe(false)
    await theirs.steal()
    await until('the theft is told', () => !ours.isOwned)
    await expect(db.transact([assertLock('l')])).rejects.toThrow(NotOwner)

    await theirs.release()
    await ours.acquired()
    await db.transact([assertLock('l')])
    expect(events).toEqual(['ours', 'stolen', 'ours'])
    // The same lock again is the same object: the server would refuse a second request.
    expect(client.lock('l')).toBe(ours)
    await ours.release()
    await client.lock('l').acquired()
  })

  test('a lock is lost with the connection and asked for again on the next', async () => {
    const { server } = await openCounters()
    const proxy = await startProxy(server.remote)
    const client = open(proxy.remote)
    await client.database('Counters')
    const lock = client.lock('l')
    await lock.acquired()
    const lost = new Promise(resolve => lock.once('lost', resolve))
    proxy.drop()
    expect(await lost).toBe('disconnected')
    expect(lock.isOwned).toBe(false)
    await lock.acquired()
    expect(lock.isOwned).toBe(true)
  })
})
