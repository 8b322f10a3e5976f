// A disk that fills up: writing is refused and taken back, reading goes on, and writing resumes when there is space.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test as it } from 'vitest'
import { notes, open, temporary, test, things } from './things.ts'

const directory = temporary()
const disk = join(directory.dir, 'disk')

const mount = (): boolean => {
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'flowright-test', disk], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const mounted = mount()

const fill = () => {
  const file = join(disk, 'ballast')
  for (let size = 4 << 20; size > 0; size >>= 1) {
    try {
      writeFileSync(file, Buffer.alloc(size), { flag: 'a' })
    } catch {}
  }
  return () => rmSync(file)
}

afterAll(() => {
  if (mounted) execFileSync('umount', ['-l', disk])
  directory.remove()
})

describe.skipIf(!mounted)(`a full disk${mounted ? '' : ' (skipped: mounting a small tmpfs needs root)'}`, () => {
  let dataDir = ''
  beforeAll(() => {
    dataDir = join(disk, 'data')
  })

  it('refuses writes, keeps what there was readable, and recovers without a restart', async () => {
    const store = await open(dataDir)
    await store.transact(test, tx => tx.insert(things, { id: 'a', name: 'a', groups: ['g'] }))
    const free = fill()
    const big = (id: string) =>
      store.transact(test, tx => {
        tx.insert(notes, { id, text: id.repeat(1 << 20) })
        tx.remove(things, 'a')
        tx.insert(things, { id: `${id}a`, name: 'a', groups: ['g'] })
      })
    const first = big('x')
    const refused = expect(first).rejects.toMatchObject({
      name: 'StoreUnavailable',
      code: 'disk-full',
      message: expect.stringMatching(/flowright\.db: no space/),
    })
    await Promise.resolve() // the first is under way, the others are built on it
    const onTop = [
      store.transact(test, tx => tx.replace(things, { id: 'xa', name: 'b', groups: [] })),
      store.transact(test, tx => tx.get(things, 'xa')),
      store.transact(test, tx => tx.insert(things, { id: 'b', name: 'b', groups: [] })), // its name is taken
    ]
    expect(store.get(things, 'xa')?.name).toBe('b')
    await refused
    for (const each of onTop) await expect(each).rejects.toMatchObject({ name: 'StoreUnavailable' })
    expect(store.trouble?.code).toBe('disk-full')
    expect([...store.all(things)]).toEqual([{ id: 'a', name: 'a', groups: ['g'] }])
    expect([...store.by(things, 'group', 'g')].map(t => t.id)).toEqual(['a'])
    expect([store.count(notes), store.revision]).toEqual([0, 1])

    free()
    await store.transact(test, tx => tx.insert(notes, { id: 'y', text: '' }))
    expect(store.trouble).toBeUndefined()
    await store.close()
    const again = await open(dataDir)
    expect([...again.all(things), ...again.all(notes)].map(doc => doc.id)).toEqual(['a', 'y'])
    await again.close()
  })

  it('goes on for as long as there is space: the write-ahead log stays bounded', async () => {
    const store = await open(join(directory.dir, 'bounded'))
    await store.transact(test, tx => tx.insert(notes, { id: 'n', text: '' }))
    for (let i = 0; i < 60; i++) {
      await store.transact(test, tx => tx.replace(notes, { id: 'n', text: String(i).padEnd(1 << 20) }))
    }
    expect(statSync(join(directory.dir, 'bounded', 'flowright.db-wal')).size).toBeLessThan(24 << 20)
    await store.close()
  })

  it('can be started on, to read', async () => {
    const killed = join(disk, 'killed')
    const store = await open(join(directory.dir, 'unkilled'))
    await store.transact(test, tx => tx.insert(notes, { id: 'n', text: '' }))
    mkdirSync(killed)
    for (const suffix of ['', '-wal', '-acknowledged']) {
      copyFileSync(join(directory.dir, 'unkilled', `flowright.db${suffix}`), join(killed, `flowright.db${suffix}`))
    }
    await store.close()
    const free = fill()
    const again = await open(killed)
    expect(again.count(notes)).toBe(1)
    const write = () => again.transact(test, tx => tx.insert(notes, { id: 'm', text: 'x'.repeat(1 << 20) }))
    await expect(write()).rejects.toMatchObject({ name: 'StoreUnavailable', code: 'disk-full' })
    await expect(open(join(disk, 'new'))).rejects.toThrow(/new: no data can be kept|no space is left/)
    free()
    await write()
    await again.close()
  })

  it('fails a backup and leaves nothing of it', async () => {
    const store = await open(join(directory.dir, 'source'))
    await store.transact(test, tx => tx.insert(notes, { id: 'n', text: 'x'.repeat(8 << 20) }))
    await expect(store.backup(join(disk, 'backup.db'))).rejects.toThrow(/backup\.db.*no space/)
    expect(execFileSync('ls', [disk], { encoding: 'utf8' })).not.toMatch(/backup/)
    await store.close()
  })
  it('is named as read-only where it is, also for a directory that is missing with the one above it', async () => {
    execFileSync('mount', ['-o', 'remount,ro', disk])
    await expect(open(join(disk, 'no', 'data'))).rejects.toThrow(/no data can be kept here: EROFS/)
    execFileSync('mount', ['-o', 'remount,rw', disk])
  })
})
