// Queues: their counters and their configuration. OpenFlow 1.3 asks for the configuration by a message of its own,
// later versions by a multipart request; both are `queue_desc` here.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { list, pad, rest, u16, u32, u64 } from '../wire/index.ts'
import { ANY_PORT } from './port.ts'
import { length16, type PropertyOf, preset, properties, property, record, sized } from './shape.ts'

/** OFPQ_ALL: every queue. */
export const ALL_QUEUES = 0xffffffff

/** A request about one queue of one port, or all. */
export const queueRequest = record({ port: preset(u32, ANY_PORT), queue: preset(u32, ALL_QUEUES) })

const stats = {
  port: u32,
  queue: u32,
  txBytes: u64,
  txPackets: u64,
  txErrors: u64,
  durationSec: u32,
  durationNsec: u32,
}

/** A queue's counters (OpenFlow 1.5.1, 7.3.5.8). */
export interface QueueStats {
  readonly port: number
  readonly queue: number
  readonly txBytes: bigint
  readonly txPackets: bigint
  readonly txErrors: bigint
  readonly durationSec: number
  readonly durationNsec: number
  readonly properties?: readonly PropertyOf<Record<never, never>>[]
}

const stats14: Codec<QueueStats> = sized(
  0,
  record({ _length: length16, _pad: pad(6), ...stats, properties: preset(properties({}), []) }),
)

/** OFPMP_QUEUE_STATS, reply. */
export const queueStatsReply = (v: Version) => record({ entries: list<QueueStats>(v === 4 ? record(stats) : stats14) })

const descRows = {
  min_rate: property(1, record({ rate: u16, _pad: pad(2) })),
  max_rate: property(2, record({ rate: u16, _pad: pad(2) })),
}

/** A property of a queue: rates are in tenths of a percent, above 1000 they are off. */
export type QueueProperty = PropertyOf<typeof descRows>

/** A queue's configuration (7.3.5.9). */
export interface QueueDesc {
  readonly port: number
  readonly queue: number
  readonly properties: readonly QueueProperty[]
}

const desc14: Codec<QueueDesc> = sized(
  8,
  record({ port: u32, queue: u32, _length: length16, _pad: pad(6), properties: properties(descRows) }),
)

// OpenFlow 1.3 has the queue before the port, and properties with a header of 8 bytes and no padding.
const desc13: Codec<QueueDesc> = sized(
  8,
  record({
    queue: u32,
    port: u32,
    _length: length16,
    _pad: pad(6),
    properties: properties(
      {
        min_rate: property(1, record({ _pad: pad(4), rate: u16, _pad2: pad(6) })),
        max_rate: property(2, record({ _pad: pad(4), rate: u16, _pad2: pad(6) })),
        experimenter: property(0xffff, record({ _pad: pad(4), experimenter: u32, expType: u32, data: rest })),
      },
      0x10000,
      1,
    ) as Codec<readonly QueueProperty[]>,
  }),
)

/** The queues that were asked for. */
export interface QueueDescReply {
  /** OpenFlow 1.3: the port that was asked for, where the queues do not tell. */
  readonly port?: number
  readonly entries: readonly QueueDesc[]
}

const entries13 = list(desc13)

/** OFPT_QUEUE_GET_CONFIG_REPLY of OpenFlow 1.3. */
export const queueConfigReply: Codec<QueueDescReply> = {
  size: 0,
  read: r => {
    const port = r.u32()
    r.skip(4)
    const entries = entries13.read(r)
    return entries[0]?.port === port ? { entries } : { port, entries }
  },
  write: (w, value) => {
    w.u32(value.port ?? value.entries[0]?.port ?? ANY_PORT)
    w.zeros(4)
    entries13.write(w, value.entries)
  },
}

/** OFPT_QUEUE_GET_CONFIG_REQUEST of OpenFlow 1.3: all queues of one port. */
export const queueConfigRequest = record({ port: preset(u32, ANY_PORT), _pad: pad(4) })

/** OFPMP_QUEUE_DESC, reply. */
export const queueDescReply: Codec<QueueDescReply> = record({ entries: list(desc14) })
