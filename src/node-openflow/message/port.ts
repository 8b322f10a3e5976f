// Ports: their description, status, modification and counters. In OpenFlow 1.3 what is about Ethernet stands in the
// structure itself, from 1.4 on in a property; here it is a property in every version.

import type { Version } from '../flow/index.ts'
import type { Codec } from '../wire/index.ts'
import { list, mac, pad, text, u8, u16, u32, u64 } from '../wire/index.ts'
import { portReasons } from './channel.ts'
import { oxmIds } from './ids.ts'
import {
  type BitSet,
  bits,
  length16,
  oneOf,
  type PropertyOf,
  preset,
  properties,
  property,
  type RecordOf,
  record,
  sized,
} from './shape.ts'

const config = { port_down: 1 << 0, no_recv: 1 << 2, no_fwd: 1 << 5, no_packet_in: 1 << 6 } as const
const state = { link_down: 1 << 0, blocked: 1 << 1, live: 1 << 2 } as const
const features = {
  '10mb_hd': 1 << 0,
  '10mb_fd': 1 << 1,
  '100mb_hd': 1 << 2,
  '100mb_fd': 1 << 3,
  '1gb_hd': 1 << 4,
  '1gb_fd': 1 << 5,
  '10gb_fd': 1 << 6,
  '40gb_fd': 1 << 7,
  '100gb_fd': 1 << 8,
  '1tb_fd': 1 << 9,
  other: 1 << 10,
  copper: 1 << 11,
  fiber: 1 << 12,
  autoneg: 1 << 13,
  pause: 1 << 14,
  pause_asym: 1 << 15,
} as const

/** How a port may be configured (OpenFlow 1.5.1, 7.2.1.1). */
export type PortConfig = BitSet<keyof typeof config>
/** What a port reports of its link. */
export type PortState = BitSet<keyof typeof state>
/** Speeds and kinds of link. */
export type PortFeatures = BitSet<keyof typeof features>

const ethernet = {
  curr: bits(u32, features),
  advertised: bits(u32, features),
  supported: bits(u32, features),
  peer: bits(u32, features),
  /** In kbit/s. */
  currSpeed: u32,
  /** In kbit/s. */
  maxSpeed: u32,
}
const ethernet13 = record(ethernet)

const descRows = {
  ethernet: property(0, record({ _pad: pad(4), ...ethernet })),
  optical: property(
    1,
    record({
      _pad: pad(4),
      supported: bits(u32, { rx_tune: 1, tx_tune: 2, tx_pwr: 4, use_freq: 8 }),
      txMinFreqLmda: u32,
      txMaxFreqLmda: u32,
      txGridFreqLmda: u32,
      rxMinFreqLmda: u32,
      rxMaxFreqLmda: u32,
      rxGridFreqLmda: u32,
      txPwrMin: u16,
      txPwrMax: u16,
    }),
  ),
  pipeline_input: property(2, record({ oxms: oxmIds })),
  pipeline_output: property(3, record({ oxms: oxmIds })),
  recirculate: property(4, record({ ports: list(u32) })),
}

/** A property of a port's description. */
export type PortProperty = PropertyOf<typeof descRows>

/** A port (OpenFlow 1.5.1, 7.2.1). */
export interface Port {
  /** The OpenFlow port number. */
  readonly port: number
  readonly hwAddr: string
  readonly name: string
  readonly config: PortConfig
  readonly state: PortState
  readonly properties: readonly PortProperty[]
}

const port14: Codec<Port> = sized(
  4,
  record({
    port: u32,
    _length: length16,
    _pad: pad(2),
    hwAddr: mac,
    _pad2: pad(2),
    name: text(16, false),
    config: bits(u32, config),
    state: bits(u32, state),
    properties: properties(descRows),
  }),
)

const head13 = record({
  port: u32,
  _pad: pad(4),
  hwAddr: mac,
  _pad2: pad(2),
  name: text(16, false),
  config: bits(u32, config),
  state: bits(u32, state),
})

const noEthernet = { curr: [], advertised: [], supported: [], peer: [], currSpeed: 0, maxSpeed: 0 }

const port13: Codec<Port> = {
  size: 64,
  read: r => ({ ...head13.read(r), properties: [{ type: 'ethernet', ...ethernet13.read(r) }] }),
  write: (w, value) => {
    head13.write(w, value)
    const found = value.properties.find(p => p.type === 'ethernet') as RecordOf<typeof ethernet> | undefined
    ethernet13.write(w, found ?? noEthernet)
  },
}

const port = (v: Version): Codec<Port> => (v === 4 ? port13 : port14)

/** OFPT_PORT_STATUS (7.4.3). */
export const portStatus = (v: Version) => record({ reason: oneOf(u8, portReasons), _pad: pad(7), port: port(v) })

/** OFPMP_PORT_DESC, reply. */
export const portDescReply = (v: Version) => record({ entries: list(port(v)) })

/** OFPP_ANY: no port in particular, or all. */
export const ANY_PORT = 0xffffffff

/** A request about one port, or all. */
export const portRequest = record({ port: preset(u32, ANY_PORT), _pad: pad(4) })

const modRows = {
  ethernet: property(0, record({ advertise: bits(u32, features) })),
  optical: property(
    1,
    record({
      configure: bits(u32, { rx_tune: 1, tx_tune: 2, tx_pwr: 4, use_freq: 8 }),
      freqLmda: u32,
      flOffset: u32,
      gridSpan: u32,
      txPwr: u32,
    }),
  ),
}

/** A property of a port modification. */
export type PortModProperty = PropertyOf<typeof modRows>

/** OFPT_PORT_MOD (7.3.4.3). `mask` says which bits of `config` are to change. */
export interface PortMod {
  readonly port: number
  readonly hwAddr: string
  readonly config: PortConfig
  readonly mask: PortConfig
  readonly properties: readonly PortModProperty[]
}

const modHead = {
  port: u32,
  _pad: pad(4),
  hwAddr: mac,
  _pad2: pad(2),
  config: bits(u32, config),
  mask: bits(u32, config),
}
const modHead13 = record(modHead)
const advertise13 = modRows.ethernet.body

const portMod13: Codec<PortMod> = {
  size: 32,
  read: r => {
    const head = modHead13.read(r)
    const ethernet = advertise13.read(r)
    r.skip(4)
    return { ...head, properties: ethernet.advertise.length > 0 ? [{ type: 'ethernet', ...ethernet }] : [] }
  },
  write: (w, value) => {
    modHead13.write(w, value)
    const found = value.properties.find(p => p.type === 'ethernet') as { advertise: PortFeatures } | undefined
    advertise13.write(w, found ?? { advertise: [] })
    w.zeros(4)
  },
}

/** OFPT_PORT_MOD by version. */
export const portMod = (v: Version): Codec<PortMod> =>
  v === 4 ? portMod13 : record({ ...modHead, properties: properties(modRows) })

const statsRows = {
  ethernet: property(0, record({ _pad: pad(4), rxFrameErr: u64, rxOverErr: u64, rxCrcErr: u64, collisions: u64 })),
  optical: property(
    1,
    record({
      _pad: pad(4),
      flags: bits(u32, { rx_tune: 1, tx_tune: 2, tx_pwr: 4, rx_pwr: 16, tx_bias: 32, tx_temp: 64 }),
      txFreqLmda: u32,
      txOffset: u32,
      txGridSpan: u32,
      rxFreqLmda: u32,
      rxOffset: u32,
      rxGridSpan: u32,
      txPwr: u16,
      rxPwr: u16,
      biasCurrent: u16,
      temperature: u16,
    }),
  ),
}

const counters = {
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxDropped: u64,
  txDropped: u64,
  rxErrors: u64,
  txErrors: u64,
}

/** A port's counters (7.3.5.7); a counter of 2^64-1 is one that the switch does not keep. */
export type PortStats = {
  readonly port: number
  readonly durationSec: number
  readonly durationNsec: number
} & RecordOf<typeof counters> & { readonly properties: readonly PropertyOf<typeof statsRows>[] }

const stats14: Codec<PortStats> = sized(
  0,
  record({
    _length: length16,
    _pad: pad(2),
    port: u32,
    durationSec: u32,
    durationNsec: u32,
    ...counters,
    properties: properties(statsRows),
  }),
)

const counters13 = record({ port: u32, _pad: pad(4), ...counters })
const errors13 = record({ rxFrameErr: u64, rxOverErr: u64, rxCrcErr: u64, collisions: u64 })
const duration = record({ durationSec: u32, durationNsec: u32 })
const noErrors = { rxFrameErr: 0n, rxOverErr: 0n, rxCrcErr: 0n, collisions: 0n }

const stats13: Codec<PortStats> = {
  size: 112,
  read: r => {
    const head = counters13.read(r)
    const ethernet = errors13.read(r)
    return { ...head, ...duration.read(r), properties: [{ type: 'ethernet', ...ethernet }] }
  },
  write: (w, value) => {
    counters13.write(w, value)
    errors13.write(w, (value.properties.find(p => p.type === 'ethernet') as typeof noErrors | undefined) ?? noErrors)
    duration.write(w, value)
  },
}

/** OFPMP_PORT_STATS, reply. */
export const portStatsReply = (v: Version) => record({ entries: list(v === 4 ? stats13 : stats14) })
