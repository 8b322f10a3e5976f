/**
 * Keeps one replica in step with a server, over one connection after another: by monitor_cond_since, else
 * monitor_cond, else monitor, whichever the server turns out to know (ovsdb-server(7) 4.1.12 to 4.1.16).
 */
import type { Tables } from './column.ts'
import { ConnectionLost, NotConnected, ProtocolError, RpcError } from './errors.ts'
import { isArray, type Json } from './json.ts'
import type { Condition } from './operation.ts'
import { type Choose, chooseHere, conditionsOf, type Plan, planTables, type Selection } from './plan.ts'
import { Replica } from './replica.ts'
import type { Rpc } from './rpc.ts'
import type { DatabaseSchema } from './schema.ts'
import { encodeConditions } from './transaction.ts'
import { type AnyChange, compare, noRows, readUpdate, readUpdate2 } from './updates.ts'

/** The ways to monitor, best first. */
const METHODS = ['monitor_cond_since', 'monitor_cond', 'monitor'] as const
type Method = (typeof METHODS)[number]

const NOTHING_SEEN = '00000000-0000-0000-0000-000000000000'

type Conditions = ReadonlyMap<string, readonly Condition[]>

const monitors = new WeakMap<object, Monitor>()

/** The monitor behind a replica. */
export const monitorOf = (replica: object): Monitor | undefined => monitors.get(replica)

/** The connection is at fault, and the next one may do better. */
const isTransient = (error: unknown): boolean =>
  (error instanceof ConnectionLost || error instanceof NotConnected) && !(error.cause instanceof ProtocolError)

/** The answer to monitor_cond_since: whether the server knows the transaction, the last one, and the rows. */
function sinceAnswer(result: Json): { found: boolean; txnId: string; updates: Json } {
  if (!isArray(result) || typeof result[1] !== 'string') throw new ProtocolError('a malformed answer to a monitor')
  return { found: result[0] === true, txnId: result[1], updates: result[2] }
}

interface Waiter {
  readonly conditions: Conditions
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** The monitors of one connection, and which of the methods its server knows. */
export class MonitorSession {
  readonly rpc: Rpc
  readonly monitors = new Map<string, Monitor>()
  method: Method = METHODS[0]
  #lastId = 0

  constructor(rpc: Rpc) {
    this.rpc = rpc
    rpc.on('notification', (method, params) => this.#notified(method, params))
    rpc.on('close', () => {
      for (const monitor of this.monitors.values()) monitor.stop()
    })
  }

  /** An id that no other monitor of the connection has or had. */
  nextId(): string {
    return `monitor-${++this.#lastId}`
  }

  #notified(method: string, [id, ...rest]: readonly Json[]): void {
    // Notifications of monitors that were cancelled may still be on their way.
    const monitor = typeof id === 'string' ? this.monitors.get(id) : undefined
    if (method === 'update' || method === 'update2') monitor?.updated(method, undefined, rest[0])
    else if (method === 'update3') monitor?.updated(method, String(rest[0]), rest[1])
    else if (method === 'monitor_canceled') monitor?.stop()
  }
}

/** One monitor of one database, feeding one replica. */
export class Monitor<T extends Tables = Tables, S extends Selection<T> = Selection<T>> {
  readonly replica: Replica<T, S>
  readonly #database: string
  readonly #selection: S
  readonly #declared: T
  /** Called when the application closes the replica. */
  onClose: () => void = () => {}
  /** Told when the server refuses a first copy; without it, and later, `start` rejects. */
  onRefused: ((error: Error) => void) | undefined
  #session: MonitorSession | undefined
  #id = ''
  #method: Method = METHODS[0]
  #schema: DatabaseSchema | undefined
  #plan: Plan = new Map()
  #widePlan: Plan = this.#plan
  /** Only for servers that know no conditions. */
  #choices: ReadonlyMap<string, Choose> = new Map()
  #lastTxnId = NOTHING_SEEN
  #isFilled = false
  #wanted: Conditions
  /** What the rows in the replica were chosen by; undefined while a change is on its way. */
  #acknowledged: Conditions | undefined
  #isChanging = false
  #waiters: Waiter[] = []

  constructor(database: string, selection: S, declared: T) {
    this.#database = database
    this.#selection = selection
    this.#declared = declared
    this.#wanted = conditionsOf(selection)
    this.replica = new Replica(Object.keys(selection), {
      setConditions: (table, conditions) => this.#setConditions(table, conditions),
      resync: () => this.#resync(),
      close: () => this.#close(),
    })
    monitors.set(this.replica, this as unknown as Monitor)
  }

  /** Begins on a connection: resumes if it can, else compares with a new copy. Rejects if the server refuses. */
  async start(session: MonitorSession, schema: DatabaseSchema): Promise<void> {
    this.#session = session
    try {
      if (this.#schema !== schema) {
        this.#plan = planTables(schema, this.#selection, this.#declared)
        if (this.#schema?.source !== schema.source) this.#lastTxnId = NOTHING_SEEN
        this.#schema = schema
      }
      await this.#try(session)
    } catch (error) {
      if (!this.onRefused || isTransient(error)) throw error
      this.onRefused(error as Error)
    }
  }

  async #try(session: MonitorSession): Promise<void> {
    for (const method of METHODS.slice(METHODS.indexOf(session.method))) {
      try {
        return await this.#request(session, method)
      } catch (error) {
        const isUnknown = error instanceof RpcError && error.code === 'unknown method' && method !== 'monitor'
        if (!isUnknown) throw error
        session.method = METHODS[METHODS.indexOf(method) + 1]!
      }
    }
  }

  /** Without a connection, or ended by the server. */
  get isStopped(): boolean {
    return this.#session === undefined
  }

  /** The connection or the database is gone. */
  stop(): void {
    this.#session?.monitors.delete(this.#id)
    this.#session = undefined
    this.#isChanging = false
    this.replica.stale()
  }

  /** Takes a notification. */
  updated(method: 'update' | 'update2' | 'update3', txnId: string | undefined, updates: Json): void {
    const { rows } = this.replica
    const changes =
      method === 'update'
        ? readUpdate(this.#widePlan, rows, updates, this.#choices)
        : readUpdate2(this.#plan, rows, updates)
    if (txnId) this.#lastTxnId = txnId
    this.replica.apply(changes, 'update', txnId)
  }

  async #request(session: MonitorSession, method: Method): Promise<void> {
    const conditions = this.#wanted
    const id = session.nextId()
    // Rows chosen by other conditions than those asked for now cannot be brought up to date by a difference.
    const since = this.#acknowledged === conditions ? this.#lastTxnId : NOTHING_SEEN
    const params: Json[] = [this.#database, id]
    if (method === 'monitor') params.push(this.#plainRequests(conditions))
    else params.push(this.#requests(conditions, true))
    if (method === 'monitor_cond_since') params.push(since)
    const changes: AnyChange[] = []
    const read = (result: Json) => {
      if (this.#session !== session) return
      this.#gather(method, result, changes)
      this.#cancel(session)
      this.#id = id
      this.#method = method
      session.monitors.set(id, this as unknown as Monitor)
      this.#load(method, result, changes)
      this.#settle(conditions)
    }
    const readPart = (result: Json) => this.#gather(method, result, changes)
    const answer = session.rpc.request(method, params, {}, read, readPart)
    await session.rpc.patiently(answer)
    this.#changeConditions()
  }

  #requests(conditions: Conditions, isFirst: boolean): Json {
    return Object.fromEntries(
      Array.from(this.#plan.values(), ({ name, columns, schema }) => {
        const where = encodeConditions(schema, conditions.get(name) ?? [])
        return [name, [isFirst ? { columns: [...columns.keys()], where } : { where }]]
      }),
    )
  }

  #plainRequests(conditions: Conditions): Json {
    const wide = new Map(this.#plan)
    const choices = new Map<string, Choose>()
    for (const [name, plan] of this.#plan) {
      const here = conditions.get(name)
      if (!here?.length) continue
      const chosen = chooseHere(plan, here)
      wide.set(name, chosen.wide)
      choices.set(name, chosen.choose)
    }
    this.#widePlan = wide
    this.#choices = choices
    return Object.fromEntries(Array.from(wide, ([name, { columns }]) => [name, [{ columns: [...columns.keys()] }]]))
  }

  /** Reads an answer or a part of one: changes to what is held if it resumes, else the whole contents as inserts. */
  #gather(method: Method, result: Json, changes: AnyChange[]): void {
    let read: AnyChange[]
    if (method === 'monitor') read = readUpdate(this.#widePlan, noRows, result, this.#choices)
    else if (method === 'monitor_cond') read = readUpdate2(this.#plan, noRows, result)
    else {
      const { found, updates } = sinceAnswer(result)
      read = readUpdate2(this.#plan, found ? this.replica.rows : noRows, updates)
    }
    for (const change of read) changes.push(change)
  }

  #load(method: Method, result: Json, changes: readonly AnyChange[]): void {
    const { found, txnId } = method === 'monitor_cond_since' ? sinceAnswer(result) : { found: false, txnId: undefined }
    this.#lastTxnId = txnId ?? NOTHING_SEEN
    if (!this.#isFilled) this.replica.fill(changes)
    else this.replica.apply(found ? changes : compare(this.#plan, this.replica.rows, changes), 'resync', txnId)
    this.replica.synced(found ? 'resumed' : this.#isFilled ? 'compared' : 'initial')
    this.#isFilled = true
  }

  async #setConditions(table: string, conditions: readonly Condition[]): Promise<void> {
    const plan = this.#plan.get(table)
    if (plan) encodeConditions(plan.schema, conditions)
    this.#wanted = new Map(this.#wanted).set(table, conditions)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiters.push({ conditions: this.#wanted, resolve, reject })
    this.#changeConditions()
    await promise
  }

  /** Sends the latest conditions, unless a change is in flight: then they follow its answer, joined. */
  #changeConditions(): void {
    const session = this.#session
    const before = this.#acknowledged
    if (!session || this.#isChanging || !before || before === this.#wanted) return
    this.#isChanging = true
    const sent = this.#method === 'monitor' ? this.#replace(session) : this.#sendConditions(session, this.#wanted)
    this.#acknowledged = undefined
    sent.then(
      () => {
        this.#isChanging = false
        this.#changeConditions()
      },
      error => {
        this.#isChanging = false
        // A lost connection is no refusal: the next one asks for these conditions from the start.
        if (!(error instanceof RpcError)) return
        this.#wanted = before
        this.#acknowledged = before
        for (const { reject } of this.#waiters.splice(0)) reject(error)
      },
    )
  }

  async #sendConditions(session: MonitorSession, conditions: Conditions): Promise<void> {
    const params = [this.#id, this.#id, this.#requests(conditions, false)]
    await session.rpc.request('monitor_cond_change', params, {}, () => this.#settle(conditions))
  }

  #settle(conditions: Conditions): void {
    this.#acknowledged = conditions
    const seen = this.#waiters.findIndex(waiter => waiter.conditions === conditions)
    for (const { resolve } of this.#waiters.splice(0, seen + 1)) resolve()
  }

  /** Ends the monitor on the server, if there is one, and asks for a new one. */
  async #replace(session: MonitorSession): Promise<void> {
    this.#cancel(session)
    await this.#request(session, session.method)
  }

  #cancel(session: MonitorSession): void {
    if (session.monitors.delete(this.#id)) session.rpc.request('monitor_cancel', [this.#id]).catch(() => {})
  }

  async #resync(): Promise<void> {
    if (!this.#session) throw new NotConnected()
    this.#lastTxnId = NOTHING_SEEN
    await this.#replace(this.#session)
  }

  #close(): void {
    if (this.#session) this.#cancel(this.#session)
    this.stop()
    for (const { reject } of this.#waiters.splice(0)) reject(new NotConnected('the replica was closed'))
    this.onClose()
  }
}
