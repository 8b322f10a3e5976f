// How many connections routers translated, and how many packets found no port, for those who ask again and again. What the
// switches count begins anew with their flows; what is told here never gets less.
import type { CountedRouter, CounterView, SnatCountView, SnatView } from '#api'
import { paced } from './paced.ts'

/** The shortest time (ms) between two readings. */
const SHORTEST = 1000

/** What was counted since our start, and by the flows that were there then. */
export interface SnatTotals {
  /** By the ids of routers that have a gateway. */
  readonly perRouter: ReadonlyMap<string, SnatView>
  /** By the ids of chassis. */
  readonly perChassis: ReadonlyMap<string, SnatView>
}

/** A router that has a gateway. */
interface Gateway {
  readonly router: string
  readonly candidates: readonly { readonly chassis: string }[]
}

/** Tells what was last read, and reads again when that is old. `now`: milliseconds of a clock that does not jump. */
export const snatTotals = (
  counters: Pick<CounterView, 'snat'>,
  gateways: () => Iterable<Gateway>,
  now: () => number,
): (() => Promise<SnatTotals>) => {
  const perRouter = new Map<string, SnatView>()
  const perChassis = new Map<string, SnatView>()
  let last = new Map<string, SnatView>()
  const read = async () => {
    const asked = Array.from(
      gateways(),
      ({ router, candidates }): CountedRouter => ({ router, chassis: candidates.map(({ chassis }) => chassis) }),
    )
    const counts = await counters.snat(asked)
    for (const count of counts) {
      const key = `${count.router} ${count.chassis}`
      const more = since(last.get(key), count)
      last.set(key, count)
      perRouter.set(count.router, sum(perRouter.get(count.router), more))
      perChassis.set(count.chassis, sum(perChassis.get(count.chassis), more))
    }
    const routers = new Set(asked.map(({ router }) => router))
    for (const router of perRouter.keys()) if (!routers.has(router)) perRouter.delete(router)
    last = new Map([...last].filter(([key]) => routers.has(key.slice(0, key.indexOf(' ')))))
    return { perRouter, perChassis }
  }
  const totals = paced(read, { shortest: SHORTEST, waits: 'all', now })
  return async () => (await totals()) ?? { perRouter, perChassis }
}

const NONE: SnatView = { connections: 0, exhausted: 0 }

const sum = (a: SnatView = NONE, b: SnatView): SnatView => ({
  connections: a.connections + b.connections,
  exhausted: a.exhausted + b.exhausted,
})

/** What was counted since it was counted last; all of it where the count began anew. */
const since = (before: SnatView = NONE, { connections, exhausted }: SnatCountView): SnatView => ({
  connections: connections - (connections < before.connections ? 0 : before.connections),
  exhausted: exhausted - (exhausted < before.exhausted ? 0 : before.exhausted),
})
