// How much the switches have dropped, by reason, for those who ask again and again.
import type { CounterView } from '#api'
import { paced } from './paced.ts'

/** The shortest time (ms) between two readings. */
const SHORTEST = 10_000

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
  const read = async (known: ReadonlyMap<string, readonly DropTotal[]> | undefined) => {
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
    return fresh
  }
  const totals = paced(read, { shortest: SHORTEST, waits: 'first', now })
  return async () => [...((await totals())?.values() ?? [])].flat()
}

const totalsOf = (
  chassis: string,
  drops: readonly { readonly reason: string; readonly packets: number }[],
): readonly DropTotal[] => {
  const totals = new Map<string, number>()
  for (const { reason, packets } of drops) totals.set(reason, (totals.get(reason) ?? 0) + packets)
  return Array.from(totals, ([reason, packets]) => ({ chassis, reason, packets }))
}
