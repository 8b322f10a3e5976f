// What SQLite's errors mean to the operator.
import { StoreUnavailable, type Trouble } from '../errors.ts'

/** Why a file could not be written; crosses threads as it is. */
export interface TroubleReport {
  readonly code: Trouble
  readonly message: string
}

/** SQLite's result codes that mean more than an I/O error: SQLITE_FULL, SQLITE_IOERR_SHMSIZE, SQLITE_READONLY. */
const codes: Readonly<Record<number, Trouble>> = { 13: 'disk-full', 4874: 'disk-full', 8: 'read-only' }

/** Describes an error that came up in writing `path`. */
export const troubleWith = (path: string, error: unknown): TroubleReport => {
  const { errcode = 0, code: system, message } = error as { errcode?: number; code?: string; message: string }
  const code = system === 'ENOSPC' ? 'disk-full' : (codes[errcode] ?? codes[errcode & 0xff] ?? 'io-error')
  const cause = code === 'disk-full' ? 'no space is left on the disk' : message
  return { code, message: `cannot write ${path}: ${cause}` }
}

/** The same as an error. */
export const unavailable = (path: string, error: unknown): StoreUnavailable => {
  const { code, message } = troubleWith(path, error)
  return new StoreUnavailable(code, message)
}
