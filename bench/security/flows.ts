// Flows that a chassis holds for security groups, counted.
import type { CompileDelta } from '#compiler'
import { allFlows, type CloudOptions, cloudOf, costOf, groupsOf, oneRule, securityFlows } from '#test/support/crowd'
import { addInterface, aRouter } from '#test/support/routing'
import { addPort, addRule, aNetwork, aPort, removePort } from '#test/support/secured'

const PORTS = 1000
const NETWORKS = 20
/** The flows of a chassis with OVN 23.03: 1,000 ports, 20 networks, a router, a group of 1,000; those of its remote group. */
const OVN = { all: 72_469, remoteGroup: 41_001 }

const count = (value: number) => value.toLocaleString('en')

const policies: readonly (readonly [what: string, bound: number, options: Omit<CloudOptions, 'ports'>])[] = [
  ['one policy', 3000, { networks: 1, own: 0 }],
  ['50 policies of two groups', 4000, { networks: 1, own: 50 }],
  ['1,000 policies, own groups of one rule', 8000, { networks: 20, own: PORTS, ownRules: oneRule }],
]

/** Prints how many flows there are, and what a member and a rule more add to them. */
export const benchFlows = async (): Promise<void> => {
  console.log('security group flows on one chassis, 1,000 ports, groups of ten rules, a remote group of 1,000:')
  for (const [what, bound, options] of policies) {
    const { compiler, change } = await cloudOf({ ports: PORTS, ...options })
    console.log(`  ${what}: ${count(securityFlows(compiler))} (wanted: below ${count(bound)})`)

    const deltas: CompileDelta[] = []
    compiler.onDelta(delta => deltas.push(delta))
    const securityGroups = groupsOf(0, options.own)
    const cost = async (name: string, work: Parameters<typeof change>[0]) => {
      await change(work)
      const { flows, bytes } = costOf(deltas.at(-1) as CompileDelta, compiler)
      return `${name} ${flows} flow${flows === 1 ? '' : 's'}, ${bytes} bytes`
    }
    const lone = await cost('a member elsewhere', tx => {
      addPort(tx, aPort('far', 5000, 'elsewhere', { securityGroups }))
    })
    await change(tx => removePort(tx, 'far'))
    const rule = await cost('a rule', tx =>
      addRule(tx, 'more', 'default', { protocolNumber: 112, remoteGroupId: 'default' }),
    )
    console.log(`    ${lone}; ${rule}`)
  }
  const { compiler, change } = await cloudOf({ ports: PORTS, networks: NETWORKS, own: 0 })
  await change(tx => {
    for (let n = 0; n < NETWORKS; n++)
      addInterface(tx, aRouter('r', 1), aNetwork(`net${n}`, n + 1), 5000 + n, { [`10.1.${n}.0/24`]: `10.1.${n}.1` })
  })
  const all = allFlows(compiler)
  console.log(
    `all flows of a chassis, 1,000 ports on ${NETWORKS} networks, a router, one group of 1,000: ${count(all)} (wanted: below 12,000)`,
  )
  console.log(
    `  of OVN's ${count(OVN.all)} that is 1/${(OVN.all / all).toFixed(1)} (${count(OVN.remoteGroup)} of these are its remote group)`,
  )
}
