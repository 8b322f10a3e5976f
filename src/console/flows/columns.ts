// The flows of a chassis in columns, so that two hundred thousand are filtered and sorted in a fraction of a blink.
// Rows are appended; a row that goes is marked, and the columns are packed when half of them is gone.
import type { FeedFlow, FeedResource } from '#api/feed-messages'
import type { TableView } from '#api/live-view'
import type { Filter, Term } from './filter.ts'

/** Terms that columns answer. */
type ColumnTerm = Exclude<Term, { readonly type: 'text' }>

/** A row, for showing it. */
export interface Row {
  readonly n: number
  readonly table: number
  readonly priority: number
  readonly cookie: string
  readonly match: string
  readonly actions: string
  readonly resources: readonly FeedResource[]
  /** Why it drops; '' when it does not. */
  readonly reason: string
  readonly packets: number
  readonly bytes: number
  /** Packets a second between the last two readings; undefined when they were not read twice. */
  readonly rate: number | undefined
  /** Milliseconds since the epoch; 0 for never. */
  readonly hitAt: number
  /** Whether its counters were ever read. */
  readonly isCounted: boolean
}

/** By what rows can be sorted: packet order, or a counter, largest first. */
export type Order = 'table' | 'rate' | 'packets' | 'hit'

const BITS = 2 ** 21
/** Rows whose texts are searched as one string. */
const SEGMENT = 4096
/** Fewer rows than this are searched one by one. */
const FEW = 8000
const FIRST = 1024

/** The columns. */
export class FlowColumns {
  #capacity = FIRST
  /** Rows, gone ones included. */
  #size = 0
  #gone = 0
  #numbers = new Float64Array(FIRST)
  #tables = new Uint8Array(FIRST)
  #priorities = new Uint16Array(FIRST)
  #packets = new Float64Array(FIRST)
  #bytes = new Float64Array(FIRST)
  #rates = new Float32Array(FIRST)
  #hits = new Float64Array(FIRST)
  /** Indexes into the names of reasons; 0 for a flow that does not drop. */
  #reasons = new Uint8Array(FIRST)
  readonly #reasonNames = ['']
  #isGone = new Uint8Array(FIRST)
  #texts: string[] = []
  #matchLengths = new Uint16Array(FIRST)
  #cookies: string[] = []
  #resources: (readonly FeedResource[])[] = []
  readonly #at = new Map<number, number>()
  /** Each record once, and the rows that it asked for. */
  readonly #records = new Map<string, { readonly kind: string; id: string; name: string; rows: Set<number> }>()
  /** Rows in packet order; undefined after rows came. */
  #order: Uint32Array | undefined
  readonly #tablesCounted = new Set<number>()
  /** Texts of rows in lower case, a segment in a string, and where each row begins in it; made when first searched. */
  #segments: ({ readonly text: string; readonly starts: Uint32Array } | undefined)[] = []

  /** Flows that there are. */
  get size(): number {
    return this.#size - this.#gone
  }

  clear(): void {
    this.#size = 0
    this.#gone = 0
    this.#texts = []
    this.#cookies = []
    this.#resources = []
    this.#segments = []
    this.#isGone.fill(0)
    this.#at.clear()
    this.#records.clear()
    this.#tablesCounted.clear()
    this.#order = undefined
  }

  add(flows: readonly FeedFlow[]): void {
    for (const [n, table, priority, cookie, match, actions, resources, reason] of flows) {
      if (this.#size === this.#capacity) this.#grow()
      const i = this.#size++
      const text = `${match} ${actions}`
      this.#numbers[i] = n
      this.#tables[i] = table
      this.#priorities[i] = priority
      this.#packets[i] = 0
      this.#bytes[i] = 0
      this.#rates[i] = Number.NaN
      this.#hits[i] = 0
      this.#reasons[i] = this.#reasonAt(reason)
      this.#isGone[i] = 0
      this.#texts[i] = text
      this.#segments[Math.floor(i / SEGMENT)] = undefined
      this.#matchLengths[i] = match.length
      this.#cookies[i] = cookie
      this.#resources[i] = resources
      this.#at.set(n, i)
      for (const [kind, id, name] of resources) {
        const key = `${kind} ${id}`
        let record = this.#records.get(key)
        if (record === undefined) {
          record = { kind, id: id.toLowerCase(), name: name.toLowerCase(), rows: new Set() }
          this.#records.set(key, record)
        }
        record.rows.add(i)
      }
    }
    this.#order = undefined
  }

  remove(numbers: readonly number[]): void {
    for (const n of numbers) {
      const i = this.#at.get(n)
      if (i === undefined) continue
      this.#at.delete(n)
      this.#isGone[i] = 1
      this.#gone++
      for (const [kind, id] of this.#resources[i]!) {
        const record = this.#records.get(`${kind} ${id}`)
        record?.rows.delete(i)
        if (record?.rows.size === 0) this.#records.delete(`${kind} ${id}`)
      }
    }
    if (this.#gone > 1000 && this.#gone > this.#size / 2) this.#pack()
    this.#order = undefined
  }

  /** Takes a reading of some tables in: what did not change since the one before has a rate of 0. */
  count(tables: readonly number[], at: number, elapsed: number, rows: readonly number[]): void {
    const isFirst = elapsed === 0
    const isCounted = new Uint8Array(256)
    for (const table of tables) {
      isCounted[table] = 1
      this.#tablesCounted.add(table)
    }
    if (!isFirst) for (let i = 0; i < this.#size; i++) if (isCounted[this.#tables[i]!]) this.#rates[i] = 0
    for (let k = 0; k < rows.length; k += 4) {
      const i = this.#at.get(rows[k]!)
      if (i === undefined) continue
      const packets = rows[k + 1]!
      const before = this.#packets[i]!
      if (!isFirst) this.#rates[i] = Math.max(0, packets - (packets < before ? 0 : before)) / elapsed
      this.#packets[i] = packets
      this.#bytes[i] = rows[k + 2]!
      this.#hits[i] = packets > 0 ? at - rows[k + 3]! * 1000 : 0
    }
  }

  /** The rows that a filter lets through, in order; indexes for `row`. `now`: milliseconds since the epoch. */
  select(filter: Filter, order: Order, tables: readonly TableView[], now: number): Uint32Array {
    const tests = filter.terms.filter(term => term.type !== 'text').map(term => this.#testOf(term, tables, now))
    const all = this.#packetOrder()
    let found = new Uint32Array(all.length)
    let size = 0
    rows: for (let k = 0; k < all.length; k++) {
      const i = all[k]!
      for (let j = 0; j < tests.length; j++) if (!tests[j]!(i)) continue rows
      found[size++] = i
    }
    found = found.subarray(0, size)
    // Text is dearest, so it comes last.
    for (const term of filter.terms) if (term.type === 'text') found = this.#withText(found, term.text, term.isNegated)
    return order === 'table' ? found : this.#sorted(found, order)
  }

  #withText(rows: Uint32Array<ArrayBuffer>, text: string, isNegated: boolean): Uint32Array<ArrayBuffer> {
    if (rows.length < FEW) return rows.filter(i => this.#texts[i]!.toLowerCase().includes(text) !== isNegated)
    const has = new Uint8Array(this.#size)
    for (let first = 0; first < this.#size; first += SEGMENT) {
      const segment = this.#segment(first / SEGMENT)
      let row = 0
      for (let at = segment.text.indexOf(text); at >= 0; at = segment.text.indexOf(text, segment.starts[row + 1])) {
        while (segment.starts[row + 1]! <= at) row++
        has[first + row] = 1
        if (row + 1 >= segment.starts.length - 1) break
      }
    }
    const wanted = isNegated ? 0 : 1
    return rows.filter(i => has[i] === wanted)
  }

  #segment(n: number) {
    let segment = this.#segments[n]
    if (segment === undefined) {
      const texts = this.#texts.slice(n * SEGMENT, Math.min(this.#size, (n + 1) * SEGMENT))
      const starts = new Uint32Array(texts.length + 1)
      texts.forEach((text, i) => {
        starts[i + 1] = starts[i]! + text.length + 1
      })
      segment = { text: texts.join('\n').toLowerCase(), starts }
      this.#segments[n] = segment
    }
    return segment
  }

  /** A row by its index. */
  row(i: number): Row {
    const text = this.#texts[i]!
    const length = this.#matchLengths[i]!
    const rate = this.#rates[i]!
    return {
      n: this.#numbers[i]!,
      table: this.#tables[i]!,
      priority: this.#priorities[i]!,
      cookie: this.#cookies[i]!,
      match: text.slice(0, length),
      actions: text.slice(length + 1),
      resources: this.#resources[i]!,
      reason: this.#reasonNames[this.#reasons[i]!]!,
      packets: this.#packets[i]!,
      bytes: this.#bytes[i]!,
      rate: Number.isNaN(rate) ? undefined : rate,
      hitAt: this.#hits[i]!,
      isCounted: this.#tablesCounted.has(this.#tables[i]!),
    }
  }

  /** The row with a number; undefined when it is gone. */
  find(n: number): Row | undefined {
    const i = this.#at.get(n)
    return i === undefined ? undefined : this.row(i)
  }

  #testOf(term: ColumnTerm, tables: readonly TableView[], now: number): (i: number) => boolean {
    const test = this.#plainTestOf(term, tables, now)
    return term.isNegated ? i => !test(i) : test
  }

  #plainTestOf(term: ColumnTerm, tables: readonly TableView[], now: number): (i: number) => boolean {
    if (term.type === 'table' || term.type === 'bridge') {
      const isWanted = new Uint8Array(256)
      tables.forEach(({ name, number, bridge }, i) => {
        const isNamed =
          term.type === 'bridge'
            ? bridge === term.name
            : term.names.some(wanted => name === wanted || String(number) === wanted)
        if (isNamed) isWanted[i] = 1
      })
      const column = this.#tables
      return i => isWanted[column[i]!] === 1
    }
    if (term.type === 'drop') {
      const column = this.#reasons
      return i => column[i] !== 0
    }
    if (term.type === 'hit') {
      const column = this.#hits
      return term.when === 'ever' ? i => column[i]! > 0 : i => column[i] === 0
    }
    if (term.type === 'number') return this.#numberTest(term.column, term.compare, term.value, now)
    if (term.type === 'cookie') {
      const { prefix } = term
      return i => this.#cookies[i]!.startsWith(prefix)
    }
    const isTheirs = new Uint8Array(this.#size)
    for (const record of this.#matching(term.kind, term.name)) for (const i of record.rows) isTheirs[i] = 1
    return i => isTheirs[i] === 1
  }

  /** Records by name or id: those that are called exactly so, or else those whose name or id begins so. */
  #matching(kind: string, name: string) {
    const ofKind = [...this.#records.values()].filter(record => kind === '' || record.kind === kind)
    const exactly = ofKind.filter(record => record.name === name || record.id === name)
    if (exactly.length > 0) return exactly
    return ofKind.filter(record => record.name.startsWith(name) || record.id.startsWith(name))
  }

  #numberTest(column: string, compare: string, value: number, now: number): (i: number) => boolean {
    const read = this.#reader(column, now)
    if (compare === '>') return i => read(i) > value
    if (compare === '>=') return i => read(i) >= value
    if (compare === '<') return i => read(i) < value
    if (compare === '<=') return i => read(i) <= value
    return i => read(i) === value
  }

  #reader(column: string, now: number): (i: number) => number {
    const [rates, packets, bytes, priorities, hits] = [
      this.#rates,
      this.#packets,
      this.#bytes,
      this.#priorities,
      this.#hits,
    ]
    if (column === 'rate') return i => rates[i]!
    if (column === 'packets') return i => packets[i]!
    if (column === 'bytes') return i => bytes[i]!
    if (column === 'priority') return i => priorities[i]!
    return i => (hits[i] === 0 ? Number.POSITIVE_INFINITY : (now - hits[i]!) / 1000)
  }

  /** Largest first; rows that are equal stay in packet order. */
  #sorted(selected: Uint32Array, order: Exclude<Order, 'table'>): Uint32Array {
    const column = order === 'rate' ? this.#rates : order === 'packets' ? this.#packets : this.#hits
    // Most rows are 0 and stay where they are: only the others are sorted.
    const hit: number[] = []
    const quiet: number[] = []
    for (const i of selected) {
      if (column[i]! > 0) hit.push(i)
      else quiet.push(i)
    }
    hit.sort((a, b) => column[b]! - column[a]!)
    const sorted = new Uint32Array(selected.length)
    sorted.set(hit)
    sorted.set(quiet, hit.length)
    return sorted
  }

  /** By table, then priority from the highest, then as they came: one number a row, sorted as numbers. */
  #packetOrder(): Uint32Array {
    if (this.#order !== undefined) return this.#order
    const keys = new Float64Array(this.size)
    let size = 0
    for (let i = 0; i < this.#size; i++)
      if (!this.#isGone[i]) keys[size++] = (this.#tables[i]! * 65536 + 65535 - this.#priorities[i]!) * BITS + i
    keys.sort()
    this.#order = Uint32Array.from(keys, key => key % BITS)
    return this.#order
  }

  #reasonAt(reason: string): number {
    const at = this.#reasonNames.indexOf(reason)
    return at < 0 ? this.#reasonNames.push(reason) - 1 : at
  }

  #grow(): void {
    this.#capacity *= 2
    const grown = <T extends Float64Array | Float32Array | Uint8Array | Uint16Array>(column: T): T => {
      const larger = new (column.constructor as new (size: number) => T)(this.#capacity)
      larger.set(column)
      return larger
    }
    this.#numbers = grown(this.#numbers)
    this.#tables = grown(this.#tables)
    this.#priorities = grown(this.#priorities)
    this.#packets = grown(this.#packets)
    this.#bytes = grown(this.#bytes)
    this.#rates = grown(this.#rates)
    this.#hits = grown(this.#hits)
    this.#reasons = grown(this.#reasons)
    this.#isGone = grown(this.#isGone)
    this.#matchLengths = grown(this.#matchLengths)
  }

  /** Writes the rows that are left anew. */
  #pack(): void {
    const kept: number[] = []
    for (let i = 0; i < this.#size; i++) if (!this.#isGone[i]) kept.push(i)
    const rows = kept.map(i => this.row(i))
    const counted = new Set(this.#tablesCounted)
    this.clear()
    this.add(rows.map(r => [r.n, r.table, r.priority, r.cookie, r.match, r.actions, r.resources, r.reason]))
    for (const table of counted) this.#tablesCounted.add(table)
    rows.forEach((r, i) => {
      this.#packets[i] = r.packets
      this.#bytes[i] = r.bytes
      this.#rates[i] = r.rate ?? Number.NaN
      this.#hits[i] = r.hitAt
    })
  }
}
