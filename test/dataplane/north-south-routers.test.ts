// Gateways on an external VLAN, address scopes, and a pool of ports that is used up: what becomes of addresses of tenants.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Node } from '#test/support/cloud'
import { ask, makeRouter, SERVER } from '#test/support/internet'
import { describeDataplane, until } from '#test/support/ovs'
import type { Capture } from './capture.ts'
import { type Machine, type NorthSouth, PHYSNET, reaches, startNorthSouth } from './north-south.ts'
import { ipOf, type Resource } from './world.ts'

describeDataplane('gateways of routers', () => {
  let ns: NorthSouth
  beforeAll(async () => {
    ns = await startNorthSouth({ gw: { gateway: 10 }, compute: {} })
  }, 120_000)
  afterAll(() => ns?.stop())

  test('an address of the scope of an external VLAN leaves as it is, one of no scope as the address of the gateway', async () => {
    const { world } = ns
    // Beyond this router there is only its own address inside.
    const outside: Node = await world.cloud.addOutsider(PHYSNET, { addresses: ['203.0.114.1/24'], vlan: 200 })
    await makeRouter(outside)
    await outside.exec('ip', 'addr', 'add', '198.18.0.1/32', 'dev', 'lo')
    await outside.exec('ip', 'route', 'add', '172.21.0.0/24', 'via', '203.0.114.11')
    await ns.internet.serve(outside)

    const scope = await world.create('address-scope', { name: 'one', ip_version: 4, shared: true })
    const pool = (name: string, prefix: string) =>
      world.create('subnetpool', { name, prefixes: [prefix], address_scope_id: scope.id, default_prefixlen: 24 })
    const external = await world.create('network', {
      ...{ 'router:external': true, 'provider:network_type': 'vlan' },
      ...{ 'provider:physical_network': PHYSNET, 'provider:segmentation_id': 200 },
    })
    const subnetOn = async (network: Resource, more: object) =>
      world.create('subnet', { network_id: network.id, ip_version: 4, enable_dhcp: false, ...more })
    const outer = await pool('outer', '203.0.114.0/24')
    await subnetOn(external, { subnetpool_id: outer.id, cidr: '203.0.114.0/24', gateway_ip: '203.0.114.1' })
    const router = await world.create('router', {
      external_gateway_info: { network_id: external.id, external_fixed_ips: [{ ip_address: '203.0.114.11' }] },
    })
    const inner = await pool('inner', '172.21.0.0/24')
    const scoped = await world.create('network', { name: 'scoped' })
    const subnet = await subnetOn(scoped, { subnetpool_id: inner.id, cidr: '172.21.0.0/24' })
    await world.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
    const unscoped = await ns.addNetwork(router, ['10.7.0.0/24'])
    for (const host of ['gw', 'compute']) {
      const [own, hidden] = [await ns.vmOn(host, scoped), await ns.vmOn(host, unscoped)]
      for (const [vm] of [own, hidden]) await until('the way to be there', () => vm.ping('198.18.0.1'))
      expect((await ask(own[0], 'tcp', '198.18.0.1', { size: 4000 })).ip).toBe(ipOf(own[1]))
      expect((await ask(hidden[0], 'tcp', '198.18.0.1', { size: 4000 })).ip).toBe('203.0.114.11')
      expect(await reaches(outside, ipOf(own[1]), 3)).toBe(true)
      expect(await reaches(outside, ipOf(hidden[1]))).toBe(false)
    }
  })

  describeExhaustion(() => ns)
})

/** Sends a datagram to port 7777 of the server from each port from 1024 on, at a pace that the switch can follow. */
const FILL = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
for port in range(1024, 65536):
    s.sendto(port.to_bytes(2, 'big') + (7777).to_bytes(2, 'big') + b'\\0\\x09\\0\\0x', ('${SERVER}', 0))
    if port % 20 == 0: time.sleep(0.001)
`

/** Prints from how many ports datagrams came within some seconds. */
const COUNT = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)
s.bind(('', 7777))
s.settimeout(0.2)
seen = set()
until = time.monotonic() + 4
while time.monotonic() < until:
    try: seen.add(s.recvfrom(100)[1]); until = time.monotonic() + 4
    except TimeoutError: pass
print(len(seen), *{ip for ip, port in seen})
`

function describeExhaustion(ns: () => NorthSouth) {
  test('when the ports of the gateway are used up nothing leaks, and it is counted', async () => {
    const router = await ns().addRouter(['203.0.113.11'])
    const network = await ns().addNetwork(router, ['10.8.0.0/24'])
    const leaks: Capture = await ns().capture('net 10.0.0.0/8')
    const [first, second]: Machine[] = [await ns().vmOn('gw', network), await ns().vmOn('gw', network)]
    for (const [vm] of [first, second] as Machine[]) await until('the way to be there', () => vm.ping(SERVER))
    const counted = ns().internet.server.exec('python3', '-c', COUNT)
    await new Promise(resolve => setTimeout(resolve, 300))
    await first?.[0].exec('python3', '-c', FILL)
    await second?.[0].exec('python3', '-c', FILL)
    const [count, ...from] = (await counted).trim().split(' ')
    console.log(`the server saw ${count} connections, all of one address`)
    expect(from).toEqual(['203.0.113.11'])
    expect(Number(count)).toBeGreaterThan(50_000)
    expect(Number(count)).toBeLessThanOrEqual(64_512)
    expect(await leaks.stop()).toEqual([])
    // Not all that was sent comes to the switch, whose socket overflows: but what came is counted as the one or the other.
    const packets = async (table: number, match: RegExp) => {
      const flows = await ns().host('gw').ovs.ofctl('dump-flows', 'br-int', `table=${table}`)
      return Number(
        flows.split('\n').flatMap(flow => (match.test(flow) ? (/n_packets=(\d+)/.exec(flow)?.[1] ?? []) : []))[0],
      )
    }
    type Drops = { drops: { reason: string; packets: number }[] }
    const exhausted = async () => {
      const { drops } = await ns().world.call<Drops>('GET', '/flowright/v1/drops?chassis=gw')
      return drops.reduce((sum, drop) => sum + (drop.reason === 'nat_exhausted' ? drop.packets : 0), 0)
    }
    const counts = async () => ({
      came: await packets(50, /nat\(src=203\.0\.113\.11\)/),
      began: await packets(51, /ct_state=\+new\+trk.*nw_src=203\.0\.113\.11/),
      exhausted: await exhausted(),
    })
    await until('every packet to be counted', async () => {
      const { came, began, exhausted: found } = await counts()
      return came === began + found
    })
    const { came, began, exhausted: none } = await counts()
    console.log(`counted: ${came} packets came to be translated, ${began} began a connection, ${none} found no port`)
    expect(none).toBeGreaterThan(0)
    expect(began).toBeGreaterThanOrEqual(Number(count))

    type Shown = { gateways: { snat: { connections: number; exhausted_packets: number } }[] }
    const shown = async () =>
      (await ns().world.call<Shown>('GET', `/flowright/v1/gateways?router=${router.id}`)).gateways[0]?.snat
    await until('an operator to see that', async () => (await shown())?.exhausted_packets === none)
    expect(await shown()).toEqual({ connections: began, exhausted_packets: none })
    const metrics = await (await fetch(`http://${ns().world.controller().api}/metrics`)).text()
    const total = (name: string) => Number(new RegExp(`^${name}{chassis="gw"} (\\d+)$`, 'm').exec(metrics)?.[1])
    expect(total('flowright_snat_connections_total')).toBeGreaterThanOrEqual(began)
    expect(total('flowright_snat_exhausted_packets_total')).toBeGreaterThanOrEqual(none)
  }, 60_000)
}
