// Port security: a VM sends only as itself, and what it may send beyond (allowed address pairs, port security off) works.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host, Vm } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { ipOf, type Resource, startWorld, type World } from './world.ts'

describeDataplane('port security', () => {
  let world: World
  let hosts: Host[]
  beforeAll(async () => {
    world = await startWorld()
    await world.openDefaultGroup()
    hosts = [await world.addHost('host1', 1), await world.addHost('host2', 2)]
  }, 120_000)
  afterAll(() => world?.stop())

  const network = (cidrs: readonly string[]) => world.createNetwork({ name: 'secured' }, cidrs)
  const vmOn = (host: number, net: Resource, body?: Record<string, unknown>) =>
    world.vmOn(hosts[host - 1] as Host, net, body)
  const pings = (vm: Vm, from: string, to: string) =>
    vm.exec('ping', '-n', '-c', '2', '-i', '0.2', '-W', '1', '-I', from, to).then(
      () => true,
      () => false,
    )

  test('a spoofed source address or MAC is dropped, an allowed address pair passes', async () => {
    const net = await network(['10.1.0.0/24', 'fd01::/64'])
    const [a, portA] = await vmOn(1, net)
    const [b, portB] = await vmOn(2, net)
    expect(await pings(a, ipOf(portA), ipOf(portB))).toBe(true)

    await a.exec('ip', 'addr', 'add', '10.1.0.77/24', 'dev', 'eth0')
    await a.exec('ip', 'addr', 'add', 'fd01::77/64', 'dev', 'eth0', 'nodad')
    expect(await pings(a, '10.1.0.77', ipOf(portB))).toBe(false)
    expect(await pings(a, 'fd01::77', ipOf(portB, 6))).toBe(false)
    await world.call('PUT', `/v2.0/ports/${portA.id}`, {
      port: { allowed_address_pairs: [{ ip_address: '10.1.0.77' }, { ip_address: 'fd01::77' }] },
    })
    await until('the pair to pass', () => pings(a, '10.1.0.77', ipOf(portB)))
    await until('the IPv6 pair to pass', () => pings(a, 'fd01::77', ipOf(portB, 6)))
    await world.call('PUT', `/v2.0/ports/${portA.id}`, { port: { allowed_address_pairs: [] } })
    await until('the pair to be withdrawn', async () => !(await pings(a, '10.1.0.77', ipOf(portB))))

    await a.exec('ip', 'link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
    expect(await pings(a, ipOf(portA), ipOf(portB))).toBe(false)
    await a.exec('ip', 'link', 'set', 'eth0', 'address', portA.mac_address)
    await b.exec('ip', 'neigh', 'flush', 'all')
    await until('its own MAC to pass', () => pings(a, ipOf(portA), ipOf(portB)))
  })

  test('ARP and neighbour discovery tell nothing about addresses of others', async () => {
    const net = await network(['10.2.0.0/24', 'fd02::/64'])
    const [a] = await vmOn(1, net)
    const [b, portB] = await vmOn(2, net)
    const [, portC] = await vmOn(1, net)
    expect(await b.ping(ipOf(portC))).toBe(true)
    const known = await b.exec('ip', 'neigh', 'show', ipOf(portC))
    // a claims c's address, by gratuitous ARP and by an unsolicited advertisement (an address of its own makes one)
    await a.exec('ip', 'addr', 'add', `${ipOf(portC)}/24`, 'dev', 'eth0')
    await a.exec('arping', '-c', '2', '-U', '-I', 'eth0', '-S', ipOf(portC), ipOf(portC)).catch(() => '')
    await a.exec('arping', '-c', '2', '-P', '-U', '-i', 'eth0', '-S', ipOf(portC), ipOf(portB)).catch(() => '')
    expect((await b.exec('ip', 'neigh', 'show', ipOf(portC))).split(' ').slice(0, 5)).toEqual(
      known.split(' ').slice(0, 5),
    )
    expect(await b.ping(ipOf(portC))).toBe(true)
  })

  test('keepalived moves an address between two VMs', async () => {
    const net = await network(['10.3.0.0/24'])
    const vip = '10.3.0.250'
    const pair = { allowed_address_pairs: [{ ip_address: vip }] }
    const [a] = await vmOn(1, net, pair)
    const [b] = await vmOn(2, net, pair)
    const [c] = await vmOn(1, net)
    const dir = await (await import('node:fs/promises')).mkdtemp('/tmp/fr-vrrp-')
    const { spawn } = await import('node:child_process')
    const { writeFile, rm } = await import('node:fs/promises')
    const start = async (vm: Vm, name: string, priority: number) => {
      const file = `${dir}/${name}.conf`
      await writeFile(
        file,
        `vrrp_instance v {\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority ${priority}\n advert_int 1\n` +
          ` virtual_ipaddress {\n  ${vip}/24\n }\n}\n`,
      )
      const files = ['-p', `${dir}/${name}.pid`, '-r', `${dir}/${name}.vrrp`]
      return spawn('nsenter', [`--net=/run/netns/${vm.netns}`, 'keepalived', '-n', '-l', '-P', '-f', file, ...files], {
        stdio: 'ignore',
      })
    }
    const holds = async (vm: Vm) => (await vm.exec('ip', 'addr', 'show', 'eth0')).includes(vip)
    const first = await start(a, 'a', 200)
    const second = await start(b, 'b', 100)
    try {
      await until('a to hold the address', () => holds(a), 15_000)
      await until('c to reach it', () => c.ping(vip))
      expect(await holds(b)).toBe(false)
      first.kill('SIGKILL')
      await until('b to hold the address', () => holds(b), 15_000)
      await a.exec('ip', 'addr', 'del', `${vip}/24`, 'dev', 'eth0').catch(() => '')
      await until('c to reach it at b', () => c.ping(vip))
    } finally {
      for (const child of [first, second]) child.kill('SIGTERM')
      await rm(dir, { recursive: true })
    }
  })

  test('a VM without port security speaks for nested machines with MACs of their own', async () => {
    const net = await network(['10.4.0.0/24'])
    const [outer] = await vmOn(1, net, { port_security_enabled: false })
    const [near, portNear] = await vmOn(1, net)
    const [far, portFar] = await vmOn(2, net)
    await outer.exec('ip', 'link', 'add', 'nested', 'link', 'eth0', 'type', 'macvlan', 'mode', 'bridge').catch(() => '')
    await outer.exec('ip', 'link', 'set', 'eth0', 'promisc', 'on')
    const hasMacvlan = await outer.exec('ip', 'link', 'show', 'nested').then(
      () => true,
      () => false,
    )
    // A kernel without macvlan: the same by a bridge over eth0, with a MAC of its own.
    if (!hasMacvlan) {
      await outer.exec('ip', 'link', 'add', 'nested', 'type', 'bridge')
      await outer.exec('ip', 'link', 'set', 'eth0', 'master', 'nested')
    }
    await outer.exec('ip', 'link', 'set', 'nested', 'address', '02:00:00:00:00:77')
    await outer.exec('ip', 'addr', 'flush', 'dev', 'eth0')
    await outer.exec('ip', 'addr', 'add', '10.4.0.77/24', 'dev', 'nested')
    await outer.exec('ip', 'link', 'set', 'nested', 'up')
    // Else eth0 answers for the address of the other device.
    await outer.exec('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1', 'net.ipv4.conf.all.arp_announce=2')
    await until('near reaches it', () => near.ping('10.4.0.77'))
    await until('far reaches it', () => far.ping('10.4.0.77'))
    expect(await outer.exec('ping', '-c', '1', '-W', '2', ipOf(portNear)).then(() => true)).toBe(true)
    expect(await outer.exec('ping', '-c', '1', '-W', '2', ipOf(portFar)).then(() => true)).toBe(true)
    expect(await far.exec('ip', 'neigh', 'show', '10.4.0.77')).toContain('02:00:00:00:00:77')
  })
})
