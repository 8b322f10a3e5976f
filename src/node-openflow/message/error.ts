// OFPT_ERROR: which error by name, or by numbers where it has none, and as much of the failed message as came along.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { EncodeError } from '../wire/index.ts'
import { type ErrorName, type ErrorNumbers, errorName, errorNumbers } from './error-codes.ts'

/** OFPT_ERROR (OpenFlow 1.5.1, 7.5.4). */
export interface ErrorBody {
  readonly error: ErrorName | ErrorNumbers
  /** The failed message, usually its first 64 bytes or more; a text where it is about HELLO. */
  readonly data: Uint8Array
}

/** The error codec of a version; `version` may be one that this library does not otherwise speak. */
export function errorBody(version: number): Codec<ErrorBody> {
  return {
    size: 0,
    read: r => {
      const type = r.u16()
      const code = r.u16()
      const numbers: ErrorNumbers = type === 0xffff ? { type, code, experimenter: r.u32() } : { type, code }
      return { error: errorName(numbers, version) ?? numbers, data: r.rest() }
    },
    write: (w, value) => {
      const numbers = typeof value.error === 'string' ? errorNumbers(value.error, version as Version) : value.error
      if (!numbers) throw new EncodeError('bad-version', 'error', `no ${value.error} in this version`)
      w.u16(numbers.type)
      w.u16(numbers.code)
      if (numbers.experimenter !== undefined) w.u32(numbers.experimenter)
      w.bytes(value.data ?? new Uint8Array())
    },
  }
}
