// Clouds of one chassis with many ports and security groups, compiled; what it holds for them, and what changes cost it.
import { type Bridge, bridges, type CompileDelta, type Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import type { Chassis, SecurityGroupRule, Transaction } from '#model'
import {
  aChassis,
  addGroup,
  addNetwork,
  addPort,
  addRule,
  allowSending,
  aNetwork,
  aPort,
  type SecuredCloud,
  securedCloud,
} from './secured.ts'

/** The chassis that is looked at. */
export const here: Chassis = aChassis('here', 1)

/** Tables that there are for security groups alone. */
const security = new Set(
  pipeline.tables
    .filter(({ name }) =>
      /^(egress|ingress|remote)_|^(flood_conntrack|connection_owner|commit|policy|security_rules)$/.test(name),
    )
    .map(table => table.number),
)

/** Ten rules as people write them: two for sending, six for anybody, two for the members of a group. */
export const tenRules = (tx: Transaction, group: string, remoteGroupId: string): void => {
  addGroup(tx, group)
  allowSending(tx, group)
  const tcp = (first: number, last = first) => ({ protocolNumber: 6, portRangeMin: first, portRangeMax: last })
  const dns = { protocolNumber: 17, portRangeMin: 53, portRangeMax: 53, remoteIpPrefix: '10.0.0.0/8' }
  const rules: readonly Partial<SecurityGroupRule>[] = [
    ...[tcp(22), tcp(80), tcp(443), tcp(8000, 8079), { protocolNumber: 1 }, dns],
    ...[{ ...tcp(5432), remoteGroupId }, { remoteGroupId }],
  ]
  for (const [i, rule] of rules.entries()) addRule(tx, `${group}-${i}`, group, rule)
}

/** One rule, for SSH. */
export const oneRule = (tx: Transaction, group: string): void => {
  addGroup(tx, group)
  addRule(tx, `${group}-ssh`, group, { protocolNumber: 6, portRangeMin: 22, portRangeMax: 22 })
}

/** How a cloud is made. */
export interface CloudOptions {
  readonly ports: number
  readonly networks: number
  /** Groups besides `default`, which has ten rules and names itself. */
  readonly own: number
  readonly ownRules?: (tx: Transaction, group: string, remote: string) => void
}

/** Names of the groups of port i: `default`, and one of its own where there are any. */
export const groupsOf = (i: number, own: number): readonly string[] =>
  own === 0 ? ['default'] : ['default', `own${i % own}`]

/** A cloud whose ports are all plugged in here: `p0`… on networks `net0`…. */
export const cloudOf = async ({ ports, networks, own, ownRules = tenRules }: CloudOptions): Promise<SecuredCloud> => {
  const cloud = securedCloud()
  await cloud.change(tx => {
    for (let n = 0; n < networks; n++) addNetwork(tx, aNetwork(`net${n}`, n + 1), [here])
    tenRules(tx, 'default', 'default')
    for (let n = 0; n < own; n++) ownRules(tx, `own${n}`, 'default')
    for (let i = 0; i < ports; i++)
      addPort(tx, aPort(`p${i}`, i + 1, `net${i % networks}`, { securityGroups: groupsOf(i, own) }), here)
  })
  if (cloud.compiler.conflicts.length > 0) throw new Error(`${cloud.compiler.conflicts.length} conflicts`)
  return cloud
}

const count = (compiler: Compiler, isCounted: (bridge: Bridge, table: number) => boolean) =>
  [...compiler.subscriptions(here.id)]
    .flatMap(set => [...(compiler.flowSet(set)?.entries.values() ?? [])])
    .filter(({ bridge, table }) => isCounted(bridge, table)).length

/** Flows that the chassis holds for security groups. */
export const securityFlows = (compiler: Compiler): number =>
  count(compiler, (bridge, table) => bridge === 'br-int' && security.has(table))

/** All flows of the chassis. */
export const allFlows = (compiler: Compiler): number =>
  bridges.reduce((sum, b) => sum + compiler.flowCount(here.id, b), 0)

/** Bytes of a bundled flow-mod besides match and instructions (OpenFlow 1.5.1, 7.3.9.3 and 7.3.4.2). */
const FLOW_MOD = 64

/** Flows written and deleted on the chassis by a change, and the bytes of their messages. */
export const costOf = ({ flowSets }: CompileDelta, compiler: Compiler): { flows: number; bytes: number } => {
  const needed = flowSets.filter(({ flowSet }) => compiler.subscriptions(here.id).has(flowSet))
  const written = needed.flatMap(set => set.added)
  const slots = new Set(written.map(entry => entry.slot))
  const deleted = needed.flatMap(set => set.removed).filter(entry => !slots.has(entry.slot))
  const size = (sum: number, entry: (typeof written)[number]) => sum + FLOW_MOD + entry.match.length
  const bytes = [...written, ...deleted].reduce(size, 0)
  return {
    flows: written.length + deleted.length,
    bytes: written.reduce((sum, entry) => sum + entry.instructions.length, bytes),
  }
}
