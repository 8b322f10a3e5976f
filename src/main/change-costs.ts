// What each commit costs: compiling, the flows that come and go, the bytes that chassis are sent, and how long the last
// of them takes to acknowledge.
import type { CostView } from '#api'
import type { CompileDelta, Compiler, FlowEntry } from '#compiler'
import type { Programming } from '#fabric/programming/index'
import type { Commit } from '#model'
import { entriesOfSet } from './chassis-flows.ts'

/** Commits whose acknowledgements are awaited at a time; of older ones the last is not known. */
const AWAITED = 200
/** Bytes of a bundled flow-mod besides match and instructions (OpenFlow 1.5.1, 7.3.9.3 and 7.3.4.2). */
const FLOW_MOD = 64

interface Awaited {
  cost: CostView
  readonly since: number
  readonly waiting: Set<string>
}

/** Measures commits on their way through compiler and fabric. */
export class ChangeCosts {
  readonly #compiler: Compiler
  readonly #programming: Programming
  readonly #now: () => number
  readonly #listeners = new Set<(cost: CostView) => void>()
  readonly #awaited = new Set<Awaited>()

  /** `now`: milliseconds of a clock that does not jump. */
  constructor(compiler: Compiler, programming: Programming, now: () => number) {
    this.#compiler = compiler
    this.#programming = programming
    this.#now = now
    programming.onProgress(chassis => chassis !== undefined && this.#progressed(chassis))
  }

  /** Compiles a commit, as `compiler.apply`. */
  apply(commit: Commit): void {
    const since = this.#now()
    const delta = this.#compiler.apply(commit)
    if (this.#listeners.size > 0) this.#measure(delta, since, this.#now() - since)
  }

  /** Calls `listener` after a commit is compiled, and again when the last connected chassis has acknowledged it. */
  onCost(listener: (cost: CostView) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #measure(delta: CompileDelta, since: number, compile: number): void {
    const bytes = new Map<string, number>()
    const add = (chassis: string, size: number) => bytes.set(chassis, (bytes.get(chassis) ?? 0) + size)
    let [added, removed] = [0, 0]
    for (const set of delta.flowSets) {
      added += set.added.length
      removed += set.removed.length
      const size = sizeOf(set.added, true) + sizeOf(set.removed, false)
      for (const chassis of this.#compiler.subscribers(set.flowSet)) add(chassis, size)
    }
    for (const { chassis, flowSet } of delta.subscribed)
      add(chassis, sizeOf(entriesOfSet(this.#compiler, flowSet), true))
    for (const { chassis } of delta.unsubscribed) add(chassis, 0)
    const waiting = new Set([...bytes.keys()].filter(id => !this.#programming.isAcknowledged(id, delta.revision)))
    const cost: CostView = {
      ...{ revision: delta.revision, compile, added, removed },
      chassis: bytes.size,
      bytes: [...bytes.values()].reduce((sum, size) => sum + size, 0),
      waiting: waiting.size,
    }
    this.#tell(cost)
    if (waiting.size === 0) return
    this.#awaited.add({ cost, since, waiting })
    for (const oldest of this.#awaited) {
      if (this.#awaited.size <= AWAITED) break
      this.#awaited.delete(oldest)
    }
  }

  #progressed(chassis: string): void {
    for (const awaited of this.#awaited) {
      if (!awaited.waiting.has(chassis)) continue
      if (!this.#programming.isAcknowledged(chassis, awaited.cost.revision)) continue
      awaited.waiting.delete(chassis)
      const isLast = ![...awaited.waiting].some(id => this.#programming.isConnected(id))
      awaited.cost = {
        ...awaited.cost,
        waiting: awaited.waiting.size,
        ...(isLast ? { acknowledged: this.#now() - awaited.since, slowest: chassis } : {}),
      }
      if (isLast) this.#tell(awaited.cost)
      if (awaited.waiting.size === 0) this.#awaited.delete(awaited)
    }
  }

  #tell(cost: CostView): void {
    for (const listener of this.#listeners) listener(cost)
  }
}

const sizeOf = (entries: Iterable<FlowEntry>, isAdd: boolean): number => {
  let size = 0
  for (const { match, instructions } of entries) size += FLOW_MOD + match.length + (isAdd ? instructions.length : 0)
  return size
}
