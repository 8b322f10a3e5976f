// A store without a disk: everything but durability, for tests.
import type { Kind } from '#model/kind'
import { LiveStore } from './live-store.ts'
import { MemoryLog, memoryEngine } from './memory-engine.ts'
import { Replica } from './replica.ts'
import type { Store } from './store.ts'

/** Opens a store in memory; stores over the same log share their records, as controllers over one etcd would. */
export const openMemoryStore = (options: {
  readonly kinds: readonly Kind[]
  readonly log?: MemoryLog
  readonly clock?: () => number
  /** Awaited before each append: the time in which others may come first. */
  readonly delay?: () => Promise<void>
}): Store => {
  const { kinds, log = new MemoryLog(), clock = Date.now, delay } = options
  const replica = new Replica(kinds)
  const { revision, records } = log.snapshot()
  for (const record of records) replica.load(record, JSON.parse(record.doc))
  replica.revision = revision
  return new LiveStore(memoryEngine(log, delay), replica, clock)
}
