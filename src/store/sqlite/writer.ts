// Writes transactions to an open data file. Used by the worker that serves, and by upgrades.
import type { DatabaseSync } from 'node:sqlite'
import type { LogEntry } from '../engine.ts'
import { addToDigest, checksumOfHead, checksumOfRow, type Head, rowOf } from './layout.ts'

/** Writes batches, one transaction of SQLite each. */
export interface Writer {
  /** Throws when the file is not at the revision before the batch, or SQLite refuses; then nothing has been written. */
  write(batch: readonly LogEntry[], version?: number): void
}

/** Sets how the file is written: a write-ahead log, made durable with every transaction. */
export const PRAGMAS = 'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;'

export const writerTo = (db: DatabaseSync): Writer => {
  const readHead = db.prepare('SELECT version, revision, records, digest FROM head')
  const writeHead = db.prepare('UPDATE head SET version = ?, revision = ?, records = ?, digest = ?, checksum = ?')
  const readChecksum = db.prepare('SELECT checksum FROM record WHERE seq = ?')
  const deleteRow = db.prepare('DELETE FROM record WHERE seq = ?')
  const putRow = db.prepare(
    `INSERT INTO record (seq, kind, id, doc, revision, at, source, request, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (seq) DO UPDATE SET doc = excluded.doc, revision = excluded.revision, at = excluded.at,
       source = excluded.source, request = excluded.request, checksum = excluded.checksum`,
  )

  const writeAll = (batch: readonly LogEntry[], version: number | undefined): void => {
    const head = readHead.get() as unknown as Head
    const base = batch[0]!.revision - 1
    if (head.revision !== base) {
      throw new Error(`the data file is at revision ${head.revision} instead of ${base}: something else wrote to it`)
    }
    let { records, digest } = head
    for (const { revision, at, origin, writes } of batch) {
      for (const { seq, kind, id, doc } of writes) {
        const before = (readChecksum.get(seq) as { checksum: number } | undefined)?.checksum
        let after: number | undefined
        if (doc === undefined) {
          if (before !== undefined) deleteRow.run(seq)
        } else {
          const row = rowOf({ kind, id, seq, doc, revision, at, origin })
          after = checksumOfRow(row)
          putRow.run(seq, kind, id, doc, revision, at, row.source, row.request, after)
        }
        records += Number(after !== undefined) - Number(before !== undefined)
        digest = addToDigest(digest, before ?? 0, after ?? 0)
      }
    }
    const next: Head = { version: version ?? head.version, revision: batch.at(-1)!.revision, records, digest }
    writeHead.run(next.version, next.revision, next.records, next.digest, checksumOfHead(next))
  }

  return {
    write(batch, version) {
      db.exec('BEGIN IMMEDIATE')
      try {
        writeAll(batch, version)
        db.exec('COMMIT')
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
  }
}
