// Remembers which computation read what, so that a change runs again only those whose inputs changed. Cells hold
// values (a record, the result of a query, a derived value); users of a cell are told when its value changes.
import { isDeepStrictEqual } from 'node:util'
import type { Change, Doc, Kind } from '#model'
import type { Derived, View } from './table.ts'

/** Something that reads cells and runs again when they change. */
export interface User {
  /** The cells read in its last run: a few, so an array. */
  reads: Cell[]
  /** Called when a cell that it read has changed. */
  invalidate(): void
}

/** A value that users read. */
export interface Cell {
  readonly users: Set<User>
  /** Where it is kept, so that an unread cell can be forgotten. */
  forget(): void
}

class DerivedCell<S extends Doc, T> implements Cell, User {
  readonly users = new Set<User>()
  reads: Cell[] = []
  readonly derived: Derived<S, T>
  readonly id: string
  readonly graph: Graph
  value: T | undefined
  stale = true

  constructor(graph: Graph, derived: Derived<S, T>, id: string) {
    this.graph = graph
    this.derived = derived
    this.id = id
  }

  invalidate(): void {
    if (this.stale) return
    this.stale = true
    this.graph.staleDerived.push(this as unknown as DerivedCell<Doc, unknown>)
  }

  refresh(): void {
    if (!this.stale) return
    this.stale = false
    const value = this.graph.run(this, view => {
      const doc = view.get(this.derived.kind, this.id)
      return doc === undefined ? undefined : this.derived.compute(doc, view)
    })
    if (isDeepStrictEqual(value, this.value)) return
    this.value = value
    for (const user of this.users) user.invalidate()
  }

  forget(): void {
    release(this)
    this.graph.derivedOf(this.derived).delete(this.id)
  }
}

const release = (user: User): void => {
  const { reads } = user
  user.reads = []
  leave(user, reads)
}

/** A user no longer reads cells; those that nobody reads are forgotten. */
const leave = (user: User, cells: readonly Cell[]): void => {
  for (const cell of cells) {
    cell.users.delete(user)
    if (cell.users.size === 0) cell.forget()
  }
}

class KindState {
  readonly docs = new Map<string, Doc>()
  readonly docCells = new Map<string, Cell>()
  readonly queryCells = new Map<string, Map<string, Cell>>()
  /** Index name -> value -> records, in order of arrival; only of indexes that somebody reads. */
  readonly indexes = new Map<string, Map<string, Map<string, Doc>>>()
}

/** The model as the log has it, and the computations that depend on it. */
export class Graph {
  private readonly kinds = new Map<string, KindState>()
  private readonly derived = new Map<Derived<Doc, unknown>, Map<string, DerivedCell<Doc, unknown>>>()
  readonly staleDerived: DerivedCell<Doc, unknown>[] = []
  /** Whose run is under way. */
  private reader: User | undefined

  private readonly view: View = {
    get: (kind, id) => {
      const state = this.stateOf(kind)
      this.note(cellIn(state.docCells, id))
      return state.docs.get(id) as never
    },
    value: (derived, id) => {
      const cells = this.derivedOf(derived as unknown as Derived<Doc, unknown>)
      let cell = cells.get(id)
      if (cell === undefined) {
        cell = new DerivedCell(this, derived as unknown as Derived<Doc, unknown>, id)
        cells.set(id, cell)
      }
      this.note(cell)
      cell.refresh()
      return cell.value as never
    },
    by: (kind, index, value) => {
      const state = this.stateOf(kind)
      let cells = state.queryCells.get(index)
      if (cells === undefined) {
        cells = new Map()
        state.queryCells.set(index, cells)
      }
      this.note(cellIn(cells, value))
      return [...(this.indexOf(kind, index).get(value)?.values() ?? [])] as never
    },
  }

  /** Takes one change of a record in; users are invalidated, none is run. */
  apply(change: Change): void {
    const state = this.stateOf(change.kind)
    if (change.after === undefined) state.docs.delete(change.id)
    else state.docs.set(change.id, change.after)
    invalidateAll(state.docCells.get(change.id))
    for (const [name, index] of state.indexes) {
      const values = change.kind.index[name] as (doc: Doc) => readonly string[]
      const cells = state.queryCells.get(name)
      for (const value of change.before === undefined ? [] : values(change.before)) {
        const found = index.get(value)
        found?.delete(change.id)
        if (found?.size === 0) index.delete(value)
        invalidateAll(cells?.get(value))
      }
      for (const value of change.after === undefined ? [] : values(change.after)) {
        put(index, value).set(change.id, change.after as Doc)
        invalidateAll(cells?.get(value))
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
    const outer = this.reader
    const before = user.reads
    user.reads = []
    this.reader = user
    try {
      return work(this.view)
    } finally {
      this.reader = outer
      if (before.length > 0)
        leave(
          user,
          before.filter(cell => !user.reads.includes(cell)),
        )
    }
  }

  /** Forgets a user and what only it read. */
  drop(user: User): void {
    release(user)
  }

  derivedOf<S extends Doc, T>(derived: Derived<S, T>): Map<string, DerivedCell<Doc, unknown>> {
    const key = derived as unknown as Derived<Doc, unknown>
    let cells = this.derived.get(key)
    if (cells === undefined) {
      cells = new Map()
      this.derived.set(key, cells)
    }
    return cells
  }

  private note(cell: Cell): void {
    const { reader } = this
    if (reader === undefined || cell.users.has(reader)) {
      if (reader !== undefined && !reader.reads.includes(cell)) reader.reads.push(cell)
      return
    }
    cell.users.add(reader)
    reader.reads.push(cell)
  }

  private stateOf(kind: { readonly name: string }): KindState {
    let state = this.kinds.get(kind.name)
    if (state === undefined) {
      state = new KindState()
      this.kinds.set(kind.name, state)
    }
    return state
  }

  private indexOf<T extends Doc>(kind: Kind<T>, name: string): Map<string, Map<string, Doc>> {
    const state = this.stateOf(kind)
    let index = state.indexes.get(name)
    if (index === undefined) {
      index = new Map()
      const values = (kind.index as Record<string, (doc: T) => readonly string[]>)[name]
      if (values === undefined) throw new Error(`kind ${kind.name} has no index '${name}'`)
      for (const doc of state.docs.values()) for (const value of values(doc as T)) put(index, value).set(doc.id, doc)
      state.indexes.set(name, index)
    }
    return index
  }
}

const put = <V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> => {
  let inner = map.get(key)
  if (inner === undefined) {
    inner = new Map()
    map.set(key, inner)
  }
  return inner
}

const cellIn = (cells: Map<string, Cell>, key: string): Cell => {
  let cell = cells.get(key)
  if (cell === undefined) {
    cell = { users: new Set(), forget: () => cells.delete(key) }
    cells.set(key, cell)
  }
  return cell
}

const invalidateAll = (cell: Cell | undefined): void => {
  if (cell !== undefined) for (const user of cell.users) user.invalidate()
}
