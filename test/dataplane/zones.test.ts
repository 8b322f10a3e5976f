// A conntrack zone that a network gets on a chassis holds no connection of whoever had the number before.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host } from '#test/support/cloud'
import { frame, udp } from '#test/support/frames'
import { describeDataplane, until } from '#test/support/ovs'
import { startWorld, type World } from './world.ts'

describeDataplane('conntrack zones', () => {
  let world: World
  let host: Host
  beforeAll(async () => {
    world = await startWorld()
    host = await world.addHost('host1', 1)
  }, 120_000)
  afterAll(() => world?.stop())

  const connections = (zone: number) => host.ovs.appctl('dpctl/dump-conntrack', `zone=${zone}`)

  test('are empty when a network comes to a chassis', async () => {
    await host.ovs.vsctl('add-br', 'foreign', '--', 'set', 'bridge', 'foreign', 'datapath_type=netdev')
    const [a, b] = [
      { mac: '02:00:00:00:00:01', ip: '10.0.0.1' },
      { mac: '02:00:00:00:00:02', ip: '10.0.0.2' },
    ]
    const packet = frame(a, b, udp(1, 2)).toString('hex')
    for (const zone of [1, 2])
      await host.ovs.ofctl('packet-out', 'foreign', `in_port=LOCAL,packet=${packet},actions=ct(commit,zone=${zone})`)
    await until(
      'the connections to be there',
      async () => (await connections(1)) !== '' && (await connections(2)) !== '',
    )

    await world.vmOn(host, await world.createNetwork({ name: 'first' }, ['10.0.0.0/24']))
    expect(await host.ovs.ofctl('dump-flows', 'br-int', 'table=0')).toMatch(/set_field:0x1\/0xffff->reg3/)
    expect(await connections(1)).toBe('')
    expect(await connections(2)).not.toBe('')
  })
})
