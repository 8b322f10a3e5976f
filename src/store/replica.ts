// All records in memory: the newest state, transactions that are not durable yet included.
import type { Doc, Kind } from '#model/kind'
import type { Change, Reader } from '#model/transaction'
import type { LogEntry, StoredRecord } from './engine.ts'
import { freezeJson } from './json.ts'
import { numbers } from './pool.ts'
import { type Entry, Table } from './table.ts'

/** Records of all declared kinds. */
export class Replica implements Reader {
  readonly #tables = new Map<string, Table>()
  /** The seq of the next record to be created. */
  nextSeq = 1
  /** The revision of the newest transaction. */
  revision = 0
  /** See Ledger.frontier. */
  readonly frontiers = new Map<string, number>()

  constructor(kinds: readonly Kind[]) {
    for (const kind of [...kinds, numbers as unknown as Kind]) {
      if (this.#tables.has(kind.name)) throw new Error(`two kinds are named '${kind.name}'`)
      this.#tables.set(kind.name, new Table(kind))
    }
  }

  /** The table of a kind, found by name. Throws when the kind was not declared to the store. */
  table<T extends Doc>(kind: Kind<T>): Table<T> {
    const table = this.tableNamed(kind.name)
    if (table === undefined) throw new Error(`kind '${kind.name}' was not declared to the store`)
    return table as unknown as Table<T>
  }

  tableNamed(name: string): Table | undefined {
    return this.#tables.get(name)
  }

  tables(): Iterable<Table> {
    return this.#tables.values()
  }

  get<T extends Doc>(kind: Kind<T>, id: string): T | undefined {
    return this.table(kind).get(id)?.doc
  }

  all<T extends Doc>(kind: Kind<T>): Iterable<T> {
    return this.#docs(this.table(kind).all())
  }

  by<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): Iterable<T> {
    return this.#docs(this.table(kind).by(index, value))
  }

  holder<T extends Doc>(kind: Kind<T>, uniqueKey: string): T | undefined {
    return this.table(kind).holder(uniqueKey)?.doc
  }

  count<T extends Doc>(kind: Kind<T>): number {
    return this.table(kind).size
  }

  countBy<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): number {
    return this.table(kind).countBy(index, value)
  }

  /** Can be iterated again and again; while it is, records may be changed, removed and added (these are not seen). */
  #docs<T extends Doc>(entries: Iterable<Entry<T>>): Iterable<T> {
    const replica = this
    return {
      *[Symbol.iterator]() {
        const end = replica.nextSeq
        for (const entry of entries) {
          if (entry.seq >= end) return
          yield entry.doc
        }
      },
    }
  }

  /** Adds a record read from the engine. Throws an error that says which rule it breaks. */
  load(record: StoredRecord, doc: Doc): void {
    const table = this.tableNamed(record.kind)
    if (table === undefined) throw new Error(`kind '${record.kind}' was not declared to the store`)
    if (doc.id !== record.id || table.get(record.id) !== undefined) throw new Error('its id is not its own')
    const conflict = table.conflict(doc)
    if (conflict !== undefined) throw new Error(`it shares '${conflict.key}' with ${conflict.holder}`)
    freezeJson(doc, `${record.kind} ${record.id}`)
    const { revision, at, origin } = record
    table.add({ seq: record.seq, doc, written: { revision, at, origin } })
    this.nextSeq = Math.max(this.nextSeq, record.seq + 1)
  }
  /** Takes in a transaction that another controller made durable. */
  apply({ revision, at, origin, writes }: LogEntry): readonly Change[] {
    const written = { revision, at, origin }
    const changes = new Map<string, Change>()
    // Every record makes room first: a key may move from one to another.
    for (const { kind: name, id } of writes) {
      const table = this.tableNamed(name)
      if (table === undefined) throw new Error(`another controller wrote a record of the unknown kind '${name}'`)
      const entry = table.get(id)
      const key = `${name}/${id}`
      if (!changes.has(key)) changes.set(key, { kind: table.kind, id, before: entry?.doc, after: undefined })
      if (entry !== undefined) table.drop(entry)
    }
    for (const { kind: name, id, seq, doc: text } of writes) {
      if (text === undefined) continue
      const table = this.tableNamed(name)!
      const doc = JSON.parse(text) as Doc
      freezeJson(doc, `${name} ${id}`)
      table.add({ seq, doc, written })
      this.nextSeq = Math.max(this.nextSeq, seq + 1)
      const key = `${name}/${id}`
      changes.set(key, { ...changes.get(key)!, after: doc })
    }
    this.revision = revision
    this.frontiers.clear()
    return [...changes.values()].filter(({ kind }) => kind.name !== numbers.name)
  }
}
