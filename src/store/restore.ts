// Puts a backup in place of what a data directory holds. Whatever it is interrupted by leaves a directory that opens
// with the old data, with the new, or not at all, saying so.
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs'
import { acknowledgementOf } from './sqlite/acknowledged.ts'
import { copyDataFile, syncPath } from './sqlite/copy.ts'
import { dataFileIn } from './sqlite/create.ts'
import { lockDataDir } from './sqlite/lock.ts'
import { readDataFile } from './sqlite/read.ts'
import { checkContents, type Declared } from './sqlite/upgrade.ts'

/** What a restore did. */
export interface Restored {
  /** The revision that the data directory is now at. */
  readonly revision: number
  readonly records: number
  /** Where the data file that was there before has been kept. */
  readonly replaced: string | undefined
}

/**
 * Checks the backup `from` and makes it the data of `dataDir`. Throws DataFileRefused for a backup that this program
 * cannot open, and DataDirInUse while the directory is served.
 */
export const restoreBackup = (from: string, dataDir: string, declared: Declared): Restored => {
  const contents = readDataFile(from)
  checkContents(from, contents, declared)
  const release = lockDataDir(dataDir)
  try {
    const path = dataFileIn(dataDir)
    const incoming = `${path}.restoring`
    rmSync(incoming, { force: true })
    copyDataFile(from, incoming)
    const replaced = putAside(path)
    // From here to the end the old -acknowledged is what keeps a half-way state from being served.
    for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true })
    renameSync(incoming, path)
    syncPath(dataDir)
    const acknowledgement = acknowledgementOf(path)
    acknowledgement.write(contents.revision)
    acknowledgement.close()
    syncPath(`${path}-acknowledged`) // the old one, after a power cut, would have the backup refused
    return { revision: contents.revision, records: contents.records.length, replaced }
  } finally {
    release()
  }
}

/** Gives the present data file and its -wal a second name. */
const putAside = (path: string): string | undefined => {
  if (!existsSync(path)) return undefined
  let aside = `${path}.replaced`
  for (let n = 2; existsSync(aside); n++) aside = `${path}.replaced-${n}`
  linkSync(path, aside)
  if (existsSync(`${path}-wal`)) linkSync(`${path}-wal`, `${aside}-wal`)
  return aside
}
