// What security groups leave alone, what is copied, and what they cost the datapath: frames on a real switch.
import { afterEach, expect, test } from 'vitest'
import type { Transaction } from '#model'
import { PATCH_TUN } from '#model/ofports'
import { ACK, type End, ethernet, frame, gratuitousArp, icmp, SYN, tcp, udp } from '#test/support/frames'
import { describeOvs } from '#test/support/ovs'
import { addGroup, addRule, allowSending } from '#test/support/secured'
import { type AddPort, NET_VLAN, startWorld, type World } from './security-world.ts'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'

describeOvs('security groups', () => {
  let world: World
  const start = async (setUp: (tx: Transaction, add: AddPort) => void) => {
    world = await startWorld(setUp)
  }
  afterEach(() => world.stop())

  const group = (tx: Transaction, id: string, ...rules: Parameters<typeof addRule>[3][]) => {
    addGroup(tx, id)
    allowSending(tx, id)
    for (const [i, rule] of rules.entries()) addRule(tx, `${id}-in${i}`, id, rule)
  }
  /** Names of the ports, and the tunnel, at which a frame leaves; each once. */
  const send = async (from: string | 'tunnel', bytes: Buffer) => {
    const left = await world.host.send(from === 'tunnel' ? PATCH_TUN : world.at(from), bytes)
    expect(
      Object.values(left).every(count => count === 1),
      JSON.stringify(left),
    ).toBe(true)
    return Object.keys(left)
      .map(port => (Number(port) === PATCH_TUN ? 'tunnel' : names.get(Number(port))))
      .sort()
  }
  const names = new Map([101, 102, 103, 104, 105].map((port, i) => [port, 'abcde'[i]]))
  const six = (n: number) => ({
    fixedIps: [`10.0.0.${n}`, `fd00::${n}`].map(ipAddress => ({ subnetId: 's', ipAddress })),
  })

  test('always let a host get an address and find its neighbours', async () => {
    await start((tx, add) => {
      add('a', 1, [], six(1))
      group(tx, 'all', {}, { ipVersion: 6 })
      add('b', 2, ['all'], six(2))
      add('d', 4, [], { portSecurityEnabled: false })
    })
    const nobody: End = { mac: world.end('a').mac, ip: '0.0.0.0' }
    const everybody: End = { mac: BROADCAST, ip: '255.255.255.255' }
    const server = world.end('d')
    expect(await send('a', frame(nobody, everybody, udp(68, 67)))).toEqual(['b', 'd', 'tunnel'])
    expect(await send('a', frame(world.end('a'), server, udp(68, 67)))).toEqual(['d'])
    expect(await send('d', frame(server, world.end('a'), udp(67, 68)))).toEqual(['a'])
    expect(await send('d', frame(server, { ...everybody }, udp(67, 68)))).toEqual(['a', 'b', 'tunnel'])
    expect(await send('a', gratuitousArp(world.end('a')))).toEqual(['b', 'd', 'tunnel'])
    expect(await send('b', gratuitousArp(world.end('b')))).toEqual(['a', 'd', 'tunnel'])
    const allNodes: End = { mac: '33:33:00:00:00:01', ip: 'ff02::1' }
    const router: End = { mac: server.mac, ip: 'fe80::1' }
    expect(await send('d', frame(router, allNodes, icmp(134, 0, Buffer.alloc(12), 58)))).toEqual(['a', 'b', 'tunnel'])
    const linkLocal: End = { mac: world.end('a').mac, ip: 'fe80::f816:3eff:fe00:1' }
    expect(await send('a', frame(linkLocal, allNodes, icmp(133, 0, Buffer.alloc(4), 58)))).toEqual(['d', 'tunnel'])
    const dhcpServers: End = { mac: '33:33:00:01:00:02', ip: 'ff02::1:2' }
    expect(await send('a', frame(linkLocal, dhcpServers, udp(546, 547)))).toEqual(['b', 'd', 'tunnel'])
    expect(await send('d', frame(router, linkLocal, udp(547, 546)))).toEqual(['a'])
    // What looks like it and is not, is judged.
    expect(await send('a', frame(world.end('a'), server, udp(1068, 67)))).toEqual([])
    expect(await send('d', frame(server, world.end('a'), udp(1067, 68)))).toEqual([])
    // Other protocols of layer 3 are for ports without security alone.
    expect(await send('d', ethernet(server.mac, BROADCAST, 0x88cc, Buffer.alloc(40)))).toEqual(['tunnel'])
    expect(await send('tunnel', ethernet(server.mac, BROADCAST, 0x88cc, Buffer.alloc(40), NET_VLAN))).toEqual(['d'])
    expect(await send('d', ethernet(server.mac, world.end('b').mac, 0x8847, Buffer.alloc(40)))).toEqual([])
  })

  test('let nobody be a DHCP server or a router or another host, whatever the rules say', async () => {
    await start((tx, add) => {
      group(tx, 'all', {}, { ipVersion: 6 })
      add('a', 1, ['all'], six(1))
      add('b', 2, ['all'], six(2))
    })
    const [a, b] = [world.end('a'), world.end('b')]
    expect(await send('a', frame(a, b, udp(1, 2)))).toEqual(['b'])
    expect(await send('a', frame(a, b, udp(67, 68)))).toEqual([])
    expect(await send('a', frame({ ...a, ip: '10.0.0.3' }, b, udp(1, 2)))).toEqual([])
    expect(await send('a', frame({ mac: 'fa:16:3e:00:00:09', ip: a.ip }, b, udp(1, 2)))).toEqual([])
    const pieces = [
      { offset: 0, length: 1480, more: true },
      { offset: 1480, length: 28, more: false },
    ].map(fragment => frame(a, b, udp(67, 68, Buffer.alloc(1500)), { fragment }))
    expect(await world.host.send(world.at('a'), ...pieces)).toEqual({})
    const own: End = { mac: a.mac, ip: 'fe80::f816:3eff:fe00:1' }
    expect(
      await send('a', frame(own, { mac: '33:33:00:00:00:01', ip: 'ff02::1' }, icmp(134, 0, Buffer.alloc(12), 58))),
    ).toEqual([])
  })

  test('judge copies by the policy of each receiver, after one pass through conntrack', async () => {
    await start((tx, add) => {
      group(tx, 'silent')
      group(tx, 'media', { protocolNumber: 17, portRangeMin: 5000, portRangeMax: 5000 })
      group(tx, 'any', {})
      add('a', 1, ['silent'])
      add('b', 2, ['media'])
      add('c', 3, ['silent', 'media'])
      add('d', 4, [], { portSecurityEnabled: false })
      add('e', 5, ['any'])
      addGroup(tx, 'stateless', { stateful: false })
      addRule(tx, 'stateless-in', 'stateless', { protocolNumber: 17, portRangeMin: 5001, portRangeMax: 5001 })
      add('far', 9, ['any'], { elsewhere: true })
    })
    const stream = (port: number, vlan?: number) =>
      frame(
        world.end('a'),
        { mac: '01:00:5e:00:00:05', ip: '239.0.0.5' },
        udp(40000, port),
        vlan === undefined ? {} : { vlan },
      )
    expect(await send('a', stream(5000))).toEqual(['b', 'c', 'd', 'e', 'tunnel'])
    expect(await send('a', stream(5001))).toEqual(['d', 'e', 'tunnel'])
    expect(await send('tunnel', stream(5000, NET_VLAN))).toEqual(['b', 'c', 'd', 'e'])
    expect(await world.host.ovs.appctl('dpctl/dump-conntrack')).toBe('')
    for (const flow of await world.host.megaflows()) expect(flow.match(/ct\(/g)?.length ?? 0).toBeLessThanOrEqual(1)
    // A receiver that nobody knows: it gets a copy if it is there, and its answer is let in.
    const unknown: End = { mac: '02:00:00:00:00:01', ip: '10.0.0.77' }
    expect(await send('a', frame(world.end('a'), unknown, udp(40000, 53)))).toEqual(['d', 'e', 'tunnel'])
    expect(await send('tunnel', frame(unknown, world.end('a'), udp(53, 40000), { vlan: NET_VLAN }))).toEqual(['a'])
    expect(await send('tunnel', frame(unknown, world.end('a'), udp(53, 40001), { vlan: NET_VLAN }))).toEqual([])
  })

  test('let frames for the MAC of an allowed address pair go to the port that uses it', async () => {
    const pair = { allowedAddressPairs: [{ ipAddress: '10.0.0.100', macAddress: '00:00:5e:00:01:01' }] }
    await start((tx, add) => {
      group(tx, 'vrrp', {})
      add('a', 1, ['vrrp'], pair)
      add('b', 2, ['vrrp'], pair)
      add('c', 3, ['vrrp'])
    })
    const router: End = { mac: '00:00:5e:00:01:01', ip: '10.0.0.100' }
    expect(await send('c', frame(world.end('c'), router, udp(1, 2)))).toEqual(['a', 'b', 'tunnel'])
    await send('a', gratuitousArp(router))
    expect(await send('c', frame(world.end('c'), router, udp(1, 3)))).toEqual(['a'])
    expect(await send('a', frame(router, world.end('c'), udp(3, 1)))).toEqual(['c'])
    await send('b', gratuitousArp(router))
    expect(await send('c', frame(world.end('c'), router, udp(1, 4)))).toEqual(['b'])
  })

  test('pass fragments of what is allowed, the later ones too', async () => {
    await start((tx, add) => {
      group(tx, 'dns', { protocolNumber: 17, portRangeMin: 53, portRangeMax: 53 })
      add('a', 1, ['dns'])
      add('b', 2, ['dns'])
    })
    const pieces = (to: number) =>
      [
        { offset: 0, length: 1480, more: true },
        { offset: 1480, length: 28, more: false },
      ].map(fragment => frame(world.end('a'), world.end('b'), udp(40000, to, Buffer.alloc(1500)), { fragment }))
    expect(await world.host.send(world.at('a'), ...pieces(53))).toEqual({ [world.at('b')]: 2 })
    expect(await world.host.send(world.at('a'), ...pieces(54))).toEqual({})
  })

  test('cost one recirculation for two ports of one chassis, and a few megaflows for a thousand connections', async () => {
    await start((tx, add) => {
      group(tx, 'client')
      group(tx, 'web', { protocolNumber: 6, portRangeMin: 80, portRangeMax: 89, remoteGroupId: 'client' })
      add('a', 1, ['client'])
      add('b', 2, ['web'])
    })
    const [a, b] = [world.end('a'), world.end('b')]
    const ports = Array.from({ length: 1000 }, (_, i) => 32768 + 28 * i)
    for (let i = 0; i < ports.length; i += 100) {
      const some = ports.slice(i, i + 100)
      await world.host.send(world.at('a'), ...some.map(port => frame(a, b, tcp(port, 80, SYN))))
      await world.host.send(world.at('b'), ...some.map(port => frame(b, a, tcp(80, port, SYN | ACK, 5, 2))))
      const left = await world.host.send(world.at('a'), ...some.map(port => frame(a, b, tcp(port, 80, ACK, 2, 6))))
      expect(left).toEqual({ [world.at('b')]: 100 })
    }
    const megaflows = await world.host.megaflows()
    console.log(`${megaflows.length} megaflows for 1,000 connections`)
    expect(megaflows.length).toBeLessThanOrEqual(8)
    expect(megaflows.filter(flow => flow.includes('recirc(')).every(flow => flow.includes('recirc_id(0)'))).toBe(true)
    expect((await world.host.ovs.appctl('dpctl/dump-conntrack')).split('\n')).toHaveLength(1000)
  })
})
