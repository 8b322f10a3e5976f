// The world outside as the tests of north-south traffic have it: a provider network with a foreign router on it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ask, type Internet, SERVER, SERVER6, startInternet } from '#test/support/internet'
import { describeDataplane } from '#test/support/ovs'
import { startWorld, type World } from './world.ts'

describeDataplane('the internet of the tests', () => {
  let world: World
  let internet: Internet
  beforeAll(async () => {
    world = await startWorld()
    await world.openDefaultGroup()
    internet = await startInternet(world.cloud, 'physnet-ext')
  }, 60_000)
  afterAll(async () => {
    internet?.stop()
    await world?.stop()
  })

  test('a VM right on the external network reaches the server behind the foreign router, as itself', async () => {
    const host = await world.addHost('host1', 1, { physicalNetworks: ['physnet-ext'] })
    const network = await world.createNetwork(
      { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet-ext', 'router:external': true },
      ['203.0.113.0/24', '2001:db8:113::/64'],
    )
    const [vm] = await world.vmOn(host, network, {
      fixed_ips: [{ ip_address: '203.0.113.50' }, { ip_address: '2001:db8:113::50' }],
    })
    await vm.exec('ip', 'route', 'add', 'default', 'via', '203.0.113.1')
    await vm.exec('ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:113::1')
    expect(await vm.ping(SERVER, { count: 3, wait: 2 })).toBe(true)
    expect(await vm.ping(SERVER6, { count: 3, wait: 2 })).toBe(true)
    for (const protocol of ['tcp', 'udp'] as const) {
      expect((await ask(vm, protocol, SERVER, { size: 10_000 })).ip).toBe('203.0.113.50')
      expect((await ask(vm, protocol, SERVER6)).ip).toBe('2001:db8:113::50')
    }
    expect(await vm.exec('curl', '-s', `http://${SERVER}/`)).toMatch(/^203\.0\.113\.50 /)
  })
})
