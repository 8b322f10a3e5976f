/** Schemas and values against a real server (behaviours 6 to 8). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  boolean,
  type Database,
  everyRow,
  InvalidOperation,
  ifPresent,
  insert,
  integer,
  map,
  mutate,
  oneOf,
  optional,
  real,
  SchemaMismatch,
  select,
  set,
  smallInteger,
  string,
  UnknownDatabase,
  update,
  uuid,
  whereUuid,
} from 'ovsdb-client'
import { describe, expect, test } from 'vitest'
import { missing, sh, standalone, tempDir, until } from './daemons.ts'
import { open } from './tables.ts'

const everything = {
  Value: {
    integer,
    real,
    boolean,
    string,
    uuid,
    mode: oneOf('access', 'trunk'),
    maybe: optional(integer),
    maybe_text: optional(string),
    integers: set(integer),
    texts: set(string),
    booleans: set(boolean),
    uuids: set(uuid),
    by_text: map(string, string),
    by_integer: map(integer, uuid),
    by_uuid: map(uuid, real),
  },
}

const many = { min: 0, max: 'unlimited' }
const schema = {
  name: 'Everything',
  version: '1.2.3',
  tables: {
    Value: {
      isRoot: true,
      columns: {
        integer: { type: 'integer' },
        real: { type: 'real' },
        boolean: { type: 'boolean' },
        string: { type: 'string' },
        uuid: { type: 'uuid' },
        mode: { type: { key: { type: 'string', enum: ['set', ['access', 'trunk']] } } },
        maybe: { type: { key: 'integer', min: 0 } },
        maybe_text: { type: { key: 'string', min: 0 } },
        integers: { type: { key: 'integer', ...many } },
        reals: { type: { key: 'real', ...many } },
        texts: { type: { key: 'string', ...many } },
        booleans: { type: { key: 'boolean', ...many } },
        uuids: { type: { key: 'uuid', ...many } },
        by_text: { type: { key: 'string', value: 'string', ...many } },
        by_integer: { type: { key: 'integer', value: 'uuid', ...many } },
        by_uuid: { type: { key: 'uuid', value: 'real', ...many } },
      },
    },
  },
}

async function openEverything() {
  const dir = tempDir()
  const file = join(dir, 'everything.ovsschema')
  writeFileSync(file, JSON.stringify(schema))
  const server = await standalone(file, [], dir)
  const db = await open(server.remote).database('Everything', { tables: everything })
  return { server, db, file }
}

const integers = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map(value => (Number.isSafeInteger(Number(value)) ? Number(value) : value))
const texts = fc.string({ unit: 'grapheme', maxLength: 20 }).filter(text => !text.includes('\0') && text.isWellFormed())
const uuids = fc.uuid() as unknown as fc.Arbitrary<string & ReturnType<typeof uuidOf>>
declare const uuidOf: () => NonNullable<Parameters<typeof whereUuid>[0]> & string
/** ovsdb-server prints reals with 15 significant digits. */
const reals = fc
  .double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 })
  .map(value => (Math.abs(value) < 1e-300 ? 0 : Number(value.toPrecision(15))))
const listOf = <V>(values: fc.Arbitrary<V>) => fc.uniqueArray(values, { maxLength: 8 })
const mapOf = <K, V>(keys: fc.Arbitrary<K>, values: fc.Arbitrary<V>) =>
  fc.uniqueArray(fc.tuple(keys, values), { maxLength: 8, selector: pair => pair[0] }).map(pairs => new Map(pairs))

const values = fc.record({
  integer: integers,
  real: reals,
  boolean: fc.boolean(),
  string: texts,
  uuid: uuids,
  mode: fc.constantFrom('access' as const, 'trunk' as const),
  maybe: fc.option(integers, { nil: undefined }),
  maybe_text: fc.option(texts, { nil: undefined }),
  integers: listOf(integers),
  texts: listOf(texts),
  booleans: listOf(fc.boolean()),
  uuids: listOf(uuids),
  by_text: mapOf(texts, texts),
  by_integer: mapOf(integers, uuids),
  by_uuid: mapOf(uuids, reals),
})

/** Sets as Set: their order means nothing. */
const unordered = (row: object) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Array.isArray(value) ? new Set(value) : value]))

/** A row that stands for the database's columns at their defaults. */
const defaults = {
  integer: 0,
  real: 0,
  boolean: false,
  string: '',
  uuid: '00000000-0000-0000-0000-000000000000',
  mode: 'access',
  maybe: undefined,
  maybe_text: undefined,
  integers: [],
  texts: [],
  booleans: [],
  uuids: [],
  by_text: new Map(),
  by_integer: new Map(),
  by_uuid: new Map(),
}

describe.skipIf(missing)(`values and schemas${missing ? ` (${missing})` : ''}`, () => {
  test('every type of value comes back as it was written, by select and by monitor', async () => {
    const { db } = await openEverything()
    const replica = await db.monitor({ Value: '*' })
    const columns = Object.keys(everything.Value) as (keyof typeof everything.Value)[]
    await fc.assert(
      fc.asyncProperty(values, values, async (first, second) => {
        const [{ uuid }] = await db.transact([insert('Value', first)])
        const read = async () => {
          const [{ rows }] = await db.transact([select('Value', whereUuid(uuid), columns)])
          return rows[0]!
        }
        expect(unordered(await read())).toEqual(unordered(first))
        expect(unordered(replica.table('Value').get(uuid)!)).toEqual(unordered({ _uuid: uuid, ...first }))
        await db.transact([update('Value', whereUuid(uuid), second)])
        expect(unordered(await read())).toEqual(unordered(second))
        expect(unordered(replica.table('Value').get(uuid)!)).toEqual(unordered({ _uuid: uuid, ...second }))
      }),
      { numRuns: 60 },
    )
    expect([...(await db.monitor({ Value: '*' })).table('Value').values()].map(unordered)).toEqual(
      expect.arrayContaining([...replica.table('Value').values()].map(unordered)),
    )
  })

  test('columns at their default are filled in', async () => {
    const { db } = await openEverything()
    const replica = await db.monitor({ Value: '*' })
    const [{ uuid }] = await db.transact([insert('Value', { mode: 'access' })])
    expect(replica.table('Value').get(uuid)).toEqual({ _uuid: uuid, ...defaults })
    const fresh = await db.monitor({ Value: '*' })
    expect(fresh.table('Value').get(uuid)).toEqual({ _uuid: uuid, ...defaults })
  })

  test('smallInteger reads numbers, rounded where they are not small', async () => {
    const { db, server } = await openEverything()
    await db.transact([insert('Value', { mode: 'trunk', integer: 2n ** 63n - 1n, maybe: 7 })])
    const tables = { Value: { integer: smallInteger, maybe: optional(smallInteger) } }
    const rounded = await open(server.remote).database('Everything', { tables })
    const [row] = (await rounded.monitor({ Value: '*' })).table('Value').values()
    expect(row).toMatchObject({ integer: 2 ** 63, maybe: 7 })
  })

  test('elements of a set that the server keeps apart may read the same', async () => {
    const { server } = await openEverything()
    const tables = { Value: { mode: string, integers: set(smallInteger), reals: set(real) } }
    const db = await open(server.remote).database('Everything', { tables })
    const replica = await db.monitor({ Value: '*' })
    const integers = [2n ** 53n, 2n ** 53n + 1n]
    await db.transact([
      insert('Value', { mode: 'access', integers, reals: [0.1] }),
      mutate('Value', everyRow, [['reals', '*=', 3]]),
      mutate('Value', everyRow, [['reals', 'insert', [0.3]]]),
    ])
    const [row] = replica.table('Value').values()
    expect(row).toMatchObject({ integers: [2 ** 53, 2 ** 53], reals: [0.3, 0.3] })
  })

  test.each([
    ['a text in an integer', { integer: 'x' }, 'Value.integer: string "x" is not an integer of 64 bits'],
    ['an integer of 65 bits', { integer: 2n ** 63n }, 'is not an integer of 64 bits'],
    ['a rounded integer', { integer: 2 ** 60 }, 'is not an integer of 64 bits'],
    ['a fraction', { integers: [1, 1.5] }, 'Value.integers: number "1.5" is not an integer'],
    ['infinity', { real: Number.POSITIVE_INFINITY }, 'is not a real'],
    ['undefined in a scalar', { string: undefined }, 'Value.string: undefined "undefined" is not a string'],
    ['a malformed UUID', { uuid: 'br0' }, 'Value.uuid: string "br0" is not a UUID'],
    ['a list for a map', { by_text: ['a'] }, 'Value.by_text: object Array is not a Map or an object'],
    ['an object for integer keys', { by_integer: { 1: 'x' } }, 'is not a Map'],
    ['half of a surrogate pair', { texts: ['a\ud834'] }, 'Value.texts: a text with half of a surrogate pair'],
    ['a NUL, at which the server would hang up', { by_text: { a: '\0' } }, 'Value.by_text: a text with a NUL'],
    ['an unknown column', { colour: 'red' }, 'table Value has no column colour'],
  ])('%s is refused before it is sent', async (_name, row, message) => {
    const { db } = await openEverything()
    const untyped = db as unknown as Database<Record<string, Record<string, typeof string>>>
    const attempt = untyped.transact([insert('Value', {}), insert('Value', row as { [column: string]: string })])
    await expect(attempt).rejects.toThrow(InvalidOperation)
    await expect(attempt).rejects.toThrow(message)
    await expect(attempt).rejects.toThrow('operation 1 (insert)')
    expect((await db.transact([select('Value', everyRow)]))[0].rows).toEqual([])
  })

  test('a schema that lacks what was declared is refused with every difference at once', async () => {
    const { server } = await openEverything()
    const tables = { Value: { integer: string, texts: string, nothing: string }, Nothing: { name: string } }
    const opening = open(server.remote).database('Everything', { tables, minVersion: '1.10.0' })
    await expect(opening).rejects.toThrow(SchemaMismatch)
    await expect(opening).rejects.toMatchObject({
      problems: [
        'schema version 1.2.3 is older than 1.10.0',
        'column Value.integer is integer, not string',
        'column Value.texts is set of string, not string',
        'no column Value.nothing',
        'no table Nothing',
      ],
    })
    await expect(open(server.remote).database('Nothing')).rejects.toThrow(UnknownDatabase)
  })

  test('what is declared as optional may be missing', async () => {
    const { server } = await openEverything()
    const tables = {
      Value: { mode: string, colour: ifPresent(string) },
      Shape: ifPresent({ name: string }),
    }
    const db = await open(server.remote).database('Everything', { tables, minVersion: '1.2.3' })
    await db.transact([insert('Value', { mode: 'trunk' })])
    const replica = await db.monitor({ Value: ['mode', 'colour'], Shape: ['name'] })
    expect([...replica.table('Value').values()]).toMatchObject([{ mode: 'trunk', colour: undefined }])
    expect(replica.table('Shape').size).toBe(0)
  })

  test('a schema that changes while connected is read anew, and replicas go on', async () => {
    const { server, db, file } = await openEverything()
    await db.transact([insert('Value', { mode: 'trunk', integer: 5 })])
    const replica = await db.monitor({ Value: ['integer'] })
    const [row] = replica.table('Value').values()
    const columns = { ...schema.tables.Value.columns, extra: { type: 'string' } }
    const converted = { ...schema, version: '1.3.0', tables: { Value: { ...schema.tables.Value, columns } } }
    writeFileSync(file, JSON.stringify(converted))
    await sh('ovsdb-client', 'convert', server.remote, file)
    await until('the new schema is known', () => db.schema.version === '1.3.0' && replica.isCurrent)
    expect(db.schema.tables.get('Value')?.columns.has('extra')).toBe(true)
    expect([...replica.table('Value').values()]).toEqual([row])
    await db.transact([update('Value', everyRow, { integer: 6 })])
    expect([...replica.table('Value').values()]).toMatchObject([{ integer: 6 }])
  })
})
