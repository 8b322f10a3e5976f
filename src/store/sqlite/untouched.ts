// Reading a data file that may be damaged, so that every byte of it and of its -wal stays as it is.
import { copyFileSync, existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'

/** Runs `read` on a data file that no process has open. Throws what SQLite throws. */
export const readUntouched = <R>(path: string, read: (db: DatabaseSync) => R): R => {
  if (!existsSync(`${path}-wal`)) return withOpen(path, read)
  try {
    return withLinks(path, link => withOpen(link, read))
  } catch (error) {
    if (!isDiskTrouble(error)) throw error
    return withCopies(path, copy => withOpen(copy, read)) // no space for a -shm: elsewhere there may be some
  }
}

const withOpen = <R>(path: string, read: (db: DatabaseSync) => R): R => {
  const db = openReadOnly(path)
  try {
    return read(db)
  } finally {
    db.close()
  }
}

/** Opens a data file that is sound to read it; leaves no -wal beside it where there was none. */
export const openReadOnly = (path: string): DatabaseSync => {
  const url = pathToFileURL(path)
  if (!existsSync(`${path}-wal`)) url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true })
}

/**
 * Gives a data file and its -wal second names meanwhile: SQLite writes to neither while it reads, but it deletes a -wal
 * in which it finds nothing valid.
 */
const withLinks = <R>(path: string, read: (link: string) => R): R => {
  const link = `${path}.checking`
  removeAll(link)
  try {
    for (const suffix of ['', '-wal']) {
      try {
        linkSync(path + suffix, link + suffix)
      } catch {
        copyFileSync(path + suffix, link + suffix) // a file system without links
      }
    }
    return read(link)
  } finally {
    removeAll(link)
  }
}

const removeAll = (path: string) => {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true })
}

const withCopies = <R>(path: string, read: (copy: string) => R): R => {
  const dir = mkdtempSync(join(tmpdir(), 'flowright-'))
  try {
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, join(dir, `data${suffix}`))
    return read(join(dir, 'data'))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** A full disk, or an I/O error. */
const isDiskTrouble = (error: unknown): boolean => {
  const { errcode = 0, code } = error as { errcode?: number; code?: string }
  return code === 'ENOSPC' || [10, 13].includes(errcode & 0xff)
}
