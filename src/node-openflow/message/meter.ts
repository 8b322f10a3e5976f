// Meters: modification, configuration, counters and what a switch can do.

import type { Version } from '../flow/index.ts'
import { ALL_METERS, type Band, type MeterMod, meterFlags } from '../flow/meter.ts'
import type { Codec, Reader, Writer } from '../wire/index.ts'
import { list, pad, u8, u16, u32, u64 } from '../wire/index.ts'
import { type BitSet, bits, length16, oneOf, preset, record, sized } from './shape.ts'

const DROP = 1
const DSCP_REMARK = 2

const band: Codec<Band> = {
  size: 0,
  read: (r: Reader) => {
    const code = r.u16()
    const length = r.u16()
    if (length < 12) r.fail('bad-length', `a meter band of ${length} bytes`, r.offset - 2)
    const body = r.sub(length - 4)
    const rate = body.u32()
    const burstSize = body.u32()
    if (code === DROP || code === DSCP_REMARK) {
      if (body.remaining !== 4) body.fail('bad-length', `a meter band of ${length} bytes`, r.offset - length + 2)
      return code === DROP
        ? { type: 'drop', rate, burstSize }
        : { type: 'dscp_remark', rate, burstSize, precLevel: body.u8() }
    }
    return { type: 'unknown', code, rate, burstSize, data: body.rest() }
  },
  write: (w: Writer, value) => {
    const start = w.length
    w.u16(value.type === 'drop' ? DROP : value.type === 'dscp_remark' ? DSCP_REMARK : value.code)
    w.u16(0)
    w.u32(value.rate)
    w.u32(value.burstSize)
    if (value.type === 'unknown') w.bytes(value.data)
    else {
      w.u8(value.type === 'dscp_remark' ? value.precLevel : 0)
      w.zeros(3)
    }
    w.patchU16(start + 2, w.length - start)
  },
}
const bands = list(band)

/** OFPT_METER_MOD. */
export const meterMod: Codec<MeterMod> = record({
  command: oneOf(u16, { add: 0, modify: 1, delete: 2 }),
  flags: bits(u16, meterFlags),
  meterId: u32,
  bands: preset<readonly Band[]>(bands, []),
}) as Codec<MeterMod>

/** A request about one meter, or all. */
export const meterRequest = record({ meterId: preset(u32, ALL_METERS), _pad: pad(4) })

/** OFPMP_METER_CONFIG, in OpenFlow 1.5 OFPMP_METER_DESC, reply. */
export const meterConfigReply = record({
  entries: list(sized(0, record({ _length: length16, flags: bits(u16, meterFlags), meterId: u32, bands }))),
})

/** OFPMP_METER_STATS, reply. */
export const meterStatsReply = record({
  entries: list(
    sized(
      4,
      record({
        meterId: u32,
        _length: length16,
        _pad: pad(6),
        flowCount: u32,
        packetInCount: u64,
        byteInCount: u64,
        durationSec: u32,
        durationNsec: u32,
        bands: list(record({ packetCount: u64, byteCount: u64 })),
      }),
    ),
  ),
})

const features = record({
  maxMeter: u32,
  bandTypes: bits(u32, { drop: 1 << 1, dscp_remark: 1 << 2 }),
  capabilities: bits(u32, meterFlags),
  maxBands: u8,
  maxColor: u8,
  _pad: pad(2),
})

/** What a switch can do with meters. */
export interface MeterFeatures {
  readonly maxMeter: number
  readonly bandTypes: BitSet<'drop' | 'dscp_remark'>
  readonly capabilities: BitSet<keyof typeof meterFlags>
  readonly maxBands: number
  readonly maxColor: number
  /** OpenFlow 1.5: 1 if meters can be actions, 2 if several may stand in a flow. Open vSwitch does not send it. */
  readonly features?: number
}

/** OFPMP_METER_FEATURES, reply; OpenFlow 1.5's has 8 bytes more, which Open vSwitch leaves out. */
export const meterFeatures = (_: Version): Codec<MeterFeatures> => ({
  size: 0,
  read: r => {
    const value = features.read(r)
    if (r.remaining === 0) return value
    const more = r.u32()
    r.skip(4)
    return { ...value, features: more }
  },
  write: (w, value) => {
    features.write(w, value)
    if (value.features === undefined) return
    w.u32(value.features)
    w.zeros(4)
  },
})
