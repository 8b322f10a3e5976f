// An engine without a disk: for tests that need no durability, and the stand-in for etcd in the store's own tests, since
// several stores can share one log and append to it at the same time.
import type { Engine, LogEntry, StoredRecord } from './engine.ts'

/** The log that memory engines share. */
export class MemoryLog {
  readonly entries: LogEntry[] = []
  readonly watchers = new Map<Engine, (entries: readonly LogEntry[]) => void>()

  /** What a store that opens now starts from. */
  snapshot(): { revision: number; records: readonly StoredRecord[] } {
    const records = new Map<number, StoredRecord>()
    for (const { revision, at, origin, writes } of this.entries) {
      for (const { seq, kind, id, doc } of writes) {
        if (doc === undefined) records.delete(seq)
        else records.set(seq, { kind, id, seq, doc, revision, at, origin })
      }
    }
    return { revision: this.entries.length, records: [...records.values()].sort((a, b) => a.seq - b.seq) }
  }
}

/** An engine over `log`. `delay` is awaited before each append: how long the others may come first. */
export const memoryEngine = (log: MemoryLog, delay: () => Promise<void> = async () => {}): Engine => {
  const engine: Engine = {
    async append(batch) {
      await delay()
      const base = batch[0]!.revision - 1
      if (log.entries.length !== base) return log.entries.slice(base)
      log.entries.push(...batch)
      for (const [watcher, listener] of log.watchers) if (watcher !== engine) listener(batch)
      return undefined
    },
    watch: listener => log.watchers.set(engine, listener),
    backup: () => Promise.reject(new Error('what is kept in memory has no backup')),
    async close() {
      log.watchers.delete(engine)
    },
  }
  return engine
}
