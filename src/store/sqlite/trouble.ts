// What SQLite's errors mean to the operator.
import type { Trouble } from '../errors.ts'

/** Why a file could not be written; crosses threads as it is. */
export interface TroubleReport {
  readonly code: Trouble
  readonly message: string
}

/** SQLite's primary result codes with a meaning of their own. */
const codes: Readonly<Record<number, Trouble>> = { 13: 'disk-full', 8: 'read-only' }

/** Describes an error that came up in writing `path`. */
export const troubleWith = (path: string, error: unknown): TroubleReport => {
  const { errcode = 0, code: system, message } = error as { errcode?: number; code?: string; message: string }
  const code = system === 'ENOSPC' ? 'disk-full' : (codes[errcode & 0xff] ?? 'io-error')
  const cause = code === 'disk-full' ? 'no space is left on the disk' : message
  return { code, message: `cannot write ${path}: ${cause}` }
}
