// The embedded engine, seen from the controller's thread: a data file that a worker thread writes.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Engine } from '../engine.ts'
import { StoreUnavailable } from '../errors.ts'
import { backupTo } from './backup.ts'
import type { Reply, Request, WorkerData } from './messages.ts'

/** Serves an existing, checked data file of today's version. `release` is called when it has been closed. */
export const sqliteEngine = (data: WorkerData, release: () => void): Engine => {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: data })
  let pending: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined
  let stopped: StoreUnavailable | undefined

  const stop = (why: string) => {
    stopped ??= new StoreUnavailable('io-error', `the thread that writes ${data.path} has ended: ${why}`)
    pending?.reject(stopped)
    pending = undefined
  }
  worker.on('message', (reply: Reply) => {
    pending?.resolve(reply)
    pending = undefined
  })
  worker.on('error', error => stop(error.message))
  worker.on('exit', code => stop(`exit status ${code}`))

  const send = (request: Request) => worker.postMessage(request)

  return {
    async append(batch) {
      if (stopped) throw stopped
      const reply = await new Promise<Reply>((resolve, reject) => {
        pending = { resolve, reject }
        send({ append: batch })
      })
      if ('code' in reply) throw new StoreUnavailable(reply.code, reply.message)
      return undefined
    },
    watch() {}, // the data directory is locked: nobody else writes
    backup: path => backupTo(data.path, path),
    async close() {
      if (!stopped) {
        const exit = once(worker, 'exit')
        send({ close: true })
        await exit.catch(() => {}) // however it ended
      }
      release()
    },
  }
}
