// The sample action, in its three forms.

import type { Reader } from '../wire/index.ts'
import { type ActionRow, close, niciraForm, openNicira, port16, zerosOnly } from './action-row.ts'
import { NONE } from './ports.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const directions = ['default', 'ingress', 'egress'] as const

/** Samples packets for IPFIX. */
export interface Sample {
  readonly probability: number
  readonly collectorSetId: number
  readonly obsDomainId: number
  readonly obsPointId: number
  readonly samplingPort?: number
  readonly direction?: 'ingress' | 'egress'
  readonly form?: 'sample2' | 'sample3'
}

function readSample(r: Reader, num: 29 | 38 | 41): Sample {
  const value: Mutable<Sample> = {
    probability: r.u16(),
    collectorSetId: r.u32(),
    obsDomainId: r.u32(),
    obsPointId: r.u32(),
  }
  if (num === 29) return value
  const port = port16.read(r)
  if (port !== NONE) value.samplingPort = port
  const at = r.offset
  const direction = directions[r.u8()]
  if (direction === undefined) r.fail('bad-value', 'sample: an unknown direction', at)
  zerosOnly(r)
  if (direction !== 'default' && num === 41) value.direction = direction
  if (num === 38 && port === NONE) value.form = 'sample2'
  if (num === 41 && direction === 'default') value.form = 'sample3'
  return value
}

export const sampleRow: ActionRow<Sample> = {
  forms: [
    niciraForm(29, r => readSample(r, 29)),
    niciraForm(38, r => readSample(r, 38)),
    niciraForm(41, r => readSample(r, 41)),
  ],
  write: (w, { probability, collectorSetId, obsDomainId, obsPointId, samplingPort, direction, form }) => {
    const is3 = form === 'sample3' || direction !== undefined
    const is2 = form === 'sample2' || samplingPort !== undefined
    const start = openNicira(w, is3 ? 41 : is2 ? 38 : 29)
    w.u16(probability)
    w.u32(collectorSetId)
    w.u32(obsDomainId)
    w.u32(obsPointId)
    if (is2 || is3) {
      port16.write(w, samplingPort ?? NONE)
      w.u8(directions.indexOf(direction ?? 'default'))
      w.zeros(5)
    }
    close(w, start)
  },
}
