// Data files of older versions.
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test as it } from 'vitest'
import { type Kind, kind } from '#model/kind'
import { DataFileRefused, type Docs, type Migration, openStore, restoreBackup } from '#store'
import { declared, notes, open, small, temporary, test, things } from './things.ts'

/** Things of the next version: the name has become a title, and every group a thing of its own. */
interface Titled {
  readonly id: string
  readonly title: string
}
const titled: Kind<Titled> = kind<Titled>()('thing', { unique: t => [`title ${t.title}`] })

const migrations: Migration[] = [
  {
    name: 'things have titles',
    run: ({ thing = [], ...others }: Docs) => ({
      ...others,
      thing: (thing as unknown as { id: string; name?: string; title?: string }[]).map(({ id, name, title }) => ({
        id,
        title: title ?? name!,
      })),
    }),
  },
  {
    name: 'no empty notes',
    run: docs => ({ ...docs, note: (docs.note ?? []).filter(n => (n as { text?: string }).text !== '') }),
  },
]
const today = { kinds: [titled, notes] as unknown as readonly Kind[], pools: [small], migrations }

let root: ReturnType<typeof temporary>
let dataDir = ''
beforeEach(async () => {
  root = temporary()
  dataDir = join(root.dir, 'data')
  const store = await open(dataDir)
  await store.transact(test, tx => {
    tx.insert(things, { id: 'a', name: 'A', groups: ['g'] })
    tx.insert(notes, { id: 'empty', text: '' })
    tx.insert(notes, { id: 'full', text: 'text' })
    tx.insert(things, { id: 'b', name: 'B', groups: [] })
    tx.allocate(small)
  })
  await store.close()
})
afterEach(() => root.remove())

it('are upgraded in one commit, once, with a copy kept and the old records at hand', async () => {
  const store = await openStore({ dataDir, ...today, clock: () => 99 })
  expect([...store.all(titled)]).toEqual([
    { id: 'a', title: 'A' },
    { id: 'b', title: 'B' },
  ])
  expect([...store.all(notes)].map(n => n.id)).toEqual(['full'])
  expect(store.revision).toBe(2)
  expect(store.written(titled, 'a')).toEqual({
    revision: 2,
    at: 99,
    origin: { source: 'upgrade', request: 'no empty notes' },
  })
  expect(store.written(notes, 'full')?.revision).toBe(1)
  expect(store.upgrade).toMatchObject({ from: 0, to: 2, changed: 3 })
  await expect(store.transact(test, tx => tx.allocate(small))).resolves.toBe(2)
  const old = store.upgrade!.before(declared.kinds)
  expect([...old.all(things)].map(t => t.name)).toEqual(['A', 'B'])
  expect(old.count(notes)).toBe(2)
  await store.close()

  const again = await openStore({ dataDir, ...today })
  expect(again.upgrade).toBeUndefined()
  expect(again.holder(titled, 'title B')?.id).toBe('b')
  await again.close()

  const copied = join(root.dir, 'copied')
  mkdirSync(copied)
  copyFileSync(store.upgrade!.copy, join(copied, 'flowright.db'))
  const copy = await open(copied)
  expect(copy.get(things, 'a')).toEqual({ id: 'a', name: 'A', groups: ['g'] })
  await copy.close()
})

it('are refused by the version that wrote them once upgraded', async () => {
  await (await openStore({ dataDir, ...today })).close()
  await expect(open(dataDir)).rejects.toMatchObject({ code: 'newer' })
})

it('stay as they are when a migration fails or breaks a rule', async () => {
  const broken = (run: Migration['run']) => openStore({ dataDir, ...today, migrations: [{ name: 'broken', run }] })
  const same = broken(docs => ({ ...docs, thing: docs.thing!.map(t => ({ id: t.id, title: 'same' })) }))
  await expect(same).rejects.toThrow(/thing b.*title same.*with a/)
  await expect(same).rejects.toThrow(DataFileRefused)
  const throwing = broken(() => {
    throw new Error('no')
  })
  await expect(throwing).rejects.toThrow(/migration 'broken'.*no/)
  const store = await open(dataDir)
  expect(store.revision).toBe(1)
  await store.close()
})

it('can be restored from a backup of the older version', async () => {
  const { revision } = restoreBackup(join(dataDir, 'flowright.db'), join(root.dir, 'new'), today)
  expect(revision).toBe(1)
  const store = await openStore({ dataDir: join(root.dir, 'new'), ...today })
  expect(store.upgrade?.from).toBe(0)
  await store.close()
})
