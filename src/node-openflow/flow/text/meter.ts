// Meters in text: what `ovs-ofctl dump-meters` prints, and what `ovs-ofctl add-meter` takes.

import { brief } from '../../wire/index.ts'
import type { Band, Meter, MeterMod } from '../meter.ts'
import { parseMeterId, printMeterId } from './names.ts'
import { numberOf, pairs, refuse } from './pairs.ts'

const flags = ['kbps', 'pktps', 'burst', 'stats'] as const

function printBand(band: Band, hasBurst: boolean): string {
  let text = `type=${band.type === 'unknown' ? band.code : band.type} rate=${band.rate}`
  if (hasBurst) text += ` burst_size=${band.burstSize}`
  return band.type === 'dscp_remark' ? `${text} prec_level=${band.precLevel}` : text
}

/** A meter as `ovs-ofctl dump-meters` prints it, a line for each band; `separator` can put all on one line. */
export function printMeter(meter: Meter, separator = '\n'): string {
  const known = flags.filter(flag => (meter.flags as readonly (string | number)[]).includes(flag))
  const hasBurst = known.includes('burst')
  const head = `meter=${printMeterId(meter.meterId)} ${known.map(flag => `${flag} `).join('')}bands=`
  return head + meter.bands.map(band => separator + printBand(band, hasBurst)).join('')
}

const commands = ['add', 'modify', 'delete'] as const

interface Draft {
  type: string
  rate: number
  burstSize: number
  precLevel: number
}

function toBand({ type, rate, burstSize, precLevel }: Draft, hasBurst: boolean): Band {
  if (rate === 0) refuse('a band needs a rate')
  if (hasBurst !== burstSize > 0) refuse(hasBurst ? 'a band needs a burst_size' : 'burst_size needs the flag burst')
  if (type === 'drop') {
    if (precLevel > 0) refuse('prec_level is of dscp_remark')
    return { type, rate, burstSize }
  }
  if (type !== 'dscp_remark') refuse(`${brief(type)} is neither drop nor dscp_remark`)
  if (precLevel === 0) refuse('dscp_remark needs a prec_level')
  return { type, rate, burstSize, precLevel }
}

function parseBands(text: string, hasBurst: boolean): Band[] {
  const bands: Draft[] = []
  for (const { key, value } of pairs(text)) {
    if (key === 'type') {
      bands.push({ type: value, rate: 0, burstSize: 0, precLevel: 0 })
      continue
    }
    const band = bands.at(-1) ?? refuse('a band starts with its type')
    if (key === 'rate') band.rate = numberOf(value, 32, key)
    else if (key === 'burst_size') band.burstSize = numberOf(value, 32, key)
    else if (key === 'prec_level') band.precLevel = numberOf(value, 8, key)
    else refuse(`a band has no part ${brief(key)}`)
  }
  if (bands.length === 0) refuse('a meter needs bands')
  return bands.map(band => toBand(band, hasBurst))
}

function parse(text: string, isDelete: boolean): Meter {
  const [head, tail] = text.split(/bands?=/) as [string, string?]
  const found: (typeof flags)[number][] = []
  let meterId = 0
  for (const { key, value } of pairs(head)) {
    const flag = flags.find(word => word === key)
    if (flag) found.push(flag)
    else if (key === 'meter') meterId = parseMeterId(value)
    else refuse(`a meter has no part ${brief(key)}`)
  }
  if (meterId === 0) refuse('a meter needs an id: meter=1')
  if (isDelete) return { meterId, flags: [], bands: [] }
  if (tail === undefined) refuse('a meter needs bands')
  if (found.length === 0) refuse('a meter needs kbps or pktps')
  return { meterId, flags: found, bands: parseBands(tail, found.includes('burst')) }
}

/** The meter that a text says: `meter=1 kbps burst bands=type=drop rate=1000 burst_size=100`. */
export function parseMeter(text: string): Meter {
  return parse(text, false)
}

/** The change that a text says: a meter after `add` (or nothing), `modify` or `delete`. */
export function parseMeterMod(text: string): MeterMod {
  const found = /^\s*([a-z]+)(?=[,\s])[,\s]*/.exec(text)
  const command = commands.find(word => word === found?.[1])
  const rest = command ? text.slice((found as RegExpExecArray)[0].length) : text
  return { command: command ?? 'add', ...parse(rest, command === 'delete') }
}
