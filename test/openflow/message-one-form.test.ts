// One object, three versions: what differs on the wire is the same as data.

import { decode, EncodeError, encode, MAX_SIZE, type Message, type MessageDraft } from 'node-openflow'
import { describe, expect, test } from 'vitest'

const in_port = { in_port: 7 }
const ethernet = {
  type: 'ethernet',
  curr: ['10gb_fd', 'fiber'],
  advertised: [],
  supported: ['1gb_fd', '10gb_fd'],
  peer: [],
  currSpeed: 10_000_000,
  maxSpeed: 40_000_000,
} as const
const port = {
  port: 3,
  hwAddr: 'aa:bb:cc:00:00:03',
  name: 'tap12345678-9a',
  config: ['no_fwd'],
  state: ['live'],
  properties: [ethernet],
} as const
const counters = {
  rxPackets: 1n,
  txPackets: 2n,
  rxBytes: 3n,
  txBytes: 4n,
  rxDropped: 5n,
  txDropped: 6n,
  rxErrors: 0xffff_ffff_ffff_ffffn,
  txErrors: 8n,
}
const data = Uint8Array.of(1, 2, 3)

const inAll: readonly MessageDraft[] = [
  { type: 'port_status', reason: 'modify', port },
  { type: 'port_desc_reply', entries: [port, { ...port, port: 4, name: 'sixteen-letters-' }] },
  { type: 'port_mod', port: 3, hwAddr: port.hwAddr, config: ['port_down'], mask: ['port_down'], properties: [] },
  {
    type: 'port_mod',
    port: 3,
    hwAddr: port.hwAddr,
    config: [],
    mask: [],
    properties: [{ type: 'ethernet', advertise: ['100mb_fd'] }],
  },
  {
    type: 'port_stats_reply',
    entries: [
      {
        port: 0xffff_fffe,
        durationSec: 1,
        durationNsec: 2,
        ...counters,
        properties: [{ type: 'ethernet', rxFrameErr: 1n, rxOverErr: 2n, rxCrcErr: 3n, collisions: 4n }],
      },
    ],
  },
  { type: 'queue_desc_request', port: 5, queue: 0xffff_ffff },
  { type: 'queue_desc_reply', entries: [{ port: 5, queue: 1, properties: [{ type: 'min_rate', rate: 500 }] }] },
  { type: 'packet_out', inPort: 7, actions: [], data },
  { type: 'packet_in', totalLen: 99, reason: 'action_set', table: 3, cookie: 5n, match: in_port, data },
  { type: 'packet_in', form: 'nxt2', totalLen: 3, reason: 'action', table: 3, match: in_port, data, userdata: data },
  {
    type: 'flow_removed',
    reason: 'eviction',
    table: 3,
    priority: 0xffff,
    cookie: 0xffff_ffff_ffff_fffen,
    idleTimeout: 1,
    hardTimeout: 2,
    durationSec: 3,
    durationNsec: 4,
    packetCount: 5n,
    byteCount: 6n,
    match: in_port,
  },
  { type: 'aggregate_stats_reply', packetCount: 1n << 40n, byteCount: 2n, flowCount: 3 },
  { type: 'flow_stats_request', table: 9, cookie: 1n, cookieMask: 3n, outPort: 4, match: in_port },
  {
    type: 'flow_stats_reply',
    more: true,
    entries: [
      {
        table: 1,
        priority: 2,
        cookie: 3n,
        match: in_port,
        actions: [],
        durationSec: 4,
        durationNsec: 5,
        packetCount: 6n,
        byteCount: 7n,
      },
    ],
  },
  {
    type: 'group_mod',
    command: 'add',
    groupId: 1,
    groupType: 'indirect',
    buckets: [{ bucketId: 0, watchPort: 4, actions: [] }],
  },
  { type: 'role_request', role: 'primary', generationId: 1n << 63n },
  { type: 'role_status', role: 'secondary', reason: 'config', generationId: 7n, properties: [] },
  { type: 'bundle_control', bundleId: 3, control: 'commit_request', flags: ['atomic'] },
  {
    type: 'flow_monitor_request',
    entries: [
      {
        id: 1,
        command: 'add',
        flags: ['initial', 'add', 'removed', 'only_own'],
        outPort: 0xffff_ffff,
        outGroup: 0xffff_ffff,
        table: 255,
        match: in_port,
      },
    ],
  },
  {
    type: 'flow_monitor_reply',
    entries: [
      {
        event: 'removed',
        reason: 'hard_timeout',
        table: 1,
        priority: 2,
        cookie: 3n,
        idleTimeout: 4,
        hardTimeout: 5,
        match: in_port,
        actions: [],
      },
      { event: 'abbrev', xid: 0xffff_ffff },
    ],
  },
  { type: 'meter_features_reply', maxMeter: 9, bandTypes: ['drop'], capabilities: ['kbps'], maxBands: 1, maxColor: 0 },
  { type: 'error', error: 'OFPBIC_DUP_INST', data },
  { type: 'error', error: 'OFPBFC_MSG_FAILED', data },
]

/** What a version cannot say is not asked of it. */
function forVersion(message: MessageDraft, version: number): MessageDraft {
  if (message.type === 'group_mod' && version < 6) {
    return { ...message, buckets: message.buckets.map(({ bucketId: _, ...bucket }) => bucket) }
  }
  if (message.type === 'queue_desc_request' && version === 4) return { type: 'queue_desc_request', port: 5 }
  if (message.type === 'flow_monitor_request' && version === 4) {
    return { ...message, entries: message.entries.map(({ outGroup: _, ...entry }) => entry) }
  }
  return message
}

describe.each([4, 5, 6] as const)('version %i', version => {
  test.each(inAll.map(m => [m.type, m] as const))('%s', (_, message) => {
    const whole = { version, xid: 77, ...forVersion(message, version) } as Message
    expect(decode(encode(whole))).toEqual(whole)
  })
})

describe('what cannot be said', () => {
  const encodeIt = (message: object) => () => encode({ xid: 1, ...message } as Message)

  test('is an EncodeError that names the place', () => {
    expect(encodeIt({ version: 4, type: 'table_desc_request' })).toThrow(
      new EncodeError('bad-version', 'type', 'no table_desc_request in OpenFlow 1.3'),
    )
    expect(encodeIt({ version: 6, type: 'nonsense' })).toThrow(/no message is called "nonsense"/)
    expect(encodeIt({ version: 3, type: 'barrier_request' })).toThrow(/version: 3 is none of 4, 5 and 6/)
    expect(encodeIt({ version: 6, type: 'bundle_control', bundleId: 1, control: 'open', flags: [] })).toThrow(
      /^control: "open" is none of open_request, /,
    )
    expect(encodeIt({ version: 6, type: 'port_desc_reply', entries: [{ ...port, hwAddr: 'xx' }] })).toThrow(
      /^entries\[0\]\.hwAddr: not a valid MAC address/,
    )
    expect(
      encodeIt({ version: 6, type: 'flow_mod', command: 'add', priority: 70_000, match: {}, actions: [] }),
    ).toThrow(EncodeError)
    expect(encodeIt({ version: 5, type: 'packet_out', inPort: 1, match: { metadata: 1n }, actions: [], data })).toThrow(
      /before OpenFlow 1.5/,
    )
  })

  test.each(['packet_out', 'echo_request'] as const)('a %s longer than 65,535 bytes is refused', type => {
    const message = { version: 6, type, inPort: 1, actions: [], data: new Uint8Array(MAX_SIZE) }
    expect(encodeIt(message)).toThrow(expect.objectContaining({ code: 'too-long' }))
  })

  test('a flow_mod that fits, but not its bundle message, is refused', () => {
    const note = (length: number) => Array.from({ length }, (_, i) => ({ ...port, port: i }))
    expect(encodeIt({ version: 6, type: 'port_desc_reply', entries: note(2_000) })).toThrow(
      expect.objectContaining({ code: 'too-long' }),
    )
  })

  test('leaves nothing behind for the next message', () => {
    expect(encodeIt({ version: 6, type: 'bundle_control', bundleId: 1, control: 'open', flags: [] })).toThrow()
    expect([...encode({ version: 6, type: 'barrier_request', xid: 5 })]).toEqual([6, 20, 0, 8, 0, 0, 0, 5])
  })
})

describe('what is not known', () => {
  test.each([
    ['a message type', '06 3f 000c 0000000a 01020304'],
    ['an experimenter', '06 04 0014 0000000a 00abcdef 00000007 01020304'],
    ['a Nicira message', '06 04 0014 0000000a 00002320 000003e7 01020304'],
    ['a multipart request', '06 12 0014 0000000a 0055 0000 00000000 01020304'],
    ['a multipart reply with more to come', '06 13 0014 0000000a 0055 0001 00000000 01020304'],
    ['an experimenter multipart', '06 13 001c 0000000a ffff 0001 00000000 00abcdef 00000007 01020304'],
    [
      'a port property',
      '060c0048000000000000000000000000 00000001 0038 0000 aabbcc000001 0000 7031000000000000 0000000000000000 00000000 00000004 0009 000a 010203040506 000000000000',
    ],
    ['bits', '06 21 0010 00000001 00000001 0000 8003'],
    ['an enumeration', '06 1e 0018 00000000 00000009 07 000000 0000000000000001'],
  ])('%s is kept, and encoded to the same bytes', (_, text) => {
    const bytes = Buffer.from(text.replace(/\s/g, ''), 'hex')
    const message = decode(bytes)
    expect(Buffer.from(encode(message)).toString('hex')).toBe(bytes.toString('hex'))
  })
})

test('OpenFlow 1.3 has no importance: its place is padding', () => {
  const draft = { type: 'flow_mod', command: 'add', match: {}, actions: [], importance: 31 } as const
  expect(encode({ ...draft, version: 4, xid: 1 })).toEqual(encode({ ...draft, importance: 0, version: 4, xid: 1 }))
  const entry = { table: 0, priority: 1, cookie: 0n, match: {}, actions: [] }
  for (const importance of [0, 31]) {
    const bytes = encode({ type: 'flow_stats_reply', version: 4, xid: 1, entries: [{ ...entry, importance }] })
    expect((decode(bytes) as { entries?: readonly object[] }).entries).not.toHaveProperty('0.importance')
  }
})
