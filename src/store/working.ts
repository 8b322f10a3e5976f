// A transaction while it runs: it writes straight into the replica and remembers how to take each write back.
import type { Doc, Kind, Pool } from '#model/kind'
import { type Change, type Origin, type Transaction, UniqueKeyTaken, type Written } from '#model/transaction'
import type { LogEntry, Write } from './engine.ts'
import { freezeJson, sameJson } from './json.ts'
import { allocate, forget, type Ledger, numbers, type PoolNumber, release, take } from './pool.ts'
import type { Replica } from './replica.ts'
import type { Entry, Table } from './table.ts'

/** What a transaction came to: to be made durable, or to be taken back. */
export interface Outcome {
  /** What its work returned, or threw after which nothing of it remained. */
  readonly result: { readonly value: unknown } | { readonly error: unknown }
  /** Undefined when nothing changed. */
  readonly log: LogEntry | undefined
  readonly changes: readonly Change[]
  /** Restores the replica exactly; transactions are taken back newest first. */
  readonly undo: () => void
}

const unchanged = (result: Outcome['result']): Outcome => ({ result, log: undefined, changes: [], undo: () => {} })

/** Runs `work` on the newest state. */
export const run = (replica: Replica, origin: Origin, now: number, work: (tx: Transaction) => unknown): Outcome => {
  const tx = new Working(replica, origin, now)
  try {
    const value = work(tx)
    if (value instanceof Promise) {
      value.catch(() => {}) // whatever becomes of it, the mistake is this one
      throw new TypeError('the work of a transaction is synchronous, and this one returned a promise')
    }
    return tx.finish(value)
  } catch (error) {
    tx.undo()
    return unchanged({ error })
  }
}

/** How a record was before the transaction first touched it; `entry` is absent for a new one. */
interface Before {
  readonly table: Table
  readonly id: string
  readonly entry: Entry | undefined
  readonly seq: number
  readonly doc: Doc | undefined
  readonly written: Written | undefined
}

class Working implements Transaction {
  readonly now: number
  readonly origin: Origin
  readonly #replica: Replica
  readonly #written: Written
  readonly #seqBefore: number
  readonly #before = new Map<string, Before>()
  readonly #undo: (() => void)[] = []
  readonly #ledger: Ledger
  #open = true

  constructor(replica: Replica, origin: Origin, now: number) {
    this.#replica = replica
    this.#seqBefore = replica.nextSeq
    this.now = now
    this.origin = origin
    this.#written = { revision: replica.revision + 1, at: now, origin }
    this.#ledger = this.#ledgerOf(replica.table(numbers))
  }

  get<T extends Doc>(kind: Kind<T>, id: string): T | undefined {
    return this.#replica.get(kind, id)
  }

  all<T extends Doc>(kind: Kind<T>): Iterable<T> {
    return this.#replica.all(kind)
  }

  by<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): Iterable<T> {
    return this.#replica.by(kind, index, value)
  }

  holder<T extends Doc>(kind: Kind<T>, uniqueKey: string): T | undefined {
    return this.#replica.holder(kind, uniqueKey)
  }

  count<T extends Doc>(kind: Kind<T>): number {
    return this.#replica.count(kind)
  }

  countBy<T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string): number {
    return this.#replica.countBy(kind, index, value)
  }

  insert<T extends Doc>(kind: Kind<T>, doc: T): void {
    const table = this.#replica.table(kind)
    checkId(kind, doc)
    if (table.get(doc.id) !== undefined) throw new UniqueKeyTaken(kind.name, `id ${doc.id}`, doc.id)
    this.#check(table, doc)
    this.#insert(table, doc)
  }

  replace<T extends Doc>(kind: Kind<T>, doc: T): void {
    const table = this.#replica.table(kind)
    const entry = table.get(doc.id)
    if (entry === undefined) throw new Error(`${kind.name} ${doc.id} cannot be replaced: there is none`)
    if (sameJson(entry.doc, doc)) return
    this.#check(table, doc)
    this.#replace(table, entry, doc)
  }

  remove<T extends Doc>(kind: Kind<T>, id: string): void {
    this.#assertOpen()
    const table = this.#replica.table(kind)
    const entry = table.get(id)
    if (entry !== undefined) this.#remove(table, entry)
  }

  allocate(pool: Pool, scope = ''): number {
    this.#assertOpen()
    return allocate(this.#ledger, pool, scope)
  }

  take(pool: Pool, value: number, scope = ''): void {
    this.#assertOpen()
    if (!Number.isSafeInteger(value)) throw new TypeError(`${pool.name}: ${value} is not an integer`)
    take(this.#ledger, pool, value, scope)
  }

  release(pool: Pool, value: number, scope = ''): void {
    this.#assertOpen()
    release(this.#ledger, pool, value, scope)
  }

  forget(pool: Pool, scope: string): void {
    this.#assertOpen()
    forget(this.#ledger, pool, scope)
  }

  /** Ends the transaction: what it changed, net. */
  finish(value: unknown): Outcome {
    this.#open = false
    const writes: Write[] = []
    const changes: Change[] = []
    for (const before of this.#before.values()) {
      const { table, id } = before
      const kind = table.kind
      const entry = table.get(id)
      if (entry === undefined && before.doc === undefined) continue
      if (entry !== undefined && before.doc !== undefined && sameJson(entry.doc, before.doc)) {
        if (entry.seq === before.seq) {
          entry.doc = before.doc
          entry.written = before.written!
          continue
        }
      }
      if (before.doc !== undefined && entry?.seq !== before.seq) writes.push({ seq: before.seq, kind: kind.name, id })
      if (entry !== undefined) writes.push({ seq: entry.seq, kind: kind.name, id, doc: JSON.stringify(entry.doc) })
      if ((kind as unknown) !== numbers) changes.push({ kind, id, before: before.doc, after: entry?.doc })
    }
    if (writes.length === 0) {
      this.undo()
      return unchanged({ value })
    }
    const { revision, at, origin } = this.#written
    this.#replica.revision = revision
    return { result: { value }, log: { revision, at, origin, writes }, changes, undo: () => this.undo() }
  }

  undo(): void {
    this.#open = false
    for (let i = this.#undo.length; i-- > 0; ) this.#undo[i]!()
    this.#undo.length = 0
    this.#replica.nextSeq = this.#seqBefore
    this.#replica.revision = this.#written.revision - 1
  }

  #assertOpen(): void {
    if (!this.#open) throw new Error('this transaction has ended')
  }

  #check<T extends Doc>(table: Table<T>, doc: T): void {
    this.#assertOpen()
    freezeJson(doc, `${table.kind.name} ${doc.id}`)
    const conflict = table.conflict(doc)
    if (conflict !== undefined) throw new UniqueKeyTaken(table.kind.name, conflict.key, conflict.holder)
  }

  #touch<T extends Doc>(table: Table<T>, id: string, entry: Entry<T> | undefined): void {
    const key = `${table.kind.name}/${id}`
    if (this.#before.has(key)) return
    const { seq = 0, doc, written } = entry ?? {}
    this.#before.set(key, {
      table: table as unknown as Table,
      id,
      entry: entry as Entry | undefined,
      seq,
      doc,
      written,
    })
  }

  /** A record that was removed earlier in this transaction returns to its place: it has been replaced. */
  #insert<T extends Doc>(table: Table<T>, doc: T): void {
    this.#touch(table, doc.id, undefined)
    const before = this.#before.get(`${table.kind.name}/${doc.id}`)?.entry as Entry<T> | undefined
    const entry = before ?? { seq: this.#replica.nextSeq++, doc, written: this.#written }
    const { doc: docBefore, written } = entry
    entry.doc = doc
    entry.written = this.#written
    table.add(entry)
    this.#undo.push(() => {
      table.drop(entry)
      entry.doc = docBefore
      entry.written = written
    })
  }

  #replace<T extends Doc>(table: Table<T>, entry: Entry<T>, doc: T): void {
    this.#touch(table, doc.id, entry)
    const { doc: docBefore, written } = entry
    table.change(entry, doc, this.#written)
    this.#undo.push(() => table.change(entry, docBefore, written))
  }

  #remove<T extends Doc>(table: Table<T>, entry: Entry<T>): void {
    this.#touch(table, entry.doc.id, entry)
    table.drop(entry)
    this.#undo.push(() => table.add(entry))
  }

  #requeue<T extends Doc>(table: Table<T>, entry: Entry<T>, doc: T): void {
    this.#touch(table, doc.id, entry)
    const moved = { seq: this.#replica.nextSeq++, doc, written: this.#written }
    table.drop(entry)
    table.add(moved)
    this.#undo.push(() => {
      table.drop(moved)
      table.add(entry)
    })
  }

  #ledgerOf(table: Table<PoolNumber>): Ledger {
    const frontiers = this.#replica.frontiers
    return {
      get: id => table.get(id)?.doc,
      free: instance => this.#replica.by(numbers, 'free', instance),
      scope: instance => this.#replica.by(numbers, 'scope', instance),
      insert: doc => this.#insert(table, Object.freeze(doc)),
      replace: doc => this.#replace(table, table.get(doc.id)!, Object.freeze(doc)),
      requeue: doc => this.#requeue(table, table.get(doc.id)!, Object.freeze(doc)),
      remove: id => {
        const { value, pool, scope } = table.get(id)!.doc
        this.#remove(table, table.get(id)!)
        const instance = `${pool}/${scope}`
        if (value < (frontiers.get(instance) ?? value)) frontiers.set(instance, value)
      },
      frontier: instance => frontiers.get(instance),
      setFrontier: (instance, value) => {
        const before = frontiers.get(instance)
        frontiers.set(instance, value)
        this.#undo.push(() => {
          if (before === undefined) frontiers.delete(instance)
          else frontiers.set(instance, before)
        })
      },
    }
  }
}

const checkId = (kind: Kind<never>, doc: Doc): void => {
  if (typeof doc.id !== 'string' || doc.id === '' || doc.id.includes('\0') || !doc.id.isWellFormed()) {
    throw new TypeError(`${kind.name}: the id must be text without NUL, not ${JSON.stringify(doc.id)}`)
  }
}
