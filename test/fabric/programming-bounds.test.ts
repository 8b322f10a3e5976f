import { describe, expect, test } from 'vitest'
import { DriftJournal } from '#fabric/programming/drift'
import { Gate } from '#fabric/programming/gate'
import { Histogram } from '#fabric/programming/latency'
import { PacketIns } from '#fabric/programming/packet-ins'
import type { FlowData, PacketIn } from '#fabric/programming/switch'

const packetIn = (chassis: string, ...userdata: number[]): PacketIn => ({
  ...{ chassis, bridge: 'br-int', inPort: 1, fields: {}, packet: new Uint8Array(60) },
  userdata: Uint8Array.from(userdata),
})

describe('packet-ins', () => {
  test('go to the handler that the first byte of userdata names, which gets the rest', () => {
    const packetIns = new PacketIns(
      () => 0,
      () => {},
    )
    const got: PacketIn[] = []
    packetIns.on(7, packet => void got.push(packet))
    packetIns.dispatch(packetIn('host1', 7, 1, 2))
    packetIns.dispatch(packetIn('host1', 8))
    packetIns.dispatch(packetIn('host1'))
    expect(got.map(p => [...p.userdata])).toEqual([[1, 2]])
    expect(packetIns.counts).toEqual({ handled: 1, dropped: 0, unknown: 2 })
    expect(() => packetIns.on(7, () => {})).toThrow(/handler already/)
  })

  test('of one chassis beyond its rate are dropped and counted, those of others and of other kinds are not', () => {
    let now = 0
    const packetIns = new PacketIns(
      () => now,
      () => {},
    )
    packetIns.on(1, () => {})
    packetIns.on(2, () => {})
    for (let i = 0; i < 5000; i++) packetIns.dispatch(packetIn('host1', 1))
    packetIns.dispatch(packetIn('host2', 1))
    packetIns.dispatch(packetIn('host1', 2))
    expect(packetIns.counts).toEqual({ handled: 1002, dropped: 4000, unknown: 0 })
    now = 1000
    for (let i = 0; i < 1000; i++) packetIns.dispatch(packetIn('host1', 1))
    expect(packetIns.counts.handled).toBe(1502)
  })

  test('whose handler fails are reported', async () => {
    const reports: string[] = []
    const packetIns = new PacketIns(
      () => 0,
      (chassis, what) => reports.push(`${chassis}: ${what}`),
    )
    packetIns.on(1, () => {
      throw new Error('at once')
    })
    packetIns.on(2, async () => {
      throw new Error('later')
    })
    packetIns.dispatch(packetIn('host1', 1))
    packetIns.dispatch(packetIn('host2', 2))
    await Promise.resolve()
    await Promise.resolve()
    expect(reports).toEqual([expect.stringMatching(/host1.*at once/), expect.stringMatching(/host2.*later/)])
  })
})

describe('the drift journal', () => {
  test('sums a flood up', () => {
    let now = 1000
    const told: string[] = []
    const journal = new DriftJournal(
      'host1',
      'br-int',
      () => now,
      event => told.push(`${event.kind} ${event.count}`),
    )
    const flow: FlowData = { table: 1, priority: 1, cookie: 1n, match: {}, actions: [] }
    for (let i = 0; i < 500; i++) journal.record({ kind: 'removed', of: { flow }, by: 'monitor' })
    expect(told.length).toBe(20)
    now = 2000
    expect(journal.events.length).toBe(21)
    expect(told.at(-1)).toBe('many 480')
    expect(journal.count).toBe(500)
  })
})

describe('a gate', () => {
  test('lets so many run at a time', async () => {
    const gate = new Gate(2)
    let running = 0
    let most = 0
    const run = () =>
      gate.run(async () => {
        most = Math.max(most, ++running)
        await Promise.resolve()
        running--
      })
    await Promise.all([run(), run(), run(), run()])
    expect(most).toBe(2)
    expect(gate.waiting).toBe(0)
  })

  test('lets the next one in when one fails', async () => {
    const gate = new Gate(1)
    await expect(gate.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await gate.run(async () => 'yes')).toBe('yes')
  })
})

test('a histogram counts durations under their bounds, cumulatively', () => {
  const histogram = new Histogram()
  for (const seconds of [0.0005, 0.004, 0.004, 60]) histogram.observe(seconds)
  const { buckets, sum, count } = histogram.values
  expect(buckets.filter(b => b.le <= 0.005).map(b => b.count)).toEqual([1, 1, 3])
  expect(buckets.at(-1)).toEqual({ le: 10, count: 3 })
  expect([sum, count]).toEqual([60.0085, 4])
})
