// What security groups cost, counted: flows of a chassis, not time. The figures are printed, and bounded.
import { expect, test } from 'vitest'
import type { CompileDelta, Compiler } from '#compiler'
import type { Chassis } from '#model'
import { cloudOf, here, oneRule, securityFlows } from '#test/support/crowd'
import { addInterface, aRouter } from '#test/support/routing'
import { aChassis, addNetwork, addPort, addRule, aNetwork, aPort } from '#test/support/secured'

const PORTS = 1000

test('1,000 ports of one policy, ten rules, a remote group of 1,000', async () => {
  const { compiler } = await cloudOf({ ports: PORTS, networks: 1, own: 0 })
  const count = securityFlows(compiler)
  console.log(`one policy: ${count} security group flows`)
  expect(count).toBeLessThan(3000)
})

test('1,000 ports of 50 policies, each of two groups of ten rules', async () => {
  const { compiler } = await cloudOf({ ports: PORTS, networks: 1, own: 50 })
  const count = securityFlows(compiler)
  console.log(`50 policies: ${count} security group flows`)
  expect(count).toBeLessThan(4000)
})

test('1,000 ports of as many policies, each with a group of its own of one rule', async () => {
  const { compiler } = await cloudOf({ ports: PORTS, networks: 20, own: PORTS, ownRules: oneRule })
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
  const { change, compiler } = await cloudOf({ ports: PORTS, networks: 1, own: 0 })
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
  const { change, compiler } = await cloudOf({ ports: PORTS, networks: 20, own: 0 })
  await change(tx => {
    for (let n = 0; n < 20; n++)
      addInterface(tx, aRouter('r', 1), aNetwork(`net${n}`, n + 1), 5000 + n, { [`10.1.${n}.0/24`]: `10.1.${n}.1` })
  })
  expect(compiler.conflicts).toEqual([])
  const [int, tun] = [compiler.flowCount(here.id, 'br-int'), compiler.flowCount(here.id, 'br-tun')]
  const total = int + tun
  console.log(`1,000 ports on 20 networks behind a router: ${int} flows on br-int, ${tun} on br-tun, ${total} together`)
  expect(total).toBeLessThan(12_000)
})
