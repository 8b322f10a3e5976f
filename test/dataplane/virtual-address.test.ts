// An address that two VMs on two hosts may have, as keepalived moves it: routers find it, and follow it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Host, pingUntil, type Vm } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
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
    for (const n of [1, 2])
      networks.push(await world.createRoutedNetwork(router, { name: `net${n}` }, [`10.${n}.0.0/24`, `fd0${n}::/64`]))
    const vm = async (host: number, n: number, body: Record<string, unknown> = {}) =>
      (await world.routedVmOn(hosts[host] as Host, networks[n - 1] as Resource, body))[0]
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
    const args = [`--net=/run/netns/${caller.netns}`, 'ping', '-n', '-D', '-i', '0.02', '-c', '150', '-W', '1', VIP[4]]
    const ping = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(ping, 'close')
    let text = ''
    ping.stdout.on('data', chunk => {
      text += chunk
    })
    await until('a third to be answered', () => text.split(' bytes from ').length > 50)
    await have(holders[1], 'del', 4)
    await have(holders[0], 'add', 4)
    await holders[0]!.exec('python3', '-c', ANNOUNCE, VIP[4])
    await ended
    const received = Number(/(\d+) received/.exec(text)?.[1])
    if (process.env.FLOWRIGHT_TEST_LOG) console.log(`${150 - received} of 150 pings, one each 20 ms, were lost`)
    expect(await caller.ping(VIP[4], { count: 3 })).toBe(true)
    expect(received).toBeGreaterThan(75)
  })
})
