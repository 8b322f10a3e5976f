// For flows that drop, a packet is proposed that they drop: found by tracing, on a cloud with groups, routers, gateways and a
// firewall, whose tables are those that the API's model makes.
import { EncodeError } from 'node-openflow'
import { beforeAll, expect, test } from 'vitest'
import type { FlowEntry } from '#compiler'
import { pipeline } from '#flows/pipeline'
import { aChassis } from '#test/support/model'
import { Connections, givenStates, trace, UnknownField } from '#tracer'
import { type Attempt, attemptsAt, isDroppedBy } from '#tracer/packet-for-drop'
import { type TracedCloud, tracedCloud } from './cloud.ts'

const HOSTS = ['host1', 'host2', 'host3']

let cloud: TracedCloud

beforeAll(async () => {
  const wired = { providerPorts: { outside: 9 } }
  cloud = await tracedCloud([
    aChassis('host1', 1),
    aChassis('host2', 2, { ...wired, gatewayPriority: 20 }),
    aChassis('host3', 3, { ...wired, gatewayPriority: 10 }),
  ])
  const { api } = cloud
  const flat = { 'provider:network_type': 'flat', 'provider:physical_network': 'outside', 'router:external': true }
  const external = (await api.ok('POST', 'networks', { network: { name: 'outside', ...flat } })).network.id
  const range = { cidr: '203.0.113.0/24', gateway_ip: '203.0.113.1', enable_dhcp: false, ip_version: 4 }
  await api.ok('POST', 'subnets', { subnet: { network_id: external, ...range } })
  const gateway = { network_id: external }
  const { id } = (await api.ok('POST', 'routers', { router: { name: 'edge', external_gateway_info: gateway } })).router
  const lone = (await api.ok('POST', 'routers', { router: { name: 'lone' } })).router.id
  const { network, subnet } = await api.network('10.0.0.0/24')
  const other = await api.network('10.0.1.0/24')
  const inner = await api.network('10.0.2.0/24')
  for (const subnet_id of [subnet, other.subnet])
    await api.ok('PUT', `routers/${id}/add_router_interface`, { subnet_id })
  await api.ok('PUT', `routers/${lone}/add_router_interface`, { subnet_id: inner.subnet })
  for (const [i, host] of HOSTS.entries()) await cloud.makePort(`vm${i}`, network, host, 101)
  await cloud.makePort('api', other.network, 'host1', 102, { device_owner: 'compute:nova' })
  await cloud.makePort('mute', other.network, 'host2', 103, { security_groups: [] })
  const beyond = await api.network('10.0.3.0/24')
  await api.ok('PUT', `routers/${lone}/add_router_interface`, { subnet_id: beyond.subnet })
  await cloud.makePort('beyond', beyond.network, 'host2', 105)
  await cloud.makePort('far', inner.network, 'host1', 104)
  await api.ok('POST', 'floatingips', { floatingip: { floating_network_id: external, port_id: cloud.ids.get('vm0') } })
  const policy = { firewall_policy: { name: 'none', firewall_rules: [] } }
  const { firewall_policy } = await api.ok('POST', 'fwaas/firewall_policies', policy)
  const guard = { ingress_firewall_policy_id: firewall_policy.id, egress_firewall_policy_id: firewall_policy.id }
  const { ports: interfaces } = await api.ok('GET', `ports?network_id=${inner.network}`)
  const ofRouter = interfaces.find((port: { device_owner: string }) => port.device_owner.startsWith('network:router'))
  const groups = [
    { name: 'wall', ports: [ofRouter.id] },
    { name: 'porch', ports: [cloud.ids.get('api')] },
  ]
  for (const group of groups) await api.ok('POST', 'fwaas/firewall_groups', { firewall_group: { ...group, ...guard } })
})

/** The flows of a chassis that drop, with their reasons. */
const dropsAt = (host: string): readonly (readonly [string, FlowEntry])[] =>
  [...cloud.compiler.subscriptions(host)].flatMap(id =>
    [...(cloud.compiler.flowSet(id)?.entries.values() ?? [])].flatMap(entry => {
      const table = pipeline.tables.find(t => t.bridge === entry.bridge && t.number === entry.table)
      const reason = entry.flow.actions.length === 0 ? table?.drops.get(entry.priority) : undefined
      return reason === undefined ? [] : [[`${table?.name} ${reason}`, entry] as const]
    }),
  )

const follow = (attempt: Attempt) => {
  const tracker = attempt.states ? givenStates(attempt.states) : new Connections()
  try {
    return trace(cloud.world(attempt.dead), attempt, tracker)
  } catch (error) {
    if (error instanceof EncodeError || error instanceof UnknownField) return undefined
    throw error
  }
}

const propose = (host: string, { bridge, flow, sources, cookie }: FlowEntry) => {
  let tried = 0
  for (const attempt of attemptsAt(cloud.api.store, {
    chassis: host,
    bridge,
    match: flow.match,
    sources,
    suspects: [],
  })) {
    tried++
    const traced = follow(attempt)
    if (traced && isDroppedBy(traced, host, cookie) === 'it') return { attempt, traced, tried }
  }
  return { tried }
}

/** Whether a flow was made for something: those for all that is left may never be met. */
const isOwned = ([, { flow }]: readonly [string, FlowEntry]) => flow.priority > 0

test.each([
  ['host2', 'port_security spoofed_mac', /sent from a MAC address that is not of the port \(sent by vm1\)/],
  ['host2', 'address_security spoofed_address', /sent from an address that is not of the port \(sent by vm1\)/],
  ['host2', 'nd_security spoofed_neighbor', /neighbour discovery of an address that is not of the port/],
  ['host2', 'egress_verdict no_egress_rule', /port mute has no security group, so it sends nothing/],
  ['host3', 'ingress_verdict no_ingress_rule', /no rule of security group default of port vm2 allows tcp 443/],
  ['host1', 'ingress_firewall_verdict ingress_firewall', /no rule of the policy of firewall group porch allows it/],
  ['host1', 'router_firewall_verdict router_firewall', /firewall group wall/],
  ['host1', 'router_transit no_gateway', /no chassis lives that may be the gateway/],
  ['host3', 'external_responder standby', /for a gateway that is on another chassis now/],
  ['host3', 'gateway_admission standby', /for a gateway that is on another chassis now/],
  ['host2', 'router_input not_routable', /for a router, of addresses or of a protocol/],
  ['host1', 'egress_connection invalid', /connection tracking finds it invalid/],
  ['host1', 'admit not_admitted', /out of a tunnel from an address that is no VTEP/],
  ['host1', 'classify tagged', /tagged with a VLAN/],
])('on %s, %s: a packet that ends there', (host, what, sentence) => {
  const told = dropsAt(host)
    .filter(one => one[0] === what)
    .sort((a, b) => Number(isOwned(b)) - Number(isOwned(a)))
    .slice(0, 3)
    .map(([, entry]) => propose(host, entry).traced)
    .flatMap(traced => (traced ? cloud.tell(traced).sentence : []))
  expect(told.join('\n')).toMatch(sentence)
})

test('a flow that no packet of this cloud meets gets none', () => {
  const entry = dropsAt('host1').find(
    ([what, { flow }]) => what === 'egress_verdict no_egress_rule' && flow.priority === 0,
  )
  expect(propose('host1', entry![1])).toEqual({ tried: expect.any(Number) })
})
