// Finds records that must be there: for each kind a function, made of its declaration and of the refusal that names it.
import type { Doc, Kind } from './kind.ts'
import { type AbsentName, refuse } from './refusal.ts'
import type { Reader } from './transaction.ts'

/** Makes a function that finds a record by its id, and throws the refusal when there is none. */
export const finder =
  <T extends Doc>(kind: Kind<T>, absent: AbsentName) =>
  (reader: Reader, id: string): T => {
    const found = reader.get(kind, id)
    // An id that a client made up may be of any length.
    if (found === undefined) throw refuse(absent, { id: id.slice(0, 100) })
    return found
  }
