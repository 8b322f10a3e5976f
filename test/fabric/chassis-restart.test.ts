import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cloud, type Host, pingUntil, startCloud, type Vm } from '#test/support/cloud'
import { type Flowright, startFlowright } from '#test/support/flowright'
import { describeDataplane, until } from '#test/support/ovs'

describeDataplane('something is killed', () => {
  let cloud: Cloud
  let flowright: Flowright
  const hosts: Host[] = []
  const vms: Vm[] = []
  const addresses: string[] = []
  const ids: string[] = []
  beforeAll(async () => {
    flowright = await startFlowright()
    cloud = await startCloud()
    const { network } = await flowright.api('POST', '/v2.0/networks', { network: {} })
    const subnet = { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/24' }
    await flowright.api('POST', '/v2.0/subnets', { subnet })
    for (const n of [1, 2]) {
      const host = await cloud.addHost({ name: `host${n}`, tunnelIp: `192.0.2.${n}`, sockets: flowright.sockets })
      await flowright.join(host)
      const { port } = await flowright.api('POST', '/v2.0/ports', { port: { network_id: network.id } })
      const ip = port.fixed_ips[0].ip_address
      hosts.push(host)
      ids.push(port.id)
      addresses.push(ip)
      vms.push(await host.addVm({ port: port.id, mac: port.mac_address, addresses: [`${ip}/24`] }))
    }
    await pingUntil(vms[0]!, addresses[1]!)
  })
  afterAll(async () => {
    await cloud?.stop()
    await flowright?.stop()
  })

  const counts = async () => {
    const { chassis } = await flowright.api('GET', '/flowright/v1/chassis')
    type Bridge = { state: string; counts: { flowMods: number } }
    const bridges = (chassis as { openflow: { bridges: Record<string, Bridge> } | null }[]).flatMap(c =>
      Object.values(c.openflow?.bridges ?? {}),
    )
    return {
      inSync: bridges.filter(bridge => bridge.state === 'in_sync').length,
      flowMods: bridges.reduce((sum, bridge) => sum + bridge.counts.flowMods, 0),
    }
  }
  const allInSync = () => until('all bridges in sync', async () => (await counts()).inSync === 4, 20_000)
  const statusOf = async (id: string) => (await flowright.api('GET', `/v2.0/ports/${id}`)).port.status

  test('the controller, by SIGKILL: no packet is lost, no flow is written when it is back, and it goes on', async () => {
    await allInSync()
    const pinging = vms[0]!.exec('ping', '-n', '-q', '-i', '0.01', '-c', '600', addresses[1]!)
    await flowright.kill9()
    await new Promise(done => setTimeout(done, 500))
    await flowright.start()
    await allInSync()
    expect(await pinging).toMatch(/600 packets transmitted, 600 received/)
    expect((await counts()).flowMods).toBe(0)
    expect(await statusOf(ids[1]!)).toBe('ACTIVE')
    await vms[1]!.unplug()
    await until('DOWN', async () => (await statusOf(ids[1]!)) === 'DOWN')
    await vms[1]!.plug()
    await until('ACTIVE', async () => (await statusOf(ids[1]!)) === 'ACTIVE')
    await pingUntil(vms[0]!, addresses[1]!)
  })

  test('ovs-vswitchd, by SIGKILL: it forwards again when it is back', async () => {
    const { ovs } = hosts[1]!
    await ovs.kill9('ovs-vswitchd')
    expect(await vms[0]!.ping(addresses[1]!)).toBe(false)
    await ovs.start('ovs-vswitchd')
    // The address of the VTEP was on a device that went with the daemon: the host's start-up brings it back.
    await hosts[1]!.exec('ip', 'addr', 'replace', '192.0.2.2/24', 'dev', 'br-phy')
    await hosts[1]!.exec('ip', 'link', 'set', 'br-phy', 'up')
    await pingUntil(vms[0]!, addresses[1]!)
    await allInSync()
  })

  test('ovsdb-server, by SIGKILL: no packet is lost', async () => {
    const pinging = vms[0]!.exec('ping', '-n', '-q', '-i', '0.01', '-c', '300', addresses[1]!)
    await hosts[1]!.ovs.kill9('ovsdb-server')
    await new Promise(done => setTimeout(done, 500))
    await hosts[1]!.ovs.start('ovsdb-server')
    expect(await pinging).toMatch(/300 packets transmitted, 300 received/)
    await until('its session', async () => {
      const { chassis } = await flowright.api('GET', '/flowright/v1/chassis')
      return chassis.every((c: { connected: boolean }) => c.connected)
    })
    expect(await statusOf(ids[1]!)).toBe('ACTIVE')
  })
})
