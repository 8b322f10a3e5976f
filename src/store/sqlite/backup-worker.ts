// The thread that makes one backup and ends.
import { workerData } from 'node:worker_threads'
import { copyDataFile } from './copy.ts'

const { from, to } = workerData as { from: string; to: string }
copyDataFile(from, to)
