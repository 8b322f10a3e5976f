// One process serves a data directory. The lock is SQLite's own on an empty file: the kernel lets it go when the process
// ends, however it ends. The file beside it only says who holds it.
import { accessSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataDirInUse, DataFileRefused } from '../errors.ts'

/**
 * Takes the lock of a data directory, which is created if there is none; returns how to let go. Throws DataDirInUse, and
 * DataFileRefused for a place where no data can be kept.
 */
export const lockDataDir = (dataDir: string): (() => void) => {
  const pidFile = join(dataDir, 'pid')
  let lock: DatabaseSync
  try {
    makeDir(dataDir)
    accessSync(dataDir, constants.W_OK)
    // Never read `lock` otherwise: closing any descriptor of it in this process would drop the lock.
    lock = new DatabaseSync(join(dataDir, 'lock'), { timeout: 0 })
  } catch (error) {
    const remedy = 'Check that it is a directory that this user may write, or choose another (--data).'
    throw new DataFileRefused('unreadable', dataDir, `no data can be kept here: ${(error as Error).message}`, remedy)
  }
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

/**
 * Makes a directory, and those above it, where missing. Node's own way (`recursive`) never returns where the system answers
 * ENOENT below a directory that is there, as in /proc, and takes a read-only file system for a missing directory.
 */
const makeDir = (dir: string): void => {
  try {
    mkdirSync(dir)
  } catch (error) {
    if (isDir(dir)) return
    const above = dirname(dir)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    if (isDir(above)) throw new Error(`no directory can be made in ${above}`)
    if (above === dir) throw error
    makeDir(above)
    makeDir(dir)
  }
}

const isDir = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const pidIn = (path: string): number | undefined => {
  try {
    return Number.parseInt(readFileSync(path, 'latin1'), 10) || undefined
  } catch {
    return undefined
  }
}
