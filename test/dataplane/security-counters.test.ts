// What security groups let through and drop is counted, and put down to the rule, or to the reason.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host, Vm } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { ipOf, type PortResource, type Resource, startWorld, type World } from './world.ts'

interface Hits {
  readonly words: string
  readonly packets: number
  readonly chassis: readonly { readonly id: string; readonly packets: number }[]
}

interface Drop {
  readonly chassis: string
  readonly table: string
  readonly reason: string
  readonly packets: number
  readonly cookie: string
  readonly security_groups: readonly { readonly name: string }[]
  readonly ports: readonly { readonly id: string }[]
}

type Group = Resource & {
  readonly security_group_rules: readonly (Resource & { readonly ethertype: string; readonly direction: string })[]
}

describeDataplane('counters of security groups', () => {
  let world: World
  let hosts: Host[]
  let web: Group
  let client: Group
  const rules: Record<string, string> = {}
  let a: Vm
  let b: Vm
  let portA: PortResource
  let portB: PortResource

  const group = async (name: string) => (await world.create('security-group', { name })) as Group
  const allow = async (name: string, body: Readonly<Record<string, unknown>>) => {
    const rule = await world.create('security-group-rule', {
      ...{ security_group_id: web.id, direction: 'ingress' },
      ...body,
    })
    rules[name] = rule.id
  }
  const hits = async (rule: string) =>
    (await world.call<{ hits: Hits }>('GET', `/flowright/v1/security-group-rules/${rules[rule]}/hits`)).hits
  const counted = async () =>
    Object.fromEntries(
      await Promise.all(Object.keys(rules).map(async name => [name, (await hits(name)).packets] as const)),
    )
  const drops = async (chassis: string, reason: string) =>
    (await world.call<{ drops: Drop[] }>('GET', `/flowright/v1/drops?chassis=${chassis}`)).drops.filter(
      drop => drop.reason === reason,
    )
  const dropped = async (chassis: string, reason: string) =>
    (await drops(chassis, reason)).reduce((sum, { packets }) => sum + packets, 0)
  const python = (vm: Vm, script: string) => vm.exec('python3', '-c', script)
  const connect = (port: number) =>
    a.exec('timeout', '0.5', 'bash', '-c', `echo > /dev/tcp/${ipOf(portB)}/${port}`).catch(() => '')

  beforeAll(async () => {
    world = await startWorld()
    hosts = [await world.addHost('host1', 1), await world.addHost('host2', 2)]
    web = await group('web')
    client = await group('client')
    await allow('http', { protocol: 'tcp', port_range_min: 80, port_range_max: 82 })
    await allow('ping', { protocol: 'icmp', remote_group_id: client.id })
    await allow('ping6', { protocol: 'ipv6-icmp', ethertype: 'IPv6' })
    const send = (of: Group, ethertype: string) =>
      of.security_group_rules.find(rule => rule.ethertype === ethertype && rule.direction === 'egress')?.id as string
    Object.assign(rules, { send4: send(client, 'IPv4'), send6: send(client, 'IPv6'), answer4: send(web, 'IPv4') })
    const net = await world.createNetwork({ name: 'counted' }, ['10.60.0.0/24', 'fd60::/64'])
    ;[a, portA] = await world.vmOn(hosts[0] as Host, net, { name: 'a', security_groups: [client.id] })
    ;[b, portB] = await world.vmOn(hosts[1] as Host, net, { name: 'b', security_groups: [web.id] })
    // While flows change, Open vSwitch loses a packet's count here and there.
    await sleep(1500)
  }, 120_000)
  afterAll(() => world?.stop())

  /** By how many packets each rule's count grows; waits until those named have grown so far. */
  const growth = async (act: () => Promise<unknown>, expected: Readonly<Record<string, number>>) => {
    const before = await counted()
    await act()
    const grown = async () =>
      Object.fromEntries(
        Object.entries(await counted()).map(([name, packets]) => [name, packets - (before[name] ?? 0)]),
      )
    await until(`${JSON.stringify(expected)} to be counted`, async () => {
      const now = await grown()
      return Object.entries(expected).every(([name, packets]) => (now[name] ?? 0) >= packets)
    })
    return await grown()
  }
  const none = () => Object.fromEntries(Object.keys(rules).map(name => [name, 0]))

  test('a rule counts what it allowed, requests and replies, where it allowed them', async () => {
    expect(await counted()).toEqual(none())
    const pings = { ping: 6, send4: 6 }
    expect(await growth(() => a.ping(ipOf(portB), { count: 3 }), pings)).toEqual({ ...none(), ...pings })
    const { words, chassis } = await hits('ping')
    expect(words).toBe('ingress icmp IPv4 from members of group client')
    expect(chassis.map(({ id }) => id)).toEqual(['host2'])
    const [sent] = (await hits('send4')).chassis
    expect(sent).toMatchObject({ id: 'host1', bytes: (sent?.packets ?? 0) * 98 })

    const pings6 = { ping6: 4, send6: 4 }
    expect(await growth(() => a.ping(ipOf(portB, 6), { count: 2 }), pings6)).toEqual({ ...none(), ...pings6 })
  })

  test('a rule of several flows counts their sum', async () => {
    const connections = async () => {
      for (const port of [80, 81, 82]) await connect(port)
    }
    // A SYN and a RST each.
    const expected = { http: 6, send4: 6 }
    expect(await growth(connections, expected)).toEqual({ ...none(), ...expected })
    const { flows } = await world.call<{ flows: unknown[] }>(
      'GET',
      `/flowright/v1/chassis/host2/flows?source=${rules.http}`,
    )
    expect(flows.length).toBeGreaterThan(1)
  })

  test('what no rule allows is counted with the groups and ports that it concerns', async () => {
    const refused = async () => (await drops('host2', 'no_ingress_rule')).find(drop => drop.table === 'ingress_verdict')
    expect(await refused()).toBeUndefined()
    // The SYN goes out, and does not come in.
    expect(await growth(() => connect(83), { send4: 1 })).toMatchObject({ http: 0 })
    await until('the drop to be counted', refused)
    const drop = await refused()
    expect(drop).toMatchObject({ security_groups: [{ name: 'web' }], ports: [{ id: portB.id, name: 'b' }] })
    const { meaning } = await world.call<{ meaning: string[] }>(
      'GET',
      `/flowright/v1/chassis/host2/cookies/${drop?.cookie}`,
    )
    expect(meaning).toEqual([
      'drops: no rule of the security groups of the receiver allows it',
      'for ports of security groups web: on this chassis 1 port (b)',
    ])
  })

  test('spoofed, forbidden and invalid packets are counted as such', async () => {
    const grows = async (reason: string, act: () => Promise<unknown>) => {
      const before = await dropped('host1', reason)
      await act().catch(() => '')
      await until(`${reason} to be counted`, async () => (await dropped('host1', reason)) > before)
    }
    await grows('forbidden', () =>
      python(
        a,
        `import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 67)); s.sendto(b'offer', ('${ipOf(portB)}', 68))`,
      ),
    )
    await grows('tagged', () =>
      python(
        a,
        `import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0)); s.send(b'\\xff' * 6 + bytes.fromhex('${portA.mac_address.replaceAll(':', '')}') + bytes.fromhex('8100000708000000') + bytes(46))`,
      ),
    )
    // An echo reply that answers nothing.
    await grows('invalid', () =>
      python(
        a,
        `import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); s.sendto(bytes([0, 0, 0xff, 0xfd, 0, 1, 0, 1]), ('${ipOf(portB)}', 0))`,
      ),
    )
    await grows('spoofed_address', async () => {
      await a.exec('ip', 'addr', 'add', '10.60.0.77/24', 'dev', 'eth0')
      await a.exec('ping', '-n', '-c', '1', '-W', '1', '-I', '10.60.0.77', ipOf(portB))
    })
    await a.exec('ip', 'addr', 'del', '10.60.0.77/24', 'dev', 'eth0')
    await grows('spoofed_mac', async () => {
      await a.exec('ip', 'link', 'set', 'eth0', 'address', 'fa:16:3e:99:99:99')
      await a.exec('ping', '-n', '-c', '1', '-W', '1', ipOf(portB))
    })
    await a.exec('ip', 'link', 'set', 'eth0', 'address', portA.mac_address)
    await b.exec('ip', 'neigh', 'flush', 'all')
  })

  test('a flow is explained by its rule, and a member by the groups that it belongs to', async () => {
    const explained = async (chassis: string, query: string) => {
      const { flows } = await world.call<{ flows: { cookie: string }[] }>(
        'GET',
        `/flowright/v1/chassis/${chassis}/flows?${query}`,
      )
      const cookie = flows[0]?.cookie
      return (await world.call<{ meaning: string[] }>('GET', `/flowright/v1/chassis/${chassis}/cookies/${cookie}`))
        .meaning
    }
    expect(await explained('host2', `source=${rules.ping}`)).toEqual([
      'allows ingress icmp IPv4 from members of group client',
      `a rule of security group web (${web.id}), borne on this chassis by 1 port (b)`,
    ])
    expect(await explained('host2', `table=remote_members&source=${portA.id}`)).toEqual([
      expect.stringMatching(/^an address of port a: a member of group client \(bit \d+\)$/),
    ])
  })

  test('a chassis that is away is named, and the others are counted', async () => {
    const total = (await counted()).ping
    await hosts[1]?.ovs.stop()
    await until('host2 to be away', async () => {
      const { silent } = await world.call<{ silent: { chassis: string }[] }>(
        'GET',
        `/flowright/v1/security-group-hits?group=web`,
      )
      return silent.some(({ chassis }) => chassis === 'host2')
    })
    expect(total).toBeGreaterThan(0)
    expect((await hits('ping')).chassis).toEqual([])
    expect((await hits('send4')).packets).toBeGreaterThan(0)
  })
})
