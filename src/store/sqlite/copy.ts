// Copies of data files: whole, checked, durable, and under their name only when they are all that.
import { closeSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Contents, readDataFile } from './read.ts'
import { openReadOnly } from './untouched.ts'

/** Makes what was written to a file, or the names in a directory, durable. */
export const syncPath = (path: string): void => {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Copies the data file `from`, its -wal included, to the single new file `to`; returns what the copy holds. `served` says
 * that a process has it open.
 */
export const copyDataFile = (from: string, to: string, served = false): Contents => {
  const partial = `${to}.partial-${process.pid}`
  rmSync(partial, { force: true })
  try {
    const db = served ? new DatabaseSync(from, { readOnly: true }) : openReadOnly(from)
    try {
      db.prepare('VACUUM INTO ?').run(partial)
    } finally {
      db.close()
    }
    const contents = readDataFile(partial)
    syncPath(partial)
    linkSync(partial, to) // unlike a rename, never over another file
    syncPath(dirname(to))
    return contents
  } finally {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(partial + suffix, { force: true })
  }
}
