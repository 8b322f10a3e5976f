// `flowright trace` on a controller with two real switches: intended flows, flows as installed, text and JSON.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, startController } from '#test/cli/running'
import { describeOvs, type Ovs, startOvs, until } from '#test/support/ovs'

describeOvs('flowright trace', () => {
  const data = join(mkdtempSync(join(tmpdir(), 'flowright-trace-')), 'data')
  const hosts: Ovs[] = []
  let controller: Running

  const call = async <T = Record<string, { readonly id: string }>>(method: string, path: string, body?: object) => {
    const answer = await fetch(`${controller.api}${path}`, { method, ...(body ? { body: JSON.stringify(body) } : {}) })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${text}`)
    return JSON.parse(text) as T
  }
  const states = async () => {
    type Chassis = { openflow: { bridges: Record<string, { state: string }> } | null; bindings: object[] }
    const { chassis } = await call<{ chassis: Chassis[] }>('GET', '/flowright/v1/chassis')
    return chassis.flatMap(c => [c.bindings.length, ...Object.values(c.openflow?.bridges ?? {}).map(b => b.state)])
  }

  beforeAll(async () => {
    for (const n of [1, 2]) {
      hosts.push(await startOvs({ systemId: `host${n}`, externalIds: { 'flowright-tunnel-ip': `192.0.2.2${n}` } }))
    }
    const listeners = ['--ovsdb', 'ptcp:0:127.0.0.1', '--openflow', 'ptcp:0:127.0.0.1']
    controller = await startController('--data', data, ...listeners, ...hosts.flatMap(({ db }) => ['--chassis', db]))
    const { network } = await call('POST', '/v2.0/networks', { network: { name: 'blue' } })
    const subnet = { network_id: network?.id, cidr: '10.0.0.0/24', ip_version: 4 }
    await call('POST', '/v2.0/subnets', { subnet })
    const { security_group: web } = await call('POST', '/v2.0/security-groups', { security_group: { name: 'web' } })
    const rule = { direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 80, port_range_max: 80 }
    await call('POST', '/v2.0/security-group-rules', { security_group_rule: { security_group_id: web?.id, ...rule } })
    await until('both chassis to join', async () => String(await states()) === '0,in_sync,in_sync,0,in_sync,in_sync')
    for (const [i, ovs] of hosts.entries()) {
      const name = `web${i + 1}`
      const wanted = { name, network_id: network?.id, security_groups: [web?.id] }
      const { port } = await call('POST', '/v2.0/ports', { port: wanted })
      await ovs.vsctlNoWait(
        ...['add-port', 'br-int', `tap${i}`, '--', 'set', 'Interface', `tap${i}`, 'type=dummy', 'ofport_request=101'],
        `external_ids:iface-id=${port?.id}`,
      )
    }
    await until('both ports to be bound', async () => String(await states()) === '1,in_sync,in_sync,1,in_sync,in_sync')
  })
  afterAll(async () => {
    await controller?.stop()
    for (const ovs of hosts) await ovs.stop()
  })

  const allowed = ['trace', '--from', 'web1', '--to', 'web2', 'tcp', '80']

  test('shows each table on the way, registers by name, and where the packet ended', async () => {
    const { status, out } = await controller.flowright(...allowed)
    expect(status, out).toBe(0)
    expect(out).toMatch(/^host1 br-int, port 101: tcp,in_port=101,/m)
    expect(out).toMatch(/^ +0 classify .*# port web1$/m)
    expect(out).toContain('source_port = web1')
    expect(out).toMatch(/connection tracked in zone \d+: new, trk/)
    expect(out).toMatch(/^ +60 l2_lookup .*# port web2$/m)
    expect(out).toMatch(/^ +114 security_rules .*# rule ingress tcp 80 IPv4 from anywhere of web$/m)
    expect(out).toContain('-> port 2: a tunnel to 192.0.2.22')
    expect(out).toMatch(/^host2 br-tun, port 2, out of a tunnel: /m)
    expect(out).toMatch(/\n\nDelivered to web2 on host2 after 3 hops\.\n$/)
  })

  test('the flows that the switches hold lead the same way', async () => {
    const json = async (...more: string[]) =>
      JSON.parse((await controller.flowright(...allowed, '--json', ...more)).out)
    type Visited = { name: string; flow: { cookie: string; packets?: number }; effects: { visit?: Visited }[] }
    const path = ({ name, flow, effects }: Visited): unknown[] => [
      [name, flow.cookie],
      ...effects.flatMap(effect => (effect.visit ? path(effect.visit) : [])),
    ]
    const [intended, installed] = [await json(), await json('--installed')]
    expect(installed.sentence).toBe(intended.sentence)
    const paths = (trace: typeof intended) => trace.arrivals.map((a: { visit: Visited }) => path(a.visit))
    expect(paths(installed)).toEqual(paths(intended))
    expect(installed.arrivals[0].visit.flow.packets).toBe(0)
    expect(installed.arrivals[0].visit.flow.resources[0].kind).toBe('binding')
  })

  test('a reply is traced after the packet that it answers', async () => {
    const { out } = await controller.flowright(...allowed, '--as', 'reply')
    expect(out).toMatch(/^Before it: Delivered to web2 on host2 after 3 hops\.\n/)
    expect(out).toMatch(/Delivered to web1 on host1 after 3 hops\.\n$/)
  })

  test('says which rule is missing, with status 1', async () => {
    const { status, out } = await controller.flowright('trace', '--from', 'web1', '--to', 'web2', 'tcp 443')
    expect(status).toBe(1)
    expect(out).toMatch(
      /Dropped at table ingress_verdict on host2 because no rule of security group web of port web2 allows tcp 443 from web1 \(10\.0\.0\.\d+\); one would: ingress tcp 443 IPv4 from 10\.0\.0\.\d+\/32 in web\.\n$/,
    )
  })

  test('a packet in the syntax of ovs-ofctl is followed from where it comes in', async () => {
    const packet = 'in_port=101,tcp,dl_src=fa:16:3e:00:00:99,nw_src=10.0.0.9,nw_dst=10.0.0.8,tp_dst=80'
    const { status, out } = await controller.flowright('trace', 'host1', packet)
    expect(status).toBe(1)
    expect(out).toMatch(
      /sent from a MAC address that is not of the port \(sent by web1\); an allowed address pair of it would/,
    )
  })

  test('protocols may be named by their numbers', async () => {
    const sentences = async (...protocol: string[]) =>
      (await controller.flowright('trace', '--from', 'web1', '--to', 'web2', ...protocol)).out.split('\n').at(-2)
    expect(await sentences('6', '80')).toBe('Delivered to web2 on host2 after 3 hops.')
    expect(await sentences('6', '443')).toContain('allows tcp 443 from web1')
    expect(await sentences('132', '3868')).toContain('allows sctp 3868 from web1')
    expect(await sentences('vrrp')).toContain('allows IP protocol 112 from web1')
  })

  test.each([
    [['--from', 'web1', '--to', 'nobody', 'tcp 80'], "there is no port 'nobody'"],
    [['--from', 'web1', '--to', 'web2', 'http'], "'http' is no protocol such as 'tcp 443'"],
    [['--from', 'web1', '--to', 'web2', 'tcp'], "tcp needs a port, as in 'tcp 443'"],
    [['--from', 'web1', '--to', 'web2', 'icmpv6'], 'web1 and web2 have no addresses of IPv6'],
    [['--from', 'web1', '--to', 'web2', '--ip-version', '4', '58'], 'the protocol is one of IPv6'],
    [['--from', 'web1', '--to', 'web2', 'tcp 80', '--bridge', 'br-int'], "bridge. Reason: it goes with 'chassis' and"],
    [['host1', 'in_port=101,ip', '--as', 'reply'], "as. Reason: 'chassis' and 'packet' say what to trace"],
    [['--from', 'web1', 'tcp 80'], 'trace needs both --from and --to'],
    [['host9', 'in_port=1'], 'Chassis host9 could not be found'],
    [['--from', 'web1', '--to', 'web2', 'tcp 80', '--dead', 'host9'], 'Chassis host9 could not be found'],
    [['--from', 'web1', '--to', 'web2', 'tcp 80', '--size', '10'], 'no size of an IP packet'],
    [['--from', 'web1', '--to', '198.51.100.2', 'tcp 80'], '198.51.100.2 is not on the network of web1, and no router'],
    [
      ['--from', '198.51.100.2', '--to', 'web1', 'tcp 80'],
      'web1 has neither a floating IP nor a router with a gateway',
    ],
    [['host1', 'in_port=1,colour=blue'], 'there is no field'],
    [['host1', 'in_port=101,ip', '--ct', 'trk,old'], "'old' is no state of a connection"],
  ])('%j is refused with the reason', async (args, reason) => {
    const { status, err } = await controller.flowright('trace', ...args)
    expect(status).toBe(1)
    expect(err).toContain(reason)
    expect(err).not.toContain('    at ')
  })
})
