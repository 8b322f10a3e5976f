// Remembers which computation read what, so that a change runs again only those whose inputs changed. Cells hold
// values (a record, the result of a query, a derived value); users of a cell are told when its value changes.
import { isDeepStrictEqual } from 'node:util'
import type { Change, Doc, Kind } from '#model'
import { append, EMPTY } from './append.ts'
import type { Derived, View } from './table.ts'

/** Something that reads cells and runs again when they change. */
export interface User {
  /** The cells read in its last run: a few, so an array. */
  reads: readonly Cell[]
  /** Called when a cell that it read has changed. */
  invalidate(): void
}

/** A value that users read. Most have one user, some have many: an array from two on, and a Set beyond `FEW`. */
export abstract class Cell {
  /** Where it is kept by its id, so that an unread cell can be forgotten; no two cells share place and id. */
  readonly place: Map<string, Cell>
  readonly id: string
  private users: User | User[] | Set<User> | undefined = undefined

  constructor(place: Map<string, Cell>, id: string) {
    this.place = place
    this.id = id
  }

  /** Adds a user, which is none yet. */
  add(user: User): void {
    const { users } = this
    if (users === undefined) this.users = user
    else if (users instanceof Set) users.add(user)
    else if (!Array.isArray(users)) this.users = [users, user]
    else if (users.length < FEW) this.users = append(users, user)
    else this.users = new Set(users).add(user)
  }

  /** Removes a user; a cell without users is forgotten. */
  leave(user: User): void {
    const { users } = this
    if (users === user) this.users = undefined
    else if (users instanceof Set) users.delete(user)
    else if (Array.isArray(users) && users.includes(user)) users.splice(users.indexOf(user), 1)
    if (!this.isRead) this.forget()
  }

  get isRead(): boolean {
    const { users } = this
    if (users instanceof Set) return users.size > 0
    return Array.isArray(users) ? users.length > 0 : users !== undefined
  }

  invalidateUsers(): void {
    const { users } = this
    if (users === undefined) return
    if (users instanceof Set || Array.isArray(users)) for (const user of users) user.invalidate()
    else users.invalidate()
  }

  /** Called when nobody reads it any more. */
  protected forget(): void {
    this.place.delete(this.id)
  }
}

const FEW = 16

/** A record: kept by the model itself, the cell only knows who reads it. */
class RecordCell extends Cell {}

/** The records found under a value of an index, in order of arrival. */
class QueryCell extends Cell {
  /** An array, as most have one record, and who reads a longer one is longer about it than who takes one out. */
  found: Doc[] = EMPTY

  /** Puts a record in, once though it may have the value several times. */
  put(doc: Doc): void {
    if (this.found.at(-1) !== doc) this.found = append(this.found, doc)
  }

  takeOut(id: string): void {
    this.found = this.found.filter(doc => doc.id !== id)
    if (!this.isRead) this.forget()
  }

  protected override forget(): void {
    if (this.found.length === 0) super.forget()
  }
}

/** What is derived of one record. The record itself is not among its reads: whoever changes it finds the cell. */
class DerivedCell extends Cell implements User {
  reads: readonly Cell[] = EMPTY
  readonly derived: Derived<Doc, unknown>
  readonly graph: Graph
  value: unknown = undefined
  isStale = true

  constructor(place: Map<string, Cell>, id: string, graph: Graph, derived: Derived<Doc, unknown>) {
    super(place, id)
    this.graph = graph
    this.derived = derived
  }

  invalidate(): void {
    if (this.isStale) return
    this.isStale = true
    this.graph.staleDerived.push(this)
  }

  refresh(): void {
    if (!this.isStale) return
    this.isStale = false
    const { derived, graph } = this
    const doc = graph.docsOf(derived.kind).get(this.id)
    const value = graph.run(this, view => (doc === undefined ? undefined : derived.compute(doc, view)))
    if (isDeepStrictEqual(value, this.value)) return
    this.value = value
    this.invalidateUsers()
  }

  protected override forget(): void {
    release(this)
    super.forget()
  }
}

const release = (user: User): void => {
  const { reads } = user
  user.reads = EMPTY
  for (const cell of reads) cell.leave(user)
}

class KindState {
  readonly docs = new Map<string, Doc>()
  readonly docCells = new Map<string, RecordCell>()
  /** What is derived of its records, each by their ids. */
  readonly derived: Map<string, DerivedCell>[] = []
  /** By name; only those that somebody reads. */
  readonly indexes = new Map<string, Map<string, QueryCell>>()
}

/** The model as the log has it, and the computations that depend on it. */
export class Graph {
  private readonly kinds = new Map<string, KindState>()
  private readonly derived = new Map<Derived<Doc, unknown>, Map<string, DerivedCell>>()
  readonly staleDerived: DerivedCell[] = []
  /** Whose run is under way. */
  private reader: User | undefined
  /** What the runs under way have read so far, one after the other: the innermost from `from` to `to`. */
  private readonly noted: Cell[] = []
  private from = 0
  private to = 0

  private readonly view: View = {
    get: (kind, id) => {
      const { docs, docCells } = this.stateOf(kind)
      if (this.notedIn(docCells, id) === undefined) {
        let cell = docCells.get(id)
        if (cell === undefined) {
          cell = new RecordCell(docCells, id)
          docCells.set(id, cell)
        }
        this.note(cell)
      }
      return docs.get(id) as never
    },
    value: (derived, id) => {
      const place = this.placeOf(derived as unknown as Derived<Doc, unknown>)
      const noted = this.notedIn(place, id)
      if (noted !== undefined) return noted.value as never
      let cell = place.get(id)
      if (cell === undefined) {
        cell = new DerivedCell(place, id, this, derived as unknown as Derived<Doc, unknown>)
        place.set(id, cell)
      }
      this.note(cell)
      cell.refresh()
      return cell.value as never
    },
    by: (kind, index, value) => {
      const place = this.indexOf(kind, index)
      let cell = this.notedIn(place, value)
      if (cell === undefined) {
        cell = queryIn(place, value)
        this.note(cell)
      }
      return (cell.found.length === 0 ? EMPTY : cell.found.slice()) as never
    },
  }

  /** Takes one change of a record in; users are invalidated, none is run. */
  apply(change: Change): void {
    const state = this.stateOf(change.kind)
    if (change.after === undefined) state.docs.delete(change.id)
    else state.docs.set(change.id, change.after)
    state.docCells.get(change.id)?.invalidateUsers()
    for (const cells of state.derived) cells.get(change.id)?.invalidate()
    for (const [name, index] of state.indexes) {
      const values = change.kind.index[name] as (doc: Doc) => readonly string[]
      for (const value of change.before === undefined ? [] : values(change.before)) {
        const cell = index.get(value)
        cell?.takeOut(change.id)
        cell?.invalidateUsers()
      }
      for (const value of change.after === undefined ? [] : values(change.after)) {
        const cell = queryIn(index, value)
        cell.put(change.after as Doc)
        cell.invalidateUsers()
      }
    }
  }

  /** Brings derived values up to date and so invalidates the users of those that changed. */
  settle(): void {
    for (let cell = this.staleDerived.pop(); cell !== undefined; cell = this.staleDerived.pop()) cell.refresh()
  }

  docsOf(kind: Kind): ReadonlyMap<string, Doc> {
    return this.stateOf(kind).docs
  }

  /** Runs `work` for a user, remembering what it reads in place of what it read before. */
  run<R>(user: User, work: (view: View) => R): R {
    const { reader, from } = this
    this.reader = user
    this.from = this.to
    try {
      return work(this.view)
    } finally {
      const before = user.reads
      const reads = this.from === this.to ? EMPTY : this.noted.slice(this.from, this.to)
      user.reads = reads
      for (const cell of before) if (!reads.includes(cell)) cell.leave(user)
      this.to = this.from
      this.from = from
      this.reader = reader
    }
  }

  /** Forgets a user and what only it read. */
  drop(user: User): void {
    release(user)
  }

  private placeOf(derived: Derived<Doc, unknown>): Map<string, DerivedCell> {
    let place = this.derived.get(derived)
    if (place === undefined) {
      place = new Map()
      this.derived.set(derived, place)
      this.stateOf(derived.kind).derived.push(place)
    }
    return place
  }

  /** A cell that the run under way has read before: functions of one record read the same few again and again. */
  private notedIn<C extends Cell>(place: Map<string, C>, id: string): C | undefined {
    for (let i = this.from; i < this.to; i++) {
      const cell = this.noted[i] as Cell
      if (cell.place === place && cell.id === id) return cell as C
    }
    return undefined
  }

  /** Notes a cell that the run under way has not read yet. */
  private note(cell: Cell): void {
    const { reader } = this
    if (reader === undefined) return
    this.noted[this.to++] = cell
    if (!reader.reads.includes(cell)) cell.add(reader)
  }

  private stateOf(kind: { readonly name: string }): KindState {
    let state = this.kinds.get(kind.name)
    if (state === undefined) {
      state = new KindState()
      this.kinds.set(kind.name, state)
    }
    return state
  }

  private indexOf<T extends Doc>(kind: Kind<T>, name: string): Map<string, QueryCell> {
    const state = this.stateOf(kind)
    let index = state.indexes.get(name)
    if (index === undefined) {
      index = new Map()
      const values = (kind.index as Record<string, (doc: T) => readonly string[]>)[name]
      if (values === undefined) throw new Error(`kind ${kind.name} has no index '${name}'`)
      for (const doc of state.docs.values()) for (const value of values(doc as T)) queryIn(index, value).put(doc)
      state.indexes.set(name, index)
    }
    return index
  }
}

/** The inner map of a key, made if there is none. */
export const mapAt = <V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> => {
  let inner = map.get(key)
  if (inner === undefined) {
    inner = new Map()
    map.set(key, inner)
  }
  return inner
}

const queryIn = (index: Map<string, QueryCell>, value: string): QueryCell => {
  let cell = index.get(value)
  if (cell === undefined) {
    cell = new QueryCell(index, value)
    index.set(value, cell)
  }
  return cell
}
