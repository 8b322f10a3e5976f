// Opens the store on a data directory: takes the lock, checks and reads the data file, upgrades it where it is older.
import { existsSync } from 'node:fs'
import { LiveStore } from './live-store.ts'
import { createDataFile, dataFileIn } from './sqlite/create.ts'
import { sqliteEngine } from './sqlite/engine.ts'
import { lockDataDir } from './sqlite/lock.ts'
import { readDataFile } from './sqlite/read.ts'
import { unavailable } from './sqlite/trouble.ts'
import { type Declared, loadDataFile } from './sqlite/upgrade.ts'
import type { Store } from './store.ts'

/** What the store is to keep, and where. */
export interface StoreOptions extends Declared {
  /** Created if there is none. */
  readonly dataDir: string
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
  /** Benchmarks only: milliseconds that each append takes longer, as on a slower disk. */
  readonly fsyncDelay?: number
}

/**
 * Opens a data directory. Throws DataDirInUse, and DataFileRefused for a data file that is damaged, newer, or holds what
 * is not declared; the file is then untouched. Throws StoreUnavailable when a new or upgraded file cannot be written.
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { dataDir, migrations = [], clock = Date.now, fsyncDelay = 0 } = options
  const path = dataFileIn(dataDir)
  const release = lockDataDir(dataDir)
  try {
    if (!existsSync(path)) createDataFile(path, migrations.length)
    const { replica, upgrade } = loadDataFile(path, readDataFile(path), options, clock())
    return new LiveStore(sqliteEngine({ path, fsyncDelay }, release), replica, clock, upgrade)
  } catch (error) {
    release()
    throw 'errcode' in (error as object) ? unavailable(path, error) : error
  }
}
