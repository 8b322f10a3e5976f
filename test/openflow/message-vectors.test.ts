// Every message sample of Open vSwitch's and os-ken's tests, of OpenFlow 1.3 to 1.5: decoded, compared with what they
// say of it, encoded to the same bytes, cut at every length, fed in chunks of every size.

import { DecodeError, decode, encode, Framer, type Message } from 'node-openflow'
import { describe, expect, test } from 'vitest'
import { oskenSamples, ovsSamples, type Sample } from './vectors.ts'

const samples: readonly Sample[] = [...ovsSamples, ...oskenSamples].map(sample => {
  // One sample is followed by bytes that its header does not count.
  const length = sample.bytes[2]! * 256 + sample.bytes[3]!
  return length < sample.bytes.length ? { ...sample, bytes: sample.bytes.slice(0, length) } : sample
})

/** Samples that Open vSwitch refuses and so do we: their bytes contradict themselves. */
const malformed = new Map([
  ['ofp-print:789:2', 'a packet-out without in_port'],
  ['ofp-print:3882:1', 'the message in a bundle is shorter than the place it has'],
  ['ofp-print:3894:1', 'the message in a bundle is shorter than the place it has'],
  ['os-ken:of13/4-63-onf_flow_monitor_request.packet', 'a second monitor that ends in the middle of its match'],
  ['os-ken:of15/libofproto-OFP15-flow_desc_reply.packet', 'an instruction of 2,056 bytes in a flow of 64'],
])

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const valid = samples.filter(s => !malformed.has(s.id))

describe('samples', () => {
  test('are there', () => {
    expect(ovsSamples.length).toBeGreaterThan(140)
    expect(oskenSamples.length).toBeGreaterThan(200)
  })

  test.each(valid.map(s => [s.id, s] as const))('%s', (_, sample) => {
    const message = decode(sample.bytes)
    expect(message.version).toBe(sample.version)
    expect(message.xid).toBe(Buffer.from(sample.bytes).readUInt32BE(4))
    if (!sample.isRefused) expectMeaning(message, sample)
    expect(hex(encode(message))).toBe(hex(sample.bytes))
  })

  test.each([...malformed])('%s ends in a DecodeError: %s', id => {
    const sample = samples.find(s => s.id === id) as Sample
    expect(() => decode(sample.bytes)).toThrow(DecodeError)
  })
})

/** What ovs-ofctl prints begins with the message's name; os-ken's JSON has the numbers. */
function expectMeaning(message: Message, sample: Sample): void {
  const name = /^(\w+)( request| reply)?/.exec(sample.text)
  if (name) {
    const kind = `${name[1]}${name[2] ?? ''}`.replace(' ', '_').toLowerCase()
    expect(plain(message.type), sample.text).toBe(plain(kind))
  }
  const known = new Set(leaves(message).map(String))
  for (const [key, value] of jsonLeaves(sample.json)) {
    if (countable.has(key)) expect(known, `${key} = ${value}`).toContain(String(value))
  }
}

/** Open vSwitch's names, OpenFlow's and ours, made comparable. */
const plain = (name: string) =>
  name
    .replace(/^nxt_set_async_config2$/, 'set_async')
    .replace(/^(ofpt|nxt|onft|ofpst|nxst|onfst)_/, '')
    .replace(/_stats|_config|_set|_desc/g, '')
    .replace(/^queue_get/, 'queue')
    .replace(/^experimenter$/, '')

/** Names in os-ken's JSON whose values are numbers in any form of the message. */
const countable = new Set([
  'port_no',
  'cookie',
  'cookie_mask',
  'group_id',
  'meter_id',
  'bucket_id',
  'packet_count',
  'byte_count',
  'priority',
  'datapath_id',
  'n_buffers',
  'n_tables',
  'generation_id',
  'hw_addr',
  'name',
  'tx_bytes',
  'rx_bytes',
  'curr_speed',
  'max_speed',
  'duration_sec',
  'duration_nsec',
  'active_count',
  'lookup_count',
  'matched_count',
  'max_entries',
  'metadata_match',
  'rate',
  'burst_size',
  'miss_send_len',
  'total_len',
  'monitor_id',
  'bundle_id',
  'queue_id',
  'importance',
  'serial_num',
  'dp_desc',
  'ref_count',
  'max_meter',
])

function leaves(value: unknown): unknown[] {
  if (value instanceof Uint8Array) return []
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(leaves)
  return [value]
}

function jsonLeaves(value: unknown, key = ''): [string, unknown][] {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([k, v]) => jsonLeaves(v, Array.isArray(value) ? key : k))
  }
  // What is zero or "any" is left out of our objects.
  return value === 0 || value === 0xffffffff || value === null ? [] : [[key, value]]
}

describe('hostile forms of the samples', () => {
  test('each cut at every length ends in a DecodeError within the bytes', () => {
    for (const sample of valid) {
      for (let length = 0; length < sample.bytes.length; length += sample.bytes.length > 4_000 ? 97 : 1) {
        const cut = sample.bytes.slice(0, length)
        expectDecodeError(cut, length)
      }
    }
  })

  test('each cut at every length, its header told so, ends in a value or a DecodeError', () => {
    let values = 0
    for (const sample of valid) {
      for (let length = 8; length < sample.bytes.length; length += sample.bytes.length > 4_000 ? 97 : 1) {
        const cut = sample.bytes.slice(0, length)
        new DataView(cut.buffer).setUint16(2, length)
        if (isDecoded(cut)) values++
      }
    }
    expect(values).toBeGreaterThan(100)
  })

  test('all of them in a row are found in chunks of any size', () => {
    const all = Buffer.concat(valid.map(s => s.bytes))
    const ids = valid.map(s => hex(s.bytes))
    for (const size of [1, 2, 3, 7, 8, 13, 100, 1_448, 65_536]) {
      const framer = new Framer()
      const found: string[] = []
      for (let at = 0; at < all.length; at += size) {
        for (const bytes of framer.push(all.subarray(at, at + size))) found.push(hex(bytes))
      }
      expect(found).toEqual(ids)
    }
  })

  test('a decoded value does not change with the buffer that it came from', () => {
    for (const sample of valid) {
      const buffer = Buffer.from(sample.bytes)
      const message = decode(buffer)
      const before = encode(message)
      buffer.fill(0xee)
      expect(hex(encode(message))).toBe(hex(before))
    }
  })
})

function isDecoded(bytes: Uint8Array): boolean {
  try {
    decode(bytes)
    return true
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    if (error.offset < 0 || error.offset > bytes.length) throw new Error(`offset ${error.offset} of ${bytes.length}`)
    return false
  }
}

function expectDecodeError(bytes: Uint8Array, length: number): void {
  let error: unknown
  try {
    decode(bytes)
  } catch (e) {
    error = e
  }
  if (!(error instanceof DecodeError) || error.offset > length) {
    throw new Error(`cut to ${length}: ${String(error)}; ${hex(bytes)}`)
  }
}
