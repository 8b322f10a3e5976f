// What all clients of the feed share: the log, the states of chassis, the rows and readings of those that are looked at.
import { chassis, modelKinds, networks, policies, ports } from '#model'
import type { Store } from '#store'
import type { FabricView } from './fabric-view.ts'
import { DropFlows } from './feed-drops.ts'
import { FlowRows } from './feed-flows.ts'
import type { FeedLog } from './feed-log.ts'
import { Readings } from './feed-readings.ts'
import { ChassisStates } from './feed-state.ts'
import type { LiveView } from './live-view.ts'
import { groupName } from './security-words.ts'

/** How long (ms) what was made for clients is kept after the last who looked at it. */
const KEPT = 30_000

/** Something that is shared while somebody uses it. */
export interface Lent<T> {
  readonly value: T
  release(): void
}

/** Things that are made for the first who asks, and closed a while after the last has released them. */
class Lending<T extends { close(): void }> {
  readonly #make: (id: string) => T
  readonly #lent = new Map<string, { readonly value: T; users: number }>()

  constructor(make: (id: string) => T) {
    this.#make = make
  }

  lend(id: string): Lent<T> {
    const mine = this.#lent.get(id) ?? { value: this.#make(id), users: 0 }
    this.#lent.set(id, mine)
    mine.users++
    const forget = () => {
      if (mine.users > 0 || this.#lent.get(id) !== mine) return
      mine.value.close()
      this.#lent.delete(id)
    }
    return {
      value: mine.value,
      release: () => {
        mine.users--
        setTimeout(forget, KEPT).unref()
      },
    }
  }

  close(): void {
    for (const { value } of this.#lent.values()) value.close()
    this.#lent.clear()
  }
}

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
  readonly #rows: Lending<FlowRows>
  readonly #drops: Lending<DropFlows>

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
    this.#rows = new Lending(id => new FlowRows(live, id, this.nameOf))
    this.#drops = new Lending(id => new DropFlows(live, id))
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

  /** The name of a record, of a policy those of its groups; '' when it has none or is gone. */
  readonly nameOf = (kindName: string, id: string): string => {
    if (kindName === policies.name)
      return (this.#store.get(policies, id)?.groups ?? []).map(group => groupName(this.#store, group)).join(', ')
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
  rowsOf(id: string): Lent<FlowRows> {
    return this.#rows.lend(id)
  }

  /** The drops of a chassis, likewise. */
  dropsOf(id: string): Lent<DropFlows> {
    return this.#drops.lend(id)
  }

  close(): void {
    this.#rows.close()
    this.#drops.close()
  }
}
