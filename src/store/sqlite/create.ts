// A new, empty data file: complete before it gets its name.
import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataFileRefused } from '../errors.ts'
import { syncPath } from './copy.ts'
import { checksumOfHead, SCHEMA } from './layout.ts'
import { PRAGMAS } from './writer.ts'

/** The data file of a data directory. */
export const dataFileIn = (dataDir: string): string => join(dataDir, 'flowright.db')

/** Creates a data file. Throws DataFileRefused when what lies beside it shows that there was one. */
export const createDataFile = (path: string, version: number): void => {
  for (const left of [`${path}-wal`, `${path}-acknowledged`]) {
    if (existsSync(left)) {
      const problem = `the file is missing, although ${left} shows that there was one`
      const remedy = `Restore a backup: flowright restore BACKUP --data DIR; or delete ${left} to begin with nothing.`
      throw new DataFileRefused('missing', path, problem, remedy)
    }
  }
  const partial = `${path}.partial`
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(partial + suffix, { force: true })
  const db = new DatabaseSync(partial)
  db.exec(`${PRAGMAS} BEGIN; ${SCHEMA}`)
  const head = { version, revision: 0, records: 0, digest: 0 }
  db.prepare('INSERT INTO head VALUES (1, ?, 0, 0, 0, ?)').run(version, checksumOfHead(head))
  db.exec('COMMIT')
  db.close()
  syncPath(partial)
  renameSync(partial, path)
  syncPath(dirname(path))
}
