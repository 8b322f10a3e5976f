import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cloud, type Host, pingUntil, startCloud, type Vm } from '#test/support/cloud'
import { type Flowright, startFlowright } from '#test/support/flowright'
import { describeDataplane, until } from '#test/support/ovs'

describeDataplane('a VM moves to another host', () => {
  let cloud: Cloud
  let flowright: Flowright
  let hosts: Host[]
  let network: { id: string }
  beforeAll(async () => {
    flowright = await startFlowright()
    cloud = await startCloud()
    hosts = []
    for (const n of [1, 2, 3]) {
      const host = await cloud.addHost({ name: `host${n}`, tunnelIp: `192.0.2.${n}`, sockets: flowright.sockets })
      hosts.push(host)
      await flowright.join(host)
    }
    network = (await flowright.api('POST', '/v2.0/networks', { network: {} })).network
    await flowright.api('POST', '/v2.0/subnets', {
      subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' },
    })
  })
  afterAll(async () => {
    await cloud?.stop()
    await flowright?.stop()
  })

  interface Port {
    readonly id: string
    readonly mac_address: string
    readonly fixed_ips: readonly { readonly ip_address: string }[]
  }
  const newPort = async (more: object = {}): Promise<Port> =>
    (await flowright.api('POST', '/v2.0/ports', { port: { network_id: network.id, ...more } })).port
  const ipOf = (port: Port) => port.fixed_ips[0]!.ip_address
  const vmOf = (host: Host, port: Port): Promise<Vm> =>
    host.addVm({ port: port.id, mac: port.mac_address, addresses: [`${ipOf(port)}/24`] })
  const bindingsOf = async (port: Port): Promise<string[]> => {
    const { chassis } = await flowright.api('GET', '/flowright/v1/chassis')
    type Shown = { id: string; bindings: { port: string; state: string }[] }
    return (chassis as Shown[]).flatMap(c => c.bindings.filter(b => b.port === port.id).map(b => `${c.id} ${b.state}`))
  }
  const untilAt = (port: Port, ...where: string[]) =>
    until(`the port at ${where}`, async () => `${await bindingsOf(port)}` === `${where}`)
  /** The guest stops at its old place. */
  const freeze = (vm: Vm) => vm.exec('ip', 'link', 'set', 'eth0', 'down')

  /** Pings every 10 ms while `act` runs and 600 ms more; gives the longest time without an answer, in milliseconds. */
  const longestGap = async (from: Vm, to: string, act: () => Promise<unknown>): Promise<number> => {
    const pinging = from.exec('sh', '-c', `ping -n -D -i 0.01 -W 1 -w 3 ${to} || true`)
    await new Promise(done => setTimeout(done, 600))
    await act()
    const times = Array.from((await pinging).matchAll(/^\[(\d+\.\d+)\] .*time=/gm), match => Number(match[1]) * 1000)
    expect(times.length).toBeGreaterThan(100)
    return Math.max(...times.slice(1).map((time, i) => time - times[i]!))
  }
  const garp = (vm: Vm, port: Port) => vm.exec('sh', '-c', `arping -q -U -c 1 -w 1 -i eth0 ${ipOf(port)} || true`)

  test('by its gratuitous ARP at the new place, by unplug at the old, by binding activation', async () => {
    const peer = await newPort()
    const moving = await newPort()
    const peerVm = await vmOf(hosts[0]!, peer)
    const first = await vmOf(hosts[1]!, moving)
    await pingUntil(peerVm, ipOf(moving))

    // It is plugged at the new place: traffic stays until the guest announces itself there.
    const second = await vmOf(hosts[2]!, moving)
    await untilAt(moving, 'host2 active', 'host3 pending')
    expect(await peerVm.ping(ipOf(moving), { count: 3 })).toBe(true)
    await pingUntil(peerVm, ipOf(moving))
    const byGarp = await longestGap(peerVm, ipOf(moving), async () => {
      await freeze(first)
      await garp(second, moving)
    })
    await untilAt(moving, 'host2 pending', 'host3 active')
    await first.unplug()
    await untilAt(moving, 'host3 active')
    expect(await peerVm.ping(ipOf(moving), { count: 3 })).toBe(true)

    // Back to the second host, this time without a word of the guest.
    const third = await hosts[1]!.addVm({
      ...{ port: moving.id, mac: moving.mac_address, addresses: [`${ipOf(moving)}/24`], interface: 'tapthird' },
    })
    await untilAt(moving, 'host2 pending', 'host3 active')
    const byUnplug = await longestGap(peerVm, ipOf(moving), () => second.unplug())
    await untilAt(moving, 'host2 active')

    // And once more, as Nova does it.
    await flowright.api('PUT', `/v2.0/ports/${moving.id}`, { port: { 'binding:host_id': 'host2' } })
    await flowright.api('POST', `/v2.0/ports/${moving.id}/bindings`, { binding: { host: 'host3' } })
    await second.plug()
    await untilAt(moving, 'host2 active', 'host3 pending')
    const byActivation = await longestGap(peerVm, ipOf(moving), async () => {
      await freeze(third)
      await flowright.api('PUT', `/v2.0/ports/${moving.id}/bindings/host3/activate`)
    })
    await untilAt(moving, 'host2 pending', 'host3 active')
    // A generous bound: what is waited for is the announcement, never a time-out of ARP or of a flow.
    for (const gap of [byGarp, byUnplug, byActivation]) expect(gap).toBeLessThan(1000)
  })
})
