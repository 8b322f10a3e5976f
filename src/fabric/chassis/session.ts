// One host while its database is connected: reports it, programs its bridges, and turns what happens to its interfaces
// into transactions of the model. Everything is recomputed from the copy of the database and compared with what was
// last said or written, so that it does not matter in which order things change.
import { comment, type Database, type Replica, type Step } from 'ovsdb-client'
import { attachments, type Chassis, chassis, isProgrammed } from '#model/chassis'
import { type ChassisReport, reportChassis } from '#model/chassis-report'
import { networks } from '#model/network'
import { segmentAt } from '#model/reach'
import type { Reader } from '#model/transaction'
import type { Store } from '#store/store'
import { datapathId } from '../datapath-id.ts'
import { type BfdSessions, followBfd, readBfd, watchedBy } from './bfd-sessions.ts'
import { concernsRepair, idleBridges, repair } from './bridges.ts'
import { ClaimReader, compareClaims, knownClaims, writeClaims } from './claims.ts'
import type { Reached } from './controller-target.ts'
import { concernsReport, readHost, statusIntervalOf } from './host-settings.ts'
import type { selection, Tables } from './schema.ts'
import type { WantedBridges } from './wanted-ports.ts'

/** A host's database, connected and copied. */
export interface Host {
  readonly database: Database<Tables>
  readonly replica: Replica<Tables, typeof selection>
  readonly reached: Reached
}

/** What a session needs of the rest. */
export interface SessionContext {
  readonly store: Store
  /** Chassis never seen before are approved at once. */
  readonly autoApprove: boolean
  /** Where the host's switch finds us; undefined when it cannot. */
  readonly controllerTarget: (reached: Reached) => string | undefined
  /** The session's problems have changed. */
  readonly onProblems: () => void
  /** The host's BFD sessions are these now; undefined: nothing is known of them any more. */
  readonly onBfd: (sessions: BfdSessions | undefined) => void
}

/** Milliseconds until what failed is tried again. */
const RETRY_AFTER = 2000
/** Milliseconds in which a switch makes a bridge, and the bridge reaches us; of a busy one too. */
const IDLE_FOR = 5000
/** The same repair more often than this, each within so many milliseconds of the last, is futile. */
const MAX_REPAIRS = 5
const FUTILE_WITHIN = 10_000

/** For `ovsdb-tool show-log`. */
const REMARK = comment('flowright: make its bridges what they should be')

/** The VLANs of each physical network that a chassis uses: those that may cross its patch to the provider bridge. */
const trunksOf = (reader: Reader, record: Chassis): Map<string, readonly number[]> => {
  const trunks = new Map<string, number[]>()
  if (Object.keys(record.providerPorts).length === 0) return trunks
  for (const { network } of reader.by(attachments, 'chassis', record.id)) {
    const segment = segmentAt(reader.get(networks, network)?.segments ?? [], record)
    if (segment?.networkType !== 'vlan' && segment?.networkType !== 'flat') continue
    const vlan = segment.networkType === 'flat' ? 0 : (segment.segmentationId ?? 0)
    const vlans = trunks.get(segment.physicalNetwork ?? '') ?? []
    if (!vlans.includes(vlan)) vlans.push(vlan)
    trunks.set(segment.physicalNetwork ?? '', vlans)
  }
  return trunks
}

/** A host under a system-id that is its own. */
export class ChassisSession {
  readonly id: string
  readonly #host: Host
  readonly #context: SessionContext
  readonly #reader: ClaimReader
  #reported = ''
  #bfd: BfdSessions
  #isRepairing = false
  /** Something changed during a repair. */
  #isDue = false
  #lastRepair = { text: '', at: 0, streak: 0 }
  #problems: readonly string[] = []
  /** What comes later: that all is compared, which nothing else may put off, and that the bridges are looked at. */
  #stockTimer: NodeJS.Timeout | undefined
  #mendTimer: NodeJS.Timeout | undefined
  /** Since when there are bridges that are idle, by why. */
  readonly #idleSince = new Map<string, number>()
  #isEnded = false

  constructor(id: string, host: Host, context: SessionContext) {
    this.id = id
    this.#host = host
    this.#context = context
    this.#reader = new ClaimReader(id)
    this.#bfd = readBfd(host.replica)
    context.onBfd(this.#bfd)
    this.#takeStock()
  }

  /** What is wrong between us and the host's database, in words. */
  get problems(): readonly string[] {
    return this.#problems
  }

  /** The database has changed. */
  follow({ changes }: Step<Tables, typeof selection>): void {
    if (this.#isEnded) return
    this.#followClaims(changes)
    const interfaces = changes.filter(change => change.table === 'Interface')
    const bfd = followBfd(this.#bfd, interfaces)
    if (bfd !== this.#bfd) this.#context.onBfd(bfd)
    this.#bfd = bfd
    const isConcerned = changes.some(({ table, before, after }) => concernsRepair(table, before, after))
    if (isConcerned || interfaces.some(({ before, after }) => concernsReport(before, after))) this.#tell()
    if (isConcerned) this.#mend()
  }

  /** The model has changed in what concerns this chassis. */
  modelChanged(): void {
    if (!this.#isEnded) this.#mend()
  }

  /** No more is done for the host. */
  end(): void {
    this.#isEnded = true
    clearTimeout(this.#stockTimer)
    clearTimeout(this.#mendTimer)
    this.#context.onBfd(undefined)
  }

  get #origin() {
    return { source: 'fabric', request: this.id }
  }

  /** Compares everything with the model: at the start, and after a transaction that failed. */
  #takeStock(): void {
    const { store, autoApprove } = this.#context
    const report = this.#readReport()
    const claims = this.#reader.read(this.#host.replica)
    this.#try(
      store.transact(this.#origin, tx => {
        reportChassis(tx, report, autoApprove)
        writeClaims(tx, this.id, compareClaims(knownClaims(tx, this.id), claims))
      }),
    ).then(isDone => isDone && this.#mend())
  }

  #followClaims(changes: Step<Tables, typeof selection>['changes']): void {
    const delta = this.#reader.follow(this.#host.replica, changes)
    if (delta.claimed.length + delta.released.length === 0) return
    void this.#try(this.#context.store.transact(this.#origin, tx => writeClaims(tx, this.id, delta)))
  }

  #readReport(): ChassisReport {
    const report = { ...readHost(this.#host.replica, this.#host.database.schema.version), id: this.id }
    this.#reported = JSON.stringify(report)
    return report
  }

  /** Reports the host again if it says something else than before. */
  #tell(): void {
    const before = this.#reported
    const report = this.#readReport()
    if (this.#reported === before) return
    const { store, autoApprove } = this.#context
    void this.#try(store.transact(this.#origin, tx => reportChassis(tx, report, autoApprove)))
  }

  /** Waits for a transaction of the model; if it fails, all is compared again later. */
  async #try(transaction: Promise<unknown>): Promise<boolean> {
    try {
      await transaction
      return true
    } catch (error) {
      clearTimeout(this.#stockTimer)
      if (!this.#isEnded) this.#stockTimer = setTimeout(() => this.#takeStock(), RETRY_AFTER)
      this.#show([`the controller cannot record its state: ${(error as Error).message}`])
      return false
    }
  }

  #mendLater(delay = RETRY_AFTER): void {
    clearTimeout(this.#mendTimer)
    if (!this.#isEnded) this.#mendTimer = setTimeout(() => this.#mend(), delay)
  }

  #show(problems: readonly string[]): void {
    if (this.#isEnded || JSON.stringify(problems) === JSON.stringify(this.#problems)) return
    this.#problems = problems
    this.#context.onProblems()
  }

  #wanted(record: Chassis, controller: string): WantedBridges {
    return {
      datapathIds: { 'br-int': datapathId(record.key, 'br-int'), 'br-tun': datapathId(record.key, 'br-tun') },
      datapathType: record.datapathType,
      controller,
      localIp: record.tunnelIp,
      tunnelTypes: record.tunnelTypes,
      providers: new Map(Object.entries(record.bridgeMappings)),
      trunks: trunksOf(this.#context.store, record),
      watched: watchedBy(this.#context.store, record),
      ownKey: record.gatewayPriority > 0 ? record.key : undefined,
    }
  }

  /** Makes the host's bridges what they should be. */
  #mend(): void {
    if (this.#isRepairing) this.#isDue = true
    if (this.#isEnded || this.#isRepairing) return
    this.#isDue = false
    const record = this.#context.store.get(chassis, this.id)
    if (record === undefined || !isProgrammed(record)) return
    const controller = this.#context.controllerTarget(this.#host.reached)
    if (controller === undefined) {
      this.#show([
        'no OpenFlow listener can be reached from it: give --openflow an address that it reaches, or --advertise',
      ])
      return
    }
    const { operations, problems } = repair(this.#host.replica, this.#wanted(record, controller))
    if (operations.length === 0) {
      this.#show([...problems, ...this.#idle(record, controller)])
      return
    }
    if (this.#isFutile(operations)) {
      this.#show([...problems, 'somebody else keeps undoing what we set on its bridges'])
      this.#mendLater()
      return
    }
    this.#show(problems)
    this.#idleSince.clear()
    this.#isRepairing = true
    this.#host.database.transact([...operations, REMARK]).then(
      () => {
        this.#isRepairing = false
        if (this.#isDue) this.#mend()
      },
      error => {
        this.#isRepairing = false
        this.#show([...problems, `its database refused a change: ${(error as Error).message}`])
        this.#mendLater()
      },
    )
  }

  /** What to say of bridges that the switch does not make, or that do not reach us. */
  #idle({ datapathType }: Chassis, controller: string): readonly string[] {
    const { unmade, astray } = idleBridges(this.#host.replica)
    const isKernel = datapathType === '' || datapathType === 'system'
    const kernel = ', and has its kernel the module openvswitch (flowright-datapath-type=netdev does without)'
    const untilUnmade = this.#untilOverdue('unmade', unmade, IDLE_FOR)
    // That a bridge reaches us is told some time after it does.
    const untilAstray = this.#untilOverdue('astray', astray, IDLE_FOR + statusIntervalOf(this.#host.replica))
    const next = Math.min(...[untilUnmade, untilAstray].filter(rest => rest > 0))
    if (next < Number.POSITIVE_INFINITY) this.#mendLater(next)
    return [
      ...(untilUnmade <= 0
        ? [`its switch has not made ${unmade.join(' and ')}: does ovs-vswitchd run${isKernel ? kernel : ''}?`]
        : []),
      ...(untilAstray <= 0
        ? [`${astray.join(' and ')} cannot reach the controller at ${controller}: is it let through?`]
        : []),
    ]
  }

  /** Milliseconds until bridges have been idle for too long, 0 or less if they have; infinite when none is idle. */
  #untilOverdue(why: string, bridges: readonly string[], patience: number): number {
    if (bridges.length === 0) {
      this.#idleSince.delete(why)
      return Number.POSITIVE_INFINITY
    }
    const since = this.#idleSince.get(why) ?? performance.now()
    this.#idleSince.set(why, since)
    return since + patience - performance.now()
  }

  /** Whether the same repair was made again and again just now. */
  #isFutile(operations: readonly unknown[]): boolean {
    const text = JSON.stringify(operations)
    const { text: lastText, at, streak } = this.#lastRepair
    const now = performance.now()
    const isRepeated = text === lastText && now - at < FUTILE_WITHIN
    if (isRepeated && streak >= MAX_REPAIRS) return true
    this.#lastRepair = { text, at: now, streak: isRepeated ? streak + 1 : 0 }
    return false
  }
}
