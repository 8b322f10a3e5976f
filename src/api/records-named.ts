// Records that a query names: several, each by its id or its name.
import { type AbsentName, type Doc, type Kind, type Reader, refuse } from '#model'

/** A query parameter that may be given several times. */
export type Several = string | readonly string[] | undefined

/** The values of a parameter that may be given several times. */
export const severalOf = (given: Several): readonly string[] | undefined =>
  given === undefined ? undefined : typeof given === 'string' ? [given] : given

/** The records of a kind with these ids or names, which several may have; all when none is named. Throws `absent`. */
export function recordsNamed<T extends Doc & { readonly name: string }>(
  given: Several,
  kind: Kind<T>,
  absent: AbsentName,
  reader: Reader,
): readonly T[] {
  const all = [...reader.all(kind)]
  return (
    severalOf(given)?.flatMap(text => {
      const byId = reader.get(kind, text)
      const found = byId ? [byId] : all.filter(record => record.name === text)
      if (found.length === 0) throw refuse(absent, { id: text.slice(0, 100) })
      return found
    }) ?? all
  )
}
