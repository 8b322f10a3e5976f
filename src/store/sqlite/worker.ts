// The worker thread that writes the data file: an fsync here holds up nobody's echo or bundle.
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { LogEntry } from '../engine.ts'
import { acknowledgementOf } from './acknowledged.ts'
import type { Reply, Request, WorkerData } from './messages.ts'
import { troubleWith } from './trouble.ts'
import { PRAGMAS, type Writer, writerTo } from './writer.ts'

const { path, fsyncDelay } = workerData as WorkerData
const port = parentPort!
const acknowledgement = acknowledgementOf(path)
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** When the write-ahead log is moved into the data file, in pages of 4 KiB. */
const LONG_LOG = 4000

interface OpenFile {
  readonly db: DatabaseSync
  readonly writer: Writer
  readonly logLength: StatementSync
}

const open = (): OpenFile => {
  const db = new DatabaseSync(path)
  try {
    db.exec(PRAGMAS)
    db.exec('PRAGMA wal_autocheckpoint = 0')
    return { db, writer: writerTo(db), logLength: db.prepare('PRAGMA wal_checkpoint(NOOP)') }
  } catch (error) {
    db.close()
    throw error
  }
}

/** Opened by the first append, so that a full disk keeps nobody from starting and reading. */
let file: OpenFile | undefined

const append = (batch: readonly LogEntry[]): Reply => {
  try {
    file ??= open()
    file.writer.write(batch)
    if (fsyncDelay > 0) Atomics.wait(sleeper, 0, 0, fsyncDelay)
    acknowledgement.write(batch.at(-1)!.revision)
    return { done: true }
  } catch (error) {
    return troubleWith(path, error)
  }
}

/**
 * Moves the write-ahead log into the data file once it is long, after the answer: nobody waits for it but who writes
 * meanwhile. The log is then written from its beginning again, so it stays about that long.
 */
const checkpoint = ({ db, logLength }: OpenFile) => {
  try {
    if ((logLength.get() as { log: number }).log >= LONG_LOG) db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  } catch {} // a full disk: the log is as durable, and the next append tries again
}

port.on('message', (request: Request) => {
  if ('append' in request) {
    port.postMessage(append(request.append))
    if (file !== undefined) checkpoint(file)
  } else {
    file?.db.close()
    acknowledgement.close()
    port.close() // and with it the thread
  }
})
