// Copies of data files: whole, checked, durable, and under their name only when they are all that.
import { closeSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { openReadOnly, readDataFile } from './read.ts'

/** Makes what was written to a file, or the names in a directory, durable. */
export const syncPath = (path: string): void => {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Copies the data file `from`, its -wal included, to the single new file `to`. */
export const copyDataFile = (from: string, to: string): void => {
  const partial = `${to}.partial-${process.pid}`
  rmSync(partial, { force: true })
  try {
    const db = openReadOnly(from)
    try {
      db.prepare('VACUUM INTO ?').run(partial)
    } finally {
      db.close()
    }
    readDataFile(partial)
    syncPath(partial)
    linkSync(partial, to) // unlike a rename, never over another file
    syncPath(dirname(to))
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(partial + suffix, { force: true })
  }
}
