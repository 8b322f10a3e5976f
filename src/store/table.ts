// The records of one kind in memory, with the unique keys and indexes that the kind declares. Everything is iterated in
// order of `seq`, the order of creation: the same before and after a restart, whatever was taken back in between.
import type { Doc, Kind } from '#model/kind'
import type { Written } from '#model/transaction'

/** A record as it is held. The object lives as long as the record; its fields change with each write. */
export interface Entry<T extends Doc = Doc> {
  /** Position in every iteration; unique over all kinds. */
  seq: number
  doc: T
  written: Written
}

/** Records of one kind, found by id, unique key and index. */
export class Table<T extends Doc = Doc> {
  readonly kind: Kind<T>
  readonly #ids = new Map<string, Entry<T>>()
  readonly #all = new Ordered<T>()
  readonly #unique = new Map<string, Entry<T>>()
  readonly #indexes: ReadonlyMap<string, Index<T>>

  constructor(kind: Kind<T>) {
    this.kind = kind
    this.#indexes = new Map(Object.entries(kind.index).map(([name, values]) => [name, new Index(values)]))
  }

  get size(): number {
    return this.#ids.size
  }

  get(id: string): Entry<T> | undefined {
    return this.#ids.get(id)
  }

  holder(uniqueKey: string): Entry<T> | undefined {
    return this.#unique.get(uniqueKey)
  }

  all(): Iterable<Entry<T>> {
    return this.#all
  }

  by(index: string, value: string): Iterable<Entry<T>> {
    return this.#index(index).get(value)
  }

  countBy(index: string, value: string): number {
    return this.#index(index).count(value)
  }

  /** A unique key of `doc` that another record holds, and which. */
  conflict(doc: T): { key: string; holder: string } | undefined {
    for (const key of this.kind.unique(doc)) {
      const holder = this.#unique.get(key)
      if (holder !== undefined && holder.doc.id !== doc.id) return { key, holder: holder.doc.id }
    }
    return undefined
  }

  add(entry: Entry<T>): void {
    this.#ids.set(entry.doc.id, entry)
    this.#all.add(entry)
    for (const key of this.kind.unique(entry.doc)) this.#unique.set(key, entry)
    for (const index of this.#indexes.values()) index.add(entry)
  }

  drop(entry: Entry<T>): void {
    this.#ids.delete(entry.doc.id)
    this.#all.delete(entry)
    for (const key of this.kind.unique(entry.doc)) this.#unique.delete(key)
    for (const index of this.#indexes.values()) index.delete(entry)
  }

  /** Gives a held record a new document of the same id. */
  change(entry: Entry<T>, doc: T, written: Written): void {
    const before = entry.doc
    for (const key of this.kind.unique(before)) this.#unique.delete(key)
    for (const key of this.kind.unique(doc)) this.#unique.set(key, entry)
    for (const index of this.#indexes.values()) index.change(entry, doc)
    entry.doc = doc
    entry.written = written
  }

  #index(name: string): Index<T> {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new Error(`kind ${this.kind.name} declares no index '${name}'`)
    return index
  }
}

/** Entries in order of seq. What arrives out of order (a removal taken back) is sorted in when next iterated. */
class Ordered<T extends Doc> {
  #entries = new Set<Entry<T>>()
  #last = -1
  #sorted = true

  get size(): number {
    return this.#entries.size
  }

  add(entry: Entry<T>): void {
    if (entry.seq < this.#last) this.#sorted = false
    else this.#last = entry.seq
    this.#entries.add(entry)
  }

  delete(entry: Entry<T>): void {
    this.#entries.delete(entry)
  }

  [Symbol.iterator](): Iterator<Entry<T>> {
    if (!this.#sorted) {
      this.#entries = new Set([...this.#entries].sort((a, b) => a.seq - b.seq))
      this.#sorted = true
    }
    return this.#entries.values()
  }
}

const nothing: readonly never[] = []

/** Entries by the values of one index. Most values have one entry, which then stands for itself. */
class Index<T extends Doc> {
  readonly #values: (doc: T) => readonly string[]
  readonly #groups = new Map<string, Entry<T> | Ordered<T>>()

  constructor(values: (doc: T) => readonly string[]) {
    this.#values = values
  }

  get(value: string): Iterable<Entry<T>> {
    const group = this.#groups.get(value)
    return group === undefined ? nothing : group instanceof Ordered ? group : [group]
  }

  count(value: string): number {
    const group = this.#groups.get(value)
    return group === undefined ? 0 : group instanceof Ordered ? group.size : 1
  }

  add(entry: Entry<T>): void {
    for (const value of this.#values(entry.doc)) this.#link(value, entry)
  }

  delete(entry: Entry<T>): void {
    for (const value of this.#values(entry.doc)) this.#unlink(value, entry)
  }

  /** Moves `entry`, which still has its old document, to where `doc` belongs. */
  change(entry: Entry<T>, doc: T): void {
    const before = this.#values(entry.doc)
    const after = this.#values(doc)
    for (const value of before) if (!after.includes(value)) this.#unlink(value, entry)
    for (const value of after) if (!before.includes(value)) this.#link(value, entry)
  }

  #link(value: string, entry: Entry<T>): void {
    const group = this.#groups.get(value)
    if (group === undefined) this.#groups.set(value, entry)
    else if (group instanceof Ordered) group.add(entry)
    else if (group !== entry) {
      const both = new Ordered<T>()
      both.add(group)
      both.add(entry)
      this.#groups.set(value, both)
    }
  }

  #unlink(value: string, entry: Entry<T>): void {
    const group = this.#groups.get(value)
    if (group instanceof Ordered) {
      group.delete(entry)
      if (group.size === 0) this.#groups.delete(value)
    } else if (group === entry) this.#groups.delete(value)
  }
}
