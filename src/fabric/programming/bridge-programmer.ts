// Programs one bridge of one chassis: knows what it should hold, what it has yet to be told and, by the stamp, what it
// held when last heard of. Decides on connect whether anything must be read back, and repairs what others change.
import { isOurs, LEARNED_MARK, slotOf } from '#compiler/encode'
import type { Bridge, Compiled, FlowEntry, FlowSet } from '#compiler/flow-set'
import { type Change, ChangeLog, netEffect } from './change-log.ts'
import { Comparison, type Difference, findEntry, isSame } from './comparison.ts'
import { type DriftEvent, DriftJournal } from './drift.ts'
import type { Frames } from './frames.ts'
import { frameOf } from './frames.ts'
import type { Gate } from './gate.ts'
import { Quarantine, type Quarantined } from './quarantine.ts'
import { Repairs, type RepairsDue } from './repairs.ts'
import { readStamp, STAMP_COOKIE, STAMP_TABLE } from './stamp.ts'
import type { FlowChange, Switch } from './switch.ts'
import { SwitchLost } from './switch.ts'
import { addition, deletion, type Operation, writeOperations } from './write.ts'

/**
 * away: no connection. opening: the stamp is being read. reconciling: the stamp was not the expected one, the flows are
 * read back. verifying: in sync by its stamp, read back when its turn comes. in_sync: compared flow by flow.
 */
export type BridgeState = 'away' | 'opening' | 'reconciling' | 'verifying' | 'in_sync'

/** What all bridges share. */
export interface Shared {
  readonly compiled: Compiled
  readonly frames: Frames
  /** Bounds the read-backs under way that a chassis, or a person, waits for. */
  readonly readBacks: Gate
  /** Bounds those in the background. */
  readonly audits: Gate
  /** Milliseconds that a switch may take for a small bundle. */
  readonly patience: number
  /** Entries that may wait for a switch. */
  readonly maxWaiting: number
  /** Milliseconds from being in sync by the stamp to being read back. */
  readonly auditDelay: number
  /** Bounds the large bundles under way. */
  readonly largeBundles: Gate
  readonly counters: Counters
  readonly now: () => number
  /** Something for the log. */
  readonly report: (chassis: string, bridge: Bridge, what: string) => void
  readonly onDrift: (event: DriftEvent) => void
}

/** Counts since the start, of one bridge or of all. */
export interface Counters {
  bundles: number
  /** Flows written or deleted, stamps not counted. */
  flowMods: number
  /** Bundles that wrote nothing but a stamp. */
  stamps: number
  readBacks: number
  flowsRead: number
}

/** All zero. */
export const noCounts = (): Counters => ({ bundles: 0, flowMods: 0, stamps: 0, readBacks: 0, flowsRead: 0 })

const LARGE = 2000
const ALL_BITS = 0xffffffffffffffffn
const MARK_BITS = 0xffffn << 48n
const U64 = (n: bigint) => BigInt.asUintN(64, n)

interface Session {
  readonly switch: Switch
  state: Exclude<BridgeState, 'away'>
  since: number
  /** The stamp that the switch holds; undefined when it holds none that is true. */
  stamp: bigint | undefined
  readonly repairs: Repairs
  /** The read-back that tells what the bridge lacks as a whole; one that is begun later takes its place. */
  reconciliation: object | undefined
  /** For each read-back under way the changes since it began, by reference. */
  readonly readBacks: Set<Change[]>
  /** What was taken to be written and is not known to be done. */
  taken: Change | undefined
  /** The bundle on its way. */
  inFlight: { readonly stamp: bigint | undefined; readonly change: Change } | undefined
}

/** What a bridge held when its connection was lost: one of two states if a bundle was on its way. */
interface Known {
  readonly before: bigint
  readonly after: bigint
  readonly change: Change | undefined
}

/** What was taken to be written. */
export interface Work {
  /** The connection it was taken for. */
  readonly session: object
  readonly additions: readonly Operation[]
  readonly deletions: readonly Operation[]
  /** Digest of what the bridge should hold after all of it, quarantined entries included. */
  readonly digest: bigint
  /** Whether the bridge will be as it should be afterwards, so that a stamp may say so. */
  readonly isWhole: boolean
}

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
    this.quarantine = new Quarantine(shared.now, ({ entry, error }: Quarantined) =>
      shared.report(
        chassis,
        bridge,
        `refuses a flow of ${entry.sources.map(s => `${s.kind} ${s.id}`).join(', ')}: ${error}`,
      ),
    )
    this.#shared = shared
    this.#log = new ChangeLog(shared.maxWaiting)
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
    this.#session?.repairs.forget(change.removed)
  }

  /** A connection to the bridge; it takes the place of an older one. */
  async connect(sw: Switch): Promise<void> {
    const old = this.#session
    if (old) {
      this.#lost(old, 'replaced by a newer connection')
      old.switch.close('replaced by a newer connection')
    }
    const session: Session = {
      switch: sw,
      state: 'opening',
      since: this.#shared.now(),
      stamp: undefined,
      repairs: new Repairs(this.#shared.now, this.#wake),
      reconciliation: undefined,
      readBacks: new Set(),
      taken: undefined,
      inFlight: undefined,
    }
    this.#session = session
    void sw.closed.then(reason => this.#lost(session, reason))
    sw.watch(changes => this.#observe(session, changes))
    try {
      session.stamp = await this.#readStamp(sw)
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
    const { frames } = this.#shared
    const edits = netEffect(this.#log.take())
    const additions: Operation[] = []
    const deletions: Operation[] = []
    for (const { was, want } of edits) {
      const wasThere = was !== undefined && !this.quarantine.release(was)
      const old = wasThere ? was : undefined
      const added = want && this.#addition(want, old)
      if (added) additions.push(added)
      else if (old) deletions.push(deletion(frames, old))
    }
    const repairs = mayRepair || session.state !== 'reconciling' ? session.repairs.take() : undefined
    if (repairs)
      this.#addRepairs(repairs, edits.length > 0 ? new Set(edits.map(slotOfEdit)) : undefined, additions, deletions)
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
    this.#session?.switch.close(why)
    if (this.#session) this.#lost(this.#session, why)
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

  async #readStamp(sw: Switch): Promise<bigint | undefined> {
    let stamp: bigint | undefined
    for await (const flows of sw.flows({ cookie: STAMP_COOKIE, mask: ALL_BITS, table: STAMP_TABLE }))
      for (const flow of flows) stamp = readStamp(flow.instructions)
    return stamp
  }

  async #begin(session: Session): Promise<void> {
    const known = this.#known
    this.#known = undefined
    const stamp = session.stamp
    const isAsLeft = stamp !== undefined && known && (stamp === known.after || stamp === known.before)
    if (stamp === U64(this.#digest - this.quarantine.digest)) {
      this.#log.clear()
    } else if (isAsLeft && !this.#log.overflowed) {
      if (stamp !== known.after && known.change) this.#log.putBack([known.change])
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
      const comparison = new Comparison(this.bridge, () => this.#sets())
      const touched = [...this.#log.waiting, ...(session.taken ? [session.taken] : [])]
      session.readBacks.add(touched)
      for await (const flows of session.switch.flows({ cookie: MARK_BITS & STAMP_COOKIE, mask: MARK_BITS }))
        for (const flow of flows) if (flow.cookie !== STAMP_COOKIE) comparison.see(flow)
      session.readBacks.delete(touched)
      this.#counts.readBacks++
      this.#counts.flowsRead += comparison.count
      this.#shared.counters.readBacks++
      this.#shared.counters.flowsRead += comparison.count
      const slots = new Set(touched.flatMap(change => [...change.removed, ...change.added].map(entry => entry.slot)))
      const difference = comparison.finish(slot => slots.has(slot))
      return { ...difference, missing: difference.missing.filter(entry => !this.quarantine.has(entry)) }
    })
  }

  /** Finds what others did to our flows in what the flow monitor tells. */
  #observe(session: Session, changes: readonly FlowChange[]): void {
    if (this.#session !== session) return
    for (const { event, flow } of changes) {
      if (flow.cookie === STAMP_COOKIE) {
        if (event === 'removed' || readStamp(flow.instructions) !== session.stamp) session.repairs.addStamp()
        continue
      }
      if (flow.cookie >> 48n === LEARNED_MARK || (event === 'removed' && !isOurs(flow.cookie))) continue
      const entry = findEntry(this.#sets(), slotOf(this.bridge, flow.table, flow.priority, flow.match))
      if (entry === undefined) {
        if (event === 'removed' || !isOurs(flow.cookie)) continue
        this.journal.record({ kind: 'added', of: flow, by: 'monitor' })
        session.repairs.addStray(flow)
      } else if (!this.quarantine.has(entry) && (event === 'removed' || !isSame(entry, flow))) {
        this.journal.record({ kind: event === 'removed' ? 'removed' : 'changed', of: entry, by: 'monitor' })
        session.repairs.addEntry(entry)
      }
    }
  }

  #addRepairs(
    repairs: RepairsDue,
    edited: ReadonlySet<string> | undefined,
    additions: Operation[],
    deletions: Operation[],
  ): void {
    for (const entry of repairs.entries) {
      // What the model no longer asks for, or asks for in another form, is not put back.
      if (edited?.has(entry.slot) || this.quarantine.has(entry) || findEntry(this.#sets(), entry.slot) !== entry)
        continue
      const added = this.#addition(entry)
      if (added) additions.push(added)
    }
    for (const flow of repairs.strays) {
      // Somebody may ask for it by now, and it be written.
      if (findEntry(this.#sets(), slotOf(this.bridge, flow.table, flow.priority, flow.match))) continue
      deletions.push({ isAdd: false, frame: frameOf(flow, false), entry: undefined, was: undefined })
    }
  }

  /** Undefined for an entry that no message can hold; it is quarantined. */
  #addition(entry: FlowEntry, was?: FlowEntry): Operation | undefined {
    try {
      return addition(this.#shared.frames, entry, was)
    } catch (error) {
      this.quarantine.add(entry, String(error))
      return undefined
    }
  }

  #count(operations: number): void {
    for (const counts of [this.#counts, this.#shared.counters]) {
      counts.bundles++
      counts.flowMods += operations
      if (operations === 0) counts.stamps++
    }
  }

  #lost(session: Session, reason: string): void {
    if (this.#session !== session) return
    const { stamp, inFlight } = session
    this.#session = undefined
    this.#awaySince = this.#shared.now()
    this.#awayReason = reason
    this.#bytesBefore += session.switch.bytesOut
    session.repairs.close()
    if (stamp === undefined) {
      this.#known = undefined
      this.#log.clear()
    } else {
      this.#known = { before: stamp, after: inFlight?.stamp ?? stamp, change: inFlight?.change }
    }
    this.#shared.report(this.chassis, this.bridge, `connection lost: ${reason}`)
    this.#wake()
  }
}

const slotOfEdit = (edit: { was: FlowEntry | undefined; want: FlowEntry | undefined }): string =>
  (edit.want ?? edit.was)!.slot

const asChange = (operations: readonly Operation[]): Change => {
  const removed: FlowEntry[] = []
  const added: FlowEntry[] = []
  for (const { entry, was, isAdd } of operations) {
    if (!entry) continue
    if (!isAdd) removed.push(entry)
    else {
      added.push(entry)
      if (was) removed.push(was)
    }
  }
  return { removed, added }
}
