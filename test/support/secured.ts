// A small cloud with security groups: records in a store in memory, made by the model's own rules where these keep
// something in step, and compiled by every commit.
import { Compiler } from '#compiler'
import { pipeline } from '#flows/pipeline'
import {
  attachments,
  bindings,
  type Chassis,
  chassis,
  forgetRemote,
  forgetUnusedPolicy,
  modelKinds,
  type Network,
  nameRemote,
  networks,
  type Port,
  policyOf,
  ports,
  type SecurityGroup,
  type SecurityGroupRule,
  securityGroupKeys,
  securityGroupOf,
  securityGroupRules,
  securityGroups,
  type Transaction,
} from '#model'
import { openMemoryStore, type Store } from '#store'
import { aBinding, aChassis, aNetwork, anAttachment, aPort, aRule, aSecurityGroup } from './model.ts'

/** A store and what it compiles to. */
export interface SecuredCloud {
  readonly store: Store
  readonly compiler: Compiler
  change<R>(work: (tx: Transaction) => R): Promise<R>
}

/** An empty cloud. */
export const securedCloud = (): SecuredCloud => {
  const store = openMemoryStore({ kinds: modelKinds })
  const compiler = new Compiler(pipeline)
  store.follow(commit => void compiler.apply(commit), { fromStart: true })
  return { store, compiler, change: work => store.transact({ source: 'test' }, work) }
}

/** Adds a network, and chassis that reach it; its local VLAN there is its key and 1. */
export const addNetwork = (tx: Transaction, network: Network, hosts: readonly Chassis[]): Network => {
  tx.insert(networks, network)
  for (const host of hosts) {
    if (!tx.get(chassis, host.id)) tx.insert(chassis, host)
    tx.insert(attachments, anAttachment(network, host, network.key + 1))
  }
  return network
}

/** Adds a port, plugged in where it is said: its OpenFlow port is 100 and its key. */
export const addPort = (tx: Transaction, port: Port, on?: Chassis): Port => {
  const whole = { ...port, policy: policyOf(tx, port) }
  tx.insert(ports, whole)
  if (on) tx.insert(bindings, aBinding(whole, on, 100 + port.key))
  return whole
}

/** Removes a port. */
export const removePort = (tx: Transaction, id: string): void => {
  const port = tx.get(ports, id)
  for (const binding of [...tx.by(bindings, 'port', id)]) tx.remove(bindings, binding.id)
  tx.remove(ports, id)
  if (port) forgetUnusedPolicy(tx, port.policy)
}

/** Puts a port into other groups. */
export const wear = (tx: Transaction, id: string, groups: readonly string[]): void => {
  const port = tx.get(ports, id) as Port
  const after = { ...port, securityGroups: groups }
  tx.replace(ports, { ...after, policy: policyOf(tx, after) })
  forgetUnusedPolicy(tx, port.policy)
}

/** Adds a group without any rule. */
export const addGroup = (tx: Transaction, id: string, more: Partial<SecurityGroup> = {}): SecurityGroup => {
  const group = aSecurityGroup(id, tx.allocate(securityGroupKeys), more)
  tx.insert(securityGroups, group)
  return group
}

/** Adds a rule. */
export const addRule = (tx: Transaction, id: string, groupId: string, more: Partial<SecurityGroupRule> = {}): void => {
  const rule = aRule(id, groupId, more)
  tx.insert(securityGroupRules, rule)
  nameRemote(tx, rule)
}

/** Removes a rule. */
export const removeRule = (tx: Transaction, id: string): void => {
  const rule = tx.get(securityGroupRules, id) as SecurityGroupRule
  tx.remove(securityGroupRules, id)
  forgetRemote(tx, securityGroupOf(tx, rule.groupId).projectId, rule)
}

/** Rules that let a group's ports send anything. */
export const allowSending = (tx: Transaction, groupId: string): void => {
  for (const ipVersion of [4, 6] as const)
    addRule(tx, `${groupId}-out${ipVersion}`, groupId, { direction: 'egress', ipVersion })
}

export { aChassis, aNetwork, aPort }
