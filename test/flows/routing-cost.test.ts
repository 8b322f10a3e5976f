// What routing costs, counted: flows of a chassis, not time. The figures are printed, and bounded.
import { expect, test } from 'vitest'
import { bridges, type Compiler } from '#compiler'
import { attachments } from '#model'
import { addInterface, aRouter, fixedIps } from '#test/support/routing'
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
const NETWORKS = 20

const flowsOf = (compiler: Compiler, chassis: string) =>
  [...compiler.subscriptions(chassis)].reduce((sum, set) => {
    const count = compiler.flowSet(set)?.count
    return sum + (count === undefined ? 0 : bridges.reduce((both, bridge) => both + count[bridge], 0))
  }, 0)

/** 1,000 ports here on 20 networks of one router, in a group of rules for its members; `there` routes only. */
const cloudOf = async (isRouted: boolean) => {
  const cloud = securedCloud()
  const [here, there] = [aChassis('here', 1), aChassis('there', 2)]
  await cloud.change(tx => {
    addGroup(tx, 'default')
    allowSending(tx, 'default')
    addRule(tx, 'members', 'default', { remoteGroupId: 'default' })
    const router = aRouter('r', 1)
    for (let n = 0; n < NETWORKS; n++) {
      const network = addNetwork(tx, aNetwork(`net${n}`, n + 1), isRouted ? [here, there] : [here])
      if (!isRouted) continue
      addInterface(tx, router, network, 5000 + n, { [`10.0.${n}.0/24`]: `10.0.${n}.1` })
      const at = tx.get(attachments, `there/net${n}`)!
      tx.replace(attachments, { ...at, isMember: false })
    }
    for (let i = 0; i < PORTS; i++) {
      const n = i % NETWORKS
      const ips = fixedIps({ [`10.0.${n}.0/24`]: `10.0.${n}.${10 + Math.floor(i / NETWORKS)}` })
      addPort(tx, aPort(`p${i}`, i + 1, `net${n}`, { fixedIps: ips, securityGroups: ['default'] }), here)
    }
  })
  expect(cloud.compiler.conflicts).toEqual([])
  return cloud
}

test('1,000 ports on 20 networks of one router', async () => {
  const [plain, routed] = [await cloudOf(false), await cloudOf(true)]
  const [without, own, other] = [
    flowsOf(plain.compiler, 'here'),
    flowsOf(routed.compiler, 'here'),
    flowsOf(routed.compiler, 'there'),
  ]
  console.log(`${own} flows, ${own - without} of them for routing; ${other} on a chassis that only routes there`)
  expect(own).toBeLessThanOrEqual(12_000)
  expect(own - without).toBeLessThanOrEqual(15 * NETWORKS)
  expect(other).toBeLessThanOrEqual(2 * PORTS + 20 * NETWORKS + 300)
})

test('a VM more costs a chassis that only routes there two flows', async () => {
  const { compiler, change } = await cloudOf(true)
  const before = flowsOf(compiler, 'there')
  await change(tx => {
    addPort(
      tx,
      aPort('more', 4000, 'net0', { fixedIps: fixedIps({ '10.0.0.0/24': '10.0.0.200' }) }),
      aChassis('here', 1),
    )
  })
  expect(flowsOf(compiler, 'there') - before).toBe(2)
})
