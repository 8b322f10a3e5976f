// The flows of a chassis as a view holds them: what the worker gives, and whom keys stand for.
import type { TableView } from '#api/live-view'
import { token } from '../lib/api.ts'
import type { ConnectionState } from '../lib/connection.ts'
import type { FromWorker, Order, Row, ToWorker } from './worker-messages.ts'

/** One chassis' flows, in a worker of their own until closed. */
export class Flows {
  connection = $state.raw<ConnectionState>('connecting')
  tables = $state.raw<readonly TableView[]>([])
  total = $state.raw(0)
  loaded = $state.raw(0)
  shown = $state.raw(0)
  took = $state.raw(0)
  first = $state.raw(0)
  rows = $state.raw<readonly Row[]>([])
  /** The row that is explained; undefined when none is, or it is gone. */
  open = $state.raw<Row | undefined>(undefined)
  every = $state.raw(0)
  trouble = $state.raw('')
  /** Whether the first answer has come. */
  isLoaded = $state.raw(false)
  /** Filter and order that the rows answer. */
  answered = $state.raw('')
  /** `kind key` -> name. */
  names = $state.raw<ReadonlyMap<string, string>>(new Map())
  readonly #worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })

  #isPainted = false

  constructor(chassis: string) {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#take(data)
    this.#say({ type: 'start', origin: location.origin, token: token(), chassis })
  }

  filter(text: string, order: Order): void {
    this.#say({ type: 'filter', text, order })
  }

  look(first: number, count: number, open: number | undefined): void {
    this.#say({ type: 'look', first, count, open })
  }

  close(): void {
    this.#worker.terminate()
  }

  #say(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #take(message: FromWorker): void {
    if (message.type === 'connection') this.connection = message.state
    else if (message.type === 'tables') this.tables = message.tables
    else if (message.type === 'trouble') this.trouble = message.message
    else if (message.type === 'keys')
      this.names = new Map(message.keys.map(([kind, key, id, name]) => [`${kind} ${key}`, name || id.slice(0, 8)]))
    else {
      this.total = message.total
      this.loaded = message.loaded
      this.shown = message.shown
      this.took = message.took
      this.first = message.first
      this.rows = message.rows
      this.open = message.open
      this.every = message.every
      this.answered = `${message.order} ${message.text}`
      if (message.every > 0) this.trouble = ''
      this.isLoaded = true
      if (message.loaded > 0 && !this.#isPainted) {
        this.#isPainted = true
        requestAnimationFrame(() => setTimeout(() => this.#say({ type: 'painted' })))
      }
    }
  }
}
