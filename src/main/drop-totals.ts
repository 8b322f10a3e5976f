// How much the switches have dropped, by reason, for those who ask again and again: read from them no more often than that
// it takes a twentieth of the time.
import type { CounterView } from '#api'

/** The shortest time (ms) between two readings, and the time between them as a multiple of what one takes. */
const SHORTEST = 10_000
const SHARE = 19
/** How long (ms) the first who asks waits. */
const PATIENCE = 2000

/** What a chassis has dropped for one reason since its flows were written. */
export interface DropTotal {
  readonly chassis: string
  readonly reason: string
  readonly packets: number
}

/**
 * Tells what was last read, and reads again when that is old. A chassis that does not answer keeps what it last said.
 * `now`: milliseconds of a clock that does not jump.
 */
export const dropTotals = (
  counters: Pick<CounterView, 'drops'>,
  chassis: () => Iterable<string>,
  now: () => number,
): (() => Promise<readonly DropTotal[]>) => {
  let known: ReadonlyMap<string, readonly DropTotal[]> | undefined
  let reading: Promise<void> | undefined
  let next = 0
  const read = async () => {
    const since = now()
    const ids = [...chassis()]
    const { drops, silent } = await counters.drops(ids)
    const fresh = new Map(
      ids.map(id => [
        id,
        totalsOf(
          id,
          drops.filter(drop => drop.chassis === id),
        ),
      ]),
    )
    for (const { chassis: id } of silent) fresh.set(id, known?.get(id) ?? [])
    known = fresh
    next = now() + Math.max(SHORTEST, SHARE * (now() - since))
  }
  return async () => {
    if (reading === undefined && now() >= next)
      reading = read().finally(() => {
        reading = undefined
      })
    if (known === undefined) await Promise.race([reading, new Promise(done => setTimeout(done, PATIENCE).unref())])
    return [...(known?.values() ?? [])].flat()
  }
}

const totalsOf = (
  chassis: string,
  drops: readonly { readonly reason: string; readonly packets: number }[],
): readonly DropTotal[] => {
  const totals = new Map<string, number>()
  for (const { reason, packets } of drops) totals.set(reason, (totals.get(reason) ?? 0) + packets)
  return Array.from(totals, ([reason, packets]) => ({ chassis, reason, packets }))
}
