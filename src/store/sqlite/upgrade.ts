// From the records of a data file to those that this program declares. An older file is upgraded in one transaction,
// after a copy of it has been put aside.
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import type { Doc, Kind, Pool } from '#model/kind'
import type { LogEntry, StoredRecord, Write } from '../engine.ts'
import { DataFileRefused } from '../errors.ts'
import { sameJson } from '../json.ts'
import { numbers, type PoolNumber } from '../pool.ts'
import { Replica } from '../replica.ts'
import type { Upgrade } from '../store.ts'
import { copyDataFile } from './copy.ts'
import { type Contents, newer } from './read.ts'
import { PRAGMAS, writerTo } from './writer.ts'

/** Records of every kind by its name, in order of creation; pool numbers (see PoolNumber) under '#number'. */
export type Docs = Readonly<Record<string, readonly Doc[]>>

/** A step from one data version to the next. Never changes once released. */
export interface Migration {
  /** What it does, for the log. */
  readonly name: string
  /** The records after it; `now` is in milliseconds since the epoch. */
  readonly run: (docs: Docs, now: number) => Docs
}

/** What the program declares. */
export interface Declared {
  readonly kinds: readonly Kind[]
  readonly pools: readonly Pool[]
  /** Every migration there ever was, oldest first; the data version is how many have been applied. */
  readonly migrations?: readonly Migration[]
}

/** The contents of a data file as a replica. Throws DataFileRefused for what is not declared or breaks its rules. */
const replicaOf = (path: string, { revision, records }: Contents, { kinds, pools }: Declared): Replica => {
  const replica = new Replica(kinds)
  const known = new Set(pools.map(pool => pool.name))
  for (const record of records) {
    if (replica.tableNamed(record.kind) === undefined) throw unknown(path, `records of the kind '${record.kind}'`)
    const doc = JSON.parse(record.doc) as Doc
    if (record.kind === numbers.name) {
      const { pool } = doc as PoolNumber
      if (!known.has(pool)) throw unknown(path, `numbers of the pool '${pool}'`)
    }
    try {
      replica.load(record, doc)
    } catch (error) {
      const problem = `${record.kind} ${record.id} cannot be used: ${(error as Error).message}`
      throw new DataFileRefused('damaged', path, problem, 'Restore a backup: flowright restore BACKUP --data DIR.')
    }
  }
  replica.revision = revision
  return replica
}

const unknown = (path: string, what: string): DataFileRefused =>
  new DataFileRefused(
    'unknown',
    path,
    `the file holds ${what}, which this program does not know`,
    'Start the version that wrote it, or restore a backup: flowright restore BACKUP --data DIR.',
  )

/** Throws DataFileRefused when opening `contents` would be refused; a backup may be of an older version. */
export const checkContents = (path: string, contents: Contents, declared: Declared): void => {
  upgraded(path, contents, declared, 0)
}

/** What becomes of the contents of a data file; with the log entry that upgrades it, if it is older. */
const upgraded = (
  path: string,
  contents: Contents,
  declared: Declared,
  now: number,
): { readonly replica: Replica; readonly log: LogEntry | undefined } => {
  const { migrations = [] } = declared
  const { version, revision, records } = contents
  if (version > migrations.length) {
    throw newer(path, `its data version is ${version}, this program knows ${migrations.length}`)
  }
  if (version === migrations.length) return { replica: replicaOf(path, contents, declared), log: undefined }
  const docs = migrations.slice(version).reduce((docs, step) => migrated(path, docs, step, now), docsOf(records))
  const origin = { source: 'upgrade', request: migrations.at(-1)!.name }
  const log = { revision: revision + 1, at: now, origin, writes: differences(records, docs) }
  return { replica: replicaOf(path, afterLog(contents, log), declared), log }
}

const migrated = (path: string, docs: Docs, { name, run }: Migration, now: number): Docs => {
  try {
    return run(docs, now)
  } catch (error) {
    const problem = `the migration '${name}' failed: ${(error as Error).message}`
    throw new DataFileRefused('migration', path, problem, 'Go on with the version that wrote it, and report this.')
  }
}

/** The replica of a data file, which has today's version when this returns. Throws DataFileRefused. */
export const loadDataFile = (
  path: string,
  contents: Contents,
  declared: Declared,
  now: number,
): { readonly replica: Replica; readonly upgrade: Upgrade | undefined } => {
  const { replica, log } = upgraded(path, contents, declared, now)
  if (log === undefined) return { replica, upgrade: undefined }
  const from = contents.version
  const to = declared.migrations!.length
  const copy = `${path}.version-${from}-revision-${contents.revision}`
  if (!existsSync(copy)) copyDataFile(path, copy)
  const db = new DatabaseSync(path)
  try {
    db.exec(PRAGMAS)
    writerTo(db).write([log], to)
  } finally {
    db.close()
  }
  const before = (kinds = declared.kinds) => replicaOf(path, contents, { ...declared, kinds })
  return { replica, upgrade: { from, to, copy, changed: log.writes.length, before } }
}

const docsOf = (records: readonly StoredRecord[]): Docs => {
  const docs: Record<string, Doc[]> = {}
  for (const { kind, doc } of records) {
    docs[kind] ??= []
    docs[kind].push(JSON.parse(doc))
  }
  return docs
}

/** The writes that turn `records` into `docs`: a record that keeps its kind and id keeps its place. */
const differences = (records: readonly StoredRecord[], docs: Docs): Write[] => {
  const gone = new Map(records.map(record => [`${record.kind}/${record.id}`, record]))
  let nextSeq = (records.at(-1)?.seq ?? 0) + 1
  const writes: Write[] = []
  for (const [kind, list] of Object.entries(docs)) {
    for (const doc of list) {
      const key = `${kind}/${doc.id}`
      const record = gone.get(key)
      gone.delete(key)
      if (record !== undefined && sameJson(JSON.parse(record.doc), doc)) continue
      writes.push({ seq: record?.seq ?? nextSeq++, kind, id: doc.id, doc: JSON.stringify(doc) })
    }
  }
  const deletions = [...gone.values()].map(({ seq, kind, id }) => ({ seq, kind, id }))
  return [...deletions, ...writes]
}

const afterLog = (contents: Contents, { revision, at, origin, writes }: LogEntry): Contents => {
  const records = new Map(contents.records.map(record => [record.seq, record]))
  for (const { seq, kind, id, doc } of writes) {
    if (doc === undefined) records.delete(seq)
    else records.set(seq, { kind, id, seq, doc, revision, at, origin })
  }
  return { ...contents, revision, records: [...records.values()].sort((a, b) => a.seq - b.seq) }
}
