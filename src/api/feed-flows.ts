// The flows of a chassis for those who look at them: each a numbered row, sent in slices so that neither a long table
// nor a slow client holds anybody up, and then as they come and go.
import type { FeedFlow, FeedResource } from './feed-messages.ts'
import type { LiveFlow, LiveView } from './live-view.ts'
import { inSlices } from './slices.ts'

/** Rows in a message at most, and milliseconds of work for one. */
const ROWS = 1000
const SLICE = 8
/** Milliseconds after which a client that was not ready is looked at again. */
const PAUSE = 10

/** Who looks at the flows of a chassis. */
export interface FlowClient {
  /** Whether it has taken what it was sent. */
  isReady(): boolean
  send(total: number, added: readonly FeedFlow[], removed: readonly number[]): void
}

interface Looking {
  readonly client: FlowClient
  /** The row up to which it was told. */
  sent: number
  isPumping: boolean
}

/** The rows of one chassis. */
export class FlowRows {
  readonly #nameOf: (kind: string, id: string) => string
  readonly #tableIndex: ReadonlyMap<string, number>
  readonly #rows = new Map<number, LiveFlow>()
  readonly #numbers = new Map<LiveFlow, number>()
  readonly #byCookie = new Map<bigint, number>()
  readonly #shown = new Map<number, FeedFlow>()
  readonly #clients = new Set<Looking>()
  readonly #stop: () => void
  /** Flows that went before they had a row. */
  readonly #gone = new Set<LiveFlow>()
  /** How many there were at first, until all have a row. */
  #expected: number
  #isClosed = false
  #next = 1

  constructor(live: LiveView, chassis: string, nameOf: (kind: string, id: string) => string) {
    this.#nameOf = nameOf
    this.#tableIndex = new Map(live.tables.map(({ bridge, number }, i) => [`${bridge} ${number}`, i]))
    this.#stop = live.onFlows(chassis, (added, removed) => this.#changed(added, removed))
    const { size, flows } = live.flows(chassis)
    this.#expected = size
    void this.#fill(flows)
  }

  /** The number of the row with a cookie. */
  numberOf(cookie: bigint): number | undefined {
    return this.#byCookie.get(cookie)
  }

  /** All flows, by number. */
  get rows(): ReadonlyMap<number, LiveFlow> {
    return this.#rows
  }

  /** Sends a client all rows and whatever changes from then on. Returns how to stop. */
  look(client: FlowClient): () => void {
    const looking = { client, sent: 0, isPumping: false }
    this.#clients.add(looking)
    if (this.#total === 0) client.send(0, [], [])
    this.#pump(looking)
    return () => this.#clients.delete(looking)
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
    this.#clients.clear()
  }

  get #total(): number {
    return Math.max(this.#expected, this.#rows.size)
  }

  async #fill(flows: Iterable<LiveFlow>): Promise<void> {
    const add = (flow: LiveFlow) => {
      if (!this.#gone.has(flow)) this.#add(flow)
    }
    const between = () => {
      for (const looking of this.#clients) this.#pump(looking)
      return !this.#isClosed
    }
    await inSlices(flows, add, between)
    this.#expected = 0
    this.#gone.clear()
    for (const { client } of this.#clients) client.send(this.#total, [], [])
    between()
  }

  #add(flow: LiveFlow): void {
    const n = this.#next++
    this.#rows.set(n, flow)
    this.#numbers.set(flow, n)
    this.#byCookie.set(flow.cookie, n)
  }

  #changed(added: readonly LiveFlow[], removed: readonly LiveFlow[]): void {
    const gone: number[] = []
    for (const flow of removed) {
      const n = this.#numbers.get(flow)
      if (n === undefined) {
        if (this.#expected > 0) this.#gone.add(flow)
        continue
      }
      gone.push(n)
      this.#rows.delete(n)
      this.#numbers.delete(flow)
      this.#shown.delete(n)
      if (this.#byCookie.get(flow.cookie) === n) this.#byCookie.delete(flow.cookie)
    }
    for (const flow of added) this.#add(flow)
    for (const looking of this.#clients) {
      const known = gone.filter(n => n <= looking.sent)
      if (known.length > 0) looking.client.send(this.#total, [], known)
      this.#pump(looking)
    }
  }

  #pump(looking: Looking): void {
    if (looking.isPumping) return
    looking.isPumping = true
    const pump = () => {
      if (!this.#clients.has(looking)) return
      if (!looking.client.isReady()) {
        setTimeout(pump, PAUSE)
        return
      }
      const end = performance.now() + SLICE
      const slice: FeedFlow[] = []
      for (; looking.sent < this.#next - 1 && slice.length < ROWS && performance.now() < end; looking.sent++) {
        const flow = this.#rows.get(looking.sent + 1)
        if (flow !== undefined) slice.push(this.#show(looking.sent + 1, flow))
      }
      if (slice.length > 0) looking.client.send(this.#total, slice, [])
      if (looking.sent < this.#next - 1) setImmediate(pump)
      else looking.isPumping = false
    }
    setImmediate(pump)
  }

  #show(n: number, flow: LiveFlow): FeedFlow {
    let shown = this.#shown.get(n)
    if (shown === undefined) {
      const { match, actions } = flow.text()
      const table = this.#tableIndex.get(`${flow.bridge} ${flow.table}`) ?? -1
      const cookie = flow.cookie.toString(16)
      const reason = flow.drop?.reason ?? ''
      shown = [n, table, flow.priority, cookie, match, actions, showSources(flow, this.#nameOf), reason]
      this.#shown.set(n, shown)
    }
    return shown
  }
}

/** The resources that asked for a flow, each once. */
export const showSources = (
  { sources }: Pick<LiveFlow, 'sources'>,
  nameOf: (kind: string, id: string) => string,
): readonly FeedResource[] => {
  const named = sources.map(({ kind, id }): FeedResource => {
    // Where a port is bound, and where a network is attached, follows from these.
    if (kind === 'binding') return ['port', id.split('@')[0]!, '']
    return kind === 'attachment' ? ['network', id.split('/')[1]!, ''] : [kind, id, '']
  })
  const distinct = new Map(named.map(([kind, id]) => [`${kind} ${id}`, [kind, id, nameOf(kind, id)] as const]))
  return [...distinct.values()]
}
