// Firewalls as VMs see them: a whole controller, two hosts, a router whose interfaces are in a firewall group, and VMs whose ports
// are in others. The directions of a connection across are routed on two hosts.
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host } from '#test/support/cloud'
import { describeDataplane, until } from '#test/support/ovs'
import { cutAfter, type Machine, monotonic, startMachine, untilFlows } from './agent.ts'
import { type Resource, startWorld, type World } from './world.ts'

/** By when (s) what no rule allows any more is to be cut; the issue says 1, this machine may be busy. */
const SOON = 2

describeDataplane('firewalls', () => {
  let world: World
  let hosts: readonly Host[]
  let router: Resource
  const interfaces: Record<string, string> = {}
  const networks: Record<string, Resource> = {}
  const machines: Machine[] = []
  let client: Machine
  let near: Machine
  let far: Machine
  const rules: Record<string, string> = {}
  const policies: Record<string, string> = {}
  const groups: Record<string, string> = {}

  const fwaas = async (method: string, path: string, name: string, body: object) =>
    (await world.call<Record<string, Resource>>(method, `/v2.0/fwaas/${path}`, { [name]: body }))[name] as Resource
  const rule = async (name: string, body: object) => {
    rules[name] = (await fwaas('POST', 'firewall_rules', 'firewall_rule', { name, ...body })).id
    return rules[name]
  }
  const policy = async (name: string, of: readonly string[]) => {
    const body = { name, firewall_rules: of.map(id => rules[id]) }
    policies[name] = (await fwaas('POST', 'firewall_policies', 'firewall_policy', body)).id
    return policies[name]
  }
  const group = async (name: string, body: object) => {
    groups[name] = (await fwaas('POST', 'firewall_groups', 'firewall_group', { name, ...body })).id
  }
  const change = (name: string, body: object) => fwaas('PUT', `firewall_groups/${groups[name]}`, 'firewall_group', body)
  const order = (name: string, of: readonly string[]) =>
    fwaas('PUT', `firewall_policies/${policies[name]}`, 'firewall_policy', { firewall_rules: of.map(id => rules[id]) })

  const routedNetwork = async (name: string, n: number, router: Resource, more: object = {}) => {
    const network = await world.createRoutedNetwork(router, { name, ...more }, [`10.${n}.0.0/24`, `fd0${n}::/64`])
    const { ports } = await world.call<{ ports: Resource[] }>(
      'GET',
      `/v2.0/ports?network_id=${network.id}&device_id=${router.id}`,
    )
    interfaces[name] = ports.map(port => port.id).join(' ')
    networks[name] = network
  }
  const machine = async (host: number, name: string) => {
    const body = { device_owner: 'compute:nova' }
    const [vm, port] = await world.routedVmOn(hosts[host - 1] as Host, networks[name] as Resource, body)
    const made = await startMachine(vm, port)
    machines.push(made)
    return made
  }
  const ofNetwork = (name: string) => (interfaces[name] as string).split(' ')
  /** `open`, `refused` or `timeout`. */
  const tryTcp = async (to: string, port: number, from = client) => {
    const said = await from.call<string>('connect', { to, port, timeout: 0.4 })
    return said.includes(' ') ? 'open' : said
  }
  const hits = async (name: string): Promise<Record<string, number>> => {
    const { firewall_policies: found } = await world.call<{
      firewall_policies: { rules: { name: string; packets: number }[] }[]
    }>('GET', `/flowright/v1/firewall-hits?policy=${policies[name]}`)
    return Object.fromEntries(found[0]!.rules.map(r => [r.name, r.packets]))
  }
  /** The same once nothing is added any more: Open vSwitch puts down to flows what its datapath counted only now and then. */
  const settledHits = async (name: string) => {
    let last = await hits(name)
    for (let same = 0; same < 6; ) {
      await sleep(500)
      const now = await hits(name)
      same = isDeepStrictEqual(now, last) ? same + 1 : 0
      last = now
    }
    return last
  }
  beforeAll(async () => {
    world = await startWorld()
    await world.openDefaultGroup()
    hosts = [
      await world.addHost('host1', 1, { physicalNetworks: ['physnet1'] }),
      await world.addHost('host2', 2, { physicalNetworks: ['physnet1'] }),
    ]
    router = await world.create('router', { name: 'r1' })
    await routedNetwork('red', 1, router)
    await routedNetwork('blue', 2, router)
    client = await machine(1, 'red')
    near = await machine(1, 'blue')
    far = await machine(2, 'blue')
    for (const server of [near, far])
      for (const port of [80, 22, 443, 8080]) for (const family of [4, 6]) await server.call('serve', { family, port })
    await until('the router', () => client.vm.ping(far.ip))
    await rule('web', { action: 'allow', protocol: 'tcp', destination_port: '80' })
    await rule('web6', { action: 'allow', protocol: 'tcp', destination_port: '80', ip_version: 6 })
    await rule('ssh', { action: 'allow', protocol: 'tcp', destination_port: '22' })
    await rule('refuse', { action: 'reject', protocol: 'tcp', destination_port: '400:500' })
    await rule('refuse6', { action: 'reject', ip_version: 6 })
    await rule('silence', { action: 'deny', protocol: 'tcp' })
    await rule('echo', { action: 'allow', protocol: 'icmp', source_ip_address: '10.1.0.0/24' })
    await rule('refuseAll', { action: 'reject' })
    await rule('any', { action: 'allow' })
    await rule('any6', { action: 'allow', ip_version: 6 })
    await policy('in', ['web', 'web6', 'ssh', 'refuse', 'refuse6', 'silence', 'echo', 'refuseAll'])
    await policy('out', ['any', 'any6'])
    await group('blue', {
      ports: ofNetwork('blue'),
      ingress_firewall_policy_id: policies.in,
      egress_firewall_policy_id: policies.out,
    })
    await until('the firewall', async () => (await tryTcp(far.ip, 8080)) === 'timeout')
  }, 120_000)
  afterAll(async () => {
    for (const made of machines) made.stop()
    await world?.stop()
  })

  test('what rules allow passes in both directions, the rest not, on one host and across', async () => {
    for (const server of [near, far]) {
      expect(await tryTcp(server.ip, 80)).toBe('open')
      expect(await tryTcp(server.ip6, 80)).toBe('open')
      expect(await tryTcp(server.ip, 8080)).toBe('timeout')
      expect(await client.vm.ping(server.ip)).toBe(true)
      await client.call('serve', { family: 4, port: 5000 + machines.indexOf(server) })
      expect(await tryTcp(client.ip, 5000 + machines.indexOf(server), server)).toBe('open')
      expect(await server.vm.ping(client.ip6)).toBe(true)
    }
    // what does not pass the router is not its firewall's
    expect(await tryTcp(far.ip, 8080, near)).toBe('open')
  })

  test('what is rejected is refused at once', async () => {
    for (const server of [near, far]) {
      await until('the reset', async () => (await tryTcp(server.ip, 443)) === 'refused')
      expect(await tryTcp(server.ip6, 8080)).toBe('refused')
      const refused = `import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect(('${server.ip}', 53)); s.send(b'x'); s.recv(9)`
      await expect(client.vm.exec('python3', '-c', refused)).rejects.toThrow(/ConnectionRefused/)
    }
  })

  test('each rule counts what it decided about, exactly', async () => {
    const before = await settledHits('in')
    const pings = ['-n', '-i', '0.05', '-c', '20', '-W', '2']
    for (const server of [near, far]) await client.vm.exec('ping', ...pings, server.ip)
    const dropped = spawn('nsenter', [`--net=/run/netns/${client.vm.netns}`, 'ping6', ...pings, far.ip6])
    await new Promise(done => dropped.once('exit', done))
    const counted = async () => {
      const now = await settledHits('in')
      return Object.fromEntries(Object.keys(now).map(name => [name, now[name]! - before[name]!]))
    }
    expect(await counted()).toMatchObject({ echo: 80, refuse6: 20, web: 0, ssh: 0, silence: 0, refuseAll: 0 })
  })

  test('a rule that goes cuts what it allowed, both ways and on both hosts; the rest goes on', async () => {
    const names: (readonly [Machine, string])[] = []
    const kept: (readonly [Machine, string])[] = []
    for (const server of [near, far])
      for (const port of [22, 80]) {
        const name = await client.call<string>('connect', { to: server.ip, port, timeout: 1 })
        for (const end of [client, server]) {
          await end.call('transfer', { name })
          ;(port === 22 ? names : kept).push([end, name])
        }
      }
    for (const [end, name] of [...names, ...kept]) await untilFlows(end, name)
    const counting = (await hits('in')).web!
    await order('in', ['web', 'web6', 'refuse', 'refuse6', 'silence', 'echo'])
    const since = monotonic()
    const times = await Promise.all(names.map(([end, name]) => cutAfter(since, end, name)))
    console.log(`a rule that went cut four connections ${Math.round(Math.max(...times) * 1000)} ms after the answer`)
    for (const time of times) expect(time).toBeLessThan(SOON)
    for (const [end, name] of kept) await untilFlows(end, name)
    for (const [end, name] of kept) expect((await end.progress(name)).gap).toBeLessThan(SOON)
    expect((await hits('in')).web).toBeGreaterThan(counting)
    await order('in', ['ssh', 'web', 'web6', 'refuse', 'refuse6', 'silence', 'echo', 'refuseAll'])
    for (const [end, name] of names) await untilFlows(end, name)
    for (const [end, name] of [...names, ...kept]) await end.call('stop', { name }).catch(() => undefined)
  })

  test('drops are put down to the group', async () => {
    await tryTcp(far.ip, 8080)
    const { drops } = await world.call<{
      drops: { reason: string; firewall_groups: { name: string }[]; packets: number }[]
    }>('GET', '/flowright/v1/drops')
    expect(drops.filter(drop => drop.reason === 'router_firewall').map(drop => drop.firewall_groups)).toContainEqual([
      { id: groups.blue, name: 'blue' },
    ])
  })

  test('a port of a VM is guarded beside its security groups, on its own network, too', async () => {
    await rule('alt', { action: 'allow', protocol: 'tcp', destination_port: '8080' })
    await policy('own', ['alt', 'refuse', 'echo'])
    const both = { ingress_firewall_policy_id: policies.own, egress_firewall_policy_id: policies.own }
    await group('far', { ports: [far.port.id], ...both })
    await until('the port to be guarded', async () => (await tryTcp(far.ip, 80, near)) === 'timeout')
    expect(await tryTcp(far.ip, 8080, near)).toBe('open')
    await until('the reset', async () => (await tryTcp(far.ip, 443, near)) === 'refused')
    expect(await tryTcp(near.ip, 80, far)).toBe('timeout')
    expect(await tryTcp(near.ip, 8080, far)).toBe('open')
    await until('the reset', async () => (await tryTcp(near.ip, 443, far)) === 'refused')
    // both must allow: the router's group does not
    expect(await tryTcp(far.ip, 8080)).toBe('timeout')
    expect(await tryTcp(far.ip, 80)).toBe('timeout')
    expect(await client.vm.ping(far.ip)).toBe(true)
    await change('far', { ports: [] })
    await until('the port to be free again', async () => (await tryTcp(far.ip, 80)) === 'open')
  })

  test('what goes over a provider network is known where it arrives, whichever of its routers sent it', async () => {
    await routedNetwork('vlan', 3, router, {
      'provider:network_type': 'vlan',
      'provider:physical_network': 'physnet1',
      'provider:segmentation_id': 130,
    })
    const tagged = await machine(2, 'vlan')
    for (const port of [80, 8080]) await tagged.call('serve', { family: 4, port })
    await group('vlan', { ports: ofNetwork('vlan'), ingress_firewall_policy_id: policies.in })
    await until('the way there', async () => (await tryTcp(tagged.ip, 80)) === 'open')
    expect(await tryTcp(tagged.ip, 8080)).toBe('timeout')
    expect(await tryTcp(client.ip, 80, tagged)).toBe('timeout')
    const second = await world.create('router', { name: 'r2' })
    const port = await world.createPort(networks.vlan as Resource, { fixed_ips: [{ ip_address: '10.3.0.254' }] })
    await world.call('PUT', `/v2.0/routers/${second.id}/add_router_interface`, { port_id: port.id })
    await until('the way there', async () => (await tryTcp(tagged.ip, 80)) === 'open')
    expect(await tryTcp(tagged.ip, 8080)).toBe('timeout')
    expect(await tagged.vm.ping(client.ip)).toBe(false)
  })

  test('the tracer says whose firewall a packet does not pass', async () => {
    const told = async (protocol: string) => {
      const asked = new URLSearchParams({ from: client.port.id, to: far.port.id, protocol })
      return (await world.call<{ trace: { sentence: string } }>('GET', `/flowright/v1/trace?${asked}`)).trace.sentence
    }
    expect(await told('tcp 80')).toMatch(/^Delivered to /)
    expect(await told('tcp 8080')).toMatch(/firewall group blue denies it by rule silence/)
    expect(await told('tcp 443')).toMatch(/firewall group blue rejects it by rule refuse/)
  })

  test('nothing passes a group that is down, and all where it guards no more', async () => {
    await change('blue', { admin_state_up: false })
    await until('nothing to pass', async () => !(await client.vm.ping(far.ip)))
    expect(await tryTcp(near.ip, 80)).toBe('timeout')
    await change('blue', { ports: [] })
    await until('all to pass', () => client.vm.ping(far.ip6))
    expect(await tryTcp(far.ip, 8080)).toBe('open')
  })
})
