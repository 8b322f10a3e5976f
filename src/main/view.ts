// The model as flows see it, for those who ask what the flows are made of.
import type { Derived, View } from '#compiler'
import type { Doc, Kind } from '#model'
import type { Store } from '#store'

/** The model as flows see it, as it is now. What is derived is computed once for all that is asked in one go. */
export const viewOf = (store: Store): View => {
  const values = new Map<Derived<never, unknown>, Map<string, unknown>>()
  const valuesOf = (derived: Derived<never, unknown>): Map<string, unknown> => {
    if (values.size === 0) queueMicrotask(() => values.clear())
    const known = values.get(derived) ?? new Map<string, unknown>()
    values.set(derived, known)
    return known
  }
  const view: View = {
    get: (kind, id) => store.get(kind, id),
    value: <S extends Doc, T>(derived: Derived<S, T>, id: string) => {
      const known = valuesOf(derived as unknown as Derived<never, unknown>)
      if (known.has(id)) return known.get(id) as T | undefined
      const doc = store.get(derived.kind, id)
      const value = doc && derived.compute(doc, view)
      known.set(id, value)
      return value
    },
    by: <T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string) => [
      ...store.by(kind, index, value),
    ],
  }
  return view
}
