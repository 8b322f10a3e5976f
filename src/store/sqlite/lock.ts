// One process serves a data directory. The lock is SQLite's own on an empty file: the kernel lets it go when the process
// ends, however it ends. The file beside it only says who holds it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataDirInUse } from '../errors.ts'

/** Takes the lock of a data directory; returns how to let go. Throws DataDirInUse. */
export const lockDataDir = (dataDir: string): (() => void) => {
  const pidFile = join(dataDir, 'pid')
  // Never read `lock` otherwise: closing any descriptor of it in this process would drop the lock.
  const lock = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 })
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if ((error as { errcode?: number }).errcode === 5) throw new DataDirInUse(dataDir, pidIn(pidFile))
    throw error
  }
  try {
    writeFileSync(pidFile, `${process.pid}\n`)
  } catch {} // a full disk: only the message of a second process is the poorer
  return () => {
    rmSync(pidFile, { force: true })
    lock.close()
  }
}

const pidIn = (path: string): number | undefined => {
  try {
    return Number.parseInt(readFileSync(path, 'latin1'), 10) || undefined
  } catch {
    return undefined
  }
}
