// Which forms of messages there are, after Open vSwitch's list, and which of them bytes have.

import { coverage } from './vectors.ts'

/** A form in one of OpenFlow 1.3 to 1.5. */
export interface Form {
  readonly raw: string
  /** Where it stands, and its number: `OFPT 14`, `NXT 30`, `OFPST 1 request`. */
  readonly code: string
  readonly versions: readonly number[]
}

/** The forms of OpenFlow 1.3 to 1.5 that Open vSwitch 3.1 has. */
export const forms: readonly Form[] = coverage.message_raws.flatMap(({ raw, code }) => {
  const m = /^(\w+) (?:<all>|1\.(\d)(\+|-1\.(\d))?) \((\d+)\)/.exec(code)
  if (!m) throw new Error(`not understood: ${code}`)
  const [, space = '', first, range, last, number] = m
  const from = first === undefined ? 1 : Number(first) + 1
  const to = first === undefined || range === '+' ? 6 : last === undefined ? from : Number(last) + 1
  const versions = [4, 5, 6].filter(v => v >= from && v <= to)
  if (versions.length === 0) return []
  const direction = space.endsWith('ST') ? (raw.endsWith('REPLY') ? ' reply' : ' request') : ''
  return [{ raw, code: `${space} ${number}${direction}`, versions }]
})

const NX = 0x2320
const ONF = 0x4f4e4600

/** The code that the bytes of a message have. */
export function codeOf(bytes: Uint8Array): string {
  const b = Buffer.from(bytes)
  const type = b[1] as number
  const spaceOf = (experimenter: number, suffix: string) =>
    experimenter === NX ? `NX${suffix}` : experimenter === ONF ? `ONF${suffix}` : `${experimenter}`
  if (type === 4 && b.length >= 16) return `${spaceOf(b.readUInt32BE(8), 'T')} ${b.readUInt32BE(12)}`
  if (type !== 18 && type !== 19) return `OFPT ${type}`
  const direction = type === 18 ? 'request' : 'reply'
  const number = b.readUInt16BE(8)
  if (number !== 0xffff) return `OFPST ${number} ${direction}`
  return `${spaceOf(b.readUInt32BE(16), 'ST')} ${b.readUInt32BE(20)} ${direction}`
}
