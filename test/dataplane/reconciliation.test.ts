// What must not be noticed: restarts on either side. And what must: flows that others change.
import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host, Vm } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { capture } from './capture.ts'
import { type PortResource, type Resource, startWorld, type World } from './world.ts'

describeDataplane('reconciliation', () => {
  let world: World
  let hosts: Host[]
  let net: Resource
  let a: Vm
  let b: Vm
  let portA: PortResource
  let portB: PortResource
  beforeAll(async () => {
    world = await startWorld()
    hosts = [await world.addHost('host1', 1), await world.addHost('host2', 2)]
    net = await world.create('network', { name: 'blue' })
    await world.create('subnet', { network_id: net.id, cidr: '10.1.0.0/24', ip_version: 4, gateway_ip: null })
    portA = await world.createPort(net)
    portB = await world.createPort(net)
    a = await world.addVm(hosts[0] as Host, portA)
    b = await world.addVm(hosts[1] as Host, portB)
    expect(await a.ping(ipB(), { count: 3 })).toBe(true)
  }, 120_000)
  afterAll(() => world?.stop())

  const ipB = () => portB.fixed_ips[0]?.ip_address as string
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://${world.controller().api}/metrics`)).text()
    return Number(text.match(new RegExp(`^${name} (.*)$`, 'm'))?.[1])
  }
  const inSync = () =>
    until('both chassis to be in sync', async () => {
      type Shown = { chassis: { openflow: { bridges: Record<string, { state: string }> } | null }[] }
      const { chassis } = await world.call<Shown>('GET', '/flowright/v1/chassis')
      const states = chassis.flatMap(c => Object.values(c.openflow?.bridges ?? {}).map(bridge => bridge.state))
      return states.length === 4 && states.every(state => state === 'in_sync')
    })
  const flows = (host: Host, bridge: string) => host.ovs.ofctl('--no-stats', 'dump-flows', bridge)

  /** Pings from a to b every 10 ms while `work` runs; resolves with how many were sent and answered. */
  const pingWhile = async (work: () => Promise<unknown>) => {
    const ping = spawn('nsenter', [`--net=/run/netns/${a.netns}`, 'ping', '-n', '-q', '-i', '0.01', ipB()])
    let output = ''
    ping.stdout.on('data', chunk => (output += chunk))
    await new Promise(resolve => setTimeout(resolve, 300))
    await work()
    await new Promise(resolve => setTimeout(resolve, 300))
    const ended = new Promise(resolve => ping.once('close', resolve))
    ping.kill('SIGINT')
    await ended
    const [, sent, received] = output.match(/(\d+) packets transmitted, (\d+) received/) ?? []
    return { sent: Number(sent), received: Number(received) }
  }

  test('a controller that restarts with nothing changed sends no flow-mod, and no packet is lost', async () => {
    await inSync()
    const before = await Promise.all(hosts.flatMap(host => ['br-int', 'br-tun'].map(bridge => flows(host, bridge))))
    const { sent, received } = await pingWhile(async () => {
      await world.stopController()
      await world.startController()
      await inSync()
    })
    expect(sent).toBeGreaterThan(50)
    expect(sent - received).toBeLessThanOrEqual(1) // the one in flight at the end
    expect(await metric('flowright_flow_mods_total')).toBe(0)
    const after = await Promise.all(hosts.flatMap(host => ['br-int', 'br-tun'].map(bridge => flows(host, bridge))))
    expect(after).toEqual(before)
  })

  test('forwarding goes on without the controller, and is back within 2 s of the return of a killed vswitchd', async () => {
    const host = hosts[1] as Host
    await host.ovs.kill9('ovs-vswitchd')
    await host.ovs.start('ovs-vswitchd')
    const back = Date.now()
    await until('traffic', () => a.ping(ipB(), { wait: 0.2 }))
    expect(Date.now() - back).toBeLessThan(2000)
    await inSync()
  })

  test('flows of ours that others delete or edit are repaired and shown; flows and bridges of others stay', async () => {
    const host = hosts[0] as Host
    await host.ovs.vsctl('add-br', 'br-theirs', '--', 'set', 'Bridge', 'br-theirs', 'datapath_type=netdev')
    await host.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', 'br-int', 'table=200,priority=7,actions=drop')
    await inSync()
    const wanted = await flows(host, 'br-int')
    await host.ovs.ofctl('-O', 'OpenFlow15', 'del-flows', 'br-int', 'table=90')
    await host.ovs.ofctl('-O', 'OpenFlow15', 'mod-flows', 'br-int', 'table=60,actions=drop')
    await until('the repair', async () => (await flows(host, 'br-int')) === wanted, 2000)
    expect(await a.ping(ipB())).toBe(true)
    const { drift } = await world.call<{ drift: { kind: string; text: string }[] }>(
      'GET',
      '/flowright/v1/chassis/host1/drift',
    )
    expect(drift.map(event => event.kind)).toEqual(expect.arrayContaining(['removed', 'changed']))
    await world.stopController()
    await world.startController()
    await inSync()
    expect(await flows(host, 'br-int')).toContain('table=200, priority=7 actions=drop')
    expect(await host.ovs.vsctl('list-br')).toContain('br-theirs')
  })

  test('a port that is migrated is reached at its new place within 100 ms of its announcement there', async () => {
    const port = await world.createPort(net)
    const ip = port.fixed_ips[0]?.ip_address as string
    const old = await world.addVm(hosts[1] as Host, port)
    expect(await a.ping(ip)).toBe(true)
    const [source, target] = [hosts[1] as Host, hosts[0] as Host]
    const vm = await target.addVm({ port: port.id, mac: port.mac_address, addresses: [`${ip}/24`] })
    await until('a pending binding', async () => {
      type Shown = { chassis: { bindings: { port: string; state: string }[] } }
      const { chassis } = await world.call<Shown>('GET', '/flowright/v1/chassis/host1')
      return chassis.bindings.some(bound => bound.port === port.id && bound.state === 'pending')
    })
    expect(await a.ping(ip)).toBe(true)
    await old.exec('ip', 'link', 'set', 'eth0', 'down')
    const heard = await capture(b, 'eth0', `arp and ether src ${port.mac_address}`)
    await vm.exec('arping', '-c', '1', '-U', '-P', '-i', 'eth0', '-S', ip, ip).catch(() => '')
    const announced = Date.now()
    await until('traffic at the new place', () => a.ping(ip, { wait: 0.05 }))
    console.log(`reached ${Date.now() - announced} ms after the announcement was sent`)
    expect((await heard.stop()).join(), 'the announcement reaches the others').toContain(ip)
    await old.unplug()
    await world.untilActive(port)
    expect(await a.ping(ip)).toBe(true)
    expect(await b.ping(ip)).toBe(true)
    expect(source.name).toBe('host2')
  })
})
