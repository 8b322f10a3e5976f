import { goto, output } from 'node-openflow/flow'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Bridge, FlowEntry } from '#compiler'
import { datapathId } from '#fabric/datapath-id'
import { listenForSwitches, Programming } from '#fabric/programming/index'
import { entryOf, HandCompiled } from '#test/support/hand-compiled'
import { describeOvs, type Ovs, startOvs, until } from '#test/support/ovs'

const HOST = 'host1'

/** A flow that tells one network from another. */
const flow = (network: number, port: number, bridge: Bridge = 'br-int', table = 10): FlowEntry =>
  entryOf(
    { bridge, table, priority: 5, match: { metadata: BigInt(network) }, actions: [output(port)] },
    `network ${network}`,
  )

const both = (network: number, port = 7) => [flow(network, port), flow(network, port, 'br-tun')]

describeOvs('programming a real switch', () => {
  let ovs: Ovs
  let compiled: HandCompiled
  let programming: Programming
  let server: Awaited<ReturnType<typeof listenForSwitches>>
  let port = 0
  const complaints: string[] = []

  const startController = async () => {
    programming = new Programming({
      compiled,
      report: (_chassis, bridge, what) => complaints.push(`${bridge}: ${what}`),
    })
    server = await listenForSwitches({
      address: { port },
      programming,
      chassisWithKey: key => (key === 1 ? HOST : undefined),
      report: what => complaints.push(what),
    })
    port = server.address!.port
  }
  const stopController = async () => {
    await server.close()
    programming.close()
  }
  const apply = (...deltas: Parameters<Programming['apply']>[0][]) => {
    for (const delta of deltas) programming.apply(delta)
  }
  const states = () => Object.values(programming.status(HOST)?.bridges ?? {}).map(b => b.state)
  const inSync = () => until('both bridges in sync', () => states().join() === 'in_sync,in_sync')
  /** Our flows on a bridge as ovs-ofctl prints them, stamp left out. */
  const dump = async (bridge: Bridge) => {
    const text = await ovs.ofctl('dump-flows', '--no-stats', '--rsort', bridge)
    return text
      .split('\n')
      .map(line => line.trim().replace(/cookie=0x[0-9a-f]+, ?/, ''))
      .filter(l => l !== '' && !l.includes('table=253'))
  }
  const expected = (network: number, out = 7) =>
    `table=10, priority=5,metadata=0x${network.toString(16)} actions=output:${out}`

  beforeEach(async () => {
    complaints.length = 0
    port = 0
    compiled = new HandCompiled()
    compiled.set('network/1', both(1))
    compiled.subscribe(HOST, 'network/1')
    await startController()
    ovs = await startOvs()
    for (const bridge of ['br-int', 'br-tun'] as const)
      await ovs.vsctl(
        ...['add-br', bridge, '--', 'set', 'bridge', bridge, 'fail_mode=secure', 'protocols=OpenFlow15'],
        ...[
          `other-config:datapath-id=${datapathId(1, bridge)}`,
          '--',
          'set-controller',
          bridge,
          `tcp:127.0.0.1:${port}`,
        ],
        ...['--', 'set', 'controller', bridge, 'max_backoff=1000', 'connection_mode=out-of-band'],
      )
    await inSync()
  })
  afterEach(async () => {
    await stopController()
    await ovs.stop()
  })

  test('fills an empty switch', async () => {
    expect(await dump('br-int')).toEqual([expected(1)])
    expect(await dump('br-tun')).toEqual([expected(1)])
    expect(programming.isConnected(HOST)).toBe(true)
  })

  test('sends what changes and tells when it is acknowledged', async () => {
    apply(compiled.set('network/2', both(2)))
    expect(await programming.acknowledged(HOST, compiled.revision, 1000)).toBe(true)
    expect(await dump('br-int')).toEqual([expected(1)])
    apply(compiled.subscribe(HOST, 'network/2'))
    expect(programming.isAcknowledged(HOST, compiled.revision)).toBe(false)
    expect(await programming.acknowledged(HOST, compiled.revision, 1000)).toBe(true)
    expect(await dump('br-int')).toEqual([expected(1), expected(2)])
    apply(compiled.set('network/2', both(2, 9)), compiled.unsubscribe(HOST, 'network/1'))
    await programming.acknowledged(HOST, compiled.revision, 1000)
    expect(await dump('br-int')).toEqual([expected(2, 9)])
    expect(await dump('br-tun')).toEqual([expected(2, 9)])
    expect(programming.latency.count).toBeGreaterThan(0)
  })

  test('sends no flow_mod after a restart of the controller when nothing changed', async () => {
    await stopController()
    await startController()
    await inSync()
    expect(programming.counters).toMatchObject({ bundles: 0, flowMods: 0, stamps: 0, readBacks: 2, flowsRead: 2 })
    expect(programming.drift(HOST)).toEqual([])
  })

  test('sends only the difference after a restart with changes', async () => {
    await stopController()
    compiled.set('network/1', [...both(1), ...both(2)])
    await startController()
    await inSync()
    expect(programming.counters).toMatchObject({ flowMods: 2 })
    expect(await dump('br-int')).toEqual([expected(1), expected(2)])
  })

  test('removes what nobody asks for any more after a restart', async () => {
    await stopController()
    compiled.set('network/1', both(2))
    await startController()
    await inSync()
    expect(await dump('br-int')).toEqual([expected(2)])
    expect(programming.counters.flowMods).toBe(4)
  })

  test('catches up without reading back when the connection was lost for a moment', async () => {
    const { readBacks } = programming.counters
    for (const connection of server.connections) connection.destroy()
    await until('both bridges away', () => states().join() === 'away,away')
    apply(compiled.set('network/1', [...both(1), ...both(3)]))
    await until('both bridges connected', () => programming.isAcknowledged(HOST, compiled.revision))
    expect(await dump('br-int')).toEqual([expected(1), expected(3)])
    await inSync()
    // The two audits, and no more.
    expect(programming.counters.readBacks).toBe(readBacks + 2)
  })

  test('leaves the flows of others alone, but not in a slot of ours', async () => {
    await ovs.ofctl('add-flow', 'br-int', 'table=10,priority=9,metadata=5,actions=drop')
    await ovs.ofctl('add-flow', 'br-int', 'table=10,priority=5,metadata=1,actions=output:3')
    await until('our flow back', async () => (await dump('br-int')).includes(expected(1)))
    expect(await dump('br-int')).toEqual(['table=10, priority=9,metadata=0x5 actions=drop', expected(1)])
    await stopController()
    compiled.set('network/1', both(2))
    await startController()
    await inSync()
    expect(await dump('br-int')).toEqual(['table=10, priority=9,metadata=0x5 actions=drop', expected(2)])
  })

  test('repairs flows that someone deletes, edits or adds in our name, and records it', async () => {
    const started = Date.now()
    await ovs.ofctl('del-flows', 'br-int', 'table=10,metadata=1')
    await until('the deleted flow back', async () => (await dump('br-int')).includes(expected(1)))
    await ovs.ofctl('mod-flows', 'br-tun', 'table=10,metadata=1,actions=output:4')
    await until('the edited flow back', async () => (await dump('br-tun')).includes(expected(1)))
    await ovs.ofctl('add-flow', 'br-int', 'cookie=0xf10e000000000042,table=3,priority=1,metadata=9,actions=drop')
    await until('the stray flow gone', async () => (await dump('br-int')).length === 1)
    expect(
      programming.drift(HOST).map(({ bridge, kind, flow, by }) => ({ bridge, kind, table: flow?.table, by })),
    ).toEqual([
      { bridge: 'br-int', kind: 'removed', table: 10, by: 'monitor' },
      { bridge: 'br-tun', kind: 'changed', table: 10, by: 'monitor' },
      { bridge: 'br-int', kind: 'added', table: 3, by: 'monitor' },
    ])
    expect(programming.drift(HOST)[0]!.sources).toEqual([{ kind: 'test', id: 'network 1', table: 'table 10' }])
    expect(programming.drift(HOST)[0]!.at).toBeGreaterThanOrEqual(started)
  })

  test('takes flows that packets taught the switch for no drift', async () => {
    await ovs.ofctl('add-flow', 'br-int', 'cookie=0xf10f000000000001,table=70,priority=1,metadata=9,actions=output:2')
    await stopController()
    await startController()
    await inSync()
    expect(programming.counters.flowMods).toBe(0)
    expect((await dump('br-int')).length).toBe(2)
    expect(programming.drift(HOST)).toEqual([])
  })

  test('puts everything back when all flows are deleted, the stamp too', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => flow(i + 10, 1))
    apply(compiled.set('network/1', many))
    await programming.acknowledged(HOST, compiled.revision, 5000)
    await ovs.ofctl('del-flows', 'br-int')
    await until('all flows back', async () => (await dump('br-int')).length === 1000)
    expect((await ovs.ofctl('dump-flows', 'br-int', 'table=253')).includes('set_field')).toBe(true)
    expect(programming.status(HOST)!.bridges['br-int'].drift).toBeGreaterThanOrEqual(1000)
    expect(programming.drift(HOST).length).toBeLessThan(100)
    await stopController()
    await startController()
    await inSync()
    expect(programming.counters.flowMods).toBe(0)
  })

  test('fills the switch again after it was killed', async () => {
    await ovs.kill9('ovs-vswitchd')
    await until('both bridges away', () => states().join() === 'away,away')
    expect(programming.isConnected(HOST)).toBe(false)
    apply(compiled.set('network/1', [...both(1), ...both(4)]))
    await ovs.start('ovs-vswitchd')
    await inSync()
    expect(await dump('br-int')).toEqual([expected(1), expected(4)])
    expect(programming.isAcknowledged(HOST, compiled.revision)).toBe(true)
  })

  test('quarantines a flow that the switch refuses, and proceeds with the others', async () => {
    // Table 254 belongs to Open vSwitch itself.
    const bad = flow(1, 1, 'br-int', 254)
    apply(compiled.set('network/1', [...both(1), ...both(2), bad]))
    expect(await programming.acknowledged(HOST, compiled.revision, 2000)).toBe(true)
    expect(await dump('br-int')).toEqual([expected(1), expected(2)])
    expect(programming.quarantined(HOST)).toMatchObject([
      { entry: { table: 254 }, error: expect.stringMatching(/\w+/) },
    ])
    expect(complaints.some(what => what.includes('network 1') && what.includes('refuses'))).toBe(true)
    // It is not tried with every other change, and is forgotten when nobody asks for it any more.
    apply(compiled.set('network/1', [...both(1), bad]))
    await programming.acknowledged(HOST, compiled.revision, 2000)
    expect(programming.quarantined(HOST).length).toBe(1)
    apply(compiled.set('network/1', both(1)))
    await programming.acknowledged(HOST, compiled.revision, 2000)
    expect(programming.quarantined(HOST)).toEqual([])
    await stopController()
    await startController()
    await inSync()
    expect(programming.counters.flowMods).toBe(0)
  })

  test('streams what is installed, with counters, and tells how it differs', async () => {
    const read = []
    for await (const flows of programming.installed(HOST, 'br-int')) read.push(...flows)
    expect(read.filter(f => f.table === 10)).toMatchObject([{ priority: 5, packets: 0n, bytes: 0n }])
    expect(await programming.diff(HOST, 'br-int')).toEqual({ missing: [], changed: [], strays: [] })
  })

  test('writes thousands of flows in one bundle', async () => {
    const many = Array.from({ length: 5000 }, (_, i) =>
      entryOf({ bridge: 'br-int', table: 20, priority: 1, match: { metadata: BigInt(i) }, actions: [goto(21)] }),
    )
    const { bundles } = programming.counters
    apply(compiled.set('network/1', [...both(1), ...many]))
    expect(await programming.acknowledged(HOST, compiled.revision, 10_000)).toBe(true)
    expect(programming.counters.bundles).toBe(bundles + 1)
    expect((await dump('br-int')).length).toBe(5001)
  })

  test('refuses a switch that is none of ours', async () => {
    await ovs.vsctl(
      ...['add-br', 'br-x', '--', 'set', 'bridge', 'br-x', 'fail_mode=secure', 'protocols=OpenFlow15'],
      ...['--', 'set-controller', 'br-x', `tcp:127.0.0.1:${port}`],
    )
    const refusal = /^a switch at 127\.0\.0\.1 was refused: datapath id [0-9a-f]{16} is no bridge of a chassis/
    await until('the refusal', () => complaints.some(what => refusal.test(what)))
    expect(states()).toEqual(['in_sync', 'in_sync'])
  })
})
