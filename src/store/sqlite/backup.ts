// Consistent copies of a data file: by the process that serves it, in a thread of its own, and by any other.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { DataDirInUse, DataFileRefused, StoreUnavailable } from '../errors.ts'
import { copyDataFile } from './copy.ts'
import { dataFileIn } from './create.ts'
import { lockDataDir } from './lock.ts'
import { readDataFile } from './read.ts'
import { type TroubleReport, unavailable } from './trouble.ts'

/**
 * Copies the data file `from` to the new file `to`, and checks the copy. Throws DataFileRefused when `to` exists, and
 * StoreUnavailable when it cannot be written; nothing is left of it then.
 */
export const backupTo = async (from: string, to: string): Promise<void> => {
  checkAbsent(to)
  const worker = new Worker(new URL('./backup-worker.ts', import.meta.url), { workerData: { from, to } })
  let trouble: TroubleReport | undefined
  worker.on('message', (report: TroubleReport) => {
    trouble = report
  })
  await once(worker, 'exit')
  if (trouble !== undefined) throw new StoreUnavailable(trouble.code, trouble.message)
}

/** What a backup holds. */
export interface BackedUp {
  readonly revision: number
  readonly records: number
}

/**
 * Copies the data of `dataDir`, which another process may be serving, to the new file `to`. Throws DataFileRefused for
 * data that should not be trusted, and StoreUnavailable when the copy cannot be written.
 */
export const backupDataDir = (dataDir: string, to: string): BackedUp => {
  const path = dataFileIn(dataDir)
  checkAbsent(to)
  if (!existsSync(path)) throw new DataFileRefused('missing', path, 'there is no such file', 'Check the path.')
  const release = lockUnlessServed(dataDir)
  try {
    if (release !== undefined) readDataFile(path)
    const { revision, records } = copyDataFile(path, to, release === undefined)
    return { revision, records: records.length }
  } catch (error) {
    throw error instanceof DataFileRefused ? error : unavailable(to, error)
  } finally {
    release?.()
  }
}

const checkAbsent = (to: string): void => {
  if (existsSync(to)) throw new DataFileRefused('exists', to, 'there is such a file already', 'Choose a new name.')
}

const lockUnlessServed = (dataDir: string): (() => void) | undefined => {
  try {
    return lockDataDir(dataDir)
  } catch (error) {
    if (error instanceof DataDirInUse) return undefined
    throw error
  }
}
