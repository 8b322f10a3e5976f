// Real switches that watch each other by BFD through our flows: two gateways and a chassis that is none.
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cloud, type Host, startCloud } from '#test/support/cloud'
import { type Flowright, startFlowright } from '#test/support/flowright'
import { describeDataplane, until } from '#test/support/ovs'

describeDataplane('chassis that watch each other', () => {
  let cloud: Cloud
  let flowright: Flowright
  let gw1: Host
  let gw2: Host
  let compute: Host
  /** OpenFlow ports of br-int that stand for them. */
  let ports: readonly [number, number]

  const chassis = async (): Promise<readonly { id: string; key: number; problems: string[] }[]> =>
    (await flowright.api('GET', '/flowright/v1/chassis')).chassis
  const gateway = async () => (await flowright.api('GET', '/flowright/v1/gateways')).gateways[0]
  /** What a switch chooses of the two gateways. */
  const choice = async (at: Host) => {
    const bundle = `bundle_load(eth_src,0,active_backup,ofport,NXM_NX_REG0[],members:${ports.join(',')})`
    const trace = await at.ovs.appctl('ofproto/trace-packet-out', 'br-int', 'in_port=LOCAL', bundle)
    return Number(/Final flow: .*reg0=(0x[0-9a-f]+)/.exec(trace)?.[1])
  }
  const untilChosen = (at: Host, port: number, limit?: number) =>
    until(`${at.name} to choose ${port}`, async () => (await choice(at)) === port, limit)
  const isolate = async (isOn: boolean) => {
    // the first legs of gw1 and gw2 are in the underlay
    for (const leg of ['leg1', 'leg3'])
      await cloud.wires.exec('ip', 'link', 'set', leg, 'type', 'bridge_slave', 'isolated', isOn ? 'on' : 'off')
  }

  beforeAll(async () => {
    cloud = await startCloud()
    flowright = await startFlowright('--auto-approve')
    const { sockets } = flowright
    const physicalNetworks = ['physnet1']
    const offer = (priority: number) => ({ externalIds: { 'flowright-gateway': `${priority}` } })
    gw1 = await cloud.addHost({ name: 'gw1', tunnelIp: '192.0.2.1', sockets, physicalNetworks, ...offer(20) })
    gw2 = await cloud.addHost({ name: 'gw2', tunnelIp: '192.0.2.2', sockets, physicalNetworks, ...offer(10) })
    compute = await cloud.addHost({ name: 'compute', tunnelIp: '192.0.2.3', sockets })
    for (const host of [gw1, gw2, compute]) await flowright.join(host)
    const keys = new Map((await chassis()).map(c => [c.id, 0x4000 + c.key]))
    ports = [keys.get('gw1')!, keys.get('gw2')!]
    const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' }
    const network = { name: 'outside', 'router:external': true, ...provider }
    const { id } = (await flowright.api('POST', '/v2.0/networks', { network })).network
    await flowright.api('POST', '/v2.0/subnets', { subnet: { network_id: id, ip_version: 4, cidr: '203.0.113.0/24' } })
    await flowright.api('POST', '/v2.0/routers', { router: { name: 'r', external_gateway_info: { network_id: id } } })
    for (const host of [gw1, gw2, compute]) await untilChosen(host, ports[0])
  }, 60_000)
  afterAll(async () => {
    await flowright?.stop()
    await cloud?.stop()
  }, 30_000)

  test('all see all gateways, which have a port of their own that always lives', async () => {
    const patches = async (host: Host) => {
      const rows = await host.ovs.vsctl('--bare', '--columns=name', 'find', 'Interface', 'type=patch')
      return rows.split(/\s+/).filter(name => name.startsWith('frg')).length
    }
    expect(await Promise.all([gw1, gw2, compute].map(patches))).toEqual([6, 6, 4])
    const sessions = async (host: Host) =>
      (await host.ovs.vsctl('--bare', '--columns=bfd_status', 'find', 'Interface', 'bfd:enable=true')).match(
        /forwarding=true/g,
      )?.length
    await until('BFD everywhere', async () => `${await Promise.all([gw1, gw2, compute].map(sessions))}` === '2,2,2')
    expect(await gateway()).toMatchObject({
      ...{ router: { name: 'r' }, network: { name: 'outside' }, active: 'gw1', conflict: [] },
      candidates: [
        { chassis: 'gw1', priority: 20, connected: true, live: true, holds_active: true },
        { chassis: 'gw2', priority: 10, connected: true, live: true, holds_active: false },
      ],
    })
  })

  test('what others undo of BFD is repaired', async () => {
    const name = `frgw-${ports[0] - 0x4000}`
    await compute.ovs.vsctl('clear', 'Interface', name, 'bfd')
    await until('BFD to be set again', async () =>
      (await compute.ovs.vsctl('get', 'Interface', name, 'bfd')).includes('enable="true"'),
    )
    await compute.ovs.vsctl('--', '--if-exists', 'del-port', 'br-tun', name.replace('frgw', 'frgt'))
    await untilChosen(compute, ports[0])
  })

  test('a gateway that is killed is replaced, and is back only with its flows, all without a controller', async () => {
    await flowright.kill9()
    // a session that has just come up still has the long intervals of one that is down
    await until('short intervals', async () =>
      /RX Interval: Approx 100ms/.test(await compute.ovs.appctl('bfd/show', `frgw-${ports[0] - 0x4000}`)),
    )
    const before = performance.now()
    await gw1.ovs.kill9('ovs-vswitchd')
    await untilChosen(compute, ports[1], 3000)
    console.log(`the next gateway is chosen after ${Math.round(performance.now() - before)} ms`)
    await untilChosen(gw2, ports[1], 3000)

    await gw1.ovs.start('ovs-vswitchd')
    await delay(2000)
    expect(await choice(compute)).toBe(ports[1])
    await flowright.start()
    await untilChosen(compute, ports[0])
    await until('the controller to see it back', async () => (await gateway()).active === 'gw1')
  }, 30_000)

  test('the controller sees who is active', async () => {
    await gw1.ovs.kill9('ovs-vswitchd')
    await until('gw2 to be active', async () => (await gateway()).active === 'gw2')
    await gw1.ovs.start('ovs-vswitchd')
    await until('gw1 to be active', async () => (await gateway()).active === 'gw1', 15_000)
  }, 30_000)

  test('two gateways that do not see each other are an alarm, and others go on with the better one', async () => {
    await isolate(true)
    await untilChosen(gw2, ports[1])
    expect(await choice(gw1)).toBe(ports[0])
    await untilChosen(compute, ports[0])
    await until('the alarm', async () => (await gateway()).conflict.length === 2, 20_000)
    expect(await gateway()).toMatchObject({ active: 'gw1', conflict: ['gw1', 'gw2'] })
    const problems = (await chassis()).filter(c => c.problems.length > 0).map(c => c.id)
    expect(problems.sort()).toEqual(['gw1', 'gw2'])
    expect(flowright.log()).toContain('both hold themselves the gateway of 1 router')
    await isolate(false)
    await untilChosen(gw2, ports[0])
    await until('the end of the alarm', async () => (await gateway()).conflict.length === 0)
  }, 40_000)

  test('a gateway whose way out is cut is no gateway', async () => {
    await gw1.exec('ip', 'link', 'set', 'leg-physnet1', 'down')
    const candidates = async () => (await gateway()).candidates.map((c: { chassis: string }) => c.chassis)
    await until('gw2 alone to be left', async () => (await candidates()).join() === 'gw2')
    await until('gw2 to be the gateway', async () => (await gateway()).active === 'gw2')
    await gw1.exec('ip', 'link', 'set', 'leg-physnet1', 'up')
    await until('gw1 to be the gateway', async () => (await gateway()).active === 'gw1')
  })

  test('ports go with the gateways that they stand for', async () => {
    await gw2.ovs.vsctl('remove', 'Open_vSwitch', '.', 'external_ids', 'flowright-gateway')
    const ours = async (host: Host) =>
      (await host.ovs.vsctl('list-ports', 'br-int')).split('\n').filter(name => name.startsWith('frgw-'))
    const [one, two] = ports.map(port => `frgw-${port - 0x4000}`)
    await until('its port to go', async () => `${await ours(compute)}` === one)
    await until('its own to go', async () => `${await ours(gw2)}` === one)
    expect((await ours(gw1)).sort()).toEqual([one, two, 'frgw-3'].sort())
  })
})
