// The commands that look at a running controller and keep its data, on a controller with one real Open vSwitch.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeOvs, type Ovs, startOvs } from '#test/support/ovs'
import { type Running, startController } from './running.ts'

describeOvs('with a controller and a chassis', () => {
  const dir = mkdtempSync(join(tmpdir(), 'flowright-cli-'))
  const data = join(dir, 'data')
  let ovs: Ovs
  let controller: Running

  const flowright = (...args: string[]) => controller.flowright(...args)

  /** What the command prints, once it prints something that matches. */
  const eventually = async (expected: RegExp, ...args: string[]) => {
    for (const end = Date.now() + 20_000; ; ) {
      const { out, err } = await flowright(...args)
      if (expected.test(out)) return out
      if (Date.now() > end) throw new Error(`flowright ${args.join(' ')} prints in vain:\n${out}${err}`)
    }
  }

  beforeAll(async () => {
    ovs = await startOvs({
      systemId: 'host1',
      externalIds: { hostname: 'host1.example', 'flowright-tunnel-ip': '192.0.2.21' },
    })
    const listeners = ['--ovsdb', 'ptcp:0:127.0.0.1', '--openflow', 'ptcp:0:127.0.0.1']
    const dialled = ['--chassis', ovs.db, '--chassis', 'unix:/nowhere/db.sock']
    controller = await startController('--data', data, ...listeners, ...dialled)
  })

  afterAll(async () => {
    await controller?.stop()
    await ovs?.stop()
  })

  test('chassis lists it with state, VTEP and version', async () => {
    const out = await eventually(/in sync/, 'chassis')
    expect(out.split('\n')[0]).toMatch(/^CHASSIS +HOST +STATE +VTEP +TUNNELS +OVS +PORTS +FLOWS +PROBLEMS$/)
    expect(out.split('\n')[1]).toMatch(/^host1 +host1\.example +in sync +192\.0\.2\.21 +vxlan +[\d.]+ +0 +\d+$/)
    expect(out).toMatch(/^unix:\/nowhere\/db\.sock +- +it cannot be reached: .*ENOENT/m)
    expect(JSON.parse((await flowright('chassis', '--json')).out)).toMatchObject({
      chassis: [{ id: 'host1', connected: true }],
      strangers: [{ remote: 'unix:/nowhere/db.sock', system_id: '', reason: expect.stringContaining('ENOENT') }],
    })
  })

  test('chassis drain and approve change what it may do', async () => {
    expect((await flowright('chassis', 'drain', 'host1')).out).toBe('host1 is draining\n')
    expect((await flowright('chassis', 'show', 'host1')).out).toMatch(/^state +in sync, draining$/m)
    expect((await flowright('chassis', 'approve', 'host1')).out).toBe('host1 is approved\n')
    expect((await flowright('chassis', 'show', 'host1')).out).toMatch(/^state +in sync$/m)
  })

  test('flows of a table or bridge that there is not are refused, with those that there are', async () => {
    const table = await flowright('flows', 'host1', '--table', 'arp_responser')
    expect(table).toMatchObject({ status: 1, out: '' })
    expect(table.err).toMatch(
      /^flowright: Invalid input for table\. Reason: 'arp_responser' \(the nearest is 'arp_responder'\) is not in \['classify', /,
    )
    expect(await flowright('flows', 'host1', '--bridge', 'br-ex')).toEqual({
      ...{ status: 1, out: '' },
      err: "flowright: Invalid input for bridge. Reason: 'br-ex' is not in ['br-int', 'br-tun'].\n",
    })
  })

  test('flows --source takes the id or the name of a resource, and says so when there is none', async () => {
    const answer = await fetch(`${controller.api}/v2.0/networks`, {
      method: 'POST',
      body: JSON.stringify({ network: { name: 'blue' } }),
    })
    const { network } = (await answer.json()) as { network: { id: string } }
    for (const source of [network.id, 'blue'])
      expect(await flowright('flows', 'host1', '--source', source)).toEqual({
        ...{ status: 0, out: 'No flow is like that.\n', err: '' },
      })
    const [own, ofHost] = [await flowright('flows', 'host1', '--source', 'host1'), await flowright('flows', 'host1')]
    expect(own.out).toContain('# chassis host1')
    expect(own.out.length).toBeLessThan(ofHost.out.length)
    expect(await flowright('flows', 'host1', '--source', 'nothing')).toEqual({
      ...{ status: 1, out: '' },
      err: "flowright: Invalid input for source. Reason: 'nothing' is neither the id nor the name of a resource.\n",
    })
  })

  test('an unknown chassis is said to be unknown', async () => {
    expect(await flowright('flows', 'nope')).toEqual({
      status: 1,
      out: '',
      err: 'flowright: Chassis nope could not be found.\n',
    })
  })

  test('flows shows each flow with its resource, and explain where it comes from', async () => {
    const { out } = await flowright('flows', 'host1', '--bridge', 'br-int', '--table', 'classify')
    expect(out).toMatch(/^br-int\n( {2}cookie=0x[0-9a-f]+, table=classify, .* actions=.* {2}# .+\n)+$/)
    const cookie = /cookie=(0x[0-9a-f]+)/.exec(out)![1]!
    const explained = (await flowright('explain', 'host1', cookie)).out
    expect(explained).toMatch(/^table +classify of br-int$/m)
    expect(explained).toMatch(/^made by +flows\/br-int\/\d+-classify\.ts$/m)
  })

  test('diff finds nothing where the switch holds what it should', async () => {
    expect(await flowright('diff', 'host1')).toEqual({ status: 0, out: 'host1 holds what it should.\n', err: '' })
  })

  test('rules tells the rules of security groups in words, with their hits', async () => {
    expect((await flowright('rules')).out).toBe('There is no security group.\n')
    const answer = await fetch(`${controller.api}/v2.0/security-groups`, {
      method: 'POST',
      body: JSON.stringify({ security_group: { name: 'web' } }),
    })
    const { security_group: web } = (await answer.json()) as { security_group: { id: string } }
    expect((await flowright('rules', 'web')).out.split('\n')).toEqual([
      `web (${web.id})`,
      'PACKETS  BYTES  RULE                                  CHASSIS',
      '      0      0  egress any protocol IPv4 to anywhere',
      '      0      0  egress any protocol IPv6 to anywhere',
      '',
    ])
    expect(JSON.parse((await flowright('rules', web.id, '--json')).out)).toMatchObject({
      security_groups: [{ id: web.id, rules: [{ packets: 0, chassis: [] }, { packets: 0 }] }],
      silent: [],
    })
    expect((await flowright('rules', 'nope')).err).toBe('flowright: Security group nope does not exist\n')
  })

  test('rules --firewall tells the rules of firewall policies in order', async () => {
    expect((await flowright('rules', '--firewall')).out).toBe('There is no firewall policy.\n')
    const made = async (path: string, name: string, body: object) => {
      const answer = await fetch(`${controller.api}/v2.0/fwaas/${path}`, {
        method: 'POST',
        body: JSON.stringify({ [name]: body }),
      })
      return ((await answer.json()) as Record<string, { id: string }>)[name]!.id
    }
    const web = { action: 'allow', protocol: 'tcp', destination_port: '80' }
    const rules = [
      await made('firewall_rules', 'firewall_rule', web),
      await made('firewall_rules', 'firewall_rule', { action: 'reject', enabled: false, ip_version: 6 }),
    ]
    const edge = await made('firewall_policies', 'firewall_policy', { name: 'edge', firewall_rules: rules })
    expect((await flowright('rules', '--firewall', 'edge')).out.split('\n')).toEqual([
      `edge (${edge})`,
      'PACKETS  BYTES  RULE                                                              CHASSIS',
      '      0      0  allow tcp 80 IPv4 from anywhere to anywhere',
      '      0      0  reject any protocol IPv6 from anywhere to anywhere (not enabled)',
      '',
    ])
    expect((await flowright('rules', '--firewall', 'nope')).err).toMatch(/Firewall policy nope could not be found/)
  })

  test('drops of an unknown chassis are refused', async () => {
    expect((await flowright('drops', 'nope')).err).toBe('flowright: Chassis nope could not be found.\n')
  })

  test('gateways tells where routers have their gateway, and what keeps them from one', async () => {
    expect((await flowright('gateways')).out).toBe('No router has a gateway.\n')
    const post = async (path: string, body: object) => {
      const answer = await fetch(`${controller.api}/v2.0/${path}`, { method: 'POST', body: JSON.stringify(body) })
      expect(answer.status).toBe(201)
      return (await answer.json()) as Record<string, { readonly id: string }>
    }
    const provider = { 'provider:network_type': 'flat', 'provider:physical_network': 'physnet1' }
    const network = { name: 'public', 'router:external': true, ...provider }
    const network_id = (await post('networks', { network })).network?.id
    await post('subnets', { subnet: { network_id, ip_version: 4, cidr: '203.0.113.0/24' } })
    const { router } = await post('routers', { router: { name: 'r1', external_gateway_info: { network_id } } })
    expect((await flowright('gateways')).out).toMatch(
      /^r1 +public +- +0 +0 +no chassis with the physical network offers itself/m,
    )

    await ovs.vsctl('add-br', 'br-ex')
    const ids = ['external_ids:flowright-bridge-mappings=physnet1:br-ex', 'external_ids:flowright-gateway=10']
    await ovs.vsctl('set', 'Open_vSwitch', '.', ...ids)
    expect(await eventually(/host1/, 'gateways', router?.id ?? '')).toMatch(/^r1 +public +host1 +0 +0$/m)
    expect((await flowright('gateways', 'r1')).out).toMatch(/^r1 +public +host1 +0 +0$/m)
    expect((await flowright('gateways', 'r2')).err).toBe('flowright: Router r2 could not be found\n')
    expect(JSON.parse((await flowright('gateways', '--json')).out)).toMatchObject([
      {
        active: 'host1',
        snat: { connections: 0 },
        candidates: [{ chassis: 'host1', priority: 10, connected: true, live: true }],
      },
    ])
    const metrics = await (await fetch(`${controller.api}/metrics`)).text()
    expect(metrics).toContain('flowright_gateway_active{chassis="host1"} 1')
    expect(metrics).toContain('flowright_bfd_sessions{state="up"} 0')
    expect(metrics).toContain('flowright_snat_connections_total{chassis="host1"} 0')
    expect((await flowright('gateways', 'nope')).err).toBe('flowright: Router nope could not be found\n')
  })

  test('backup copies the store of a running controller, and restore puts it in place of another', async () => {
    const copy = join(dir, 'copy')
    expect(await flowright('backup', copy, '--data', data)).toMatchObject({ status: 0, err: '' })
    const refused = await flowright('restore', copy, '--data', data)
    expect(refused).toMatchObject({ status: 1, out: '' })
    expect(refused.err).not.toContain('    at ')
    const { status, out } = await flowright('restore', copy, '--data', join(dir, 'other'))
    expect(status).toBe(0)
    expect(out).toMatch(/\/other holds \d+ records of revision \d+ from .*\/copy\n$/)
  })

  test('what has left for good can be removed', async () => {
    await ovs.stop()
    await eventually(/^state +away/m, 'chassis', 'show', 'host1')
    expect((await flowright('chassis', 'remove', 'host1')).out).toBe('host1 is removed\n')
    expect((await flowright('chassis')).out).toContain('No chassis has joined yet')
  })
})
