// A consistent copy of a data file that is being served, made by a thread of its own.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { DataFileRefused, StoreUnavailable } from '../errors.ts'
import type { TroubleReport } from './trouble.ts'

/**
 * Copies the data file `from` to the new file `to`, and checks the copy. Throws DataFileRefused when `to` exists, and
 * StoreUnavailable when it cannot be written; nothing is left of it then.
 */
export const backupTo = async (from: string, to: string): Promise<void> => {
  if (existsSync(to)) throw new DataFileRefused('exists', to, 'there is such a file already', 'Choose a new name.')
  const worker = new Worker(new URL('./backup-worker.ts', import.meta.url), { workerData: { from, to } })
  let trouble: TroubleReport | undefined
  worker.on('message', (report: TroubleReport) => {
    trouble = report
  })
  await once(worker, 'exit')
  if (trouble !== undefined) throw new StoreUnavailable(trouble.code, trouble.message)
}
