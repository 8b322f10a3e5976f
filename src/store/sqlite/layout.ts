// How records lie in the data file. Each row carries a checksum, and the head row their number and sum, because SQLite
// itself notices a flipped bit only where it breaks the structure of the file.
import { crc32 } from 'node:zlib'
import type { StoredRecord } from '../engine.ts'

/** 'FLWR' in the file's header: a SQLite file of ours. */
export const APPLICATION_ID = 0x464c5752

/** The version of the tables below, in the file's header. What is in the documents has a version of its own. */
export const LAYOUT = 1

/** Creates an empty file of today's layout. */
export const SCHEMA = `
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${LAYOUT};
  CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,   -- migrations applied to the documents
    revision INTEGER NOT NULL,  -- of the last transaction
    records INTEGER NOT NULL,   -- how many there are
    digest INTEGER NOT NULL,    -- the sum of their checksums, modulo 2^32
    checksum INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE record (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    doc TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    source TEXT NOT NULL,
    request TEXT,
    checksum INTEGER NOT NULL
  ) STRICT;
`

/** The head row. */
export interface Head {
  readonly version: number
  readonly revision: number
  readonly records: number
  readonly digest: number
}

/** A record's row. */
export interface Row {
  readonly seq: number
  readonly kind: string
  readonly id: string
  readonly doc: string
  readonly revision: number
  readonly at: number
  readonly source: string
  readonly request: string | null
}

export const rowOf = ({ kind, id, seq, doc, revision, at, origin }: StoredRecord): Row => ({
  ...{ seq, kind, id, doc, revision, at },
  source: origin.source,
  request: origin.request ?? null,
})

export const checksumOfHead = ({ version, revision, records, digest }: Head): number =>
  crc32(`${version} ${revision} ${records} ${digest}`)

export const checksumOfRow = ({ seq, kind, id, doc, revision, at, source, request }: Row): number =>
  crc32(doc, crc32(JSON.stringify([seq, kind, id, revision, at, source, request])))

/** The digest after rows with the checksum `before` were replaced by ones with `after`. */
export const addToDigest = (digest: number, before: number, after: number): number => (digest - before + after) >>> 0
