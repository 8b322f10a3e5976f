// Out by SNAT, and what is routed without: a whole controller, a gateway, a host that has no physical network, and the
// world outside.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, SERVER, SERVER6 } from '#test/support/internet'
import { describeDataplane, until } from '#test/support/ovs'
import type { Capture } from './capture.ts'
import { type Machine, type NorthSouth, pinged, reaches, startNorthSouth } from './north-south.ts'
import { ipOf, type Resource } from './world.ts'

const GATEWAY = '203.0.113.11'
const GATEWAY6 = '2001:db8:113::11'

describeDataplane('out by SNAT', () => {
  let ns: NorthSouth
  let router: Resource
  let leaks: Capture
  /** On the gateway, and on the host without the physical network. */
  let near: Machine
  let far: Machine

  beforeAll(async () => {
    ns = await startNorthSouth({ gw: { gateway: 10 }, compute: {} })
    leaks = await ns.capture('net 10.0.0.0/8')
    router = await ns.addRouter([GATEWAY, GATEWAY6])
    const network = await ns.addNetwork(router, ['10.1.0.0/24', '2001:db8:1::/64'])
    await ns.internet.router.exec('ip', '-6', 'route', 'add', '2001:db8:1::/64', 'via', GATEWAY6)
    near = await ns.vmOn('gw', network)
    far = await ns.vmOn('compute', network)
  }, 120_000)
  afterAll(() => ns?.stop())

  test('the first packet outside is not lost, though its next hop has yet to be found', async () => {
    expect(await near[0].ping(SERVER, { wait: 3 })).toBe(true)
  })

  test.each(['near', 'far'] as const)('VMs reach the world by ping, TCP, UDP and HTTP: from %s', async where => {
    const [vm] = where === 'near' ? near : far
    await until('the way to be there', () => vm.ping(SERVER))
    expect(await vm.ping(SERVER, { count: 5 })).toBe(true)
    for (const protocol of ['tcp', 'udp'] as const)
      expect((await ask(vm, protocol, SERVER, { size: 8000 })).ip, protocol).toBe(GATEWAY)
    expect(await vm.exec('curl', '-s', '-m', '3', `http://${SERVER}/`)).toMatch(new RegExp(`^${GATEWAY} `))
    expect(await vm.ping('203.0.113.1', { count: 2 })).toBe(true)
  })

  test.each(['near', 'far'] as const)('IPv6 is routed in and out as it is: %s', async where => {
    const [vm, port] = where === 'near' ? near : far
    await until('the way to be there', () => vm.ping(SERVER6))
    expect(await vm.ping(SERVER6, { count: 3 })).toBe(true)
    for (const protocol of ['tcp', 'udp'] as const)
      expect((await ask(vm, protocol, SERVER6, { size: 8000 })).ip).toBe(ipOf(port, 6))
    await ns.internet.server.exec('ip', '-6', 'neigh', 'flush', 'all')
    expect(await reaches(ns.internet.server, ipOf(port, 6), 3)).toBe(true)
  })

  test("the router's address outside answers pings from outside and inside, and nothing else", async () => {
    for (const to of [GATEWAY, GATEWAY6]) {
      for (const node of [ns.internet.server, ns.internet.router, near[0], far[0]])
        expect(await reaches(node, to, 2), `${node.netns} to ${to}`).toBe(true)
      await expect(ask(ns.internet.server, 'tcp', to)).rejects.toThrow(/ConnectionRefused/)
    }
  })

  test('every hop shows itself, from inside and from outside', async () => {
    for (const [vm, port] of [near, far]) {
      expect(await pinged(vm, '-t', '1', SERVER)).toMatch(/From 10\.1\.0\.1 .*Time to live exceeded/)
      expect(await pinged(vm, '-t', '2', SERVER)).toMatch(/From 203\.0\.113\.1 .*Time to live exceeded/)
      expect(await pinged(vm, '-t', '3', SERVER)).toContain('1 received')
      expect(await pinged(vm, '-t', '1', SERVER6)).toMatch(/From 2001:db8:1::1 .*Time exceeded/)
      expect(await pinged(vm, '-t', '2', SERVER6)).toMatch(/From 2001:db8:113::1 .*Time exceeded/)
      expect(await pinged(ns.internet.server, '-t', '2', ipOf(port, 6))).toMatch(
        /From 2001:db8:113::11 .*Time exceeded/,
      )
    }
  })

  test('what the world says of a packet reaches its sender: a port that nobody listens at', async () => {
    for (const [vm] of [near, far]) {
      await expect(ask(vm, 'udp', SERVER, { port: 9 })).rejects.toThrow(/ConnectionRefused/)
      await expect(ask(vm, 'udp', SERVER6, { port: 9 })).rejects.toThrow(/ConnectionRefused/)
      expect(await pinged(vm, '-W', '4', '203.0.113.77')).toMatch(/Destination Host Unreachable/)
    }
  })

  test('VMs learn the MTU of a link outside', async () => {
    await ns.internet.router.exec('ip', 'link', 'set', 'inside', 'mtu', '1300')
    for (const [vm] of [near, far]) {
      expect(await pinged(vm, '-M', 'do', '-s', '1400', SERVER)).toMatch(/mtu ?[=:] ?1300/)
      expect(await vm.exec('ip', 'route', 'get', SERVER)).toContain('mtu 1300')
      expect((await ask(vm, 'tcp', SERVER, { size: 30_000 })).ip).toBe(GATEWAY)
      expect(await pinged(vm, '-s', '1400', SERVER6)).toMatch(/mtu[=:]? ?1300/i)
      expect((await ask(vm, 'tcp', SERVER6, { size: 30_000 })).ip).toMatch(/2001:db8:1:/)
    }
    await ns.internet.router.exec('ip', 'link', 'set', 'inside', 'mtu', '1500')
  })

  test('the world learns the MTU of a network inside', async () => {
    for (const [, port] of [near, far])
      expect(await pinged(ns.internet.server, '-M', 'do', '-s', '1452', ipOf(port, 6))).toMatch(/mtu[=:]? ?1450/i)
    for (const [vm] of [near, far]) {
      // The VM believes its link to be larger than it is.
      await vm.exec('ip', 'link', 'set', 'eth0', 'mtu', '1500')
      expect((await ask(vm, 'tcp', SERVER, { size: 60_000 })).ip).toBe(GATEWAY)
      await vm.exec('ip', 'link', 'set', 'eth0', 'mtu', '1450')
    }
  })

  test('tenants with equal addresses keep apart', async () => {
    const other = await ns.addRouter(['203.0.113.12'])
    const network = await ns.addNetwork(other, ['10.1.0.0/24'])
    const twin = await ns.vmOn('compute', network, { fixed_ips: [{ ip_address: ipOf(far[1]) }] })
    await until('the way to be there', () => twin[0].ping(SERVER))
    // From one port of one address to one server at once: what tells them apart is the router alone.
    const seen = await Promise.all([twin, far].map(([vm]) => ask(vm, 'tcp', SERVER, { source: 4444, size: 2000 })))
    expect(seen.map(({ ip }) => ip)).toEqual(['203.0.113.12', GATEWAY])
    expect(seen.map(({ port }) => port)).toEqual([4444, 4444])
    expect(await reaches(twin[0], ipOf(near[1]))).toBe(false)
  })

  test('two VMs may use one port towards one server', async () => {
    const seen = await Promise.all([near, far].map(([vm]) => ask(vm, 'udp', SERVER, { source: 5555 })))
    expect(new Set(seen.map(({ port }) => port)).size).toBe(2)
  })

  test('a next hop that gets another MAC address is followed', async () => {
    await ns.internet.router.exec('ip', 'link', 'set', 'eth0', 'address', '02:00:5e:00:00:99')
    await ns.internet.router.exec('arping', '-U', '-c', '1', '-I', 'eth0', '203.0.113.1').catch(() => '')
    for (const [vm] of [near, far]) {
      await until('the new next hop', () => vm.ping(SERVER), 5000)
      await until('the new next hop', () => vm.ping(SERVER6), 40_000)
    }
  })

  test('a router that does not translate is reached by routes of the world', async () => {
    const plain = await ns.addRouter(['203.0.113.13'], { enable_snat: false })
    const network = await ns.addNetwork(plain, ['172.20.0.0/24'])
    await ns.internet.router.exec('ip', 'route', 'add', '172.20.0.0/24', 'via', '203.0.113.13')
    const vms = [await ns.vmOn('gw', network), await ns.vmOn('compute', network)]
    for (const [vm, port] of vms) {
      await until('the way to be there', () => vm.ping(SERVER))
      expect((await ask(vm, 'tcp', SERVER, { size: 8000 })).ip).toBe(ipOf(port))
      expect(await reaches(ns.internet.server, ipOf(port), 3)).toBe(true)
      expect(await pinged(ns.internet.server, '-t', '2', ipOf(port))).toMatch(/From 203\.0\.113\.13 .*Time to live exc/)
      expect(await pinged(ns.internet.server, '-M', 'do', '-s', '1472', ipOf(port))).toMatch(/mtu ?[=:] ?1450/)
    }
  })

  test('a gateway that is changed is left at once, and one that is removed leads nowhere', async () => {
    const info = (ip: string) => ({
      external_gateway_info: { network_id: ns.external.id, external_fixed_ips: [{ ip_address: ip }] },
    })
    await ns.changeRouter(router, info('203.0.113.21'))
    await until(
      'the new address',
      async () => (await ask(far[0], 'udp', SERVER).catch(() => undefined))?.ip === '203.0.113.21',
    )
    expect((await ask(near[0], 'tcp', SERVER)).ip).toBe('203.0.113.21')
    expect(await reaches(ns.internet.server, GATEWAY)).toBe(false)
    await ns.changeRouter(router, { external_gateway_info: {} })
    await until('the gateway to be gone', async () => !(await far[0].ping(SERVER)))
    expect(await pinged(near[0], SERVER)).toMatch(/From 10\.1\.0\.1 .*Destination Net Unreachable/)
    expect(await near[0].ping(ipOf(far[1]))).toBe(true)
  })

  test('no address of a tenant was ever seen outside', async () => {
    expect(await leaks.stop()).toEqual([])
  })
})
