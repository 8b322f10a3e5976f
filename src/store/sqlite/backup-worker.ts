// The thread that makes one backup and ends; it says why when it could not.
import { parentPort, workerData } from 'node:worker_threads'
import { copyDataFile } from './copy.ts'
import { troubleWith } from './trouble.ts'

const { from, to } = workerData as { from: string; to: string }
try {
  copyDataFile(from, to, true)
} catch (error) {
  parentPort!.postMessage(troubleWith(to, error))
}
