// A packet's way from port to port over chassis, as compiled from a model that the API made: tunnels, provider networks,
// connections, security groups; and the sentence at the end.
import { beforeEach, expect, test } from 'vitest'
import { aChassis } from '#test/support/model'
import { trace } from '#tracer'
import { findPort, packetBetween, parseProtocol } from '#tracer/between'
import { type TracedCloud, tracedCloud } from './cloud.ts'

let cloud: TracedCloud
let api: TracedCloud['api']
let ids: TracedCloud['ids']
let makePort: TracedCloud['makePort']
let follow: TracedCloud['follow']

beforeEach(async () => {
  cloud = await tracedCloud([1, 2, 3].map(n => aChassis(`host${n}`, n, { providerPorts: { physnet1: 9 } })))
  ;({ api, ids, makePort, follow } = cloud)
})

/** The packet that a port would send to another, changed, and what becomes of it. */
const tellChanged = (from: string, to: string, protocol: string) => {
  const [a, b] = [findPort(api.store, from), findPort(api.store, to)]
  const start = packetBetween(api.store, a, b, parseProtocol(protocol))
  return (packet: object) =>
    cloud.tell(trace(cloud.world(), { ...start, packet: { ...start.packet, ...packet } })).sentence
}

test('a packet goes through the tunnel to a port on another chassis, and its reply comes back', async () => {
  const { network } = await api.network('10.0.0.0/24')
  await makePort('web1', network, 'host1', 101)
  await makePort('web2', network, 'host2', 101)
  await makePort('web3', network, 'host3', 101)
  const to2 = follow('web1', 'web2', 'tcp 443')
  expect(to2.sentence).toBe('Delivered to web2 on host2 after 3 hops.')
  expect(to2.reply().sentence).toBe('Delivered to web1 on host1 after 3 hops.')
  expect(to2.traced.arrivals.map(a => [a.by, a.place.chassis])).toContainEqual(['tunnel', 'host2'])
  expect(to2.traced.arrivals.some(a => a.place.chassis === 'host3')).toBe(false)
})

const makeGroup = async (name: string, ...rules: object[]) => {
  const { security_group: group } = await api.ok('POST', 'security-groups', { security_group: { name } })
  ids.set(name, group.id)
  for (const rule of rules)
    await api.ok('POST', 'security-group-rules', {
      security_group_rule: { security_group_id: group.id, ethertype: 'IPv4', ...rule },
    })
  return group.id as string
}

const groups = async () => {
  const { network } = await api.network('10.0.0.0/24')
  const web = await makeGroup('web', { direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 80 })
  const sql = { direction: 'ingress', protocol: 'tcp', port_range_min: 5432, port_range_max: 5432 }
  const db = await makeGroup('db', { ...sql, remote_group_id: web })
  await makePort('web1', network, 'host1', 101, { security_groups: [web] })
  await makePort('db1', network, 'host2', 101, { security_groups: [db] })
  await makePort('both', network, 'host2', 102, { security_groups: [web, db] })
  await makePort('none', network, 'host3', 101, { security_groups: [] })
}

test('a connection that a rule allows is answered, and goes on', async () => {
  await groups()
  for (const [from, to, protocol, hops] of [
    ['web1', 'db1', 'tcp 5432', '3 hops'],
    ['web1', 'both', 'tcp 80', '3 hops'],
    ['db1', 'both', 'tcp 80', '0 hops'],
  ] as const) {
    const first = follow(from, to, protocol)
    expect(first.sentence).toMatch(new RegExp(`^Delivered to ${to} on host2 after ${hops}.$`))
    expect(first.reply().sentence).toMatch(new RegExp(`^Delivered to ${from} on host\\d after ${hops}.$`))
    expect(first.again().isDelivered).toBe(true)
  }
})

test('what security groups drop is told with the groups, and the one rule that is missing', async () => {
  await groups()
  const cases = [
    [
      'web1',
      'db1',
      'tcp 443',
      'ingress_verdict on host2',
      'security group db of port db1',
      'tcp 443 from web1 (10.0.0.2)',
    ],
    [
      'db1',
      'web1',
      'udp 53',
      'ingress_verdict on host1',
      'security group web of port web1',
      'udp 53 from db1 (10.0.0.3)',
    ],
    ['db1', 'both', 'icmp', 'ingress_verdict on host2', 'of port both', 'icmp type 8 code 0 from db1 (10.0.0.3)'],
  ] as const
  for (const [from, to, protocol, where, whose, what] of cases) {
    const { sentence, isDelivered, reason, rule } = follow(from, to, protocol)
    expect([isDelivered, reason]).toEqual([false, 'no_ingress_rule'])
    expect(sentence).toContain(`Dropped at table ${where} because no rule of security group`)
    expect(sentence).toContain(whose)
    expect(sentence).toContain(`allows ${what}; one would: ingress ${protocol}`)
    const { text: _, ...missing } = rule as NonNullable<typeof rule>
    const group = ids.get(to === 'db1' ? 'db' : 'web')
    await api.ok('POST', 'security-group-rules', { security_group_rule: { security_group_id: group, ...missing } })
    expect(follow(from, to, protocol).sentence).toMatch(/^Delivered to /)
  }
})

test('a port without security groups neither sends nor receives', async () => {
  await groups()
  expect(follow('none', 'db1', 'tcp 80').sentence).toBe(
    'Dropped at table egress_verdict on host3 because port none has no security group, so it sends nothing.',
  )
  expect(follow('web1', 'none', 'tcp 80').sentence).toContain('port none has no security group, so it receives nothing')
})

test('a question for an address of the model is answered by the switch', async () => {
  await groups()
  expect(follow('web1', 'db1', 'arp').sentence).toBe('Answered by the switch on host1, to web1.')
})

test('a spoofed packet is dropped with the reason, and a port that is plugged in nowhere gets nothing', async () => {
  await groups()
  const { network_id } = (await api.ok('GET', `ports/${ids.get('web1')}`)).port
  const { port: away } = await api.ok('POST', 'ports', { port: { name: 'away', network_id } })
  ids.set('away', away.id)
  expect(follow('web1', 'away', 'tcp 80').sentence).toBe(
    'Dropped at table unicast on host1: for a port that is plugged in nowhere.',
  )
  expect(() => follow('away', 'web1', 'tcp 80')).toThrow('port away is plugged in nowhere')
  const tell = tellChanged('web1', 'db1', 'tcp 5432')
  expect(tell({ eth_src: 'fa:16:3e:00:00:99' })).toBe(
    'Dropped at table port_security on host1: sent from a MAC address that is not of the port (sent by web1); ' +
      'an allowed address pair of it would let it pass: 10.0.0.2 with fa:16:3e:00:00:99.',
  )
  const spoofed = { ip_src: '10.0.0.99' }
  expect(tell(spoofed)).toContain('sent from an address that is not of the port (sent by web1)')
  const pairs = [{ ip_address: '10.0.0.99' }]
  await api.ok('PUT', `ports/${ids.get('web1')}`, { port: { allowed_address_pairs: pairs } })
  expect(tell(spoofed)).toBe('Delivered to db1 on host2 after 3 hops.')
})

test('a provider network carries a packet to the chassis that use it there', async () => {
  const { network } = await api.ok('POST', 'networks', {
    network: {
      ...{ name: 'dc', 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1' },
      ...{ 'provider:segmentation_id': 50 },
    },
  })
  await api.ok('POST', 'subnets', { subnet: { network_id: network.id, cidr: '10.1.0.0/24', ip_version: 4 } })
  await makePort('a', network.id, 'host1', 101, { port_security_enabled: false })
  await makePort('b', network.id, 'host3', 101, { port_security_enabled: false })
  const found = follow('a', 'b', 'udp 53')
  expect(found.sentence).toBe('Delivered to b on host3 after 1 hop.')
  expect(found.traced.arrivals.map(arrival => arrival.place)).toContainEqual({
    chassis: 'host3',
    bridge: 'br-int',
    port: 9,
  })
  const tell = () => tellChanged('a', 'b', 'udp 53')({ eth_dst: 'fa:16:3e:ff:00:01' })
  // Nobody knows the receiver: it is flooded.
  expect(tell()).toBe('Delivered to b on host3 after 1 hop.')
  await api.ok('PUT', `ports/${ids.get('b')}`, { port: { admin_state_up: false } })
  expect(tell()).toBe('Left host1 to the physical network physnet1.')
})
