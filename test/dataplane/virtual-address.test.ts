// An address that two VMs on two hosts may have, as keepalived moves it: routers find it, and follow it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Host, pingUntil, type Vm } from '#test/support/cloud'
import { describeDataplane } from '#test/support/ovs'
import { type Resource, startWorld, type World } from './world.ts'

const VIP = { 4: '10.2.0.100', 6: 'fd02::100' } as const

/** Announces an address as one that takes it over does: a gratuitous ARP. */
const ANNOUNCE = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
mac, ip = s.getsockname()[4], socket.inet_aton(sys.argv[1])
s.send(b'\\xff' * 6 + mac + bytes.fromhex('08060001080006040001') + mac + ip + bytes(6) + ip)
`

describeDataplane('an address that several ports may have', () => {
  let world: World
  let caller: Vm
  let holders: readonly Vm[]

  beforeAll(async () => {
    world = await startWorld()
    await world.openDefaultGroup()
    const hosts: Host[] = [await world.addHost('host1', 1), await world.addHost('host2', 2)]
    const router = await world.create('router', { name: 'r' })
    const networks: Resource[] = []
    for (const n of [1, 2]) {
      const network = await world.create('network', { name: `net${n}` })
      for (const [cidr, gateway] of [
        [`10.${n}.0.0/24`, `10.${n}.0.1`],
        [`fd0${n}::/64`, `fd0${n}::1`],
      ] as const) {
        const subnet = await world.create('subnet', {
          ...{
            network_id: network.id,
            cidr,
            ip_version: cidr.includes(':') ? 6 : 4,
            gateway_ip: gateway,
            enable_dhcp: false,
          },
        })
        await world.call('PUT', `/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id })
      }
      networks.push(network)
    }
    const vm = async (host: number, n: number, body: Record<string, unknown> = {}) => {
      const [made] = await world.vmOn(hosts[host] as Host, networks[n - 1] as Resource, body)
      await made.exec('ip', 'route', 'add', 'default', 'via', `10.${n}.0.1`)
      await made.exec('ip', '-6', 'route', 'add', 'default', 'via', `fd0${n}::1`)
      return made
    }
    const pairs = Object.values(VIP).map(ip_address => ({ ip_address }))
    caller = await vm(0, 1)
    holders = [await vm(0, 2, { allowed_address_pairs: pairs }), await vm(1, 2, { allowed_address_pairs: pairs })]
  }, 120_000)
  afterAll(() => world?.stop())

  const have = (vm: Vm | undefined, what: 'add' | 'del', family: 4 | 6) =>
    vm!.exec('ip', 'addr', what, `${VIP[family]}/${family === 4 ? 32 : 128}`, 'dev', 'eth0')

  test.each([4, 6] as const)(
    'is found by a router when a packet needs it, and not before somebody has it: IPv%i',
    async family => {
      expect(await caller.ping(VIP[family], { wait: 3 })).toBe(false)
      await have(holders[1], 'add', family)
      await pingUntil(caller, VIP[family])
      expect(await caller.ping(VIP[family], { count: 3 })).toBe(true)
    },
  )

  test('is followed to another host when that announces it', async () => {
    const pings = caller.exec('ping', '-n', '-D', '-i', '0.02', '-c', '150', '-W', '1', VIP[4]).catch(e => e.stdout)
    await new Promise(resolve => setTimeout(resolve, 1000))
    await have(holders[1], 'del', 4)
    await have(holders[0], 'add', 4)
    await holders[0]!.exec('python3', '-c', ANNOUNCE, VIP[4])
    const text: string = await pings
    const received = Number(/(\d+) received/.exec(text)?.[1])
    if (process.env.FLOWRIGHT_TEST_LOG) console.log(`${150 - received} of 150 pings, one each 20 ms, were lost`)
    expect(await caller.ping(VIP[4], { count: 3 })).toBe(true)
    expect(received).toBeGreaterThan(75)
  })
})
