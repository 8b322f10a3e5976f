// Each folder here is one idea: a model in (model.json, records with the defaults of test/support/model.ts), the whole
// flow table of each bridge of each chassis out, as `ovs-ofctl --no-stats dump-flows` prints it.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { printFlow } from 'node-openflow/flow'
import { expect, test } from 'vitest'
import type { Bridge, Compiler } from '#compiler'
import {
  type AddressGroup,
  addressGroups,
  attachments,
  bindings,
  type Chassis,
  chassis,
  type FirewallGroup,
  type FirewallRule,
  type Network,
  networks,
  type Port,
  policyOf,
  portForwardings,
  ports,
  type Router,
  type SecurityGroup,
  type SecurityGroupRule,
  type Transaction,
} from '#model'
import { addFirewallGroup, addFirewallPolicy } from '#test/support/firewalled'
import { aBinding, aChassis, aNetwork, anAttachment, aPort } from '#test/support/model'
import { addFloatingIp, addGateway, addInterface, aRouter } from '#test/support/routing'
import { addGroup, addRule, securedCloud } from '#test/support/secured'

interface Scenario {
  readonly networks: readonly (Partial<Network> & { readonly id: string })[]
  readonly chassis: readonly (Partial<Chassis> & { readonly id: string })[]
  readonly ports: readonly (Partial<Port> & {
    readonly id: string
    readonly networkId: string
    /** Where it is plugged; a second place is pending. */
    readonly on: readonly string[]
  })[]
  readonly routers?: readonly (Partial<Router> & {
    readonly id: string
    /** Network -> subnet -> address. All networks reach the chassis of all ports. */
    readonly interfaces: Readonly<Record<string, Readonly<Record<string, string>>>>
    /** The same, of one external network. It reaches the chassis that have its physical network. */
    readonly gateway?: Readonly<Record<string, Readonly<Record<string, string>>>>
  })[]
  readonly floatingIps?: readonly {
    readonly id: string
    readonly router: string
    readonly network: string
    /** Subnet -> address. */
    readonly address: Readonly<Record<string, string>>
    /** The port that it stands for. */
    readonly port?: string
    /** Protocol and port -> port's id and port. */
    readonly forward?: Readonly<Record<string, string>>
  }[]
  readonly addressGroups?: readonly AddressGroup[]
  readonly securityGroups?: readonly (Partial<SecurityGroup> & {
    readonly id: string
    /** By id. */
    readonly rules: Readonly<Record<string, Partial<SecurityGroupRule>>>
  })[]
  /** Rules in order, by id. */
  readonly firewallPolicies?: Readonly<Record<string, Readonly<Record<string, Partial<FirewallRule>>>>>
  readonly firewallGroups?: readonly (Partial<FirewallGroup> & {
    readonly id: string
    /** Ids; interfaces are `<router>-<network>`. */
    readonly ports: readonly string[]
  })[]
}

const read = (scenario: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, scenario, 'model.json'), 'utf8')) as Scenario

const fill = (tx: Transaction, scenario: Scenario) => {
  const nets = scenario.networks.map((n, i) => aNetwork(n.id, i + 1, n))
  const hosts = scenario.chassis.map((c, i) => aChassis(c.id, i + 1, c))
  for (const network of nets) tx.insert(networks, network)
  for (const host of hosts) tx.insert(chassis, host)
  for (const group of scenario.addressGroups ?? []) tx.insert(addressGroups, group)
  for (const { rules: _, ...group } of scenario.securityGroups ?? []) addGroup(tx, group.id, group)
  for (const { id, rules } of scenario.securityGroups ?? [])
    for (const [rule, more] of Object.entries(rules)) addRule(tx, rule, id, more)
  for (const [i, { on, ...more }] of scenario.ports.entries()) {
    const port = aPort(more.id, i + 1, more.networkId, more)
    // Scenarios that name no groups are about something else: nothing is judged there.
    tx.insert(ports, { ...port, policy: more.securityGroups === undefined ? 0 : policyOf(tx, port) })
    const network = nets.find(n => n.id === port.networkId) as Network
    for (const [nth, id] of on.entries()) {
      const host = hosts.find(c => c.id === id) as Chassis
      tx.insert(bindings, aBinding(port, host, 100 + port.key, nth ? 'pending' : 'active'))
      const attachment = anAttachment(network, host, network.key + 1)
      if (!tx.get(attachments, attachment.id)) tx.insert(attachments, attachment)
    }
  }
}

const addRouters = (tx: Transaction, scenario: Scenario) => {
  let key = scenario.ports.length
  for (const [i, { interfaces, gateway = {}, ...more }] of (scenario.routers ?? []).entries()) {
    const router = aRouter(more.id, i + 1, more)
    for (const [network, addresses] of Object.entries(gateway))
      addGateway(tx, router, tx.get(networks, network) as Network, ++key, addresses)
    for (const [network, addresses] of Object.entries(interfaces))
      addInterface(tx, router, tx.get(networks, network) as Network, ++key, addresses)
    for (const { id, providerPorts } of scenario.chassis)
      for (const name of Object.keys(providerPorts ? { ...interfaces, ...gateway } : interfaces)) {
        const network = tx.get(networks, name) as Network
        const attachment = anAttachment(network, tx.get(chassis, id) as Chassis, network.key + 1)
        if (!tx.get(attachments, attachment.id)) tx.insert(attachments, { ...attachment, isMember: false })
      }
  }
}

const addFloatingIps = (tx: Transaction, scenario: Scenario) => {
  for (const [i, { id, router, network: name, address, port, forward = {} }] of (
    scenario.floatingIps ?? []
  ).entries()) {
    const network = tx.get(networks, name) as Network
    const stoodFor = port === undefined ? {} : { port: tx.get(ports, port) as Port }
    addFloatingIp(tx, id, 100 + i, network, address, { routerId: router, ...stoodFor })
    for (const [from, to] of Object.entries(forward)) {
      const [[protocol, external], [internal = '', inside]] = [from.split(' '), to.split(' ')]
      tx.insert(portForwardings, {
        ...{ id: `${id} ${from}`, projectId: 'p', floatingIpId: id, protocol: protocol as 'tcp' | 'udp' },
        ...{ internalPortId: internal, internalIpAddress: tx.get(ports, internal)?.fixedIps[0]?.ipAddress ?? '' },
        externalPorts: { first: Number(external), last: Number(external) },
        internalPorts: { first: Number(inside), last: Number(inside) },
      })
    }
  }
}

const addFirewalls = (tx: Transaction, scenario: Scenario) => {
  for (const [id, rules] of Object.entries(scenario.firewallPolicies ?? {})) addFirewallPolicy(tx, id, rules)
  for (const { id, ports: guarded, ...more } of scenario.firewallGroups ?? []) addFirewallGroup(tx, id, guarded, more)
}

const dump = (compiler: Compiler, chassis: string, bridge: Bridge): string =>
  [...compiler.subscriptions(chassis)]
    .flatMap(set => [...(compiler.flowSet(set)?.entries.values() ?? [])])
    .filter(entry => entry.bridge === bridge)
    .map(entry => {
      const { cookie: _, ...flow } = entry.flow
      return { ...entry.flow, text: printFlow(flow) }
    })
    .sort((a, b) => a.table - b.table || b.priority - a.priority || (a.text < b.text ? -1 : 1))
    .map(flow => `${flow.text}\n`)
    .join('')

const scenarios = readdirSync(import.meta.dirname, { withFileTypes: true }).filter(entry => entry.isDirectory())

test.each(scenarios.map(entry => entry.name))('%s', async name => {
  const scenario = read(name)
  const { change, compiler } = securedCloud()
  await change(tx => {
    fill(tx, scenario)
    addRouters(tx, scenario)
    addFloatingIps(tx, scenario)
    addFirewalls(tx, scenario)
  })
  expect(compiler.conflicts).toEqual([])
  for (const { id } of scenario.chassis)
    for (const bridge of ['br-int', 'br-tun'] as const)
      await expect(dump(compiler, id, bridge)).toMatchFileSnapshot(`${name}/${id}.${bridge}.flows`)
})
