// Programs one bridge of one chassis: knows what it should hold, what it has yet to be told and, by the stamp, what it
// held when last heard of. Decides on connect whether anything must be read back, and repairs what others change.
import type { Bridge, FlowSet } from '#compiler/flow-set'
import { type BridgeState, type Known, knownOf, newSession, type Session, sinceLost } from './bridge-session.ts'
import { type Change, ChangeLog, netEffect } from './change-log.ts'
import { Comparison, type Difference, findEntry } from './comparison.ts'
import { DriftJournal } from './drift.ts'
import { driftIn } from './observe.ts'
import { Quarantine } from './quarantine.ts'
import { readOurs, readStamp } from './read-back.ts'
import { Repairs } from './repairs.ts'
import { type Counters, noCounts, type Shared } from './shared.ts'
import { type FlowChange, type Switch, SwitchLost } from './switch.ts'
import { operationsOf, type Wanted, type Work } from './work.ts'
import { asChange, type Operation, writeOperations } from './write.ts'

const LARGE = 2000
const U64 = (n: bigint) => BigInt.asUintN(64, n)

/** What a bridge's state looks like from outside. */
export interface BridgeStatus {
  readonly state: BridgeState
  /** Milliseconds since the epoch. */
  readonly since: number
  /** Why it is away. */
  readonly reason: string
  /** Entries that wait to be written. */
  readonly waiting: number
  readonly bytesOut: number
  readonly counts: Readonly<Counters>
  readonly drift: number
  readonly quarantined: number
}

export class BridgeProgrammer {
  readonly chassis: string
  readonly bridge: Bridge
  readonly journal: DriftJournal
  readonly quarantine: Quarantine
  readonly #shared: Shared
  readonly #wake: () => void
  readonly #log: ChangeLog
  readonly #wanted: Wanted
  readonly #counts = noCounts()
  #digest = 0n
  #session: Session | undefined
  #known: Known | undefined
  #awaySince: number
  #awayReason = 'never connected'
  #bytesBefore = 0

  constructor(chassis: string, bridge: Bridge, shared: Shared, wake: () => void) {
    this.chassis = chassis
    this.bridge = bridge
    this.journal = new DriftJournal(chassis, bridge, shared.now, shared.onDrift)
    this.quarantine = new Quarantine(shared.now, ({ entry, error }) => {
      const sources = entry.sources.map(source => `${source.kind} ${source.id}`)
      shared.report(chassis, bridge, `refuses a flow of ${sources.join(', ')}: ${error}`)
    })
    this.#shared = shared
    this.#log = new ChangeLog(shared.maxWaiting)
    this.#wanted = { bridge, sets: () => this.#sets(), frames: shared.frames, quarantine: this.quarantine }
    this.#wake = wake
    this.#awaySince = shared.now()
    for (const set of this.#sets()) this.#digest = U64(this.#digest + set.digest[bridge])
  }

  get state(): BridgeState {
    return this.#session?.state ?? 'away'
  }

  /** Whether the switch holds, or is about to be told by a bundle, all that it should hold. */
  get isSynced(): boolean {
    return this.state === 'verifying' || this.state === 'in_sync'
  }

  /** Whether it is not known yet what must be repaired before the bridge is as it should be. */
  get isReading(): boolean {
    return this.state === 'opening' || (this.state === 'reconciling' && !this.#session?.repairs.isComplete)
  }

  /** Whether nothing waits to be written. */
  get isQuiet(): boolean {
    return this.#log.isEmpty && !this.#log.overflowed && this.#session?.taken === undefined
  }

  get switch(): Switch | undefined {
    return this.#session?.switch
  }

  get status(): BridgeStatus {
    const session = this.#session
    return {
      state: this.state,
      since: session?.since ?? this.#awaySince,
      reason: session ? '' : this.#awayReason,
      waiting: this.#log.size,
      bytesOut: this.#bytesBefore + (session?.switch.bytesOut ?? 0),
      counts: { ...this.#counts },
      drift: this.journal.count,
      quarantined: this.quarantine.size,
    }
  }

  /** Takes in what a delta means for this bridge. */
  note(change: Change, digest: bigint): void {
    this.#digest = U64(this.#digest + digest)
    if (this.#session || this.#known) this.#log.push(change)
    for (const changes of this.#session?.readBacks ?? []) changes.push(change)
  }

  /** A connection to the bridge; it takes the place of an older one. */
  async connect(sw: Switch): Promise<void> {
    const old = this.#session
    if (old) {
      this.#lost(old, 'replaced by a newer connection')
      old.switch.close('replaced by a newer connection')
    }
    const { now } = this.#shared
    const session = newSession(sw, now(), new Repairs(now, this.#wake))
    this.#session = session
    void sw.closed.then(reason => this.#lost(session, reason ?? 'the controller ends', reason === undefined))
    sw.watch(changes => this.#observe(session, changes))
    try {
      session.stamp = await readStamp(sw)
      if (this.#session === session) await this.#begin(session)
    } catch (error) {
      sw.close(error instanceof SwitchLost ? error.message : `reading back failed: ${String(error)}`)
      this.#lost(session, String(error))
    }
  }

  /** What is to be written now. `mayRepair`: whether repairs found by a first read-back may go out too. */
  take(mayRepair: boolean): Work | undefined {
    const session = this.#session
    if (!session || session.state === 'opening') return undefined
    if (this.#log.overflowed) this.#startOver(session)
    const edits = netEffect(this.#log.take())
    const repairs = mayRepair || session.state !== 'reconciling' ? session.repairs.take() : undefined
    const { additions, deletions } = operationsOf(this.#wanted, edits, repairs)
    const isWhole = session.state !== 'reconciling' || (repairs?.isComplete ?? false)
    if (additions.length + deletions.length === 0 && !repairs) return undefined
    session.taken = asChange([...deletions, ...additions])
    return { session, additions, deletions, digest: this.#digest, isWhole }
  }

  /**
   * Writes operations of `work` in one bundle with the stamp that it makes true. `still`: deletions of it that are to
   * come in a later bundle. Rejects with SwitchLost.
   */
  async write(work: Work, operations: readonly Operation[], still: readonly Operation[] = []): Promise<void> {
    const session = this.#session
    if (!session || session !== work.session) {
      this.putBack(operations)
      throw new SwitchLost('the connection was lost')
    }
    const later = still.reduce((sum, op) => sum + (op.entry?.digest ?? 0n), 0n)
    const stamp = () => (work.isWhole ? U64(work.digest + later - this.quarantine.digest) : undefined)
    session.inFlight = { stamp: stamp(), change: asChange(operations) }
    this.#count(operations.length)
    try {
      const { frames, largeBundles, patience } = this.#shared
      const { quarantine } = this
      const write = () => writeOperations({ switch: session.switch, frames, quarantine, patience, stamp }, operations)
      await (operations.length > LARGE ? largeBundles.run(write) : write())
    } catch (error) {
      const reason = error instanceof SwitchLost ? error.message : `writing failed: ${String(error)}`
      session.switch.close(reason)
      this.#lost(session, reason)
      throw error
    }
    session.inFlight = undefined
    session.stamp = stamp()
    if (still.length === 0) session.taken = undefined
    if (work.isWhole && still.length === 0 && session.state === 'reconciling') this.#enter(session, 'in_sync')
  }

  /** Puts operations back that were taken but not written. */
  putBack(operations: readonly Operation[]): void {
    if ((this.#session || this.#known) && operations.length > 0) this.#log.putBack([asChange(operations)])
  }

  /** Reads the bridge back and tells how it differs; repairs nothing. */
  async compare(isUrgent = true): Promise<Difference> {
    const session = this.#session
    if (!session) throw new SwitchLost('no connection')
    return await this.#readBack(session, isUrgent)
  }

  /** Ends the connection and forgets the switch. */
  close(why: string): void {
    const session = this.#session
    if (session) {
      this.#lost(session, why, true)
      session.switch.close(why)
    }
    this.#known = undefined
    this.#log.clear()
  }

  *#sets(): Iterable<FlowSet> {
    for (const id of this.#shared.compiled.subscriptions(this.chassis)) {
      const set = this.#shared.compiled.flowSet(id)
      if (set) yield set
    }
  }

  #enter(session: Session, state: Session['state']): void {
    session.state = state
    session.since = this.#shared.now()
  }

  async #begin(session: Session): Promise<void> {
    const { stamp } = session
    const asLeft = sinceLost(this.#known, stamp)
    this.#known = undefined
    if (stamp === U64(this.#digest - this.quarantine.digest)) {
      this.#log.clear()
    } else if (asLeft && !this.#log.overflowed) {
      if (asLeft.lacks) this.#log.putBack([asLeft.lacks])
    } else {
      await this.#reconcile(session)
      return
    }
    this.#enter(session, 'verifying')
    this.#wake()
    await this.#audit(session)
  }

  async #reconcile(session: Session): Promise<void> {
    const turn = {}
    session.reconciliation = turn
    session.stamp = undefined
    session.repairs.clear()
    this.#log.clear()
    this.quarantine.clear()
    this.#enter(session, 'reconciling')
    this.#wake()
    const difference = await this.#readBack(session, true)
    if (session.reconciliation !== turn) return
    session.repairs.addDifference(difference, true)
    this.#wake()
  }

  /** Too many changes waited: what the switch lacks is told by reading back, not by replaying. */
  #startOver(session: Session): void {
    this.#reconcile(session).catch(error => session.switch.close(`reading back failed: ${String(error)}`))
  }

  async #audit(session: Session): Promise<void> {
    await new Promise(resolve => setTimeout(resolve, this.#shared.auditDelay).unref())
    if (this.#session !== session) return
    const difference = await this.#readBack(session, false)
    if (this.#session !== session || session.state !== 'verifying') return
    const by = 'read-back'
    for (const entry of difference.missing) this.journal.record({ kind: 'removed', of: entry, by })
    for (const { entry } of difference.changed) this.journal.record({ kind: 'changed', of: entry, by })
    for (const flow of difference.strays) this.journal.record({ kind: 'added', of: flow, by })
    this.#enter(session, 'in_sync')
    session.repairs.addDifference(difference, false)
    this.#wake()
  }

  async #readBack(session: Session, isUrgent: boolean): Promise<Difference> {
    const { readBacks, audits } = this.#shared
    return await (isUrgent ? readBacks : audits).run(async () => {
      const touched = [...this.#log.waiting, ...(session.taken ? [session.taken] : [])]
      session.readBacks.add(touched)
      const comparison = new Comparison(this.bridge, () => this.#sets())
      await readOurs(session.switch, comparison)
      session.readBacks.delete(touched)
      for (const counts of [this.#counts, this.#shared.counters]) {
        counts.readBacks++
        counts.flowsRead += comparison.count
      }
      const slots = new Set(touched.flatMap(change => [...change.removed, ...change.added].map(entry => entry.slot)))
      const difference = comparison.finish(slot => slots.has(slot))
      return { ...difference, missing: difference.missing.filter(entry => !this.quarantine.has(entry)) }
    })
  }

  /** Others changed flows: what is ours of them is recorded, and repaired. */
  #observe(session: Session, changes: readonly FlowChange[]): void {
    if (this.#session !== session) return
    const find = (slot: string) => findEntry(this.#sets(), slot)
    for (const found of driftIn(changes, this.bridge, session.stamp, find)) {
      if (found.kind === 'stamp') session.repairs.addStamp()
      else if (found.kind === 'added') {
        this.journal.record({ kind: 'added', of: found.flow, by: 'monitor' })
        session.repairs.addStray(found.flow)
      } else if (!this.quarantine.has(found.entry)) {
        this.journal.record({ kind: found.kind, of: found.entry, by: 'monitor' })
        session.repairs.addEntry(found.entry)
      }
    }
  }

  #count(operations: number): void {
    for (const counts of [this.#counts, this.#shared.counters]) {
      counts.bundles++
      counts.flowMods += operations
      if (operations === 0) counts.stamps++
    }
  }

  #lost(session: Session, reason: string, isMeant = false): void {
    if (this.#session !== session) return
    this.#session = undefined
    this.#known = knownOf(session)
    if (!this.#known) this.#log.clear()
    this.#awaySince = this.#shared.now()
    this.#awayReason = reason
    this.#bytesBefore += session.switch.bytesOut
    session.repairs.close()
    if (!isMeant) this.#shared.report(this.chassis, this.bridge, `connection lost: ${reason}`)
    this.#wake()
  }
}
