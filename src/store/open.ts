// Opens the store on a data directory: takes the lock, checks and reads the data file, upgrades it where it is older.
import { existsSync, mkdirSync } from 'node:fs'
import { LiveStore } from './live-store.ts'
import { createDataFile, dataFileIn } from './sqlite/create.ts'
import { sqliteEngine } from './sqlite/engine.ts'
import { lockDataDir } from './sqlite/lock.ts'
import { readDataFile } from './sqlite/read.ts'
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
 * is not declared; the file is then untouched.
 */
export const openStore = async (options: StoreOptions): Promise<Store> => {
  const { dataDir, migrations = [], clock = Date.now, fsyncDelay = 0 } = options
  mkdirSync(dataDir, { recursive: true })
  const release = lockDataDir(dataDir)
  try {
    const path = dataFileIn(dataDir)
    if (!existsSync(path)) createDataFile(path, migrations.length)
    const { replica, upgrade } = loadDataFile(path, readDataFile(path), options, clock())
    const engine = await sqliteEngine({ path, fsyncDelay }, release)
    return new LiveStore(engine, replica, clock, upgrade)
  } catch (error) {
    release()
    throw error
  }
}
