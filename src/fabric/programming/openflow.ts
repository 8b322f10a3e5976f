// A Switch over an OpenFlow 1.5 connection: the only file here that makes messages, flow-mods aside (frames.ts).
import {
  type Connection,
  ConnectionClosed,
  type CtFlush,
  type CtTuple,
  type FlowStats,
  type FlowChange as MonitoredChange,
  type OpenFlowError,
} from 'node-openflow'
import { OFP15, output, TABLE, Writer, writeInstructions, writeMatch } from 'node-openflow/flow'
import { COMMIT, COMMIT_XID, OPEN, OPEN_XID } from './frames.ts'
import {
  type BundleResult,
  type Connections,
  type CountedFlow,
  type Ends,
  type FlowChange,
  type FlowCounters,
  type FlowFilter,
  type InstalledFlow,
  type Rejection,
  type Switch,
  SwitchLost,
} from './switch.ts'

/** How long (ms) a switch may be silent in the middle of a read-back. */
const SILENCE = 10_000

const errorText = (error: OpenFlowError): string =>
  typeof error.error === 'string' ? error.error : `error ${error.error.type}/${error.error.code}`

/** Why a request failed, for those who know only switches. */
const lost = (connection: Connection, error: unknown): SwitchLost => {
  const reason = error instanceof Error ? error.message : String(error)
  connection.destroy(new Error(reason))
  return new SwitchLost(reason)
}

const writer = new Writer(4096)

/** What was read, encoded again by the codec that encodes our own flows: equal flows are equal bytes. */
const installed = (flow: FlowStats | MonitoredChange): InstalledFlow => {
  const { table, priority, cookie, match, actions, idleTimeout = 0, hardTimeout = 0 } = flow
  writer.reset()
  writeMatch(writer, match, OFP15)
  const matchEnd = writer.length
  writeInstructions(writer, actions, OFP15)
  const bytes = writer.take()
  const wire = { table, priority, cookie, match: bytes.subarray(0, matchEnd), instructions: bytes.subarray(matchEnd) }
  return { ...wire, idleTimeout, hardTimeout, flow: { table, priority, cookie, match, actions } }
}

const counters = ({ cookie, packetCount = 0n, byteCount = 0n, idleSec = 0 }: FlowStats): FlowCounters => ({
  ...{ cookie, packets: Number(packetCount), bytes: Number(byteCount), idle: idleSec },
})

const counted = (flow: FlowStats): CountedFlow => ({
  ...installed(flow),
  packets: flow.packetCount ?? 0n,
  bytes: flow.byteCount ?? 0n,
  seconds: flow.durationSec ?? 0,
})

/** Bundles on a connection, one at a time. */
class Bundles {
  readonly #connection: Connection
  #rejections: Rejection[] = []
  #open: { readonly resolve: (isCommitted: boolean) => void; readonly reject: (error: unknown) => void } | undefined

  constructor(connection: Connection) {
    this.#connection = connection
    connection.on('message', message => {
      if (message.type === 'bundle_control' && message.xid === COMMIT_XID) this.#open?.resolve(true)
    })
    connection.on('openflowError', error => {
      if (error.xid === COMMIT_XID) this.#open?.resolve(false)
      else if (error.xid === OPEN_XID) lost(connection, error)
      else if (error.xid > OPEN_XID) this.#rejections.push({ xid: error.xid, error: errorText(error) })
    })
    connection.once('close', error => this.#open?.reject(error ?? new Error('the connection is closed')))
  }

  /**
   * All in one go, without waiting for the answer to the opening. By OpenFlow's rules a message that is refused is left
   * out, and the others are committed: whoever asked puts that right.
   */
  async run(buffers: readonly Uint8Array[], timeout: number): Promise<BundleResult> {
    this.#rejections = []
    let timer: NodeJS.Timeout | undefined
    try {
      const isCommitted = await new Promise<boolean>((resolve, reject) => {
        this.#open = { resolve, reject }
        timer = setTimeout(() => reject(new Error(`no answer to a bundle within ${timeout} ms`)), timeout)
        this.#connection.sendRaw([OPEN, ...buffers, COMMIT]).catch(reject)
      })
      return { isCommitted, rejections: this.#rejections }
    } catch (error) {
      throw lost(this.#connection, error)
    } finally {
      clearTimeout(timer)
      this.#open = undefined
    }
  }
}

async function* flows<T>(
  connection: Connection,
  filter: FlowFilter,
  show: (flow: FlowStats) => T,
): AsyncIterable<readonly T[]> {
  const { cookie, mask: cookieMask, table = 255 } = filter
  try {
    const request = { type: 'flow_stats_request', table, cookie, cookieMask, match: {} } as const
    for await (const part of connection.multipart(request, { timeout: SILENCE })) yield part.entries.map(show)
  } catch (error) {
    throw lost(connection, error)
  }
}

const watch = (connection: Connection, listener: (changes: readonly FlowChange[]) => void): void => {
  connection.on('flow_monitor_reply', message => {
    const changes = message.entries.flatMap((update): FlowChange[] =>
      update.event === 'added' || update.event === 'removed' || update.event === 'modified'
        ? [{ event: update.event, flow: installed(update) }]
        : [],
    )
    if (changes.length > 0) listener(changes)
  })
  // Without `no_abbrev` our own changes come as a bare xid. Nothing is asked of what is there already.
  const monitor = { id: 1, command: 'add', flags: ['add', 'removed', 'modify', 'instructions'], match: {} } as const
  connection.request({ type: 'flow_monitor_request', entries: [monitor] }).catch(error => {
    if (!(error instanceof ConnectionClosed)) lost(connection, error)
  })
}

/**
 * First fragments have ports (ovs-ofctl(8), set-frags): else flows that ask for ports see none in any fragment, and what
 * they drop passes in pieces.
 */
const CONFIG = { type: 'set_config', fragments: 'nx_match', missSendLen: 0xffff } as const

/** As IPv6. */
const mapped = (ip: string) => (ip.includes(':') ? ip : `::ffff:${ip}`)

const tuple = ({ src, dst, dstPort }: Ends): CtTuple => ({
  ...(src === undefined ? {} : { src: mapped(src) }),
  ...(dst === undefined ? {} : { dst: mapped(dst) }),
  ...(dstPort === undefined ? {} : { dstPort }),
})

const [TCP, UDP] = [6, 17]

/** The messages by which a switch forgets connections: one, or for IPv6 one for each protocol that it may forget. */
const flushes = ({ zone, protocol, original, reply }: Connections): readonly CtFlush[] => {
  const isV6 = [original?.src, original?.dst, reply?.src, reply?.dst].some(ip => ip?.includes(':'))
  const of = {
    zone,
    ...(original === undefined ? {} : { orig: tuple(original) }),
    ...(reply === undefined ? {} : { reply: tuple(reply) }),
  }
  const protocols = protocol === undefined && isV6 ? [TCP, UDP] : [protocol]
  return protocols.map(ipProto => (ipProto === undefined ? of : { ipProto, ...of }))
}

/** A connected switch. Its connection has been opened with OpenFlow 1.5 alone. */
export const openFlowSwitch = (connection: Connection): Switch => {
  const bundles = new Bundles(connection)
  connection.send(CONFIG)
  return {
    closed: new Promise(resolve => {
      connection.once('close', error => resolve(error?.message))
    }),
    get bytesOut() {
      return connection.counters.bytesSent
    },
    bundle: (buffers, timeout) => bundles.run(buffers, timeout),
    flows: filter => flows(connection, filter, counted),
    counters: filter => flows(connection, filter, counters),
    watch: listener => watch(connection, listener),
    inject: (inPort, data) => connection.send({ type: 'packet_out', inPort, actions: [output(TABLE)], data }),
    run: (actions, data, inPort) => connection.send({ type: 'packet_out', inPort, actions, data }),
    flushZone: zone => connection.send({ type: 'ct_flush_zone', zone }),
    forget: connections => {
      for (const flush of flushes(connections)) connection.send({ type: 'ct_flush', ...flush })
    },
    close: why => connection.destroy(new Error(why)),
  }
}
