// Where the operator is: the part of the address after #, so that every view and every filter can be kept and shared.

/** A place: a path, and what stands behind its question mark. */
export interface Route {
  readonly path: readonly string[]
  readonly query: URLSearchParams
}

const read = (): Route => {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?')
  return { path: path.split('/').filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) }
}

let current = $state.raw(read())
addEventListener('hashchange', () => {
  current = read()
})

/** The present place. */
export const route = (): Route => current

/** The address of a place. */
export const href = (path: readonly string[], query: Readonly<Record<string, string>> = {}): string => {
  const kept = Object.entries(query).filter(([, value]) => value !== '')
  const search = kept.length === 0 ? '' : `?${new URLSearchParams(kept)}`
  return `#/${path.map(encodeURIComponent).join('/')}${search}`
}

/** Goes to a place. */
export const go = (address: string): void => {
  location.hash = address
}

/** Changes what stands behind the question mark, without a step in the history. */
export const setQuery = (change: Readonly<Record<string, string>>): void => {
  const query = { ...Object.fromEntries(current.query), ...change }
  history.replaceState(null, '', href(current.path, query))
  current = read()
}
