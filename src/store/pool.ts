// Numbers of pools are records too, of a kind of the store's own: durable, taken back and reloaded like all others.
// A record exists for each number ever used. Releasing one moves its record to the end of the order of creation, so
// the first free record is the one released longest ago.
import { type Doc, type Kind, kind, type Pool } from '#model/kind'
import { PoolExhausted, UniqueKeyTaken } from '#model/transaction'

/** A number that is in use, or was. Its id is `<pool>/<value>/<scope>`. */
export interface PoolNumber extends Doc {
  readonly pool: string
  readonly value: number
  readonly scope: string
  readonly free: boolean
}

const instance = (pool: string, scope: string): string => `${pool}/${scope}`

/** All numbers of all pools. */
export const numbers: Kind<PoolNumber, 'free' | 'scope'> = kind<PoolNumber>()('#number', {
  index: {
    free: n => (n.free ? [instance(n.pool, n.scope)] : []),
    scope: n => (n.scope === '' ? [] : [instance(n.pool, n.scope)]),
  },
})

/** What handing out numbers needs of the transaction in which it happens. */
export interface Ledger {
  get(id: string): PoolNumber | undefined
  /** Free numbers, the one released longest ago first. */
  free(instance: string): Iterable<PoolNumber>
  /** Every number of a scope that is not ''. */
  scope(instance: string): Iterable<PoolNumber>
  insert(doc: PoolNumber): void
  replace(doc: PoolNumber): void
  /** Replaces and moves to the end of the order. */
  requeue(doc: PoolNumber): void
  remove(id: string): void
  /** The lowest number of an instance that may never have been used; all below have a record. Kept in memory only. */
  frontier(instance: string): number | undefined
  setFrontier(instance: string, value: number): void
}

const idOf = (pool: Pool, value: number, scope: string): string => `${pool.name}/${value}/${scope}`

const inRange = (pool: Pool, value: number): boolean => value >= pool.first && value <= pool.last

/** The next number of `pool`: never used before, else released longest ago. */
export const allocate = (ledger: Ledger, pool: Pool, scope: string): number => {
  const name = instance(pool.name, scope)
  let value = Math.max(ledger.frontier(name) ?? pool.first, pool.first)
  while (value <= pool.last && ledger.get(idOf(pool, value, scope)) !== undefined) value++
  if (value <= pool.last) {
    ledger.insert({ id: idOf(pool, value, scope), pool: pool.name, value, scope, free: false })
    ledger.setFrontier(name, value + 1)
    return value
  }
  ledger.setFrontier(name, value)
  for (const number of ledger.free(name)) {
    if (!inRange(pool, number.value)) continue // released before the pool was narrowed
    ledger.replace({ ...number, free: false })
    return number.value
  }
  throw new PoolExhausted(pool.name, scope === '' ? undefined : scope)
}

/** Takes a given number, which may lie outside the pool's range: then `allocate` never hands it out. */
export const take = (ledger: Ledger, pool: Pool, value: number, scope: string): void => {
  const id = idOf(pool, value, scope)
  const number = ledger.get(id)
  if (number === undefined) ledger.insert({ id, pool: pool.name, value, scope, free: false })
  else if (number.free) ledger.replace({ ...number, free: false })
  else throw new UniqueKeyTaken(pool.name, String(value), scope === '' ? `number ${value}` : scope)
}

/** Gives a number back. One that is free stays as it is. */
export const release = (ledger: Ledger, pool: Pool, value: number, scope: string): void => {
  const number = ledger.get(idOf(pool, value, scope))
  if (number === undefined || number.free) return
  if (inRange(pool, value)) ledger.requeue({ ...number, free: true })
  else ledger.remove(number.id)
}

/** Forgets all numbers of a scope: as if none had ever been used. */
export const forget = (ledger: Ledger, pool: Pool, scope: string): void => {
  const name = instance(pool.name, scope)
  for (const number of [...ledger.scope(name)]) ledger.remove(number.id)
  ledger.setFrontier(name, pool.first)
}
