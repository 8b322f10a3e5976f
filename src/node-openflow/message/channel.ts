// The messages that keep a channel going and describe its ends: hello, echo, features, configuration, roles and
// which asynchronous messages a controller wants.

import type { Codec, Reader, Writer } from '../wire/index.ts'
import { pad, rest, text, u8, u16, u32, u64 } from '../wire/index.ts'
import { bits, nonzero, oneOf, type PropertyOf, preset, properties, property, record } from './shape.ts'

/** A hello element other than the version bitmap. */
export interface HelloElement {
  readonly code: number
  readonly data: Uint8Array
}

/** OFPT_HELLO (OpenFlow 1.5.1, 7.5.1). */
export interface Hello {
  /** The wire versions of the bitmap element; missing where the peer sent no bitmap. */
  readonly versions?: readonly number[]
  /** Elements that this library does not know. */
  readonly elements?: readonly HelloElement[]
}

const VERSION_BITMAP = 1

/** Hello's elements: type, length without padding, padding to 8 bytes. */
export const hello: Codec<Hello> = { size: 0, read: readHello, write: writeHello }

function readHello(r: Reader): Hello {
  let versions: number[] | undefined
  const elements: HelloElement[] = []
  while (r.remaining > 0) {
    const code = r.u16()
    const length = r.u16()
    if (length < 4) r.fail('bad-length', `a hello element of ${length} bytes`)
    const body = r.sub(length - 4)
    r.skip(Math.min((8 - (length & 7)) & 7, r.remaining))
    if (code !== VERSION_BITMAP) {
      elements.push({ code, data: body.rest() })
      continue
    }
    if (body.remaining % 4 !== 0) body.fail('bad-length', `a version bitmap of ${body.remaining} bytes`)
    versions ??= []
    for (let base = 0; body.remaining > 0; base += 32) {
      const word = body.u32()
      // A version number has 8 bits.
      for (let bit = 0; bit < 32 && base < 256; bit++) if ((word >>> bit) & 1) versions.push(base + bit)
    }
  }
  return { ...(versions && { versions }), ...(elements.length > 0 && { elements }) }
}

function writeHello(w: Writer, value: Hello): void {
  if (value.versions) {
    const words = [0]
    for (const version of value.versions) {
      while (words.length <= version >> 5) words.push(0)
      words[version >> 5] = ((words[version >> 5] as number) | (1 << (version & 31))) >>> 0
    }
    const start = w.length
    w.u16(VERSION_BITMAP)
    w.u16(4 + 4 * words.length)
    for (const word of words) w.u32(word)
    w.align8(start)
  }
  for (const element of value.elements ?? []) {
    const start = w.length
    w.u16(element.code)
    w.u16(4 + element.data.length)
    w.bytes(element.data)
    w.align8(start)
  }
}

/** Echo request and reply: the reply brings the request's data back. */
export const echo = record({ data: rest })

/** No body at all. */
export const nothing = record({})

/** OFPT_FEATURES_REPLY (7.3.1). */
export const features = record({
  datapathId: u64,
  buffers: u32,
  tables: u8,
  auxiliaryId: nonzero(u8),
  _pad: pad(2),
  capabilities: bits(u32, {
    flow_stats: 1 << 0,
    table_stats: 1 << 1,
    port_stats: 1 << 2,
    group_stats: 1 << 3,
    ip_reasm: 1 << 5,
    queue_stats: 1 << 6,
    port_blocked: 1 << 8,
    bundles: 1 << 9,
    flow_monitoring: 1 << 10,
  }),
  reserved: nonzero(u32),
})

const fragments = { normal: 0, drop: 1, reassemble: 2, nx_match: 3 } as const

/** OFPT_SET_CONFIG and OFPT_GET_CONFIG_REPLY (7.3.2). */
export interface SwitchConfig {
  readonly fragments: keyof typeof fragments
  /** Bits of the flags above the two for fragments; OpenFlow 1.3 to 1.5 define none. */
  readonly flags?: number
  /** How many bytes of a packet a packet-in carries where the action does not say. */
  readonly missSendLen: number
}

/** The two bits for fragments and the rest of the flags share 16 bits. */
export const switchConfig: Codec<SwitchConfig> = {
  size: 4,
  read: r => {
    const word = r.u16()
    const flags = word & 0xfffc
    const names = Object.keys(fragments) as (keyof typeof fragments)[]
    return { fragments: names[word & 3] as keyof typeof fragments, ...(flags && { flags }), missSendLen: r.u16() }
  },
  write: (w, value) => {
    w.u16(fragments[value.fragments ?? 'normal'] | (value.flags ?? 0))
    w.u16(value.missSendLen)
  },
}

/** Roles by the names that Open vSwitch uses: OpenFlow's MASTER is `primary`, its SLAVE `secondary`. */
export const roles = { nochange: 0, equal: 1, primary: 2, secondary: 3 } as const

const roleHead = {
  role: oneOf(u32, roles),
  /** OpenFlow 1.5: an id for the controller, 0 for none. */
  shortId: nonzero(u16),
  _pad: pad(2),
}

/** OFPT_ROLE_REQUEST (7.3.9); `nochange` asks and needs no generation id. */
export const roleRequest = record({ ...roleHead, generationId: preset(u64, 0n) })

/** OFPT_ROLE_REPLY. A generation id of 2^64-1 says that none was set yet. */
export const roleReply = record({ ...roleHead, generationId: u64 })

/** How far generation id `a` is ahead of `b`: signed, since ids wrap at 2^64. A request behind is refused as stale. */
export function generationDistance(a: bigint, b: bigint): bigint {
  return BigInt.asIntN(64, a - b)
}

/** NXT_ROLE_REQUEST and NXT_ROLE_REPLY: no generation id. */
export const nxRole = record({ role: oneOf(u32, { equal: 0, primary: 1, secondary: 2 }) })

/** OFPT_ROLE_STATUS (7.4.4). */
export const roleStatus = record({
  role: oneOf(u32, roles),
  reason: oneOf(u8, { primary_request: 0, config: 1, experimenter: 2 }),
  _pad: pad(3),
  generationId: u64,
  properties: properties({}),
})

/** Why a packet came to the controller. */
export const packetInReasons = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
} as const
/** Why a flow was removed. */
export const flowRemovedReasons = {
  idle_timeout: 0,
  hard_timeout: 1,
  delete: 2,
  group_delete: 3,
  meter_delete: 4,
  eviction: 5,
} as const
/** What happened to a port. */
export const portReasons = { add: 0, delete: 1, modify: 2 } as const
/** What happened to a table. */
export const tableReasons = { vacancy_down: 3, vacancy_up: 4 } as const

type Bits<R> = { readonly [K in keyof R]: number }

function asBits<R extends { readonly [K in keyof R]: number }>(reasons: R): Bits<R> {
  return Object.fromEntries(
    Object.entries(reasons as Record<string, number>).map(([name, n]) => [name, 1 << n]),
  ) as Bits<R>
}

const asyncBits = {
  packet_in: asBits(packetInReasons),
  port_status: asBits(portReasons),
  flow_removed: asBits(flowRemovedReasons),
  role_status: asBits({ primary_request: 0, config: 1, experimenter: 2 }),
  table_status: asBits(tableReasons),
  requestforward: asBits({ group_mod: 0, meter_mod: 1 }),
}

const reasons = <N extends string>(names: { readonly [K in N]: number }) => record({ reasons: bits(u32, names) })

const asyncRows = {
  packet_in_secondary: property(0, reasons(asyncBits.packet_in)),
  packet_in_primary: property(1, reasons(asyncBits.packet_in)),
  port_status_secondary: property(2, reasons(asyncBits.port_status)),
  port_status_primary: property(3, reasons(asyncBits.port_status)),
  flow_removed_secondary: property(4, reasons(asyncBits.flow_removed)),
  flow_removed_primary: property(5, reasons(asyncBits.flow_removed)),
  role_status_secondary: property(6, reasons(asyncBits.role_status)),
  role_status_primary: property(7, reasons(asyncBits.role_status)),
  table_status_secondary: property(8, reasons(asyncBits.table_status)),
  table_status_primary: property(9, reasons(asyncBits.table_status)),
  requestforward_secondary: property(10, reasons(asyncBits.requestforward)),
  requestforward_primary: property(11, reasons(asyncBits.requestforward)),
  flow_stats_secondary: property(12, reasons({})),
  flow_stats_primary: property(13, reasons({})),
  controller_status_secondary: property(14, reasons({})),
  controller_status_primary: property(15, reasons({})),
}

/** One of the asynchronous kinds in one of the roles, and the reasons for which it is wanted. */
export type AsyncProperty = PropertyOf<typeof asyncRows>

/** Which asynchronous messages are wanted: OFPT_SET_ASYNC and OFPT_GET_ASYNC_REPLY (7.3.10). */
export interface AsyncConfig {
  readonly properties: readonly AsyncProperty[]
}

/** OpenFlow 1.4 and later, and NXT_SET_ASYNC_CONFIG2. */
export const asyncConfig: Codec<AsyncConfig> = record({ properties: properties(asyncRows, 0xfffe) })

const maskOrder = [
  'packet_in_primary',
  'packet_in_secondary',
  'port_status_primary',
  'port_status_secondary',
  'flow_removed_primary',
  'flow_removed_secondary',
] as const

/** OpenFlow 1.3 and NXT_SET_ASYNC_CONFIG: six masks. A mask that is left out is written as none. */
export const asyncMasks: Codec<AsyncConfig> = {
  size: 24,
  read: r => ({
    properties: maskOrder.map(type => ({ type, ...asyncRows[type].body.read(r) }) as AsyncProperty),
  }),
  write: (w, value) => {
    for (const type of maskOrder) {
      const found = value.properties.find(p => p.type === type) as { reasons: readonly never[] } | undefined
      asyncRows[type].body.write(w, { reasons: found?.reasons ?? [] })
    }
  },
}

/** OFPMP_DESC, reply (7.3.5.1). */
export const description = record({
  manufacturer: text(256, false),
  hardware: text(256, false),
  software: text(256, false),
  serialNumber: text(32, false),
  datapath: text(256, false),
})
