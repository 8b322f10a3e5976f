// Finds the flow that a packet meets in a table. As in Open vSwitch's classifier, flows that compare the same bits form a
// tuple, a hash table in which one look tells; a table has few tuples however many flows it has (tuple space search).
import type { Action, Match } from 'node-openflow/flow'
import type { Source } from '#compiler'
import { UnknownField } from './layout.ts'
import { type Packet, type Pattern, patternOf } from './packet.ts'
import { wirePattern } from './wire-pattern.ts'

/** A flow as the tracer uses it. `wire` or `match` is read when its table is first looked in, `actions` when it is met. */
export interface TraceFlow {
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
  readonly match: Match
  /** The match in OpenFlow's wire form, where it is at hand: read faster than the other. */
  readonly wire?: Uint8Array
  readonly actions: readonly Action[]
  /** The records of the model that asked for it, where they are known. */
  readonly sources?: readonly Source[]
  /** What the switch counted, where it was asked. */
  readonly packets?: bigint
}

interface Item {
  readonly values: readonly number[]
  readonly flow: TraceFlow
  /** The next one with the same hash. */
  next: Item | undefined
}

interface Tuple {
  readonly words: readonly number[]
  readonly masks: readonly number[]
  /** The highest priority in it. */
  priority: number
  readonly items: Map<number, Item>
}

const mix = (hash: number, word: number) => {
  const h = Math.imul(hash ^ word, 0x9e3779b1)
  return h ^ (h >>> 15)
}

/** The flows of one set, indexed table by table as tables are looked in. */
export class FlowIndex {
  private readonly unread = new Map<number, TraceFlow[]>()
  private readonly tuples = new Map<number, readonly Tuple[]>()
  /** Flows that match on fields which the tracer does not follow; it takes them for flows that match nothing. */
  readonly ignored: TraceFlow[] = []

  constructor(flows: Iterable<TraceFlow>) {
    for (const flow of flows) {
      const table = this.unread.get(flow.table)
      if (table) table.push(flow)
      else this.unread.set(flow.table, [flow])
    }
  }

  /** The flow of a table that the packet meets, if one has a priority above `floor`. */
  find(table: number, packet: Packet, floor: number): TraceFlow | undefined {
    let best: TraceFlow | undefined
    let least = floor
    for (const tuple of this.tuples.get(table) ?? this.read(table)) {
      if (tuple.priority <= least) break
      const item = look(tuple, packet.words)
      if (item === undefined || item.flow.priority <= least) continue
      best = item.flow
      least = best.priority
    }
    return best
  }

  private read(table: number): readonly Tuple[] {
    const tuples = new Map<string, Tuple>()
    for (const flow of this.unread.get(table) ?? []) {
      const pattern = this.patternOf(flow)
      if (pattern === undefined) continue
      const key = `${pattern.words} ${pattern.masks}`
      let tuple = tuples.get(key)
      if (tuple === undefined) {
        tuple = { words: pattern.words, masks: pattern.masks, priority: flow.priority, items: new Map() }
        tuples.set(key, tuple)
      }
      tuple.priority = Math.max(tuple.priority, flow.priority)
      add(tuple, pattern.values, flow)
    }
    const sorted = [...tuples.values()].sort((a, b) => b.priority - a.priority)
    this.tuples.set(table, sorted)
    this.unread.delete(table)
    return sorted
  }

  private patternOf(flow: TraceFlow): Pattern | undefined {
    try {
      return flow.wire ? wirePattern(flow.wire) : patternOf(flow.match)
    } catch (error) {
      if (!(error instanceof UnknownField)) throw error
      this.ignored.push(flow)
      return undefined
    }
  }
}

const add = (tuple: Tuple, values: readonly number[], flow: TraceFlow) => {
  const hash = values.reduce(mix, 0)
  const item: Item = { values, flow, next: undefined }
  let before: Item | undefined
  let after = tuple.items.get(hash)
  while (after !== undefined && after.flow.priority >= flow.priority) {
    before = after
    after = after.next
  }
  item.next = after
  if (before === undefined) tuple.items.set(hash, item)
  else before.next = item
}

const look = ({ words, masks, items }: Tuple, packet: Uint32Array): Item | undefined => {
  let hash = 0
  for (let i = 0; i < words.length; i++) {
    hash = mix(hash, ((packet[words[i] as number] as number) & (masks[i] as number)) >>> 0)
  }
  for (let item = items.get(hash); item !== undefined; item = item.next) {
    let i = 0
    while (i < words.length && ((packet[words[i] as number] as number) & (masks[i] as number)) >>> 0 === item.values[i])
      i++
    if (i === words.length) return item
  }
  return undefined
}
