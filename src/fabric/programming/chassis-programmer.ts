// Programs one chassis: both its bridges in an order in which every intermediate state drops or forwards as before
// (br-tun's additions, br-int, br-tun's deletions), one bundle a bridge at a time, and tells what has been acknowledged.
import type { Bridge } from '#compiler/flow-set'
import { BridgeProgrammer } from './bridge-programmer.ts'
import type { Histogram } from './latency.ts'
import type { Shared } from './shared.ts'

/** What the chassis of one controller share beyond what their bridges do. */
export interface ChassisShared extends Shared {
  /** Time from a change to its acknowledgement, in seconds. */
  readonly latency: Histogram
  /** The revision up to which deltas were handed in. */
  readonly revision: () => number
  /** Called when what a chassis has acknowledged, or its connections, changed. */
  readonly onProgress: (chassis: string) => void
}

export class ChassisProgrammer {
  readonly id: string
  readonly bridges: Readonly<Record<Bridge, BridgeProgrammer>>
  readonly #shared: ChassisShared
  #isRunning = false
  #isWoken = false
  #acknowledged = 0
  #changedAt: number | undefined

  constructor(id: string, shared: ChassisShared) {
    const wake = () => this.wake()
    this.id = id
    this.#shared = shared
    this.bridges = {
      'br-int': new BridgeProgrammer(id, 'br-int', shared, wake),
      'br-tun': new BridgeProgrammer(id, 'br-tun', shared, wake),
    }
  }

  /** Whether both bridges are connected. */
  get isConnected(): boolean {
    return this.bridges['br-int'].state !== 'away' && this.bridges['br-tun'].state !== 'away'
  }

  /** The revision up to which the switch has acknowledged all that concerns it; 0 while that is not known. */
  get acknowledged(): number {
    const { 'br-int': int, 'br-tun': tun } = this.bridges
    if (!int.isSynced || !tun.isSynced) return 0
    return !this.#isRunning && int.isQuiet && tun.isQuiet ? this.#shared.revision() : this.#acknowledged
  }

  /** A change was noted for one of the bridges: starts the clock of its latency. */
  changed(): void {
    this.#changedAt ??= performance.now()
  }

  /** Writes what waits, now or after what is being written. */
  wake(): void {
    this.#isWoken = true
    if (!this.#isRunning) void this.#run()
  }

  close(why: string): void {
    for (const bridge of Object.values(this.bridges)) bridge.close(why)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#isWoken) {
      this.#isWoken = false
      const revision = this.#shared.revision()
      const changedAt = this.#changedAt
      this.#changedAt = undefined
      const outcome = await this.#round()
      if (outcome === 'nothing') continue
      this.#isWoken = true
      if (outcome === 'failed') continue
      if (Object.values(this.bridges).every(bridge => bridge.isSynced)) this.#acknowledged = revision
      if (changedAt !== undefined) this.#shared.latency.observe((performance.now() - changedAt) / 1000)
      this.#shared.onProgress(this.id)
    }
    this.#isRunning = false
    this.#shared.onProgress(this.id)
  }

  /** Writes what waits on both bridges. When a connection is lost, its bridge keeps what is to be done. */
  async #round(): Promise<'nothing' | 'done' | 'failed'> {
    const { 'br-int': int, 'br-tun': tun } = this.bridges
    // What the first read-backs find goes out for both bridges together, in the order above.
    const mayRepair = !int.isReading && !tun.isReading
    const intWork = int.take(mayRepair)
    const tunWork = tun.take(mayRepair)
    if (!intWork && !tunWork) return 'nothing'
    let isDone = true
    const attempt = (writing: Promise<void>) =>
      writing.then(
        () => true,
        () => {
          isDone = false
          return false
        },
      )
    if (!intWork || !tunWork) {
      if (intWork) await attempt(int.write(intWork, [...intWork.deletions, ...intWork.additions]))
      if (tunWork) await attempt(tun.write(tunWork, [...tunWork.deletions, ...tunWork.additions]))
      return isDone ? 'done' : 'failed'
    }
    const { additions, deletions } = tunWork
    const tunAdded = additions.length === 0 ? true : attempt(tun.write(tunWork, additions, deletions))
    // Flows that others replace are better in neither order: both at once, the time in between is the shortest.
    if (additions.some(({ was }) => was === undefined)) await tunAdded
    await attempt(int.write(intWork, [...intWork.deletions, ...intWork.additions]))
    if (!(await tunAdded)) tun.putBack(deletions)
    else if (deletions.length > 0 || additions.length === 0) await attempt(tun.write(tunWork, deletions))
    return isDone ? 'done' : 'failed'
  }
}
