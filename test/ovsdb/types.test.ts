/** What the compiler knows about declared tables; `tsc --noEmit` is the judge, nothing here is sent. */
import { type Database, insert, type Replica, select, type Uuid, update, wait, where } from 'ovsdb-client'
import { expectTypeOf, test } from 'vitest'
import type { vswitch } from './tables.ts'

type Tables = typeof vswitch

/** Never called: each line marked must be an error. */
async function mistakes(db: Database<Tables>, uuid: Uuid): Promise<void> {
  // @ts-expect-error: a tag is a number
  await db.transact([insert('Port', { tag: 'seven' })])
  // @ts-expect-error: there is no such table
  await db.transact([insert('Ports', { name: 'x' })])
  // @ts-expect-error: a map of strings
  await db.transact([update('Bridge', where('name', '==', 'x'), { external_ids: { a: 1 } })])
  // @ts-expect-error: references are UUIDs or named
  await db.transact([insert('Port', { interfaces: ['eth0'] })])
  // @ts-expect-error: there is no such column
  await db.monitor({ Bridge: ['colour'] })
  const replica = await db.monitor({ Bridge: ['name'] })
  // @ts-expect-error: the table is not part of this replica
  replica.table('Port')
  // @ts-expect-error: the column is not part of this replica
  replica.table('Bridge').get(uuid)?.ports
}

test('results, rows and changes have the types of their tables', () => {
  type Run = (db: Database<Tables>) => Promise<readonly unknown[]>
  const run = ((db: Database<Tables>) =>
    db.transact([
      insert('Port', { tag: 5, trunks: [1] }),
      select('Port', [], ['tag', '_uuid']),
      wait('Port', [], []),
    ])) satisfies Run
  type Results = Awaited<ReturnType<typeof run>>
  expectTypeOf<Results[0]>().toEqualTypeOf<{ readonly uuid: Uuid }>()
  expectTypeOf<Results[1]['rows'][number]['tag']>().toEqualTypeOf<number | undefined>()

  type Rows = Replica<Tables, { readonly Bridge: '*'; readonly Port: { readonly columns: readonly ['name'] } }>
  const use = (replica: Rows) => {
    replica.on('change', ({ changes }) => {
      for (const change of changes) {
        if (change.table === 'Bridge' && change.op === 'modify') {
          expectTypeOf(change.before.external_ids).toEqualTypeOf<ReadonlyMap<string, string>>()
        }
        if (change.op === 'delete') expectTypeOf(change.after).toEqualTypeOf<undefined>()
        if (change.table === 'Port' && change.after) expectTypeOf(change.after.name).toEqualTypeOf<string>()
      }
    })
  }
  expectTypeOf(use).toBeFunction()
})

test('mistakes about tables and columns do not compile', () => {
  expectTypeOf(mistakes).toBeFunction()
})
