// Programs all chassis: takes in what the compiler changed, hands it to those that hold the flow sets concerned, and
// says what stands where.
import { type Action, LOCAL, output } from 'node-openflow/flow'
import {
  type Bridge,
  bridges,
  type CompileDelta,
  type Compiled,
  type FlowEntry,
  type FlowSetDelta,
} from '#compiler/flow-set'
import type { BridgeProgrammer, BridgeStatus } from './bridge-programmer.ts'
import type { Change } from './change-log.ts'
import { ChassisProgrammer } from './chassis-programmer.ts'
import type { Difference } from './comparison.ts'
import type { DriftEvent } from './drift.ts'
import { Frames } from './frames.ts'
import { Gate } from './gate.ts'
import { Histogram, type HistogramValues } from './latency.ts'
import { PacketIns } from './packet-ins.ts'
import type { Quarantined } from './quarantine.ts'
import { ALL_BITS, OURS } from './read-back.ts'
import { type Counters, noCounts } from './shared.ts'
import { type Connections, type CountedFlow, type FlowCounters, type Switch, SwitchLost } from './switch.ts'

/** How long (ms) a chassis that is let go of may take to delete our flows. */
const RELEASE = 10_000
const U64 = (n: bigint) => BigInt.asUintN(64, n)

/** What programming needs from outside. */
export interface ProgrammingOptions {
  readonly compiled: Compiled
  /** Read-backs under way at a time, those in the background aside; default 4. */
  readonly readBacks?: number
  /** How long (ms) a switch may take for a small bundle before its connection is given up; default 10,000. */
  readonly patience?: number
  /** Entries that may wait for a switch before it is compared as a whole instead; default 100,000. */
  readonly maxWaiting?: number
  /** Milliseconds after which a chassis in sync by its stamp is read back; default 2,000: first all get in sync. */
  readonly auditDelay?: number
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Something for the log. */
  readonly report?: (chassis: string, bridge: Bridge | undefined, what: string) => void
}

/** How programming a chassis stands. */
export interface ProgrammingStatus {
  /** Whether both bridges are connected. */
  readonly isConnected: boolean
  /** The revision up to which it acknowledged everything; 0: not known to be in sync. */
  readonly acknowledged: number
  readonly bridges: Readonly<Record<Bridge, BridgeStatus>>
}

/** One bridge's part of a change, and what it does to the digest. */
type Parts = Readonly<Record<Bridge, { readonly change: Change; readonly digest: bigint } | undefined>>

export class Programming {
  readonly packetIns: PacketIns
  /** Counts over all chassis since the start. */
  readonly counters: Counters = noCounts()
  readonly #compiled: Compiled
  readonly #frames = new Frames()
  readonly #latency = new Histogram()
  readonly #chassis = new Map<string, ChassisProgrammer>()
  readonly #waiters = new Map<string, Set<() => void>>()
  readonly #progress = new Set<(chassis: string | undefined) => void>()
  readonly #drift = new Set<(event: DriftEvent) => void>()
  readonly #shared: ConstructorParameters<typeof ChassisProgrammer>[1]
  #revision: number

  constructor(options: ProgrammingOptions) {
    const { compiled, now = Date.now, report = () => {} } = options
    this.#compiled = compiled
    this.#revision = compiled.revision
    this.packetIns = new PacketIns(now, (chassis, what) => report(chassis, 'br-int', what))
    this.#shared = {
      ...{ compiled, frames: this.#frames, latency: this.#latency, counters: this.counters, now, report },
      readBacks: new Gate(options.readBacks ?? 4),
      audits: new Gate(2),
      auditDelay: options.auditDelay ?? 2000,
      patience: options.patience ?? 10_000,
      maxWaiting: options.maxWaiting ?? 100_000,
      largeBundles: new Gate(8),
      revision: () => this.#revision,
      onDrift: event => {
        for (const listener of this.#drift) listener(event)
      },
      onProgress: chassis => this.#progressed(chassis),
    }
  }

  /** Time from a change to its acknowledgement by a chassis, in seconds. */
  get latency(): HistogramValues {
    return this.#latency.values
  }

  /** Bytes of flow-mods encoded so far, each counted once however many chassis got it. */
  get bytesEncoded(): number {
    return this.#frames.bytes
  }

  /** Takes in what a commit changed. To be called with every delta of the compiler, in order. */
  apply(delta: CompileDelta): void {
    this.#revision = delta.revision
    const woken = new Set<ChassisProgrammer>()
    const note = (id: string, parts: Parts) => {
      const programmer = this.#chassis.get(id)
      if (!programmer) return
      for (const bridge of bridges) {
        const part = parts[bridge]
        if (part) programmer.bridges[bridge].note(part.change, part.digest)
      }
      programmer.changed()
      woken.add(programmer)
    }
    const begun = new Set(delta.subscribed.map(s => JSON.stringify([s.chassis, s.flowSet])))
    const deltas = new Map(delta.flowSets.map(d => [d.flowSet, d]))
    for (const flowSet of delta.flowSets) {
      const parts = split(flowSet.removed, flowSet.added)
      for (const id of this.#compiled.subscribers(flowSet.flowSet))
        if (begun.size === 0 || !begun.has(JSON.stringify([id, flowSet.flowSet]))) note(id, parts)
    }
    const whole = remembered(id => split([], this.#entries(id)))
    const former = remembered(id => split(before(this.#entries(id), deltas.get(id)), []))
    for (const { chassis, flowSet } of delta.unsubscribed) note(chassis, former(flowSet))
    for (const { chassis, flowSet } of delta.subscribed) note(chassis, whole(flowSet))
    for (const programmer of woken) programmer.wake()
    for (const id of [...this.#waiters.keys()]) this.#check(id)
    for (const listener of this.#progress) listener(undefined)
    for (const id of new Set(delta.unsubscribed.map(ended => ended.chassis))) void this.#release(id)
  }

  /** A switch was recognised as a bridge of a chassis. Returns when it is in sync, or lost. */
  async connect(chassis: string, bridge: Bridge, sw: Switch): Promise<void> {
    await this.#programmer(chassis).bridges[bridge].connect(sw)
  }

  /** Resolves when every connected chassis acknowledged what was handed in so far, or after `timeout` ms. */
  async finish(timeout: number): Promise<void> {
    const connected = [...this.#chassis.values()].filter(programmer => programmer.isConnected)
    await Promise.all(connected.map(programmer => this.acknowledged(programmer.id, this.#revision, timeout)))
  }

  /** Ends all connections; flows stay. */
  close(): void {
    for (const programmer of this.#chassis.values()) programmer.close('the controller ends')
  }

  /** The chassis that ever connected. */
  get chassis(): readonly string[] {
    return [...this.#chassis.keys()]
  }

  /** Undefined for a chassis that never connected. */
  status(chassis: string): ProgrammingStatus | undefined {
    const programmer = this.#chassis.get(chassis)
    return (
      programmer && {
        isConnected: programmer.isConnected,
        acknowledged: programmer.acknowledged,
        bridges: { 'br-int': programmer.bridges['br-int'].status, 'br-tun': programmer.bridges['br-tun'].status },
      }
    )
  }

  /** Whether both bridges of a chassis are connected. */
  isConnected(chassis: string): boolean {
    return this.#chassis.get(chassis)?.isConnected ?? false
  }

  /** Whether a chassis acknowledged everything up to a revision. */
  isAcknowledged(chassis: string, revision: number): boolean {
    return (this.#chassis.get(chassis)?.acknowledged ?? 0) >= Math.max(revision, 1)
  }

  /** Resolves with true once a chassis acknowledged everything up to a revision; with false after `timeout` ms. */
  acknowledged(chassis: string, revision: number, timeout: number): Promise<boolean> {
    if (this.isAcknowledged(chassis, revision)) return Promise.resolve(true)
    return new Promise(resolve => {
      const waiters = this.#waiters.get(chassis) ?? new Set()
      this.#waiters.set(chassis, waiters)
      const end = (isDone: boolean) => {
        clearTimeout(timer)
        waiters.delete(check)
        if (waiters.size === 0) this.#waiters.delete(chassis)
        resolve(isDone)
      }
      const check = () => this.isAcknowledged(chassis, revision) && end(true)
      const timer = setTimeout(end, timeout, false).unref()
      waiters.add(check)
    })
  }

  /**
   * Calls `listener` when what a chassis acknowledged, or its connections, changed; with undefined when a delta was
   * taken in, which those that it does not concern have acknowledged thereby. Returns how to stop.
   */
  onProgress(listener: (chassis: string | undefined) => void): () => void {
    this.#progress.add(listener)
    return () => this.#progress.delete(listener)
  }

  /** Calls `listener` with every drift event. Returns how to stop. */
  onDrift(listener: (event: DriftEvent) => void): () => void {
    this.#drift.add(listener)
    return () => this.#drift.delete(listener)
  }

  /** The newest drift events of a chassis, oldest first. */
  drift(chassis: string): readonly DriftEvent[] {
    const all = bridges.flatMap(bridge => this.#chassis.get(chassis)?.bridges[bridge].journal.events ?? [])
    return all.sort((a, b) => a.at - b.at)
  }

  /** The entries that a chassis refused. */
  quarantined(chassis: string): readonly Quarantined[] {
    return bridges.flatMap(bridge => this.#chassis.get(chassis)?.bridges[bridge].quarantine.list ?? [])
  }

  /** Streams all flows of a bridge, or of one table, with their counters, ours and others'. Rejects with SwitchLost. */
  async *installed(chassis: string, bridge: Bridge, table?: number): AsyncIterable<readonly CountedFlow[]> {
    const everything = { cookie: 0n, mask: 0n }
    yield* this.#connected(chassis, bridge).flows(table === undefined ? everything : { ...everything, table })
  }

  /**
   * Streams the counters of our flows in one table, or in all; or of those with one cookie, of which switches have an
   * index. Rejects with SwitchLost.
   */
  async *counted(
    chassis: string,
    bridge: Bridge,
    table?: number,
    cookie?: bigint,
  ): AsyncIterable<readonly FlowCounters[]> {
    const ours = cookie === undefined ? OURS : { cookie, mask: ALL_BITS }
    yield* this.#connected(chassis, bridge).counters({ ...ours, ...(table === undefined ? {} : { table }) })
  }

  /** Sends a packet through the flow tables of a bridge as if it had come in by a port; lost when there is no connection. */
  inject(chassis: string, bridge: Bridge, inPort: number, packet: Uint8Array): void {
    this.#chassis.get(chassis)?.bridges[bridge].switch?.inject(inPort, packet)
  }

  /** Sends a packet out of a port of a bridge, past its flow tables; lost when there is no connection. */
  emit(chassis: string, bridge: Bridge, outPort: number, packet: Uint8Array): void {
    this.run(chassis, bridge, [output(outPort)], packet)
  }

  /**
   * Does actions on a packet on a bridge, as a flow would on one that came in by a port; lost when there is no connection. By
   * default that is the bridge's own, out of which we send nothing. (A packet that came in by the controller is lost when it
   * goes through conntrack after its in_port was changed, as routers do.)
   */
  run(chassis: string, bridge: Bridge, actions: readonly Action[], packet: Uint8Array, inPort = LOCAL): void {
    this.#chassis.get(chassis)?.bridges[bridge].switch?.run(actions, packet, inPort)
  }

  /**
   * Forgets the connections of a conntrack zone of a chassis, before any flow of a later delta is written. Not done where
   * there is no connection: flows tell strangers' connections by their label.
   */
  flushZone(chassis: string, zone: number): void {
    this.#chassis.get(chassis)?.bridges['br-int'].switch?.flushZone(zone)
  }

  /** Forgets some connections of a chassis; not done where there is no connection to it. */
  forget(chassis: string, connections: Connections): void {
    this.#chassis.get(chassis)?.bridges['br-int'].switch?.forget(connections)
  }

  /** Reads a bridge back and tells how it differs from what it should hold. Rejects with SwitchLost. */
  async diff(chassis: string, bridge: Bridge): Promise<Difference> {
    const programmer: BridgeProgrammer | undefined = this.#chassis.get(chassis)?.bridges[bridge]
    if (!programmer) throw new SwitchLost(`${bridge} of ${chassis} is not connected`)
    return await programmer.compare()
  }

  #connected(chassis: string, bridge: Bridge): Switch {
    const sw = this.#chassis.get(chassis)?.bridges[bridge].switch
    if (!sw) throw new SwitchLost(`${bridge} of ${chassis} is not connected`)
    return sw
  }

  #programmer(chassis: string): ChassisProgrammer {
    let programmer = this.#chassis.get(chassis)
    if (!programmer) {
      programmer = new ChassisProgrammer(chassis, this.#shared)
      this.#chassis.set(chassis, programmer)
    }
    return programmer
  }

  /** A chassis that is to hold nothing any more is not ours any more: lets go of it once its flows are gone. */
  async #release(chassis: string): Promise<void> {
    const isUnwanted = () => this.#compiled.subscriptions(chassis).size === 0
    if (!isUnwanted()) return
    await this.acknowledged(chassis, this.#revision, RELEASE)
    if (!isUnwanted()) return
    this.#chassis.get(chassis)?.close('it is not a chassis of ours any more')
    this.#chassis.delete(chassis)
    this.packetIns.forget(chassis)
  }

  #entries(flowSet: string): readonly FlowEntry[] {
    return [...(this.#compiled.flowSet(flowSet)?.entries.values() ?? [])]
  }

  #check(chassis: string): void {
    for (const check of [...(this.#waiters.get(chassis) ?? [])]) check()
  }

  #progressed(chassis: string): void {
    this.#check(chassis)
    for (const listener of this.#progress) listener(chassis)
  }
}

/** A function of a name, computed once for each. */
const remembered = <T>(compute: (name: string) => T): ((name: string) => T) => {
  const made = new Map<string, T>()
  return name => {
    const known = made.get(name)
    if (known !== undefined) return known
    const value = compute(name)
    made.set(name, value)
    return value
  }
}

/** What a flow set held before a delta changed it. */
const before = (now: readonly FlowEntry[], delta: FlowSetDelta | undefined): readonly FlowEntry[] => {
  if (!delta) return now
  const added = new Set(delta.added)
  return [...now.filter(entry => !added.has(entry)), ...delta.removed]
}

const split = (removed: readonly FlowEntry[], added: readonly FlowEntry[]): Parts => {
  const part = (bridge: Bridge) => {
    const change = { removed: removed.filter(e => e.bridge === bridge), added: added.filter(e => e.bridge === bridge) }
    if (change.removed.length + change.added.length === 0) return undefined
    const sum = (entries: readonly FlowEntry[]) => entries.reduce((total, entry) => total + entry.digest, 0n)
    return { change, digest: U64(sum(change.added) - sum(change.removed)) }
  }
  return { 'br-int': part('br-int'), 'br-tun': part('br-tun') }
}
