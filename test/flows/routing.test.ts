// What routers do with packets: frames go in at a port of a real switch, and one sees where and how they leave.
import { afterEach, describe, expect, test } from 'vitest'
import {
  type Attachment,
  attachments,
  type Port,
  ports,
  type Router,
  routerPorts,
  routers,
  type Transaction,
} from '#model'
import { PATCH_TUN } from '#model/ofports'
import { type DummyChassis, startDummyChassis } from '#test/support/dummy-chassis'
import { ACK, type End, echo, frame, SYN, tcp, udp } from '#test/support/frames'
import { type Left, watchPorts } from '#test/support/left'
import { addInterface, aRouter, fixedIps } from '#test/support/routing'
import {
  aChassis,
  addGroup,
  addNetwork,
  addPort,
  addRule,
  allowSending,
  aNetwork,
  aPort,
  removePort,
  type SecuredCloud,
  securedCloud,
} from '#test/support/secured'

/** Networks red, blue and green; routers r1 (red, blue) and r2 (blue, green); VMs here (`a` red, `b` blue, `c` green) and there. */
interface World {
  readonly cloud: SecuredCloud
  readonly host: DummyChassis
  change(work: (tx: Transaction) => void): Promise<void>
  end(name: string, family?: 4 | 6): End
  /** Sends a frame from a VM, to the MAC of a router's interface; what left, and where. */
  routed(from: string, by: string, packet: Buffer): Promise<readonly Left[]>
}

const [red, blue, green] = [aNetwork('red', 1), aNetwork('blue', 2), aNetwork('green', 3)]
const [here, there] = [aChassis('here', 1), aChassis('there', 2)]
const r1 = aRouter('r1', 1, { routes: [{ destination: '10.3.0.0/24', nexthop: '10.2.0.254' }] })
const r2 = aRouter('r2', 2, { routes: [{ destination: '10.1.0.0/24', nexthop: '10.2.0.1' }] })
const PORTS = { a: 11, a2: 12, b: 13, far: 14, c: 15 } as const
const subnetsOf = (n: number) => [`10.${n}.0.0/24`, `fd0${n}::/64`] as const
const at = (n: number, host: number) => ({
  [subnetsOf(n)[0]]: `10.${n}.0.${host}`,
  [subnetsOf(n)[1]]: `fd0${n}::${host.toString(16)}`,
})

const startWorld = async (groups: readonly string[] = []): Promise<World> => {
  const cloud = securedCloud()
  await cloud.change(tx => {
    for (const network of [red, blue, green]) addNetwork(tx, network, [here, there])
    addInterface(tx, r1, red, 1, at(1, 1))
    addInterface(tx, r1, blue, 2, at(2, 1))
    addInterface(tx, r2, blue, 3, at(2, 254))
    addInterface(tx, r2, green, 4, at(3, 1))
    if (groups.length > 0) {
      addGroup(tx, 'web')
      allowSending(tx, 'web')
      addRule(tx, 'http', 'web', { protocolNumber: 6, portRangeMin: 80, portRangeMax: 80 })
    }
    const vm = (name: keyof typeof PORTS, network: string, n: number, host = here) =>
      addPort(
        tx,
        aPort(name, PORTS[name], network, {
          fixedIps: fixedIps(at(n, PORTS[name])),
          portSecurityEnabled: groups.length > 0,
          securityGroups: groups,
        }),
        host,
      )
    vm('a', 'red', 1)
    vm('a2', 'red', 1)
    vm('b', 'blue', 2)
    vm('far', 'blue', 2, there)
    vm('c', 'green', 3)
  })
  expect(cloud.compiler.conflicts).toEqual([])
  const host = await startDummyChassis(cloud.compiler, 'here')
  await host.plug(...Object.values(PORTS).map(key => 100 + key))
  const names: Record<number, string> = Object.fromEntries(
    Object.entries(PORTS).map(([name, key]) => [100 + key, name]),
  )
  names[PATCH_TUN] = 'tunnel'
  const watch = await watchPorts(host, names)
  await host.program()
  const port = (name: string) => cloud.store.get(ports, name) as Port
  return {
    cloud,
    host,
    change: async work => {
      await cloud.change(work)
      await host.program()
    },
    end: (name, family = 4) => ({
      mac: port(name).macAddress,
      ip: port(name)
        .fixedIps.map(ip => ip.ipAddress)
        .find(ip => ip.includes(':') === (family === 6)) as string,
    }),
    routed: async (from, by, bytes) => {
      Buffer.from(port(by).macAddress.replaceAll(':', ''), 'hex').copy(bytes)
      return watch(() => host.send(100 + port(from).key, bytes))
    },
  }
}

describe('routers', () => {
  let world: World
  afterEach(() => world?.host.stop())
  const { macAddress: anyMac } = aPort('any', 99, 'red')

  test.each([4, 6] as const)('bring IPv%i from one network to another, on this chassis and to others', async family => {
    world = await startWorld()
    const { end, routed } = world
    const [a, b, far] = [end('a', family), end('b', family), end('far', family)]
    const gateway = end('r1-blue').mac
    const packet = { src: gateway, from: a.ip, ttl: 63, what: 53 }
    expect(await routed('a', 'r1-red', frame(a, b, udp(5000, 53)))).toEqual([
      { ...packet, at: 'b', dst: b.mac, to: b.ip, vlan: 0 },
    ])
    expect(await routed('a', 'r1-red', frame(a, far, udp(5000, 53)))).toEqual([
      { ...packet, at: 'tunnel', dst: far.mac, to: far.ip, vlan: 3 },
    ])
    expect(await world.host.counted(44, 'goto_table:45')).toBe(2)
  })

  test.each([4, 6] as const)('answer pings of their addresses over IPv%i, of any from any network', async family => {
    world = await startWorld()
    const { end, routed } = world
    const a = end('a', family)
    const [request, reply] = family === 4 ? ([8, 0] as const) : ([128, 129] as const)
    for (const address of ['r1-red', 'r1-blue', 'r2-blue']) {
      const own = { ...end(address, family), mac: anyMac }
      const [answer, ...rest] = await routed('a', 'r1-red', frame(a, own, echo(request)))
      expect(rest).toEqual([])
      expect(answer).toMatchObject({ at: 'a', dst: a.mac, from: own.ip, to: a.ip, ttl: 64, what: reply })
    }
  })

  test('send packets from one router to the next, by their routes, and lose a hop at each', async () => {
    world = await startWorld()
    const { end, routed } = world
    const [a, c] = [end('a'), end('c')]
    expect(await routed('a', 'r1-red', frame(a, c, udp(1, 2)))).toEqual([
      { at: 'c', src: end('r2-green').mac, dst: c.mac, vlan: 0, from: a.ip, to: c.ip, ttl: 62, what: 2 },
    ])
    expect(await routed('c', 'r2-green', frame(c, a, udp(2, 1)))).toMatchObject([{ at: 'a', to: a.ip, ttl: 62 }])
  })

  test('take the longest prefix, and a subnet of their own before a route to the same', async () => {
    world = await startWorld()
    const { end, routed } = world
    const [a, b, far] = [end('a'), end('b'), end('far')]
    const via = (destination: string, nexthop: string) => ({ destination, nexthop })
    const outside = { mac: anyMac, ip: '172.16.5.1' }
    const route = (routes: Router['routes']) =>
      world.change(tx => tx.replace(routers, { ...(tx.get(routers, 'r1') as Router), routes }))
    await route([via('0.0.0.0/0', far.ip), via('172.16.0.0/16', b.ip), via('10.2.0.0/24', end('a2').ip)])
    expect(await routed('a', 'r1-red', frame(a, outside, udp(1, 2)))).toMatchObject([
      { at: 'b', dst: b.mac, to: outside.ip },
    ])
    expect(await routed('a', 'r1-red', frame(a, { ...outside, ip: '172.17.0.1' }, udp(1, 2)))).toMatchObject([
      { at: 'tunnel', dst: far.mac },
    ])
    expect(await routed('a', 'r1-red', frame(a, b, udp(1, 2)))).toMatchObject([{ at: 'b' }])
    await route([via('0.0.0.0/0', far.ip), via('172.16.0.0/16', b.ip), via('172.16.5.1/32', end('a2').ip)])
    expect(await routed('a', 'r1-red', frame(a, outside, udp(1, 2)))).toMatchObject([{ at: 'a2', dst: end('a2').mac }])
  })

  test('tell the controller of what they cannot deliver, each for its reason', async () => {
    world = await startWorld()
    const { end, routed, host } = world
    const a = end('a')
    const cases: readonly (readonly [number, string, Buffer])[] = [
      [45, 'userdata=02.01', frame(a, { mac: anyMac, ip: '192.0.2.1' }, udp(1, 2))],
      [53, 'userdata=02.02', frame(a, { mac: anyMac, ip: '10.2.0.99' }, udp(1, 2))],
      [44, 'userdata=02.03', frame(a, { mac: anyMac, ip: '10.1.0.1' }, udp(1, 2))],
    ]
    for (const [table, flow, bytes] of cases) {
      const before = await host.counted(table, flow)
      expect(await routed('a', 'r1-red', bytes)).toEqual([])
      expect(await host.counted(table, flow), flow).toBe(before + 1)
    }
    const last = frame(a, end('b'), udp(1, 2))
    last[14 + 8] = 1
    last.writeUInt16BE(last.readUInt16BE(14 + 10) + (63 << 8), 14 + 10)
    expect(await routed('a', 'r1-red', last)).toEqual([])
    expect(await host.counted(44, 'userdata=02.00')).toBe(1)
  })

  test('give up packets that go round between them', async () => {
    world = await startWorld()
    const { end, routed, change, host } = world
    const loop = (id: string, nexthop: string) => ({
      ...(id === 'r1' ? r1 : r2),
      routes: [{ destination: '10.9.0.0/16', nexthop }],
    })
    await change(tx => {
      tx.replace(routers, loop('r1', end('r2-blue').ip))
      tx.replace(routers, loop('r2', end('r1-blue').ip))
    })
    const packet = frame(end('a'), { mac: anyMac, ip: '10.9.0.1' }, udp(1, 2))
    expect(await routed('a', 'r1-red', packet)).toEqual([])
    expect(await host.counted(44, 'userdata=02.00')).toBe(1)
    expect(await routed('a', 'r1-red', frame(end('a'), end('b'), udp(1, 2)))).toHaveLength(1)
  })

  test('route nothing while they are down, nor to networks that they left', async () => {
    world = await startWorld()
    const { end, routed, change } = world
    const packet = () => frame(end('a'), end('b'), udp(1, 2))
    await change(tx => tx.replace(routers, { ...(tx.get(routers, 'r1') as Router), adminStateUp: false }))
    expect(await routed('a', 'r1-red', packet())).toEqual([])
    expect(await world.host.counted(40, 'actions=drop')).toBe(1)
    await change(tx => tx.replace(routers, { ...(tx.get(routers, 'r1') as Router), adminStateUp: true }))
    expect(await routed('a', 'r1-red', packet())).toHaveLength(1)
    await change(tx => {
      tx.remove(routerPorts, 'r1-blue')
      tx.remove(ports, 'r1-blue')
    })
    expect(await routed('a', 'r1-red', packet())).toEqual([])
  })

  test('leave both ends judged by their security groups, in two recirculations on one chassis and one to another', async () => {
    world = await startWorld(['web'])
    const { end, routed, host } = world
    const [a, b, far] = [end('a'), end('b'), end('far')]
    const to = async (from: string, by: string, bytes: Buffer) =>
      (await routed(from, by, bytes)).map(({ at: to }) => to)
    expect(await to('a', 'r1-red', frame(a, b, tcp(40000, 22, SYN)))).toEqual([])
    expect(await to('b', 'r1-blue', frame(b, a, tcp(80, 40001, SYN | ACK)))).toEqual([])
    expect(await to('a', 'r1-red', frame(a, far, tcp(40000, 22, SYN)))).toEqual(['tunnel'])
    expect(await to('a', 'r1-red', frame({ ...a, ip: '10.1.0.77' }, b, tcp(40000, 80, SYN)))).toEqual([])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await to('a', 'r1-red', frame(a, b, tcp(40000, 80, SYN)))).toEqual(['b'])
    expect(await to('b', 'r1-blue', frame(b, a, tcp(80, 40000, SYN | ACK, 5, 2)))).toEqual(['a'])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await to('a', 'r1-red', frame(a, b, tcp(40000, 80, ACK, 2, 6)))).toEqual(['b'])
    const flows = await host.megaflows()
    expect(flows.filter(flow => flow.includes('recirc('))).toHaveLength(2)
    expect(flows.filter(flow => flow.includes('commit'))).toEqual([])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await to('a', 'r1-red', frame(a, far, tcp(40002, 80, SYN)))).toEqual(['tunnel'])
    expect((await host.megaflows()).filter(flow => flow.includes('recirc('))).toHaveLength(1)
  })

  test('let a port that took over an address inherit no connection', async () => {
    world = await startWorld(['web'])
    const { end, routed, host, change } = world
    const [a, b] = [end('a'), end('b')]
    await routed('a', 'r1-red', frame(a, b, tcp(40000, 80, SYN)))
    expect(await routed('b', 'r1-blue', frame(b, a, tcp(80, 40000, SYN | ACK, 5, 2)))).toHaveLength(1)
    const takeOver = (key: number, groups: readonly string[]) =>
      change(tx => {
        const old = tx.get(ports, 'a') as Port
        removePort(tx, 'a')
        addPort(tx, { ...old, key, securityGroups: groups }, here)
      })
    const answer = () => routed('b', 'r1-blue', frame(b, a, tcp(80, 40000, ACK, 6, 2)))
    await host.plug(120, 121)
    await takeOver(20, ['web'])
    expect(await answer()).toEqual([])
    await change(tx => {
      addGroup(tx, 'open')
      addRule(tx, 'anything', 'open')
    })
    await takeOver(21, ['open'])
    const before = await host.counted(90, 'actions=output')
    await answer()
    expect(await host.counted(90, 'actions=output')).toBe(before + 1)
  })

  test('cost a chassis without members two flows for a VM more', async () => {
    world = await startWorld()
    const { cloud } = world
    const flows = () =>
      [...cloud.compiler.subscriptions('there')].reduce((sum, set) => {
        const { count } = cloud.compiler.flowSet(set) ?? { count: { 'br-int': 0, 'br-tun': 0 } }
        return sum + count['br-int'] + count['br-tun']
      }, 0)
    await cloud.change(tx =>
      tx.replace(attachments, { ...(tx.get(attachments, 'there/red') as Attachment), isMember: false }),
    )
    const before = flows()
    await cloud.change(
      tx => void addPort(tx, aPort('more', 50, 'red', { fixedIps: fixedIps({ '10.1.0.0/24': '10.1.0.50' }) }), here),
    )
    expect(flows() - before).toBeLessThanOrEqual(2)
  })
})
