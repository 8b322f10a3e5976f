// Where the rules of a firewall policy stand: numbers that fall in order, so that a rule that comes, goes or moves changes no
// other's flows, which count for themselves.

/** The highest place. */
const FIRST = 60_000

/** The rules that keep their order, the most that there can be: a longest increasing run of where they stood. */
const inOrder = (stood: readonly number[]): ReadonlySet<number> => {
  const length = stood.map(() => 1)
  const before = stood.map(() => -1)
  for (const [i, at] of stood.entries())
    for (let j = 0; j < i; j++)
      if (stood[j]! < at && length[j]! + 1 > length[i]!) {
        length[i] = length[j]! + 1
        before[i] = j
      }
  const kept = new Set<number>()
  for (let i = length.indexOf(Math.max(0, ...length)); i >= 0; i = before[i]!) kept.add(stood[i]!)
  return kept
}

/** `count` numbers between two, falling, as far apart as can be; undefined where there is no room. */
const between = (high: number, low: number, count: number): readonly number[] | undefined =>
  high - low <= count
    ? undefined
    : Array.from({ length: count }, (_, i) => high - Math.floor(((high - low) * (i + 1)) / (count + 1)))

/** The places of rules, of which some stood somewhere before. Where there is no room between two, all are placed anew. */
export const placesFor = (
  rules: readonly string[],
  before: { readonly rules: readonly string[]; readonly places: readonly number[] } = { rules: [], places: [] },
): readonly number[] => {
  const stood = new Map(before.rules.map((id, at) => [id, at]))
  const kept = inOrder(rules.flatMap(id => stood.get(id) ?? []))
  const places: number[] = []
  let high = FIRST + 1
  let waiting = 0
  const settle = (low: number) => {
    const found = between(high, low, waiting)
    if (found !== undefined) places.push(...found)
    waiting = 0
    return found !== undefined
  }
  for (const id of rules) {
    const at = stood.get(id)
    const place = at !== undefined && kept.has(at) ? before.places[at] : undefined
    if (place === undefined) waiting++
    else {
      if (!settle(place)) return placesFor(rules)
      places.push(place)
      high = place
    }
  }
  if (settle(0)) return places
  return before.rules.length > 0 ? placesFor(rules) : rules.map((_, i) => rules.length - i)
}
