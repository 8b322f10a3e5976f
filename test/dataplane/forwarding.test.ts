import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host, Node } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { capture } from './capture.ts'
import { ipOf, type Resource, startWorld, type World } from './world.ts'

/** Runs `work` while a capture runs on a device of a machine; resolves with the packets that match a filter, a line each. */
const captured = async (node: Node, device: string, filter: string, work: () => Promise<unknown>) => {
  const running = await capture(node, device, filter)
  await work()
  return running.stop()
}

describeDataplane('forwarding', () => {
  let world: World
  let hosts: Host[]
  beforeAll(async () => {
    world = await startWorld()
    await world.openDefaultGroup()
    hosts = []
    for (const n of [1, 2, 3])
      hosts.push(
        await world.addHost(`host${n}`, n, {
          physicalNetworks: ['physnet1'],
          externalIds: { 'flowright-tunnel-types': 'vxlan,gre,geneve' },
        }),
      )
  }, 120_000)
  afterAll(() => world?.stop())

  const network = (body: Record<string, unknown>, cidrs: readonly string[]) => world.createNetwork(body, cidrs)
  const vmOn = (host: number, net: Resource, body?: Record<string, unknown>) =>
    world.vmOn(hosts[host - 1] as Host, net, body)

  test.each(['vxlan', 'gre', 'geneve'])(
    'VMs reach one another over %s, IPv4 and IPv6, on one host and across',
    async type => {
      const net = await network({ name: type, 'provider:network_type': type }, ['10.1.0.0/24', 'fd01::/64'])
      const [a] = await vmOn(1, net)
      const [b, portB] = await vmOn(1, net)
      const [c, portC] = await vmOn(2, net)
      expect(await a.ping(ipOf(portB), { count: 2 })).toBe(true)
      expect(await a.ping(ipOf(portC), { count: 2 })).toBe(true)
      expect(await a.ping(ipOf(portB, 6), { count: 2 })).toBe(true)
      expect(await b.ping(ipOf(portC, 6), { count: 2 })).toBe(true)
      expect(await c.ping(ipOf(portB), { count: 2, size: 1350 })).toBe(true)
    },
  )

  test('known unicast goes to its VTEP alone, broadcast to the hosts with members, ARP for known addresses nowhere', async () => {
    const net = await network({ name: 'reach' }, ['10.2.0.0/24'])
    const [a, portA] = await vmOn(1, net)
    const [b, portB] = await vmOn(2, net)
    const third = hosts[2] as Host
    const toThird = await captured(third, 'phy0', 'udp port 4789', async () => {
      expect(await a.ping(ipOf(portB), { count: 3 })).toBe(true)
      await a.exec('ping', '-c', '2', '-b', '-W', '1', '10.2.0.255').catch(() => '')
    })
    expect(toThird).toEqual([])
    await a.exec('ip', 'neigh', 'flush', 'all')
    const lines = await captured(hosts[1] as Host, 'phy0', 'udp port 4789', async () => {
      expect(await a.ping(ipOf(portB), { count: 3 })).toBe(true)
    })
    expect(lines.filter(line => line.includes('ARP'))).toEqual([])
    const broadcast = await captured(b, 'eth0', 'icmp and broadcast', async () => {
      await a.exec('ping', '-c', '3', '-i', '0.2', '-b', '-W', '1', '10.2.0.255').catch(() => '')
    })
    expect(broadcast.filter(line => line.includes(`${ipOf(portA)} >`)).length).toBe(3)
  })

  test('a provider VLAN and a flat network reach hosts that are not ours, and answer them', async () => {
    const vlan = await network(
      {
        name: 'vlan',
        'provider:network_type': 'vlan',
        'provider:physical_network': 'physnet1',
        'provider:segmentation_id': 120,
      },
      ['10.3.0.0/24', 'fd03::/64'],
    )
    const outsider = await world.cloud.addOutsider('physnet1', {
      addresses: ['10.3.0.200/24', 'fd03::200/64'],
      vlan: 120,
    })
    const [a, portA] = await vmOn(1, vlan)
    const [b, portB] = await vmOn(2, vlan)
    expect(await a.ping(ipOf(portB), { count: 2 })).toBe(true)
    expect(await a.ping('10.3.0.200', { count: 2, wait: 2 })).toBe(true)
    await outsider.exec('ip', 'neigh', 'flush', 'all')
    await outsider.exec('ping', '-c', '2', '-W', '2', ipOf(portA))
    await outsider.exec('ping', '-c', '2', '-W', '2', ipOf(portB))
    await outsider.exec('ping', '-c', '2', '-W', '2', ipOf(portA, 6))
    expect(await b.ping('fd03::200', { count: 2, wait: 2 })).toBe(true)

    const flat = await network(
      { name: 'flat', 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' },
      ['10.4.0.0/24'],
    )
    const untagged = await world.cloud.addOutsider('physnet1', { addresses: ['10.4.0.200/24'] })
    const [c, portC] = await vmOn(3, flat)
    expect(await c.ping('10.4.0.200', { count: 2, wait: 2 })).toBe(true)
    await untagged.exec('ping', '-c', '2', '-W', '2', ipOf(portC))
  })

  test('networks do not leak into one another, whatever tag a guest uses', async () => {
    const [one, two] = [
      await network({ name: 'one' }, ['10.5.0.0/24']),
      await network({ name: 'two' }, ['10.5.0.0/24']),
    ]
    const [a] = await vmOn(1, one, { port_security_enabled: false, fixed_ips: [{ ip_address: '10.5.0.100' }] })
    const [b, portB] = await vmOn(1, two)
    const [c, portC] = await vmOn(2, two)
    expect(await a.ping(ipOf(portB))).toBe(false)
    expect(await a.ping(ipOf(portC))).toBe(false)
    expect(await b.ping(ipOf(portC))).toBe(true)
    expect(await c.ping(ipOf(portB))).toBe(true)
  })

  test('a port that is administratively down has no traffic, and has it again when up', async () => {
    const net = await network({ name: 'admin' }, ['10.6.0.0/24'])
    const [a] = await vmOn(1, net)
    const [, portB] = await vmOn(2, net)
    expect(await a.ping(ipOf(portB))).toBe(true)
    await world.call('PUT', `/v2.0/ports/${portB.id}`, { port: { admin_state_up: false } })
    await until('no traffic', async () => !(await a.ping(ipOf(portB))))
    await world.call('PUT', `/v2.0/ports/${portB.id}`, { port: { admin_state_up: true } })
    await until('traffic', () => a.ping(ipOf(portB)))
  })
})
