// The worker thread that writes the data file: an fsync here holds up nobody's echo or bundle.
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { LogEntry } from '../engine.ts'
import type { Trouble } from '../errors.ts'
import { acknowledgementOf } from './acknowledged.ts'
import type { Reply, Request, WorkerData } from './messages.ts'
import { PRAGMAS, writerTo } from './writer.ts'

const { path, fsyncDelay } = workerData as WorkerData
const port = parentPort!
const db = new DatabaseSync(path)
db.exec(PRAGMAS)
const writer = writerTo(db)
const acknowledgement = acknowledgementOf(path)
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** SQLite's primary result codes that mean something to the operator. */
const troubles: Readonly<Record<number, Trouble>> = { 13: 'disk-full', 8: 'read-only' }

const troubleOf = (error: unknown): Reply => {
  const { errcode = 0, message } = error as { errcode?: number; message: string }
  const code = troubles[errcode & 0xff] ?? 'io-error'
  const cause = code === 'disk-full' ? 'no space is left on the disk' : message
  return { code, message: `cannot write ${path}: ${cause}` }
}

const append = (batch: readonly LogEntry[]): Reply => {
  try {
    writer.write(batch)
    if (fsyncDelay > 0) Atomics.wait(sleeper, 0, 0, fsyncDelay)
    acknowledgement.write(batch.at(-1)!.revision)
    return { done: true }
  } catch (error) {
    return troubleOf(error)
  }
}

port.on('message', (request: Request) => {
  if ('append' in request) {
    port.postMessage(append(request.append))
  } else {
    db.close()
    acknowledgement.close()
    port.close() // and with it the thread
  }
})
port.postMessage({ done: true } satisfies Reply)
