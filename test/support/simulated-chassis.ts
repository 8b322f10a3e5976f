// Simulated switches for benches and for behaviour that a real one cannot be made to show: they decode every message,
// keep their tables, and can be slow, hang, refuse flows or drop the connection in the middle of a bundle.
import { connect, type Socket } from 'node:net'
import { decode, encode, Framer } from 'node-openflow'
import { type Bridge, slotOf } from '#compiler'
import { datapathId } from '#fabric/datapath-id'

/** A flow as the switch keeps it. */
export interface SimulatedFlow {
  readonly table: number
  readonly priority: number
  readonly cookie: bigint
  readonly match: Buffer
  readonly instructions: Buffer
}

/** How a simulated switch behaves; may be changed at any time. */
export interface Behaviour {
  /** Milliseconds before it acts on what arrives. */
  delay: number
  /** Reads nothing. */
  isHanging: boolean
  /** Flows that it refuses when they are added to a bundle. */
  refuses: (flow: SimulatedFlow) => boolean
  /** Drops the connection at the next commit: before it takes effect, or after. */
  dropAtCommit: 'before' | 'after' | undefined
}

/** What a simulated switch has seen. */
export interface Seen {
  bytes: number
  flowMods: number
  bundles: number
  readBacks: number
}

const VERSION = 6
const ADD = 0
const DELETE_STRICT = 4
const noStats = Buffer.from('0000000400000000', 'hex')
const flowModAt = 16

// Equal flows are one object in all switches of a process, so that a thousand of them fit.
const interned = new Map<string, { flow: SimulatedFlow; slot: string }>()

const flowOf = (bridge: Bridge, add: Buffer): { flow: SimulatedFlow; slot: string; command: number; mask: bigint } => {
  const mod = add.subarray(flowModAt)
  const matchLength = (mod.readUInt16BE(50) + 7) & ~7
  const command = mod[25]!
  const mask = mod.readBigUInt64BE(16)
  const key = `${bridge} ${mod.toString('latin1', 8)}`
  let known = interned.get(key)
  if (!known) {
    const flow = {
      table: mod[24]!,
      priority: mod.readUInt16BE(30),
      cookie: mod.readBigUInt64BE(8),
      match: Buffer.from(mod.subarray(48, 48 + matchLength)),
      instructions: Buffer.from(mod.subarray(48 + matchLength)),
    }
    known = { flow, slot: slotOf(bridge, flow.table, flow.priority, flow.match) }
    interned.set(key, known)
  }
  return { ...known, command, mask }
}

const header = (type: number, xid: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(8)
  head[0] = VERSION
  head[1] = type
  head.writeUInt16BE(8 + body.length, 2)
  head.writeUInt32BE(xid, 4)
  return Buffer.concat([head, body])
}

/** One entry of an OFPMP_FLOW_DESC reply (OpenFlow 1.5.1, 7.3.5.2), without counters. */
const describeFlow = ({ table, priority, cookie, match, instructions }: SimulatedFlow): Buffer => {
  const head = Buffer.alloc(24)
  head.writeUInt16BE(24 + match.length + noStats.length + instructions.length, 0)
  head[4] = table
  head.writeUInt16BE(priority, 6)
  head.writeBigUInt64BE(cookie, 16)
  return Buffer.concat([head, match, noStats, instructions])
}

/** One simulated bridge, dialling the controller until it is stopped. */
export class SimulatedSwitch {
  readonly flows = new Map<string, SimulatedFlow>()
  readonly seen: Seen = { bytes: 0, flowMods: 0, bundles: 0, readBacks: 0 }
  readonly behaviour: Behaviour = { delay: 0, isHanging: false, refuses: () => false, dropAtCommit: undefined }
  readonly #bridge: Bridge
  readonly #id: bigint
  readonly #port: number
  readonly #retryAfter: number
  #socket: Socket | undefined
  #isStopped = false
  #bundle: Buffer[] = []
  #busy: Promise<void> = Promise.resolve()
  #retry: NodeJS.Timeout | undefined

  /** `retryAfter`: milliseconds until it dials again. */
  constructor(chassisKey: number, bridge: Bridge, port: number, retryAfter = 100) {
    this.#retryAfter = retryAfter
    this.#bridge = bridge
    this.#id = BigInt(`0x${datapathId(chassisKey, bridge)}`)
    this.#port = port
    this.#dial()
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === 'open'
  }

  /** Begins or ends hanging. */
  hang(isHanging: boolean): void {
    this.behaviour.isHanging = isHanging
    if (isHanging) this.#socket?.pause()
    else this.#socket?.resume()
  }

  /** Loses the connection; it dials again. */
  drop(): void {
    this.#socket?.destroy()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#retry)
    this.#socket?.destroy()
  }

  #dial(): void {
    if (this.#isStopped) return
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    const framer = new Framer()
    this.#socket = socket
    this.#bundle = []
    socket.on('connect', () => {
      socket.write(encode({ version: VERSION, type: 'hello', xid: 1, versions: [VERSION] }))
      if (this.behaviour.isHanging) socket.pause()
    })
    socket.on('data', chunk => {
      this.seen.bytes += chunk.length
      for (const message of framer.push(chunk)) this.#take(socket, Buffer.from(message))
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!this.#isStopped) this.#retry = setTimeout(() => this.#dial(), this.#retryAfter)
    })
  }

  #take(socket: Socket, message: Buffer): void {
    if (this.behaviour.delay === 0) {
      this.#answer(socket, message)
      return
    }
    this.#busy = this.#busy.then(async () => {
      await new Promise(resolve => setTimeout(resolve, this.behaviour.delay))
      this.#answer(socket, message)
    })
  }

  #answer(socket: Socket, data: Buffer): void {
    if (socket.destroyed) return
    const message = decode(data)
    const { xid } = message
    switch (message.type) {
      case 'features_request':
        socket.write(
          encode({
            ...{ version: VERSION, type: 'features_reply', xid, datapathId: this.#id, buffers: 0, tables: 254 },
            capabilities: ['flow_stats', 'bundles', 'flow_monitoring'],
          }),
        )
        break
      case 'echo_request':
        socket.write(encode({ ...message, type: 'echo_reply' }))
        break
      case 'barrier_request':
        socket.write(header(21, xid, Buffer.alloc(0)))
        break
      case 'flow_monitor_request':
        socket.write(header(19, xid, Buffer.from('0010000000000000', 'hex')))
        break
      case 'flow_stats_request':
        this.#describe(socket, xid, message.table ?? 255, message.cookie ?? 0n, message.cookieMask ?? 0n)
        break
      case 'bundle_control':
        this.#control(socket, xid, data, message.control)
        break
      case 'bundle_add_message':
        this.#add(socket, xid, data)
        break
    }
  }

  #describe(socket: Socket, xid: number, table: number, cookie: bigint, mask: bigint): void {
    this.seen.readBacks++
    let entries: Buffer[] = []
    let size = 0
    const send = (more: number) => {
      const head = Buffer.from([0, 1, 0, more, 0, 0, 0, 0])
      socket.write(header(19, xid, Buffer.concat([head, ...entries])))
      entries = []
      size = 0
    }
    for (const flow of this.flows.values()) {
      if ((table !== 255 && flow.table !== table) || (flow.cookie & mask) !== (cookie & mask)) continue
      const entry = describeFlow(flow)
      if (size + entry.length > 60_000) send(1)
      entries.push(entry)
      size += entry.length
    }
    send(0)
  }

  #add(socket: Socket, xid: number, data: Buffer): void {
    const { flow } = flowOf(this.#bridge, data)
    if (!this.behaviour.refuses(flow)) {
      this.#bundle.push(data)
      return
    }
    // OFPET_FLOW_MOD_FAILED, OFPFMFC_TABLE_FULL.
    socket.write(header(1, xid, Buffer.concat([Buffer.from([0, 5, 0, 1]), data.subarray(0, 64)])))
  }

  #control(socket: Socket, xid: number, data: Buffer, control: string | number): void {
    const reply = Buffer.from(data.subarray(8))
    reply.writeUInt16BE(reply.readUInt16BE(4) + 1, 4)
    if (control === 'open_request' || control === 'discard_request') this.#bundle = []
    if (control === 'commit_request') {
      const drop = this.behaviour.dropAtCommit
      this.behaviour.dropAtCommit = undefined
      if (drop === 'before') {
        socket.destroy()
        return
      }
      this.seen.bundles++
      for (const add of this.#bundle) this.#apply(add)
      this.#bundle = []
      if (drop === 'after') {
        socket.destroy()
        return
      }
    }
    socket.write(header(33, xid, reply))
  }

  #apply(add: Buffer): void {
    const { flow, slot, command, mask } = flowOf(this.#bridge, add)
    this.seen.flowMods++
    if (command === ADD) this.flows.set(slot, flow)
    else if (command === DELETE_STRICT) {
      const held = this.flows.get(slot)
      if (held && (held.cookie & mask) === (flow.cookie & mask)) this.flows.delete(slot)
    }
  }
}
