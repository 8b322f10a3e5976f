// Records are plain JSON, frozen: what a reader holds never changes under it, and what is read back from disk is what
// was written. Checked once, when a record enters the store.

/** Freezes `value` and all within it. Throws TypeError naming the place of anything that JSON would lose or change. */
export const freezeJson = (value: unknown, place: string): void => {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${place} is ${value}; records hold JSON only`)
    return
  }
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) freezeJson(value[i], `${place}[${i}]`)
  } else if (isPlainObject(value)) {
    for (const name of Object.keys(value)) freezeJson(value[name], `${place}.${name}`)
  } else {
    const found = typeof value === 'object' ? (value as object).constructor?.name : typeof value
    throw new TypeError(`${place} is ${found}; records hold JSON only`)
  }
  Object.freeze(value)
}

/** Whether two JSON values are equal; the order of an object's names does not matter. */
export const sameJson = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  }
  if (!isPlainObject(a) || !isPlainObject(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  )
}

const isPlainObject = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
