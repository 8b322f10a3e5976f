// Routing between networks as VMs see it: a whole controller, two hosts, packets of both families.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Host, pingUntil, type Vm } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { type Capture, capture } from './capture.ts'
import { ipOf, type PortResource, type Resource, startWorld, type World } from './world.ts'

describeDataplane('routing', () => {
  let world: World
  let hosts: readonly Host[]
  let router: Resource
  const networks: Record<string, Resource> = {}

  /** A network of both families behind a router. */
  const routedNetwork = async (name: string, n: number, by: Resource, more: object = {}) => {
    networks[name] = await world.createRoutedNetwork(by, { name, ...more }, [`10.${n}.0.0/24`, `fd0${n}::/64`])
  }
  const addInterface = (to: Resource, by: object) =>
    world.call('PUT', `/v2.0/routers/${to.id}/add_router_interface`, by)
  const change = (to: Resource, body: object) => world.call('PUT', `/v2.0/routers/${to.id}`, { router: body })

  const vmOn = (host: number, name: string, body: Record<string, unknown> = {}) =>
    world.routedVmOn(hosts[host - 1] as Host, networks[name] as Resource, body)
  /** What ping says. */
  const ping = (vm: Vm, ...args: readonly string[]) =>
    vm.exec('ping', '-n', '-c', '1', '-W', '1', ...args).catch((error: { stdout?: string }) => error.stdout ?? '')

  let a: readonly [Vm, PortResource]
  let b: readonly [Vm, PortResource]
  let far: readonly [Vm, PortResource]
  let tagged: readonly [Vm, PortResource]
  let farTagged: readonly [Vm, PortResource]

  beforeAll(async () => {
    world = await startWorld()
    await world.openDefaultGroup()
    hosts = [
      await world.addHost('host1', 1, { physicalNetworks: ['physnet1'] }),
      await world.addHost('host2', 2, { physicalNetworks: ['physnet1'] }),
    ]
    router = await world.create('router', { name: 'r1' })
    await routedNetwork('red', 1, router)
    await routedNetwork('blue', 2, router)
    await routedNetwork('vlan', 3, router, {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 130,
    })
    a = await vmOn(1, 'red')
    b = await vmOn(1, 'blue')
    far = await vmOn(2, 'blue')
    tagged = await vmOn(1, 'vlan')
    farTagged = await vmOn(2, 'vlan')
    await pingUntil(b[0], ipOf(far[1]))
  }, 120_000)
  afterAll(() => world?.stop())

  test.each([4, 6] as const)(
    'VMs reach other networks over IPv%i, on one host and across, VXLAN and VLAN',
    async family => {
      for (const [vm] of [a, b, far, tagged, farTagged])
        for (const [other, to] of [a, b, far, tagged, farTagged])
          if (other !== vm)
            expect(await vm.ping(ipOf(to, family), { count: 2 }), `${vm.netns} to ${ipOf(to, family)}`).toBe(true)
    },
  )

  test('a hop is lost where it is routed, and the router shows itself', async () => {
    const said = await ping(a[0], ipOf(far[1]))
    expect(said).toContain('ttl=63')
    expect(await ping(a[0], '-t', '1', ipOf(far[1]))).toMatch(/From 10\.1\.0\.1 .*Time to live exceeded/)
    expect(await ping(a[0], '-t', '2', ipOf(b[1]))).toContain('1 received')
    expect(await ping(a[0], '-t', '1', ipOf(b[1], 6))).toMatch(/From fd01::1 .*Time exceeded/)
  })

  test('every address of the router answers pings, from every network', async () => {
    for (const [vm] of [a, far, tagged])
      for (const own of ['10.1.0.1', '10.2.0.1', '10.3.0.1', 'fd01::1', 'fd02::1', 'fd03::1'])
        expect(await vm.ping(own, { count: 2 }), `${vm.netns} to ${own}`).toBe(true)
  })

  test('the physical network sees the MAC of each host, VMs that of the router', async () => {
    const outside = await capture(world.cloud.wires, 'physnet1', 'vlan 130 and icmp')
    const inside = await capture(farTagged[0], 'eth0', 'icmp')
    expect(await a[0].ping(ipOf(farTagged[1]), { count: 3 })).toBe(true)
    expect(await far[0].ping(ipOf(tagged[1]), { count: 3 })).toBe(true)
    const sources = async (seen: Capture) =>
      new Set((await seen.stop()).flatMap(line => /(?<=\d )\S{17}(?= > )/.exec(line) ?? []))
    const { ports } = await world.call<{ ports: PortResource[] }>(
      'GET',
      `/v2.0/ports?network_id=${networks.vlan?.id}&device_id=${router.id}&fixed_ips=ip_address=10.3.0.1`,
    )
    const seen = await sources(outside)
    expect(seen.size).toBeGreaterThan(1)
    for (const mac of seen) expect(mac).toMatch(/^0a:ee:de:00:00:0[12]$/)
    expect([...(await sources(inside))]).toContain(ports[0]?.mac_address)
  })

  test('what cannot be delivered is told to the sender', async () => {
    expect(await ping(a[0], '198.51.100.1')).toMatch(/From 10\.1\.0\.1 .*Destination Net Unreachable/)
    expect(await ping(far[0], '10.1.0.200')).toMatch(/From 10\.2\.0\.1 .*Destination Host Unreachable/)
    expect(await ping(a[0], '2001:db8:5::1')).toMatch(/From fd01::1 .*Destination unreachable: No route/)
    expect(await ping(a[0], 'fd02::200')).toMatch(/From fd01::1 .*Destination unreachable: Address unreachable/)
    const refused =
      "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect(('10.1.0.1', 9)); s.send(b'x'); s.recv(9)"
    await expect(a[0].exec('python3', '-c', refused)).rejects.toThrow(/ConnectionRefused/)
  })

  test('security groups are judged at both ends, whichever host routes', async () => {
    const group = (await world.create('security-group', { name: 'closed' })) as Resource
    const closed = await vmOn(2, 'blue', { security_groups: [group.id] })
    expect(await a[0].ping(ipOf(closed[1]))).toBe(false)
    expect(await a[0].ping(ipOf(closed[1], 6))).toBe(false)
    // It may open connections, and is answered.
    expect(await closed[0].ping(ipOf(a[1]), { count: 2 })).toBe(true)
    expect(await closed[0].ping(ipOf(a[1], 6), { count: 2 })).toBe(true)
    await world.create('security-group-rule', {
      ...{ security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'icmp' },
      remote_ip_prefix: '10.1.0.0/24',
    })
    await until('the rule to count', () => a[0].ping(ipOf(closed[1])))
    expect(await tagged[0].ping(ipOf(closed[1]))).toBe(false)
    expect(await a[0].ping(ipOf(closed[1], 6))).toBe(false)
    for (const rule of group.security_group_rules as readonly Resource[])
      await world.call('DELETE', `/v2.0/security-group-rules/${rule.id}`)
    await until('the group to forbid sending', async () => !(await closed[0].ping(ipOf(a[1]))))
    expect(await a[0].ping(ipOf(closed[1]))).toBe(true)
  })

  test('the tracer follows packets through routers, and their answers', async () => {
    const told = async (from: PortResource, to: PortResource, as: string, ip: string) => {
      const asked = new URLSearchParams({ from: from.id, to: to.id, protocol: 'icmp', as, ip_version: ip })
      return (await world.call<{ trace: { sentence: string } }>('GET', `/flowright/v1/trace?${asked}`)).trace.sentence
    }
    for (const [from, to] of [[a, b] as const, [a, far] as const, [far, tagged] as const, [tagged, a] as const])
      for (const as of ['new', 'established'])
        for (const family of ['4', '6']) expect(await told(from[1], to[1], as, family)).toMatch(/^Delivered to /)
  })

  test('extra routes lead by way of a VM that forwards, the longest prefix first', async () => {
    const [middle, middlePort] = await vmOn(2, 'blue', { port_security_enabled: false, security_groups: [] })
    await middle.exec('ip', 'addr', 'add', '172.16.5.1/32', 'dev', 'lo')
    await middle.exec('ip', 'addr', 'add', '172.16.6.1/32', 'dev', 'lo')
    const via = (destination: string, nexthop: string) => ({ destination, nexthop })
    await change(router, { routes: [via('172.16.0.0/16', ipOf(middlePort))] })
    await until('the route to lead there', () => a[0].ping('172.16.5.1'))
    expect(await a[0].ping('172.16.6.1', { count: 2 })).toBe(true)
    await change(router, { routes: [via('172.16.0.0/16', ipOf(middlePort)), via('172.16.6.0/24', ipOf(b[1]))] })
    await until('the longer route to win', async () => !(await a[0].ping('172.16.6.1')))
    expect(await a[0].ping('172.16.5.1', { count: 2 })).toBe(true)
    await change(router, { routes: [] })
  })

  test('two routers in a row lead on, each seen by its own hop', async () => {
    const second = await world.create('router', { name: 'r2' })
    const toBlue = await world.createPort(networks.blue as Resource, {
      fixed_ips: [{ ip_address: '10.2.0.254' }, { ip_address: 'fd02::254' }],
    })
    await addInterface(second, { port_id: toBlue.id })
    await routedNetwork('green', 4, second)
    const via = (destination: string, nexthop: string) => ({ destination, nexthop })
    await change(router, { routes: [via('10.4.0.0/24', '10.2.0.254'), via('fd04::/64', 'fd02::254')] })
    await change(second, { routes: [via('10.1.0.0/24', '10.2.0.1'), via('fd01::/64', 'fd02::1')] })
    const [, end] = await vmOn(2, 'green')
    await until('the way to be there', () => a[0].ping(ipOf(end)))
    expect(await a[0].ping(ipOf(end, 6), { count: 2 })).toBe(true)
    expect(await ping(a[0], ipOf(end))).toContain('ttl=62')
    expect(await ping(a[0], '-t', '1', ipOf(end))).toMatch(/From 10\.1\.0\.1 .*Time to live exceeded/)
    expect(await ping(a[0], '-t', '2', ipOf(end))).toMatch(/From 10\.2\.0\.254 .*Time to live exceeded/)
    expect(await a[0].ping('10.2.0.254', { count: 2 })).toBe(true)
    expect(await a[0].ping('10.4.0.1', { count: 2 })).toBe(true)
  })

  test('a router that is down routes nothing, nor to a network that was taken from it', async () => {
    await change(router, { admin_state_up: false })
    await until('the router to be down', async () => !(await a[0].ping(ipOf(b[1]))))
    await change(router, { admin_state_up: true, routes: [] })
    await until('the router to be up', () => a[0].ping(ipOf(b[1])))
    const { subnets } = await world.call<{ subnets: Resource[] }>('GET', '/v2.0/subnets?cidr=10.3.0.0/24')
    await world.call('PUT', `/v2.0/routers/${router.id}/remove_router_interface`, { subnet_id: subnets[0]?.id })
    await until('the network to be gone', async () => !(await a[0].ping(ipOf(tagged[1]))))
    expect(await a[0].ping(ipOf(tagged[1], 6), { count: 2 })).toBe(true)
    expect(await a[0].ping(ipOf(far[1]), { count: 2 })).toBe(true)
  })
})
