// A packet's way out of the cloud and into it: by which chassis, how it is translated, what is said of it; and the way of
// the answer. The tables are those that the API's model makes.
import { beforeEach, expect, test } from 'vitest'
import { aChassis } from '#test/support/model'
import { type TracedCloud, tracedCloud } from './cloud.ts'

const SERVER = '198.51.100.2'
const ISP = '203.0.113.1'
const ISP_MAC = '02:00:00:00:99:01'
const UPLINK = 9

let cloud: TracedCloud
let external: string
let router: string
let inside: string

/** host1 has no physical network; host2 and host3 are gateways, host2 the better one; host4 has the network alone. */
beforeEach(async () => {
  const wired = { providerPorts: { outside: UPLINK } }
  cloud = await tracedCloud([
    aChassis('host1', 1),
    aChassis('host2', 2, { ...wired, gatewayPriority: 20 }),
    aChassis('host3', 3, { ...wired, gatewayPriority: 10 }),
    aChassis('host4', 4, wired),
  ])
  const { api } = cloud
  const flat = { 'provider:network_type': 'flat', 'provider:physical_network': 'outside', 'router:external': true }
  external = (await api.ok('POST', 'networks', { network: { name: 'outside', ...flat } })).network.id
  const range = { cidr: '203.0.113.0/24', gateway_ip: ISP, enable_dhcp: false, ip_version: 4 }
  await api.ok('POST', 'subnets', { subnet: { network_id: external, ...range } })
  const gateway = { network_id: external, external_fixed_ips: [{ ip_address: '203.0.113.10' }] }
  router = (await api.ok('POST', 'routers', { router: { name: 'r1', external_gateway_info: gateway } })).router.id
  const { network, subnet } = await api.network('10.0.0.0/24')
  inside = network
  await api.ok('PUT', `routers/${router}/add_router_interface`, { subnet_id: subnet })
  await cloud.makePort('vm1', network, 'host1', 101, { port_security_enabled: false })
  await cloud.makePort('vm4', network, 'host4', 101, { port_security_enabled: false })
})

/** The provider's router speaks, on the wire of all three. */
const ispSpeaks = () => {
  const arp = { arp_op: 1, arp_spa: ISP, arp_tpa: ISP, arp_sha: ISP_MAC, arp_tha: '00:00:00:00:00:00' }
  const frame = { eth_src: ISP_MAC, eth_dst: 'ff:ff:ff:ff:ff:ff', eth_type: 0x0806, ...arp }
  for (const host of ['host2', 'host3', 'host4'])
    cloud.teach({ chassis: host, bridge: 'br-int', packet: { in_port: UPLINK, ...frame } })
}

const floatingIp = async (port: string, address: string) => {
  const floatingip = { floating_network_id: external, floating_ip_address: address, port_id: cloud.ids.get(port) }
  return (await cloud.api.ok('POST', 'floatingips', { floatingip })).floatingip
}

test('leaves by the active gateway from its address, and the answer comes back', () => {
  ispSpeaks()
  const out = cloud.follow('vm1', SERVER, 'tcp 443')
  expect(out.sentence).toBe(
    'Left by gateway chassis host2, out of the physical network outside after 3 hops, routed by r1, ' +
      'source 10.0.0.2:40000 translated to 203.0.113.10:40000.',
  )
  expect(out.isDelivered).toBe(true)
  const left = out.traced.outcomes.find(o => o.type === 'left')
  expect(left?.packet).toMatchObject({ ip_src: '203.0.113.10', eth_dst: ISP_MAC, nw_ttl: 63 })
  expect(out.traced.outcomes).toHaveLength(1)
  expect(out.reply().sentence).toMatch(
    /^Delivered to vm1 on host1 after 3 hops, routed by r1, destination 203\.0\.113\.10:40000 translated to 10\.0\.0\.2:40000\.$/,
  )
  expect(out.again().sentence).toBe(out.sentence)
})

test('leaves by the next gateway when the best is dead, and by none when all are', () => {
  ispSpeaks()
  expect(cloud.follow('vm1', SERVER, 'icmp', ['host2']).sentence).toBe(
    'Left by gateway chassis host3, out of the physical network outside after 3 hops, routed by r1, source 10.0.0.2 translated to 203.0.113.10.',
  )
  expect(cloud.follow('vm1', SERVER, 'icmp', ['host1']).sentence).toBe('Lost on host1: chassis host1 is dead.')
  const { sentence, isDelivered } = cloud.follow('vm1', SERVER, 'icmp', ['host2', 'host3'])
  expect(isDelivered).toBe(false)
  expect(sentence).toMatch(/^Dropped at table router_transit on host1: .*gateway.* Before that it was routed by r1\.$/)
})

test('leaves by the gateway that the BFD of the sending chassis hears', () => {
  ispSpeaks()
  cloud.seen.set(
    'host1',
    new Map([
      [2, false],
      [3, true],
    ]),
  )
  cloud.seen.set('host3', new Map([[2, false]]))
  expect(cloud.follow('vm1', SERVER, 'icmp').sentence).toMatch(/^Left by gateway chassis host3/)
  // A standby that still hears the better one passes it on.
  cloud.seen.delete('host3')
  expect(cloud.follow('vm1', SERVER, 'icmp').sentence).toMatch(/^Left by gateway chassis host2, .* after 6 hops/)
})

test('waits for its next hop where nobody has spoken yet', () => {
  const { sentence, isDelivered } = cloud.follow('vm1', SERVER, 'icmp')
  expect(isDelivered).toBe(false)
  expect(sentence).toBe(
    `Handed to the controller by table router_neighbor on host2: its next hop ${ISP} outside is not known yet: ` +
      'the controller asks who has it, and then sends it on. Before that it was routed by r1, source 10.0.0.2 translated to 203.0.113.10.',
  )
})

test('a floating IP leaves from the chassis of its VM where that has the physical network, else from the gateway', async () => {
  ispSpeaks()
  await floatingIp('vm4', '203.0.113.44')
  await floatingIp('vm1', '203.0.113.41')
  const here = cloud.follow('vm4', SERVER, 'udp 53')
  expect(here.sentence).toBe(
    'Left by chassis host4, out of the physical network outside after 0 hops, routed by r1, ' +
      'source 10.0.0.3:40000 translated to 203.0.113.44:40000.',
  )
  expect(here.reply().sentence).toMatch(/^Delivered to vm4 on host4 after 0 hops, routed by r1, destination/)
  const far = cloud.follow('vm1', SERVER, 'udp 53')
  expect(far.sentence).toMatch(/^Left by gateway chassis host2, .* translated to 203\.0\.113\.41:40000\.$/)
  expect(far.reply().sentence).toMatch(/^Delivered to vm1 on host1 after 3 hops/)
})

test('comes in from outside by the floating IP, wherever that is, and is answered from it', async () => {
  ispSpeaks()
  await floatingIp('vm4', '203.0.113.44')
  await floatingIp('vm1', '203.0.113.41')
  for (const [name, address, host, hops] of [
    ['vm4', '203.0.113.44', 'host4', 0],
    ['vm1', '203.0.113.41', 'host1', 3],
  ] as const)
    for (const to of [name, address]) {
      const found = cloud.follow(SERVER, to, 'tcp 22')
      expect(found.sentence).toMatch(
        new RegExp(
          `^Delivered to ${name} on ${host} after ${hops} hops, routed by r1, destination ${address}:22 translated to`,
        ),
      )
      expect(found.reply().sentence).toMatch(
        new RegExp(`^Left by .*chassis ${name === 'vm4' ? 'host4' : 'host2'}, out of the physical network outside`),
      )
    }
})

test('a forwarded port leads to its VM', async () => {
  ispSpeaks()
  const { floatingip } = await cloud.api.ok('POST', 'floatingips', {
    floatingip: { floating_network_id: external, floating_ip_address: '203.0.113.50' },
  })
  const vm = (await cloud.api.ok('GET', `ports/${cloud.ids.get('vm1')}`)).port
  await cloud.api.ok('POST', `floatingips/${floatingip.id}/port_forwardings`, {
    port_forwarding: {
      ...{ protocol: 'tcp', external_port: 2222, internal_port: 22, internal_port_id: vm.id },
      internal_ip_address: vm.fixed_ips[0].ip_address,
    },
  })
  const found = cloud.follow(SERVER, '203.0.113.50', 'tcp 2222')
  expect(found.sentence).toBe(
    'Delivered to vm1 on host1 after 3 hops, routed by r1, destination 203.0.113.50:2222 translated to 10.0.0.2:22.',
  )
  expect(found.reply().sentence).toMatch(
    /^Left by gateway chassis host2, .*source 10\.0\.0\.2:22 translated to 203\.0\.113\.50:2222\.$/,
  )
  expect(cloud.follow(SERVER, '203.0.113.50', 'tcp 2223').isDelivered).toBe(false)
})

test('VMs reach floating IPs, of others and their own', async () => {
  ispSpeaks()
  await floatingIp('vm4', '203.0.113.44')
  await floatingIp('vm1', '203.0.113.41')
  for (const [from, address, to] of [
    ['vm1', '203.0.113.44', 'vm4 on host4'],
    ['vm4', '203.0.113.41', 'vm1 on host1'],
    ['vm4', '203.0.113.44', 'vm4 on host4'],
  ] as const) {
    const found = cloud.follow(from, address, 'tcp 80')
    expect(found.sentence).toContain(`Delivered to ${to}`)
    expect(found.reply().sentence).toContain(`Delivered to ${from}`)
  }
})

test('what a firewall stops is told with its group and rule', async () => {
  const { api } = cloud
  ispSpeaks()
  const rule = async (name: string, more: object) =>
    (await api.ok('POST', 'fwaas/firewall_rules', { firewall_rule: { name, protocol: 'tcp', ...more } })).firewall_rule
      .id
  const rules = [
    await rule('no-telnet', { destination_port: '23', action: 'deny' }),
    await rule('no-smtp', { destination_port: '25', action: 'reject' }),
    await rule('web', { destination_port: '443', action: 'allow' }),
  ]
  const { firewall_policy } = await api.ok('POST', 'fwaas/firewall_policies', {
    firewall_policy: { name: 'out', firewall_rules: rules },
  })
  const { ports } = await api.ok('GET', `ports?device_id=${router}&network_id=${inside}`)
  const firewall_group = { name: 'edge', egress_firewall_policy_id: firewall_policy.id, ports: [ports[0].id] }
  await api.ok('POST', 'fwaas/firewall_groups', { firewall_group })
  const tell = (protocol: string) => cloud.follow('vm1', SERVER, protocol).sentence
  expect(tell('tcp 443')).toMatch(/^Left by gateway chassis host2/)
  expect(tell('tcp 23')).toContain(
    'Dropped at table router_firewall_verdict on host1: firewall group edge denies it by rule no-telnet.',
  )
  expect(tell('tcp 25')).toContain(
    'Handed to the controller by table router_firewall_verdict on host1: firewall group edge rejects it by rule no-smtp; ' +
      'the sender gets a TCP reset',
  )
  expect(tell('udp 53')).toContain('no rule of the policy of firewall group edge allows it')
  expect(cloud.follow(SERVER, 'vm1', 'tcp 22').sentence).toContain(
    'a firewall group without a policy for this direction, or one that is down, lets nothing pass',
  )
})

test('what is too big for a network is told with its MTU', async () => {
  ispSpeaks()
  await floatingIp('vm1', '203.0.113.41')
  const sized = (bytes: number) => cloud.follow(SERVER, 'vm1', 'udp 53', [], bytes + 14).sentence
  expect(sized(1450)).toMatch(/^Delivered to vm1/)
  expect(sized(1451)).toMatch(
    /^Handed to the controller by table \w+ on host2: it is larger than 1450 bytes, the MTU where/,
  )
})

test('what nothing from outside can reach is told before any packet is made', async () => {
  expect(() => cloud.follow(SERVER, '203.0.113.99', 'icmp')).toThrow(
    'no port on an external network has the address 203.0.113.99, so nothing from outside gets there',
  )
  const { network } = await cloud.api.network('10.9.0.0/24')
  await cloud.makePort('lonely', network, 'host1', 105)
  expect(() => cloud.follow(SERVER, 'lonely', 'icmp')).toThrow('lonely has neither a floating IP nor a router')
  expect(() => cloud.follow('lonely', SERVER, 'icmp')).toThrow(
    `${SERVER} is not on the network of lonely, and no router`,
  )
  expect(() => cloud.follow('vm1', '10.0.0.99', 'icmp')).toThrow(
    '10.0.0.99 is on the network of vm1, and no port has it',
  )
  expect(() => cloud.follow('2001:db8::1', '203.0.113.10', 'icmp')).toThrow('different families')
})

test("a gateway's address answers pings from outside", () => {
  ispSpeaks()
  expect(cloud.follow(SERVER, '203.0.113.10', 'icmp').sentence).toMatch(/^Answered by the switch on host2/)
})
