// Data files that must not be used: refused with what is wrong and what to do, and left as they are.
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test as it } from 'vitest'
import { DataFileRefused, type Docs, type Store } from '#store'
import { declared, notes, open, small, temporary, test, things } from './things.ts'

const root = temporary()
/** A data directory that was closed, and one as kill -9 leaves it: most of its data is in the -wal. */
const closed = join(root.dir, 'closed')
const killed = join(root.dir, 'killed')
const names = ['flowright.db', 'flowright.db-wal', 'flowright.db-acknowledged']

const contents = (store: Store): string =>
  JSON.stringify([store.revision, [...store.all(things)], [...store.all(notes)]])
let expected = ''

beforeAll(async () => {
  const store = await open(closed)
  for (let i = 0; i < 40; i++) {
    await store.transact(test, tx => {
      tx.insert(things, { id: `t${i}`, name: `name ${i}`, groups: [`g${i % 3}`] })
      tx.insert(notes, { id: `n${i}`, text: 'x'.repeat(300) })
      tx.allocate(small, `s${i}`)
    })
  }
  expected = contents(store)
  copyOf(closed, killed)
  await store.close()
})
afterAll(root.remove)

const copyOf = (from: string, to: string): string => {
  mkdirSync(to, { recursive: true })
  for (const name of names) {
    rmSync(join(to, name), { force: true })
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name))
  }
  rmSync(join(to, 'flowright.db-shm'), { force: true })
  return to
}

const bytesIn = (dir: string): Record<string, string> =>
  Object.fromEntries(
    names
      .filter(n => existsSync(join(dir, n)))
      .map(n => [
        n,
        createHash('sha1')
          .update(readFileSync(join(dir, n)))
          .digest('hex'),
      ]),
  )

/** Opens, and expects a refusal that leaves every byte where it was, or exactly what was written. */
const refusalOf = async (dir: string, more = {}): Promise<DataFileRefused | undefined> => {
  const before = bytesIn(dir)
  let store: Store
  try {
    store = await open(dir, more)
  } catch (error) {
    expect(error).toBeInstanceOf(DataFileRefused)
    expect(bytesIn(dir)).toEqual(before)
    expect((error as Error).message).toContain(join(dir, 'flowright.db'))
    return error as DataFileRefused
  }
  expect(contents(store)).toBe(expected)
  await store.close()
  return undefined
}

describe('a data file that cannot be trusted', () => {
  it('is noticed wherever a byte is flipped or where the file is cut off', async () => {
    let refused = 0
    let runs = 0
    const damage = fc.record({
      from: fc.constantFrom(closed, killed),
      where: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      bit: fc.nat(7),
      how: fc.constantFrom('flip', 'flip', 'cut'),
      name: fc.constantFrom('flowright.db', 'flowright.db-wal'),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ from, where, bit, how, name }) => {
        const dir = copyOf(from, join(root.dir, 'damaged'))
        const path = join(dir, name)
        if (!existsSync(path)) return
        const bytes = readFileSync(path)
        const at = Math.floor(where * bytes.length)
        if (how === 'cut') truncateSync(path, at)
        else {
          bytes[at]! ^= 1 << bit
          writeFileSync(path, bytes)
        }
        const refusal = await refusalOf(dir)
        runs++
        if (refusal) refused++
        // What is cut off the data file after a kill may all be in the -wal.
        if (how === 'cut' && (from === closed || name !== 'flowright.db')) expect(refusal).toBeDefined()
      }),
      { numRuns: 120 },
    )
    expect(refused / runs).toBeGreaterThan(0.3) // the rest of the flips hit free space, or pages overwritten since
  })

  it.each([
    ['is empty', '', /empty/],
    ['is a text', 'hello\n'.repeat(1000), /not a SQLite file/],
    ['is garbage of full pages', '\u0001\u00ff\u0002'.repeat(8192), /not a SQLite file/],
  ])('%s', async (_, text, message) => {
    const dir = copyOf(closed, join(root.dir, 'replaced'))
    writeFileSync(join(dir, 'flowright.db'), text, 'latin1')
    expect((await refusalOf(dir))?.message).toMatch(message)
  })

  it('is the SQLite file of another program', async () => {
    const dir = copyOf(closed, join(root.dir, 'foreign'))
    rmSync(join(dir, 'flowright.db'))
    const db = new DatabaseSync(join(dir, 'flowright.db'))
    db.exec('CREATE TABLE t (a)')
    db.close()
    expect(await refusalOf(dir)).toMatchObject({ code: 'foreign', message: expect.stringContaining('not a data file') })
  })

  it('is missing beside traces of it', async () => {
    const dir = copyOf(killed, join(root.dir, 'missing'))
    rmSync(join(dir, 'flowright.db'))
    expect(await refusalOf(dir)).toMatchObject({ code: 'missing', message: expect.stringMatching(/restore/i) })
    expect(readdirSync(dir)).not.toContain('flowright.db')
  })

  it('lost its -wal', async () => {
    const dir = copyOf(killed, join(root.dir, 'no-wal'))
    rmSync(join(dir, 'flowright.db-wal'))
    expect((await refusalOf(dir))?.message).toMatch(/revision 40 was acknowledged.*-wal/)
  })

  it('was written by a newer version', async () => {
    const migrations = [{ name: 'nothing', run: (docs: Docs) => docs }]
    const dir = copyOf(closed, join(root.dir, 'newer'))
    await (await open(dir, { migrations })).close()
    expect(await refusalOf(dir)).toMatchObject({
      code: 'newer',
      message: expect.stringMatching(/newer.*version is 1.*knows 0/),
    })
    const layout = copyOf(closed, join(root.dir, 'newer-layout'))
    const db = new DatabaseSync(join(layout, 'flowright.db'))
    db.exec('PRAGMA user_version = 7')
    db.close()
    expect(await refusalOf(layout)).toMatchObject({ code: 'newer' })
  })

  it('holds kinds or pools that are not declared', async () => {
    const dir = copyOf(closed, join(root.dir, 'unknown'))
    const { kinds, pools } = declared
    expect(await refusalOf(dir, { kinds: kinds.slice(1) })).toMatchObject({
      code: 'unknown',
      message: expect.stringContaining(`'thing'`),
    })
    expect(await refusalOf(dir, { pools: pools.slice(1) })).toMatchObject({
      code: 'unknown',
      message: expect.stringContaining(`'small'`),
    })
  })
})
