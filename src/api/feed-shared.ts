// What all clients of the feed share: the log, the states of chassis, the rows and readings of those that are looked at.
import { chassis, modelKinds, networks, ports } from '#model'
import type { Store } from '#store'
import type { FabricView } from './fabric-view.ts'
import { FlowRows } from './feed-flows.ts'
import type { FeedLog } from './feed-log.ts'
import { Readings } from './feed-readings.ts'
import { ChassisStates } from './feed-state.ts'
import type { LiveView } from './live-view.ts'

/** How long (ms) rows are kept after the last who looked at them. */
const KEPT = 30_000

const kindsByName = new Map(modelKinds.map(kind => [kind.name, kind]))

/** What they share. */
export class FeedShared {
  readonly live: LiveView
  readonly log: FeedLog
  readonly states: ChassisStates
  readonly readings: Readings
  readonly version: string
  /** Names this run of the controller. */
  readonly epoch: string
  readonly #store: Store
  readonly #rows = new Map<string, { readonly rows: FlowRows; looking: number }>()

  constructor(options: {
    readonly store: Store
    readonly fabric: FabricView
    readonly live: LiveView
    readonly log: FeedLog
    readonly version: string
    readonly epoch: string
  }) {
    const { store, fabric, live, log, version, epoch } = options
    this.#store = store
    this.live = live
    this.log = log
    this.version = version
    this.epoch = epoch
    this.states = new ChassisStates(store, fabric)
    this.readings = new Readings(live)
  }

  get revision(): number {
    return this.#store.revision
  }

  knows(id: string): boolean {
    return this.#store.get(chassis, id) !== undefined
  }

  /** The chassis that have a session. */
  connected(): readonly string[] {
    return this.states.all.filter(c => c.bridges !== null).map(c => c.id)
  }

  /** The name of a record; '' when it has none or is gone. */
  readonly nameOf = (kindName: string, id: string): string => {
    const kind = kindsByName.get(kindName)
    const doc = kind && (this.#store.get(kind, id) as { readonly name?: string } | undefined)
    return doc?.name ?? ''
  }

  /** Keys of the data plane and whom they stand for. */
  keys(): readonly (readonly [string, number, string, string])[] {
    return [
      ...Array.from(this.#store.all(networks), n => ['network', n.key, n.id, n.name] as const),
      ...Array.from(this.#store.all(ports), p => ['port', p.key, p.id, p.name] as const),
      ...Array.from(this.#store.all(chassis), c => ['chassis', c.key, c.id, c.hostname] as const),
    ]
  }

  /** The rows of a chassis, made for the first who looks. To be released. */
  rowsOf(id: string): { readonly rows: FlowRows; readonly release: () => void } {
    let held = this.#rows.get(id)
    if (held === undefined) {
      held = { rows: new FlowRows(this.live, id, this.nameOf), looking: 0 }
      this.#rows.set(id, held)
    }
    const mine = held
    mine.looking++
    const forget = () => {
      if (mine.looking > 0 || this.#rows.get(id) !== mine) return
      mine.rows.close()
      this.#rows.delete(id)
    }
    return {
      rows: mine.rows,
      release: () => {
        mine.looking--
        setTimeout(forget, KEPT).unref()
      },
    }
  }

  close(): void {
    for (const { rows } of this.#rows.values()) rows.close()
    this.#rows.clear()
  }
}
