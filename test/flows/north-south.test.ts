// How packets leave routers for the outside and come in from there: frames go in at a port of a real switch, and one sees
// where and how they leave.
import { afterEach, describe, expect, test } from 'vitest'
import {
  type Attachment,
  addressScopes,
  attachments,
  type Chassis,
  chassis,
  chassisPort,
  type FloatingIp,
  floatingIps,
  type Network,
  networks,
  type Port,
  type PortForwarding,
  portForwardings,
  ports,
  type Router,
  routers,
  type Subnet,
  subnetPools,
  subnets,
  type Transaction,
} from '#model'
import { PATCH_TUN } from '#model/ofports'
import { type DummyChassis, startDummyChassis } from '#test/support/dummy-chassis'
import {
  ACK,
  arp,
  type End,
  echo,
  frame,
  gratuitousArp,
  icmp,
  neighborDiscovery,
  packet,
  SYN,
  tcp,
  udp,
} from '#test/support/frames'
import { type Left, type Watch, watchPorts } from '#test/support/left'
import { addFloatingIp, addGateway, addInterface, aRouter, aSubnet, fixedIps } from '#test/support/routing'
import {
  aChassis,
  addGroup,
  addNetwork,
  addPort,
  addRule,
  allowSending,
  aNetwork,
  aPort,
  type SecuredCloud,
  securedCloud,
} from '#test/support/secured'

const WIRE = 20
const VLAN = 100
const red = aNetwork('red', 1)
const blue = aNetwork('blue', 2)
const ext = aNetwork('ext', 9, {
  ...{ external: true, mtu: 1500 },
  segments: [{ networkType: 'vlan', physicalNetwork: 'phys', segmentationId: VLAN }],
})
const mapped = { providerPorts: { phys: WIRE } }
const VMS = { a: 11, a2: 12, b: 13, far: 14 } as const

const outside: End = { mac: '52:54:00:00:00:01', ip: '203.0.113.1' }
const server = { mac: outside.mac, ip: '198.51.100.7' }
const outside6: End = { mac: outside.mac, ip: 'fd09::1' }

/** What the chassis under test is for its routers. */
type Role = 'active' | 'standby' | 'none'
const priorities: Readonly<Record<Role, number>> = { active: 20, standby: 5, none: 0 }

interface World {
  readonly cloud: SecuredCloud
  readonly host: DummyChassis
  change(work: (tx: Transaction) => void): Promise<void>
  end(port: string, family?: 4 | 6): End
  /** Sends a frame from a VM to its router, or another MAC. */
  out(vm: keyof typeof VMS, bytes: Buffer, to?: string): Promise<readonly Left[]>
  /** A frame comes in from the provider network. */
  wire(bytes: Buffer): Promise<readonly Left[]>
  /** A frame comes in by transit, for a router. */
  transit(router: number, bytes: Buffer): Promise<readonly Left[]>
  /** Lets the foreign router be known. */
  meet(): Promise<void>
}

interface Options {
  readonly role?: Role
  readonly isSecured?: boolean
  readonly r1?: Partial<Router>
  /** Whether the chassis has the physical network. */
  readonly isMapped?: boolean
}

/** A frame as it is on a VLAN. */
const retag = (bytes: Buffer, vlan: number): Buffer =>
  Buffer.concat([bytes.subarray(0, 12), Buffer.from([0x81, 0, vlan >> 8, vlan & 255]), bytes.subarray(12)])

/** Routers r1 (red) and r2 (blue) with gateways on ext; VMs a and a2 (red), b (blue) here; far (red) elsewhere. */
const startWorld = async ({
  role = 'active',
  isSecured = false,
  r1 = {},
  isMapped = true,
}: Options = {}): Promise<World> => {
  const cloud = securedCloud()
  const here = aChassis('here', 1, { ...(isMapped ? mapped : {}), gatewayPriority: priorities[role] })
  const gateway = aChassis('gateway', 2, { ...mapped, gatewayPriority: 10 })
  const there = aChassis('there', 3)
  await cloud.change(tx => {
    for (const network of [red, blue]) addNetwork(tx, network, [here, gateway, there])
    addNetwork(tx, ext, isMapped ? [here, gateway] : [gateway])
    for (const id of ['here/ext', 'gateway/ext', 'gateway/red', 'gateway/blue']) {
      const old = tx.get(attachments, id)
      if (old) tx.replace(attachments, { ...old, isMember: false })
    }
    const one = aRouter('r1', 1, r1)
    addInterface(tx, one, red, 1, { '10.1.0.0/24': '10.1.0.1', 'fd01::/64': 'fd01::1' })
    addGateway(tx, one, ext, 2, { '203.0.113.0/24': '203.0.113.2', 'fd09::/64': 'fd09::2' })
    const two = aRouter('r2', 2)
    addInterface(tx, two, blue, 3, { '10.2.0.0/24': '10.2.0.1' })
    addGateway(tx, two, ext, 4, { '203.0.113.0/24': '203.0.113.3' })
    if (isSecured) {
      addGroup(tx, 'web')
      allowSending(tx, 'web')
      addRule(tx, 'http', 'web', { protocolNumber: 6, portRangeMin: 80, portRangeMax: 80 })
    }
    const vm = (id: keyof typeof VMS, network: string, addresses: Readonly<Record<string, string>>, at = here) =>
      addPort(
        tx,
        aPort(id, VMS[id], network, {
          ...{ fixedIps: fixedIps(addresses), portSecurityEnabled: isSecured },
          securityGroups: isSecured ? ['web'] : [],
        }),
        at,
      )
    vm('a', 'red', { '10.1.0.0/24': '10.1.0.11', 'fd01::/64': 'fd01::b' })
    vm('a2', 'red', { '10.1.0.0/24': '10.1.0.12' })
    vm('b', 'blue', { '10.2.0.0/24': '10.2.0.13' })
    vm('far', 'red', { '10.1.0.0/24': '10.1.0.14' }, there)
  })
  expect(cloud.compiler.conflicts).toEqual([])
  const host = await startDummyChassis(cloud.compiler, 'here')
  const names: Record<number, string> = { [PATCH_TUN]: 'tunnel', [WIRE]: 'wire' }
  for (const [name, key] of Object.entries(VMS)) if (name !== 'far') names[100 + key] = name
  await host.plug(...Object.keys(names).map(Number).slice(1), chassisPort(1), chassisPort(2))
  const watch: Watch = await watchPorts(host, names)
  await host.program()
  const port = (id: string) => cloud.store.get(ports, id) as Port
  const end = (id: string, family: 4 | 6 = 4): End => ({
    mac: port(id).macAddress,
    ip: port(id)
      .fixedIps.map(({ ipAddress }) => ipAddress)
      .find(ip => ip.includes(':') === (family === 6)) as string,
  })
  const wire = (bytes: Buffer) => watch(() => host.send(WIRE, retag(bytes, VLAN)))
  return {
    ...{ cloud, host, end, wire },
    change: async work => {
      await cloud.change(work)
      expect(cloud.compiler.conflicts).toEqual([])
      await host.program()
    },
    out: (vm, bytes, to) => {
      const mac = to ?? end(vm === 'b' ? 'r2-blue' : 'r1-red').mac
      Buffer.from(mac.replaceAll(':', ''), 'hex').copy(bytes)
      return watch(() => host.send(100 + VMS[vm], bytes))
    },
    transit: (router, bytes) => {
      Buffer.from(`020000${router.toString(16).padStart(2, '0')}4001`.padEnd(12, '0'), 'hex').copy(bytes)
      return watch(() => host.send(PATCH_TUN, retag(bytes, 4095)))
    },
    meet: async () => {
      // Packets of flows of the datapath teach only when these are revalidated.
      await host.ovs.appctl('dpctl/del-flows')
      const asker = { mac: '0a:00:00:00:00:01', ip: '203.0.113.9' }
      await wire(arp(2, outside, asker))
      await wire(neighborDiscovery(136, outside6, { ...asker, ip: 'fd09::99' }, outside6.ip))
    },
  }
}

const floating = (tx: Transaction, vm: string, n: number, routerId = 'r1') =>
  addFloatingIp(
    tx,
    `fip-${vm}`,
    50 + n,
    ext,
    { '203.0.113.0/24': `203.0.113.${n}` },
    {
      routerId,
      port: tx.get(ports, vm) as Port,
    },
  )

const recirculations = async (host: DummyChassis) =>
  (await host.megaflows()).filter(flow => flow.includes('recirc(')).length

describe('north–south', () => {
  let world: World
  afterEach(() => world?.host.stop())

  test('what is for outside goes by transit to the chassis of the gateway', async () => {
    world = await startWorld({ role: 'none', isMapped: false, isSecured: true })
    const { end, out, host } = world
    expect(await out('a', frame(end('a'), server, tcp(40000, 443, SYN)))).toEqual([
      {
        ...{ at: 'tunnel', src: end('a').mac, dst: '02:00:00:01:40:02', vlan: 4095 },
        ...{ from: end('a').ip, to: server.ip, ttl: 63 + 1, what: 443 },
      },
    ])
    expect(await recirculations(host)).toBe(1)
    const to = { ...server, ip: 'fd99::7' }
    expect(await out('a', frame(end('a', 6), to, udp(1, 2)))).toMatchObject([
      { at: 'tunnel', dst: '02:00:00:01:40:02', vlan: 4095, to: to.ip },
    ])
  })

  test('the gateway translates what comes by transit, and what answers it', async () => {
    world = await startWorld()
    const { end, transit, wire, meet, host } = world
    await meet()
    const [far, own] = [end('far'), end('r1-gateway')]
    await host.ovs.appctl('dpctl/del-flows')
    expect(await transit(1, frame(far, server, udp(5000, 53)))).toEqual([
      {
        ...{ at: 'wire', src: own.mac, dst: outside.mac, vlan: VLAN },
        ...{ from: own.ip, to: server.ip, ttl: 63, what: 53 },
      },
    ])
    expect(await recirculations(host)).toBe(1)
    expect(await host.counted(51, 'ct_state=+new')).toBe(1)
    await host.ovs.appctl('dpctl/del-flows')
    expect(await wire(frame(server, own, udp(53, 5000)))).toEqual([
      {
        ...{ at: 'tunnel', src: end('r1-red').mac, dst: far.mac, vlan: red.key + 1 },
        ...{ from: server.ip, to: far.ip, ttl: 63, what: 5000 },
      },
    ])
    expect(await recirculations(host)).toBe(1)
    expect(await transit(1, frame(far, server, udp(5000, 53)))).toHaveLength(1)
    expect(await host.counted(51, 'ct_state=+new')).toBe(1)
  })

  test('on the chassis of the gateway, two recirculations each way', async () => {
    world = await startWorld({ isSecured: true })
    const { end, out, wire, meet, host } = world
    await meet()
    const [a, own] = [end('a'), end('r1-gateway')]
    expect(await out('a', frame(a, server, tcp(40000, 443, SYN)))).toMatchObject([{ at: 'wire', from: own.ip }])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await wire(frame(server, own, tcp(443, 40000, SYN | ACK, 5, 2)))).toMatchObject([
      { at: 'a', src: end('r1-red').mac, dst: a.mac, to: a.ip, ttl: 63 },
    ])
    expect(await recirculations(host)).toBe(2)
    await host.ovs.appctl('dpctl/del-flows')
    expect(await out('a', frame(a, server, tcp(40000, 443, ACK, 2, 6)))).toMatchObject([{ at: 'wire', from: own.ip }])
    expect(await recirculations(host)).toBe(2)
  })

  test('IPv6 goes out and comes in as it is', async () => {
    world = await startWorld()
    const { end, out, wire, meet } = world
    await meet()
    const [a, own] = [end('a', 6), end('r1-gateway', 6)]
    const to = { ...outside6, ip: 'fd99::7' }
    expect(await out('a', frame(a, to, udp(1, 2)))).toMatchObject([
      { at: 'wire', src: own.mac, dst: outside.mac, vlan: VLAN, from: a.ip, to: to.ip, ttl: 63 },
    ])
    expect(await wire(frame(to, { ...own, ip: a.ip }, udp(2, 1)))).toMatchObject([{ at: 'a', to: a.ip, ttl: 63 }])
  })

  test('a next hop that nobody knows is asked for by the controller', async () => {
    world = await startWorld()
    const { end, out, meet, host } = world
    const packet = () => frame(end('a'), server, udp(1, 2))
    expect(await out('a', packet())).toEqual([])
    expect(await host.counted(53, 'userdata=03')).toBe(1)
    await meet()
    expect(await out('a', packet())).toHaveLength(1)
    const learned = (await host.ovs.ofctl('dump-flows', 'br-int', 'table=103')).split('\n')
    expect(learned.filter(line => line.includes('203') || line.includes('cookie=0xf10f'))).toHaveLength(2)
    expect(learned.filter(line => line.includes('idle_timeout'))).toEqual([])
    await world.wire(arp(1, { mac: '52:54:00:00:00:77', ip: '203.0.113.77' }, { mac: '', ip: '203.0.113.200' }))
    expect(await out('a', frame(end('a'), { ...server, ip: '203.0.113.77' }, udp(1, 2)))).toMatchObject([
      { dst: '52:54:00:00:00:77', to: '203.0.113.77' },
    ])
  })

  test('next hops that forged ARP tells of are bounded, and the gateway of the subnet is learned all the same', async () => {
    world = await startWorld()
    const { end, out, meet, host, change } = world
    const wide = '172.16.0.0/16'
    await change(tx => tx.insert(subnets, { ...aSubnet(wide, 'ext'), gatewayIp: '172.16.255.1' }))
    const forged = Array.from({ length: 4196 }, (_, i) =>
      retag(gratuitousArp({ mac: '52:54:00:00:00:77', ip: `172.16.${i >> 8}.${i & 255}` }), VLAN),
    )
    await host.send(WIRE, ...forged)
    const learned = async () =>
      (await host.ovs.ofctl('dump-flows', 'br-int', 'table=103'))
        .split('\n')
        .filter(line => line.includes('idle_timeout'))
    expect(await learned()).toHaveLength(4096)
    await meet()
    expect(await out('a', frame(end('a'), server, udp(1, 2)))).toMatchObject([{ at: 'wire', dst: outside.mac }])
    expect(await learned()).toHaveLength(4096)
  })

  test('questions from outside are answered where the gateway is', async () => {
    const ask = (ip: string) => arp(1, outside, { mac: '', ip })
    const solicit = (ip: string) => neighborDiscovery(135, outside6, { mac: '33:33:ff:00:00:02', ip: 'ff02::1' }, ip)
    world = await startWorld()
    const own = world.end('r1-gateway')
    expect(await world.wire(ask(own.ip))).toEqual([
      {
        ...{ at: 'wire', src: own.mac, dst: outside.mac, vlan: VLAN },
        ...{ from: own.ip, to: outside.ip, ttl: 0, what: 2 },
      },
    ])
    expect(await world.wire(solicit('fd09::2'))).toMatchObject([
      { at: 'wire', src: own.mac, dst: outside.mac, vlan: VLAN, from: 'fd09::2', what: 136 },
    ])
    expect(await world.wire(ask('203.0.113.99'))).toEqual([])
    expect(await world.wire(frame(outside, own, echo(8)))).toMatchObject([
      { at: 'wire', vlan: VLAN, from: own.ip, to: outside.ip, what: 0 },
    ])
    await world.host.stop()
    world = await startWorld({ role: 'standby' })
    expect(await world.wire(ask(own.ip))).toEqual([])
    expect(await world.wire(solicit('fd09::2'))).toEqual([])
    expect(await world.wire(frame(outside, own, echo(8)))).toEqual([])
    expect(await world.host.counted(27, 'actions=drop')).toBe(2)
    expect(await world.host.counted(41, 'actions=drop')).toBe(1)
  })

  test('a chassis that stands by relays, and takes over when the better one is gone', async () => {
    world = await startWorld({ role: 'standby' })
    const { end, transit, out, meet, host } = world
    await meet()
    const packet = () => frame(end('far'), server, udp(1, 2))
    expect(await transit(1, packet())).toMatchObject([{ at: 'tunnel', dst: '02:00:00:01:40:02', vlan: 4095, ttl: 63 }])
    expect(await out('a', frame(end('a'), server, udp(1, 2)))).toMatchObject([{ at: 'tunnel', ttl: 64 }])
    await host.ovs.vsctl('del-port', 'br-int', `p${chassisPort(2)}`)
    expect(await transit(1, packet())).toMatchObject([{ at: 'wire', from: end('r1-gateway').ip }])
    await host.ovs.vsctl('del-port', 'br-int', `p${chassisPort(1)}`)
    expect(await transit(1, packet())).toEqual([])
    expect(await host.counted(49, 'actions=drop')).toBe(1)
  })

  test('a floating IP stands for its port on the chassis of that', async () => {
    world = await startWorld({ role: 'none', isSecured: true })
    const { end, out, wire, change, meet, host } = world
    await change(tx => void floating(tx, 'a', 31))
    await meet()
    const [a, fip] = [end('a'), end('fip-a-port')]
    expect(await wire(arp(1, outside, { mac: '', ip: fip.ip }))).toMatchObject([{ at: 'wire', src: fip.mac, what: 2 }])
    expect(await out('a', frame(a, server, tcp(40000, 443, SYN)))).toMatchObject([
      { at: 'wire', src: fip.mac, dst: outside.mac, vlan: VLAN, from: fip.ip, ttl: 63 },
    ])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await wire(frame(server, fip, tcp(40000, 80, SYN)))).toMatchObject([
      { at: 'a', src: end('r1-red').mac, from: server.ip, to: a.ip, ttl: 63 },
    ])
    expect(await recirculations(host)).toBe(2)
    expect(await wire(frame(server, fip, tcp(40001, 22, SYN)))).toEqual([])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await out('a', frame(a, server, tcp(80, 40000, SYN | ACK, 5, 2)))).toMatchObject([
      { at: 'wire', src: fip.mac, from: fip.ip },
    ])
    expect(await recirculations(host)).toBe(2)
    expect(await out('a2', frame(end('a2'), server, udp(1, 2)))).toMatchObject([{ at: 'tunnel' }])
  })

  test('floating IPs reach each other and themselves, on one chassis', async () => {
    world = await startWorld({ role: 'none', isSecured: true })
    const { end, out, change, host } = world
    await change(tx => {
      floating(tx, 'a', 31)
      floating(tx, 'b', 32, 'r2')
    })
    const [a, b, fipA, fipB] = [end('a'), end('b'), end('fip-a-port'), end('fip-b-port')]
    expect(await out('a', frame(a, fipB, tcp(40000, 80, SYN)))).toMatchObject([
      { at: 'b', src: end('r2-blue').mac, from: fipA.ip, to: b.ip, ttl: 62 },
    ])
    await host.ovs.appctl('dpctl/del-flows')
    expect(await out('b', frame(b, fipA, tcp(80, 40000, SYN | ACK, 5, 2)))).toMatchObject([
      { at: 'a', from: fipB.ip, to: a.ip, ttl: 62 },
    ])
    expect(await recirculations(host)).toBe(4)
    expect(await out('a', frame(a, fipA, tcp(40001, 80, SYN)))).toMatchObject([{ at: 'a', from: fipA.ip, to: a.ip }])
    await change(tx => {
      const elsewhere = aPort('x', 60, 'blue', { fixedIps: fixedIps({ '10.2.0.0/24': '10.2.0.60' }) })
      addPort(tx, elsewhere, aChassis('gateway', 2))
      addFloatingIp(tx, 'fip-x', 93, ext, { '203.0.113.0/24': '203.0.113.43' }, { routerId: 'r2', port: elsewhere })
    })
    expect(await out('a', frame(a, end('fip-x-port'), tcp(40002, 80, SYN)))).toMatchObject([
      { at: 'wire', src: fipA.mac, dst: end('fip-x-port').mac, vlan: VLAN, from: fipA.ip },
    ])
  })

  test('a floating IP of a port elsewhere, and forwarded ports, are on the gateway', async () => {
    world = await startWorld()
    const { end, out, transit, wire, change, meet } = world
    await change(tx => {
      floating(tx, 'far', 31)
      addFloatingIp(tx, 'shared', 70, ext, { '203.0.113.0/24': '203.0.113.40' }, { routerId: 'r1' })
      const forward = (id: string, external: readonly [number, number], internal: readonly [number, number]) =>
        tx.insert(portForwardings, {
          ...{ id, projectId: 'p', floatingIpId: 'shared', protocol: 'tcp', internalPortId: 'a' },
          ...{ internalIpAddress: '10.1.0.11' },
          externalPorts: { first: external[0], last: external[1] },
          internalPorts: { first: internal[0], last: internal[1] },
        } satisfies PortForwarding)
      forward('one', [8080, 8080], [80, 80])
      forward('same', [9000, 9099], [9000, 9099])
      forward('moved', [7000, 7002], [6000, 6002])
      forward('all', [5000, 5009], [22, 22])
    })
    await meet()
    const [a, far, fip, shared] = [end('a'), end('far'), end('fip-far-port'), end('shared-port')]
    expect(await wire(arp(1, outside, { mac: '', ip: fip.ip }))).toMatchObject([{ src: fip.mac }])
    expect(await wire(frame(server, fip, udp(9, 53)))).toMatchObject([{ at: 'tunnel', dst: far.mac, to: far.ip }])
    expect(await transit(1, frame(far, server, udp(53, 9)))).toMatchObject([
      { at: 'wire', src: fip.mac, from: fip.ip, what: 9 },
    ])
    for (const [from, to] of [
      [8080, 80],
      [9042, 9042],
      [7001, 6001],
      [5009, 22],
    ] as const) {
      expect(await wire(frame(server, shared, tcp(40000, from, SYN)))).toMatchObject([{ at: 'a', to: a.ip, what: to }])
      const [answer] = await out('a', frame(a, server, tcp(to, 40000, SYN | ACK, 5, 2)))
      expect(answer).toMatchObject({ at: 'wire', from: shared.ip })
    }
    expect(await wire(frame(server, shared, tcp(40000, 8081, SYN)))).toEqual([])
    expect(await wire(frame(server, shared, echo(8)))).toMatchObject([{ at: 'wire', from: shared.ip, what: 0 }])
    expect(await out('a2', frame(end('a2'), shared, tcp(40005, 8080, SYN)))).toMatchObject([
      { at: 'a', from: end('r1-gateway').ip, to: a.ip, what: 80 },
    ])
    expect(await out('a', frame(a, end('r1-gateway'), tcp(80, 40005, SYN | ACK, 5, 2)))).toMatchObject([
      { at: 'a2', from: shared.ip, to: end('a2').ip },
    ])
  })

  test('gateways on one chassis reach each other, and answer pings that came through another', async () => {
    world = await startWorld()
    const { end, out } = world
    const [a, other] = [end('a'), end('r2-gateway')]
    expect(await out('a', frame(a, other, echo(8)))).toMatchObject([{ at: 'a', from: other.ip, to: a.ip, what: 0 }])
    expect(await out('a', frame(a, end('r1-gateway'), echo(8)))).toMatchObject([{ at: 'a', what: 0 }])
  })

  test('senders keep their addresses where the router does not translate, or one address scope reaches outside', async () => {
    world = await startWorld({ r1: { enableSnat: false } })
    await world.meet()
    const { end, out, change, wire } = world
    const a = end('a')
    expect(await out('a', frame(a, server, udp(1, 2)))).toMatchObject([{ at: 'wire', from: a.ip }])
    expect(await wire(frame(server, { ...end('r1-gateway'), ip: a.ip }, udp(2, 1)))).toMatchObject([{ at: 'a' }])
    await change(tx => {
      const scope = { id: 'scope', projectId: 'p', name: '', ipVersion: 4 } as const
      tx.insert(addressScopes, scope)
      tx.insert(subnetPools, {
        ...{ id: 'pool', projectId: 'p', name: '', ipVersion: 4, prefixes: [], defaultPrefixLength: 24 },
        ...{ minPrefixLength: 8, maxPrefixLength: 32, defaultQuota: null, addressScopeId: 'scope', isDefault: false },
      })
      for (const id of ['10.2.0.0/24', '203.0.113.0/24'])
        tx.replace(subnets, { ...(tx.get(subnets, id) as Subnet), subnetPoolId: 'pool' })
    })
    await world.meet()
    const b = end('b')
    expect(await out('b', frame(b, server, udp(1, 2)))).toMatchObject([{ at: 'wire', from: b.ip }])
  })

  test('nothing is routed between networks of different address scopes', async () => {
    world = await startWorld()
    const { end, out, change, host } = world
    const green: Network = aNetwork('green', 4)
    await change(tx => {
      addNetwork(tx, green, [tx.get(chassis, 'here') as Chassis])
      addInterface(tx, aRouter('r1', 1), green, 5, { '10.4.0.0/24': '10.4.0.1' })
      addPort(
        tx,
        aPort('c', 15, 'green', { fixedIps: fixedIps({ '10.4.0.0/24': '10.4.0.15' }), portSecurityEnabled: false }),
        aChassis('here', 1),
      )
      tx.insert(subnetPools, {
        ...{ id: 'pool', projectId: 'p', name: '', ipVersion: 4, prefixes: [], defaultPrefixLength: 24 },
        ...{ minPrefixLength: 8, maxPrefixLength: 32, defaultQuota: null, addressScopeId: 'scope', isDefault: false },
      })
    })
    const forwarded = () => host.counted(52, 'metadata=0x4 ')
    await out('a', frame(end('a'), end('c'), udp(1, 2)))
    expect(await forwarded()).toBe(1)
    await change(tx => tx.replace(subnets, { ...(tx.get(subnets, '10.4.0.0/24') as Subnet), subnetPoolId: 'pool' }))
    await out('a', frame(end('a'), end('c'), udp(1, 2)))
    expect(await forwarded()).toBe(1)
    expect(await host.counted(45, 'actions=drop')).toBe(1)
  })

  test('what is too big for the network that it goes to is told, in both directions', async () => {
    world = await startWorld({ role: 'active' })
    const { end, out, wire, change, meet, host } = world
    await meet()
    const big = (size: number) => udp(1, 2, Buffer.alloc(size - 28))
    await out('a', frame(end('a'), server, big(1450)))
    expect(await wire(frame(server, end('r1-gateway'), udp(2, 1, Buffer.alloc(1450 - 28))))).toMatchObject([
      { at: 'a' },
    ])
    expect(await wire(frame(server, end('r1-gateway'), udp(2, 1, Buffer.alloc(1451 - 28))))).toEqual([])
    expect(await host.counted(52, 'userdata=02.04.05.aa')).toBeGreaterThan(0)
    await change(tx => tx.replace(networks, { ...(tx.get(networks, 'ext') as Network), mtu: 1400 }))
    await meet()
    expect(await out('a', frame(end('a'), server, big(1400)))).toHaveLength(1)
    expect(await out('a', frame(end('a'), server, big(1401)))).toEqual([])
    expect(await host.counted(48, 'userdata=02.04.05.78')).toBeGreaterThan(0)
  })

  test('what is too big for a tunnel is told before it goes to a gateway elsewhere', async () => {
    world = await startWorld({ role: 'none' })
    const { end, out, change, host } = world
    await change(tx => tx.replace(networks, { ...(tx.get(networks, 'red') as Network), mtu: 1500 }))
    const big = (size: number) => udp(1, 2, Buffer.alloc(size - 28))
    expect(await out('a', frame(end('a'), server, big(1450)))).toHaveLength(1)
    expect(await out('a', frame(end('a'), server, big(1451)))).toEqual([])
    expect(await host.counted(49, 'userdata=02.04.05.aa')).toBeGreaterThan(0)
  })

  test('ports on the external network reach floating IPs and gateways, here and elsewhere', async () => {
    world = await startWorld({ role: 'none', isSecured: true })
    const { end, change, meet, host, out } = world
    const x = { mac: '', ip: '203.0.113.60' }
    await change(tx => {
      floating(tx, 'a', 31)
      const port = aPort('x', 60, 'ext', {
        fixedIps: fixedIps({ '203.0.113.0/24': x.ip }),
        securityGroups: ['web'],
      })
      x.mac = addPort(tx, port, aChassis('here', 1)).macAddress
      tx.replace(attachments, { ...(tx.get(attachments, 'here/ext') as Attachment), isMember: true })
    })
    await host.plug(160)
    const watch = await watchPorts(host, { 160: 'x', 111: 'a', [WIRE]: 'wire', [PATCH_TUN]: 'tunnel' })
    await meet()
    const [a, fip, gateway] = [end('a'), end('fip-a-port'), end('r1-gateway')]
    const fromX = (to: End, payload: Parameters<typeof frame>[2]) => watch(() => host.send(160, frame(x, to, payload)))
    expect(await watch(() => host.send(160, arp(1, x, { mac: '', ip: fip.ip })))).toMatchObject([
      { at: 'x', src: fip.mac, what: 2, vlan: 0 },
    ])
    expect(await fromX(fip, tcp(40000, 80, SYN))).toMatchObject([{ at: 'a', to: a.ip, from: x.ip }])
    expect(await watch(() => out('a', frame(a, x, tcp(80, 40000, SYN | ACK, 5, 2))))).toMatchObject([
      { at: 'x', src: fip.mac, from: fip.ip, to: x.ip, ttl: 63 },
    ])
    expect(await fromX(gateway, udp(1, 2))).toMatchObject([
      { at: 'wire', src: x.mac, dst: gateway.mac, vlan: VLAN, to: gateway.ip, ttl: 64 },
    ])
  })

  test('errors from outside about what was translated find its sender', async () => {
    world = await startWorld()
    const { end, out, wire, meet } = world
    await meet()
    const [a, own] = [end('a'), end('r1-gateway')]
    expect(await out('a', frame(a, server, udp(5000, 53)))).toHaveLength(1)
    const quoted = packet(own, server, udp(5000, 53))
    const tooBig = icmp(3, 4, Buffer.concat([Buffer.from([0, 0, 1300 >> 8, 1300 & 255]), quoted]))
    expect(await wire(frame({ ...outside, ip: '192.0.2.9' }, own, tooBig))).toMatchObject([
      { at: 'a', from: '192.0.2.9', to: a.ip, what: 3, about: a.ip },
    ])
  })

  test('routes lead over next hops outside, and one of the gateway’s addresses stands for all', async () => {
    world = await startWorld()
    const { end, out, wire, change, meet } = world
    await change(tx => {
      const r1 = tx.get(routers, 'r1') as Router
      tx.replace(routers, { ...r1, routes: [{ destination: '192.0.2.0/24', nexthop: '203.0.113.77' }] })
      const gateway = tx.get(ports, 'r1-gateway') as Port
      const more = { subnetId: '203.0.113.0/24', ipAddress: '203.0.113.5' }
      tx.replace(ports, { ...gateway, fixedIps: [...gateway.fixedIps, more] })
    })
    await meet()
    const other = { mac: '52:54:00:00:00:77', ip: '203.0.113.77' }
    const own = end('r1-gateway')
    await wire(arp(1, other, { mac: '', ip: own.ip }))
    const far = { mac: '', ip: '192.0.2.9' }
    expect(await out('a', frame(end('a'), { ...server, ip: far.ip }, udp(1, 2)))).toMatchObject([
      { at: 'wire', dst: other.mac, from: own.ip, to: far.ip },
    ])
    expect(await out('a', frame(end('a'), server, udp(1, 2)))).toMatchObject([{ dst: outside.mac, from: own.ip }])
    expect(await wire(frame(outside, { ...own, ip: '203.0.113.5' }, echo(8)))).toMatchObject([
      { at: 'wire', from: '203.0.113.5', what: 0 },
    ])
  })

  test('no address of a tenant goes out when no connection can be translated, and it is counted', async () => {
    world = await startWorld()
    const { end, out, meet, host } = world
    await meet()
    await host.ovs.appctl('dpctl/ct-set-limits', 'zone=4097,limit=1')
    expect(await out('a', frame(end('a'), server, udp(1, 2)))).toMatchObject([{ from: end('r1-gateway').ip }])
    expect(await out('a', frame(end('a'), server, udp(3, 4)))).toEqual([])
    expect(await host.counted(51, 'priority=5,')).toBe(1)
    expect(await out('a', frame(end('a'), server, udp(1, 2)))).toHaveLength(1)
  })

  test('a connection does not keep a floating IP that went to another port', async () => {
    world = await startWorld()
    const { end, out, change, meet } = world
    await change(tx => void floating(tx, 'a', 31))
    await meet()
    const packet = () => frame(end('a'), server, udp(1, 2))
    expect(await out('a', packet())).toMatchObject([{ from: '203.0.113.31' }])
    await change(tx => {
      const fip = tx.get(floatingIps, 'fip-a') as FloatingIp
      tx.replace(floatingIps, { ...fip, portId: 'a2', fixedIpAddress: end('a2').ip })
    })
    await meet()
    expect(await out('a', packet())).toEqual([])
    expect(await out('a2', frame(end('a2'), server, udp(1, 2)))).toMatchObject([{ from: '203.0.113.31' }])
    expect(await out('a', frame(end('a'), server, udp(3, 4)))).toMatchObject([{ from: end('r1-gateway').ip }])
  })

  test('cost each chassis few flows: a floating IP, a forwarded port, a router, a VM', async () => {
    world = await startWorld({ role: 'none' })
    const { cloud, change } = world
    const hosts = ['here', 'gateway', 'there'] as const
    const flows = () => hosts.map(id => cloud.compiler.flowCount(id, 'br-int') + cloud.compiler.flowCount(id, 'br-tun'))
    const cost = async (work: (tx: Transaction) => void) => {
      const before = flows()
      await change(work)
      return Object.fromEntries(flows().map((now, i) => [hosts[i], now - (before[i] ?? 0)]))
    }
    expect(await cost(tx => void floating(tx, 'a', 31))).toEqual({ here: 6, gateway: 1, there: 0 })
    expect(await cost(tx => void floating(tx, 'far', 32))).toEqual({ here: 6, gateway: 6, there: 5 })
    const vm = aPort('vm', 40, 'red', { fixedIps: fixedIps({ '10.1.0.0/24': '10.1.0.40' }) })
    expect(await cost(tx => void addPort(tx, vm, aChassis('there', 3)))).toMatchObject({ gateway: 2 })
    const gateway = await cost(tx => {
      const three = aRouter('r3', 3)
      addInterface(tx, three, blue, 60, { '10.2.0.0/24': '10.2.0.254' })
      addGateway(tx, three, ext, 61, { '203.0.113.0/24': '203.0.113.4' })
    })
    expect(gateway).toEqual({ here: 23, gateway: 22, there: 22 })
  })
})
