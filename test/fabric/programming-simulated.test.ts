import { connect } from 'node:net'
import { output } from 'node-openflow/flow'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FlowEntry } from '#compiler'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { entryOf, HandCompiled } from '#test/support/hand-compiled'
import { until } from '#test/support/ovs'
import { SimulatedSwitch } from '#test/support/simulated-chassis'

const flows = (network: number, count: number, to = 1): FlowEntry[] =>
  Array.from({ length: count }, (_, i) =>
    entryOf({
      bridge: i % 2 ? 'br-tun' : 'br-int',
      table: 10,
      priority: 1,
      match: { metadata: BigInt(network), reg0: i },
      actions: [output(i + to)],
    }),
  )

describe('programming simulated chassis', () => {
  const compiled = () => hand
  let hand: HandCompiled
  let programming: Programming
  let server: Awaited<ReturnType<typeof listenForSwitches>>
  let port = 0
  const reports: string[] = []
  let chassis: { id: string; int: SimulatedSwitch; tun: SimulatedSwitch }[] = []

  const startController = async (options: { patience?: number; maxWaiting?: number } = {}) => {
    const report = (what: string) => reports.push(what)
    programming = new Programming({
      ...{ compiled: compiled(), auditDelay: 0, report: (_chassis, _bridge, what) => report(what) },
      ...options,
    })
    const chassisWithKey = (key: number) => (key <= chassis.length || key < 100 ? `host${key}` : undefined)
    server = await listenForSwitches({ address: { port }, programming, chassisWithKey, report })
    port = server.address!.port
  }
  const plug = (key: number) => {
    const made = {
      id: `host${key}`,
      int: new SimulatedSwitch(key, 'br-int', port),
      tun: new SimulatedSwitch(key, 'br-tun', port),
    }
    chassis.push(made)
    return made
  }
  const inSync = (id: string) =>
    until(`${id} in sync`, () =>
      Object.values(programming.status(id)?.bridges ?? { none: { state: '' } }).every(b => b.state === 'in_sync'),
    )
  const held = (sw: SimulatedSwitch) => [...sw.flows.values()].filter(f => f.table === 10).length

  beforeEach(async () => {
    port = 0
    hand = new HandCompiled()
    hand.set('network/1', flows(1, 10))
    await startController()
  })
  afterEach(async () => {
    for (const { int, tun } of chassis) for (const sw of [int, tun]) sw.stop()
    chassis = []
    programming.close()
    await server.close()
  })

  for (const when of ['before', 'after'] as const)
    test(`a connection lost ${when} a commit took effect is settled by the stamp`, async () => {
      hand.subscribe('host1', 'network/1')
      const { int, tun } = plug(1)
      await inSync('host1')
      const [intReads, tunReads] = [int.seen.readBacks, tun.seen.readBacks]
      int.behaviour.dropAtCommit = when
      programming.apply(hand.set('network/1', flows(1, 20)))
      expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
      await inSync('host1')
      expect([held(int), held(tun)]).toEqual([10, 10])
      // The stamp, and the audit afterwards; nothing was read to find out what to do.
      expect([int.seen.readBacks - intReads, tun.seen.readBacks - tunReads]).toEqual([2, 0])
      expect(programming.drift('host1')).toEqual([])
    })

  test('br-int waits for flows that are new on br-tun, not for those that others replace', async () => {
    hand.subscribe('host1', 'network/1')
    const { int, tun } = plug(1)
    await inSync('host1')
    tun.hang(true)
    const { bundles } = int.seen
    programming.apply(hand.set('network/1', flows(1, 10, 2)))
    await until('what is replaced on br-int', () => int.seen.bundles === bundles + 1)
    tun.hang(false)
    expect(await programming.acknowledged('host1', hand.revision, 1000)).toBe(true)
    tun.hang(true)
    programming.apply(hand.set('network/1', flows(1, 20, 2)))
    await new Promise(resolve => setTimeout(resolve, 100)) // nothing is to happen
    expect(held(int)).toBe(5)
    tun.hang(false)
    expect(await programming.acknowledged('host1', hand.revision, 1000)).toBe(true)
    expect([held(int), held(tun)]).toEqual([10, 10])
  })

  test('a chassis that hangs delays no other, and catches up', async () => {
    hand.subscribe('host1', 'network/1')
    hand.subscribe('host2', 'network/1')
    const [slow, quick] = [plug(1), plug(2)]
    await Promise.all([inSync('host1'), inSync('host2')])
    slow.int.hang(true)
    for (let n = 11; n <= 40; n++) {
      programming.apply(hand.set('network/1', flows(1, n)))
      expect(await programming.acknowledged('host2', hand.revision, 1000)).toBe(true)
    }
    expect(programming.isAcknowledged('host1', hand.revision)).toBe(false)
    expect(held(quick.int)).toBe(20)
    const { bundles } = slow.int.seen
    slow.int.hang(false)
    expect(await programming.acknowledged('host1', hand.revision, 1000)).toBe(true)
    expect(held(slow.int)).toBe(20)
    // What came while one bundle was on its way was merged into the next.
    expect(slow.int.seen.bundles - bundles).toBeLessThanOrEqual(3)
  })

  test('a chassis that hangs for too long loses its connection, and is made what it should be when it is back', async () => {
    programming.close()
    await server.close()
    await startController({ patience: 100, maxWaiting: 50 })
    hand.subscribe('host1', 'network/1')
    const { int } = plug(1)
    await inSync('host1')
    int.hang(true)
    programming.apply(hand.set('network/1', flows(1, 40)))
    await until('the bridge away', () => programming.status('host1')?.bridges['br-int'].state === 'away')
    expect(programming.status('host1')?.bridges['br-int'].reason).toMatch(/no answer/)
    // More changes than may wait: they are not kept.
    for (let n = 0; n < 20; n++) programming.apply(hand.set('network/1', flows(n, 40)))
    expect(programming.status('host1')?.bridges['br-int'].waiting).toBeLessThanOrEqual(50)
    int.hang(false)
    expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
    expect(held(int)).toBe(20)
    await inSync('host1')
    expect((await programming.diff('host1', 'br-int')).strays).toEqual([])
  })

  test('a chassis that falls too far behind is compared as a whole', async () => {
    programming.close()
    await server.close()
    await startController({ maxWaiting: 50 })
    hand.subscribe('host1', 'network/1')
    const { int } = plug(1)
    await inSync('host1')
    int.hang(true)
    for (let n = 0; n < 20; n++) programming.apply(hand.set('network/1', flows(n, 40)))
    int.hang(false)
    expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
    expect(held(int)).toBe(20)
    expect(await programming.diff('host1', 'br-int')).toEqual({ missing: [], changed: [], strays: [] })
    expect(programming.drift('host1')).toEqual([])
  })

  test('a slow chassis gets net effects', async () => {
    hand.subscribe('host1', 'network/1')
    const { int } = plug(1)
    await inSync('host1')
    int.behaviour.delay = 20
    const { flowMods } = int.seen
    programming.apply(hand.set('network/1', flows(1, 12)))
    for (let n = 0; n < 10; n++) {
      programming.apply(hand.set('network/2', flows(2, 10)))
      programming.apply(hand.subscribe('host1', 'network/2'))
      programming.apply(hand.unsubscribe('host1', 'network/2'))
    }
    expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
    expect(held(int)).toBe(6)
    // One flow and two stamps at most.
    expect(int.seen.flowMods - flowMods).toBeLessThanOrEqual(3)
  })

  test('refused flows are quarantined, however many, and tried again when they change', async () => {
    hand.subscribe('host1', 'network/1')
    const { int } = plug(1)
    await inSync('host1')
    int.behaviour.refuses = flow => flow.instructions.includes(Buffer.from([0, 0, 0, 21]))
    const bad = flows(1, 40)
    programming.apply(hand.set('network/1', bad))
    expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
    expect(held(int)).toBe(19)
    expect(programming.quarantined('host1').map(q => [q.entry.flow.match, q.error])).toEqual([
      [{ metadata: 1n, reg0: 20 }, expect.stringMatching(/TABLE_FULL/)],
    ])
    const better = entryOf({ ...bad[20]!.flow, bridge: 'br-int', actions: [output(9)] })
    programming.apply(hand.set('network/1', bad.with(20, better)))
    expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
    expect(programming.quarantined('host1')).toEqual([])
    expect(held(int)).toBe(20)
  })

  test('a flow of one network costs bytes only to the chassis that hold it, and the same bytes to each', async () => {
    hand.set('network/2', flows(2, 10))
    for (let key = 1; key <= 20; key++) {
      hand.subscribe(`host${key}`, key <= 10 ? 'network/1' : 'network/2')
      plug(key)
    }
    await Promise.all(chassis.map(c => inSync(c.id)))
    const before = chassis.map(c => c.int.seen.bytes)
    const encoded = programming.bytesEncoded
    programming.apply(hand.set('network/2', flows(2, 11)))
    await Promise.all(chassis.map(c => programming.acknowledged(c.id, hand.revision, 5000)))
    const cost = chassis.map((c, i) => c.int.seen.bytes - before[i]!)
    expect(cost.slice(0, 10).every(bytes => bytes === 0)).toBe(true)
    expect(new Set(cost.slice(10)).size).toBe(1)
    expect(programming.bytesEncoded - encoded).toBeLessThan(200)
  })

  test('a chassis that is ours no more loses our flows, and then its connections', async () => {
    hand.subscribe('host1', 'network/1')
    const { int, tun } = plug(1)
    await inSync('host1')
    programming.apply(hand.unsubscribe('host1', 'network/1'))
    await until('the chassis forgotten', () => programming.status('host1') === undefined)
    expect([held(int), held(tun)]).toEqual([0, 0])
    expect(programming.isConnected('host1')).toBe(false)
  })

  test('peers that speak no OpenFlow, or nothing, are closed and logged once, and delay nobody', async () => {
    hand.subscribe('host1', 'network/1')
    plug(1)
    await inSync('host1')
    reports.length = 0
    const peers = Array.from({ length: 20 }, () => connect({ port, host: '127.0.0.1' }))
    const closed = peers.map(peer => new Promise(resolve => peer.on('close', resolve).on('error', () => {})))
    for (const peer of peers) peer.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const silent = connect({ port, host: '127.0.0.1' })
    programming.apply(hand.set('network/1', flows(1, 12)))
    expect(await programming.acknowledged('host1', hand.revision, 1000)).toBe(true)
    await Promise.all(closed)
    silent.destroy()
    expect(reports.filter(what => what.includes('no OpenFlow')).length).toBe(1)
  })

  test('a stamp that is not the expected one leads to a read-back, and new changes do not wait for it', async () => {
    hand.subscribe('host1', 'network/1')
    const { int } = plug(1)
    await inSync('host1')
    reports.length = 0
    await server.close()
    programming.close()
    expect(reports).toEqual([])
    hand.set('network/1', flows(1, 30))
    int.behaviour.delay = 30
    await startController()
    await until('the stamp to be read', () => programming.status('host1')?.bridges['br-int'].state === 'reconciling')
    programming.apply(hand.set('network/1', flows(1, 31)))
    expect(await programming.acknowledged('host1', hand.revision, 5000)).toBe(true)
    expect(held(int)).toBe(16)
    expect(programming.drift('host1')).toEqual([])
  })
})
