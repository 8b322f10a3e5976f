// Copies of a served store, and putting one back.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test as it } from 'vitest'
import { backupDataDir, DataDirInUse, DataFileRefused, restoreBackup } from '#store'
import { declared, notes, open, small, temporary, test } from './things.ts'

let root: ReturnType<typeof temporary>
let dataDir = ''
let backup = ''
beforeEach(() => {
  root = temporary()
  dataDir = join(root.dir, 'data')
  backup = join(root.dir, 'backup.db')
})
afterEach(() => root.remove())

const ids = (docs: Iterable<{ id: string }>) => [...docs].map(doc => doc.id)

it('copies one moment while writing goes on', async () => {
  const store = await open(dataDir)
  let writing = true
  const writer = (async () => {
    for (let n = 0; writing; n++) {
      await store.transact(test, tx => {
        tx.insert(notes, { id: `a${n}`, text: 'x'.repeat(1000) })
        tx.insert(notes, { id: `b${n}`, text: 'x'.repeat(1000) })
      })
    }
  })()
  while (store.count(notes) < 200) await new Promise(setImmediate)
  await store.backup(backup)
  const after = store.count(notes)
  writing = false
  await writer
  await store.close()

  const restored = join(root.dir, 'restored')
  const { revision, records, replaced } = restoreBackup(backup, restored, declared)
  expect(replaced).toBeUndefined()
  expect(records).toBe(revision * 2)
  expect(records).toBeGreaterThanOrEqual(200)
  expect(records).toBeLessThanOrEqual(after)
  const again = await open(restored)
  expect([again.revision, again.count(notes)]).toEqual([revision, records])
  await again.close()
  expect(readdirSync(root.dir).sort()).toEqual(['backup.db', 'data', 'restored'])
})

it('is made by another process as well, of a store that is served or not', async () => {
  const store = await open(dataDir)
  await store.transact(test, tx => tx.insert(notes, { id: 'a', text: '' }))
  const script = `
    import { backupDataDir } from '#store'
    console.log(JSON.stringify(backupDataDir(${JSON.stringify(dataDir)}, process.argv[1])))`
  const backUp = (to: string) =>
    JSON.parse(
      execFileSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', script, to], {
        encoding: 'utf8',
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
      }),
    )
  expect(backUp(join(root.dir, 'served.db'))).toEqual({ revision: 1, records: 1 })
  await store.transact(test, tx => tx.insert(notes, { id: 'b', text: '' }))
  await store.close()
  expect(backUp(join(root.dir, 'closed.db'))).toEqual({ revision: 2, records: 2 })
  expect(() => backUp(join(root.dir, 'closed.db'))).toThrow(/such a file already/)
  expect(restoreBackup(join(root.dir, 'served.db'), dataDir, declared).revision).toBe(1)
  expect(() => backupDataDir(join(root.dir, 'none'), backup)).toThrow(/no such file/)
})

it('refuses a place where no data can be kept', async () => {
  writeFileSync(backup, '')
  await expect(open(join(backup, 'data'))).rejects.toMatchObject({ name: 'DataFileRefused', code: 'unreadable' })
})

it('refuses to write a backup over anything, or to a place that does not exist', async () => {
  const store = await open(dataDir)
  writeFileSync(backup, 'mine')
  await expect(store.backup(backup)).rejects.toMatchObject({ name: 'DataFileRefused', code: 'exists' })
  await expect(store.backup(join(root.dir, 'no', 'such'))).rejects.toThrow(/no.such/)
  await store.close()
})

it('replaces newer data by the backup, and keeps what it replaces', async () => {
  const store = await open(dataDir)
  await store.transact(test, tx => tx.insert(notes, { id: 'old', text: '' }))
  await store.backup(backup)
  await store.transact(test, tx => tx.insert(notes, { id: 'new', text: '' }))
  expect(() => restoreBackup(backup, dataDir, declared)).toThrow(DataDirInUse)
  await store.close()

  const { replaced } = restoreBackup(backup, dataDir, declared)
  const again = await open(dataDir)
  expect(ids(again.all(notes))).toEqual(['old'])
  await again.transact(test, tx => tx.allocate(small))
  await again.close()
  restoreBackup(replaced!, dataDir, declared)
  const back = await open(dataDir)
  expect(ids(back.all(notes))).toEqual(['old', 'new'])
  await back.close()
})

it('restores over damaged data, and over a -wal that belongs to it', async () => {
  const store = await open(dataDir)
  await store.transact(test, tx => tx.insert(notes, { id: 'old', text: '' }))
  await store.backup(backup)
  await store.transact(test, tx => tx.insert(notes, { id: 'new', text: '' }))
  const killed = join(root.dir, 'killed')
  await (await open(killed)).close()
  for (const name of ['flowright.db-wal', 'flowright.db-acknowledged'])
    copyFileSync(join(dataDir, name), join(killed, name))
  writeFileSync(join(killed, 'flowright.db'), 'garbage')
  await store.close()
  await expect(open(killed)).rejects.toThrow(DataFileRefused)
  restoreBackup(backup, killed, declared)
  const again = await open(killed)
  expect(ids(again.all(notes))).toEqual(['old'])
  await again.close()
})

it('refuses a backup that is damaged, missing, or of something else, and touches nothing', async () => {
  const store = await open(dataDir)
  await store.transact(test, tx => tx.insert(notes, { id: 'kept', text: '' }))
  await store.close()
  writeFileSync(backup, 'garbage')
  expect(() => restoreBackup(backup, dataDir, declared)).toThrow(/backup\.db.*not a SQLite file/)
  expect(() => restoreBackup(join(root.dir, 'none'), dataDir, declared)).toThrow(/no such file/)
  const fewer = { ...declared, kinds: [] }
  expect(() => restoreBackup(join(dataDir, 'flowright.db'), join(root.dir, 'x'), fewer)).toThrow(/'note'/)
  expect(existsSync(join(root.dir, 'x'))).toBe(false)
  const again = await open(dataDir)
  expect(ids(again.all(notes))).toEqual(['kept'])
  await again.close()
})

it('lets one process serve a data directory, names it, and follows when it has been killed', async () => {
  const child = fileURLToPath(new URL('./kill-child.ts', import.meta.url))
  const other = spawn(process.execPath, ['--conditions=source', child, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(other.stdout, 'data')
  await expect(open(dataDir)).rejects.toMatchObject({
    name: 'DataDirInUse',
    pid: other.pid,
    message: expect.stringContaining(`process ${other.pid}`),
  })
  other.stdout.resume()
  other.kill('SIGKILL')
  await once(other, 'close')
  await expect(open(dataDir)).rejects.toThrow(/kind 'account'/) // the lock is free, the data is not ours
})
