// What security groups cost, counted: flows of a chassis, not time. The figures are printed, and bounded.
import { expect, test } from 'vitest'
import { type Bridge, bridges, type CompileDelta, type Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Chassis, Transaction } from '#model'
import { addInterface, aRouter } from '#test/support/routing'
import {
  aChassis,
  addGroup,
  addNetwork,
  addPort,
  addRule,
  allowSending,
  aNetwork,
  aPort,
  securedCloud,
} from '#test/support/secured'

const PORTS = 1000

/** Tables that there are for security groups alone. */
const isSecurity = (name: string) =>
  /^(egress|ingress|remote)_|^(flood_conntrack|connection_owner|commit|policy|security_rules)$/.test(name)
const security = new Set(pipeline.tables.filter(table => isSecurity(table.name)).map(table => table.number))

const flowsOf = (compiler: Compiler, chassis: string, isCounted: (bridge: Bridge, table: number) => boolean) =>
  [...compiler.subscriptions(chassis)]
    .flatMap(set => [...(compiler.flowSet(set)?.entries.values() ?? [])])
    .filter(({ bridge, table }) => isCounted(bridge, table)).length

const securityFlows = (compiler: Compiler) =>
  flowsOf(compiler, 'here', (bridge, table) => bridge === 'br-int' && security.has(table))

/** Ten rules as people write them, one of them for the members of a group. */
const tenRules = (tx: Transaction, group: string, members: string) => {
  addGroup(tx, group)
  allowSending(tx, group)
  const tcp = (first: number, last = first) => ({ protocolNumber: 6, portRangeMin: first, portRangeMax: last })
  const rules = [
    tcp(22),
    tcp(80),
    tcp(443),
    tcp(8000, 8079),
    { protocolNumber: 1 },
    { ...tcp(5432), remoteGroupId: members },
  ]
  for (const [i, rule] of rules.entries()) addRule(tx, `${group}-${i}`, group, rule)
  addRule(tx, `${group}-udp`, group, {
    protocolNumber: 17,
    portRangeMin: 53,
    portRangeMax: 53,
    remoteIpPrefix: '10.0.0.0/8',
  })
  addRule(tx, `${group}-any`, group, { remoteGroupId: members })
}

/** 1,000 ports here, on some networks, in the groups that each bears. */
const cloudOf = async (groups: (tx: Transaction) => void, worn: (i: number) => readonly string[], networks = 1) => {
  const cloud = securedCloud()
  const here = aChassis('here', 1)
  await cloud.change(tx => {
    for (let n = 0; n < networks; n++) addNetwork(tx, aNetwork(`net${n}`, n + 1), [here])
    groups(tx)
    for (let i = 0; i < PORTS; i++)
      addPort(tx, aPort(`p${i}`, i + 1, `net${i % networks}`, { securityGroups: worn(i) }), here)
  })
  expect(cloud.compiler.conflicts).toEqual([])
  return cloud
}

const withDefault = (own: number, rules: (tx: Transaction, group: string) => void) => (tx: Transaction) => {
  tenRules(tx, 'default', 'default')
  for (let i = 0; i < own; i++) rules(tx, `own${i}`)
}

test('1,000 ports of one policy, ten rules, a remote group of 1,000', async () => {
  const { compiler } = await cloudOf(
    withDefault(0, () => {}),
    () => ['default'],
  )
  const count = securityFlows(compiler)
  console.log(`one policy: ${count} security group flows`)
  expect(count).toBeLessThan(3000)
})

test('1,000 ports of 50 policies, each of two groups of ten rules', async () => {
  const { compiler } = await cloudOf(
    withDefault(50, (tx, group) => tenRules(tx, group, 'default')),
    i => ['default', `own${i % 50}`],
  )
  const count = securityFlows(compiler)
  console.log(`50 policies: ${count} security group flows`)
  expect(count).toBeLessThan(4000)
})

test('1,000 ports of as many policies, each with a group of its own of one rule', async () => {
  const one = (tx: Transaction, group: string) => {
    addGroup(tx, group)
    addRule(tx, `${group}-ssh`, group, { protocolNumber: 6, portRangeMin: 22, portRangeMax: 22 })
  }
  const { compiler } = await cloudOf(withDefault(PORTS, one), i => ['default', `own${i}`], 20)
  const count = securityFlows(compiler)
  console.log(`1,000 policies: ${count} security group flows`)
  expect(count).toBeLessThan(8000)
})

/** What a change added to, removed from and changed in the flows of a chassis. */
const changesOf = (delta: CompileDelta | undefined, compiler: Compiler, chassis: string) => {
  const sets = delta?.flowSets.filter(({ flowSet }) => compiler.subscriptions(chassis).has(flowSet)) ?? []
  const slots = new Set(sets.flatMap(({ added, removed }) => [...added, ...removed].map(entry => entry.slot)))
  return slots.size
}

test('a member more or less of a remote group is one flow on every chassis that needs it', async () => {
  const { change, compiler } = await cloudOf(
    withDefault(0, () => {}),
    () => ['default'],
  )
  const there: Chassis = aChassis('there', 2)
  await change(tx => addNetwork(tx, aNetwork('elsewhere', 99), [there]))
  let delta: CompileDelta | undefined
  compiler.onDelta(last => {
    delta = last
  })
  await change(tx => addPort(tx, aPort('new', 5000, 'elsewhere', { securityGroups: ['default'] }), there))
  expect(changesOf(delta, compiler, 'here')).toBe(1)
  await change(tx => addRule(tx, 'one more', 'default', { protocolNumber: 112, remoteGroupId: 'default' }))
  expect(changesOf(delta, compiler, 'here')).toBe(1)
})

test('all flows of 1,000 ports on 20 networks behind a router with one group of 1,000 members', async () => {
  const { change, compiler } = await cloudOf(
    withDefault(0, () => {}),
    () => ['default'],
    20,
  )
  await change(tx => {
    for (let n = 0; n < 20; n++)
      addInterface(tx, aRouter('r', 1), aNetwork(`net${n}`, n + 1), 5000 + n, { [`10.1.${n}.0/24`]: `10.1.${n}.1` })
  })
  expect(compiler.conflicts).toEqual([])
  const [int, tun] = bridges.map(wanted => flowsOf(compiler, 'here', bridge => bridge === wanted))
  const total = int! + tun!
  console.log(`1,000 ports on 20 networks behind a router: ${int} flows on br-int, ${tun} on br-tun, ${total} together`)
  expect(total).toBeLessThan(12_000)
})
