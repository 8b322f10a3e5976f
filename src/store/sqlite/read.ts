// Reads a whole data file and believes nothing in it: SQLite's structure, our checksums, the number of records, the
// revision that was last acknowledged. It is opened read-only, so a file that is refused stays as it is, -wal included.
import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { StoredRecord } from '../engine.ts'
import { DataFileRefused, type Refusal } from '../errors.ts'
import { acknowledged } from './acknowledged.ts'
import { APPLICATION_ID, addToDigest, checksumOfHead, checksumOfRow, type Head, LAYOUT, type Row } from './layout.ts'
import { readUntouched } from './untouched.ts'

/** What a data file holds. */
export interface Contents {
  /** How many migrations its documents have been through. */
  readonly version: number
  readonly revision: number
  /** In order of seq. */
  readonly records: readonly StoredRecord[]
}

const RESTORE = 'Restore a backup: flowright restore BACKUP --data DIR.'

/** Reads and checks a data file. Throws DataFileRefused. */
export const readDataFile = (path: string): Contents => {
  const size = sizeOf(path)
  if (size === 0) throw new DataFileRefused('damaged', path, 'the file is empty', RESTORE)
  const promised = acknowledged(path) // before the contents, which may grow meanwhile
  const damaged = (problem: string) => new DataFileRefused('damaged', path, `the file is damaged: ${problem}`, RESTORE)
  const contents = withDatabase(path, db => {
    checkIdentity(db, path)
    const [complaint] = db.prepare('PRAGMA integrity_check(1)').all() as { integrity_check: string }[]
    if (complaint?.integrity_check !== 'ok') throw damaged(complaint?.integrity_check.replaceAll('\n', ' ') ?? '')
    return readAll(db, damaged)
  })
  if (promised !== undefined && contents.revision < promised) {
    throw damaged(
      `it ends at revision ${contents.revision}, although revision ${promised} was acknowledged;` +
        ` its -wal was lost, cut off or damaged (to go on with what is left, delete ${path}-acknowledged)`,
    )
  }
  return contents
}

const sizeOf = (path: string): number => {
  try {
    return statSync(path).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error)
    throw new DataFileRefused('missing', path, 'there is no such file', 'Check the path.')
  }
}

const checkIdentity = (db: DatabaseSync, path: string): void => {
  const pragma = (name: string) => (db.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name]!
  if (pragma('application_id') !== APPLICATION_ID) {
    const remedy = 'Check the path; if it should be one, restore a backup: flowright restore BACKUP --data DIR.'
    throw new DataFileRefused('foreign', path, 'this SQLite file is not a data file of Flowright', remedy)
  }
  const layout = pragma('user_version')
  if (layout > LAYOUT) throw newer(path, `its layout is version ${layout}, this program knows ${LAYOUT}`)
}

/** The file was written by a newer program. */
export const newer = (path: string, problem: string): DataFileRefused =>
  new DataFileRefused(
    'newer',
    path,
    `the file was written by a newer Flowright: ${problem}`,
    'Start that version, or restore a backup that this version made: flowright restore BACKUP --data DIR.',
  )

const readAll = (db: DatabaseSync, damaged: (problem: string) => DataFileRefused): Contents => {
  const head = db.prepare('SELECT version, revision, records, digest, checksum FROM head').get() as unknown as
    | (Head & { checksum: number })
    | undefined
  if (head === undefined || checksumOfHead(head) !== head.checksum) throw damaged('the checksum of its head is wrong')
  const records: StoredRecord[] = []
  let digest = 0
  const origins = new Map<number, StoredRecord['origin']>()
  const rows = db.prepare('SELECT seq, kind, id, doc, revision, at, source, request, checksum FROM record ORDER BY seq')
  for (const each of rows.iterate()) {
    const row = each as unknown as Row & { checksum: number }
    if (checksumOfRow(row) !== row.checksum) throw damaged(`the checksum of ${row.kind} ${row.id} is wrong`)
    digest = addToDigest(digest, 0, row.checksum)
    const { seq, kind, id, doc, revision, at, source, request } = row
    let origin = origins.get(revision)
    if (origin === undefined) {
      origin = Object.freeze(request === null ? { source } : { source, request })
      origins.set(revision, origin)
    }
    records.push({ kind, id, seq, doc, revision, at, origin })
  }
  if (records.length !== head.records || digest !== head.digest) {
    throw damaged(`it holds ${records.length} records where there should be ${head.records}, or old ones`)
  }
  return { version: head.version, revision: head.revision, records }
}

/** Runs `read` on the file; what SQLite complains about becomes a DataFileRefused. */
const withDatabase = <R>(path: string, read: (db: DatabaseSync) => R): R => {
  try {
    return readUntouched(path, read)
  } catch (error) {
    throw error instanceof DataFileRefused ? error : unreadable(path, error)
  }
}

const unreadable = (path: string, error: unknown): DataFileRefused => {
  const { errcode = 0, message } = error as { errcode?: number; message: string }
  const primary = errcode & 0xff
  const [code, problem, remedy]: [Refusal, string, string] =
    primary === 26
      ? ['foreign', 'this is not a SQLite file, or its beginning is damaged', RESTORE]
      : primary === 11 || primary === 1
        ? ['damaged', `the file is damaged: ${message}`, RESTORE]
        : [
            'unreadable',
            `the file cannot be read: ${message}`,
            'Check the disk (is it full?) and that the file may be read and written.',
          ]
  return new DataFileRefused(code, path, problem, remedy)
}
