// What a flow of security groups or firewalls means, for people: its rule, its group, whom it concerns on its chassis.
import {
  addressGroups,
  firewallGroups,
  firewallPolicies,
  firewallRules,
  policies,
  ports,
  type Reader,
  type RemoteGroupBit,
  remoteGroupBits,
  securityGroupRules,
  securityGroups,
} from '#model'
import type { ExplanationView, SourceView } from './fabric-view.ts'
import { firewallRuleInWords, groupName, named, nameOf, portsAt, portsInWords, ruleInWords } from './security-words.ts'

/** A few sentences; none where the table and the resources say all. */
export function meaningOf(found: ExplanationView, chassis: string, reader: Reader): readonly string[] {
  const sources = [...new Map(found.flows.flatMap(flow => flow.sources).map(s => [`${s.kind} ${s.id}`, s])).values()]
  const idsOf = (kind: string) => sources.filter(source => source.kind === kind).map(({ id }) => id)
  return [
    ...(found.drop ? [`drops: ${found.drop.words}`] : []),
    ...idsOf(securityGroupRules.name).flatMap(id => ruleMeaning(id, chassis, reader)),
    ...idsOf(firewallRules.name).flatMap(id => firewallRuleMeaning(id, reader)),
    ...idsOf(firewallGroups.name).flatMap(id => firewallGroupMeaning(id, reader)),
    ...idsOf(policies.name).flatMap(id => policyMeaning(id, chassis, reader)),
    ...(found.remoteGroups ? memberMeaning(sources, found.remoteGroups, reader) : []),
  ]
}

function ruleMeaning(id: string, chassis: string, reader: Reader): readonly string[] {
  const rule = reader.get(securityGroupRules, id)
  if (rule === undefined) return []
  const bearing = portsAt(chassis, reader).filter(port => port.securityGroups.includes(rule.groupId))
  const group = `${groupName(reader, rule.groupId)} (${rule.groupId})`
  return [
    `allows ${ruleInWords(rule, reader)}`,
    `a rule of security group ${group}, borne on this chassis by ${portsInWords(bearing)}`,
  ]
}

function firewallRuleMeaning(id: string, reader: Reader): readonly string[] {
  const rule = reader.get(firewallRules, id)
  if (rule === undefined) return []
  const having = [...reader.by(firewallPolicies, 'rule', id)].map(policy => nameOf(policy, policy.id))
  return [`${firewallRuleInWords(rule)}`, `a rule of firewall policies ${named(having)}`]
}

function firewallGroupMeaning(id: string, reader: Reader): readonly string[] {
  const group = reader.get(firewallGroups, id)
  if (group === undefined) return []
  const guarded = group.ports.flatMap(port => reader.get(ports, port) ?? [])
  return [`firewall group ${nameOf(group, id)} (${id}), of ${portsInWords(guarded)}`]
}

function policyMeaning(id: string, chassis: string, reader: Reader): readonly string[] {
  const policy = reader.get(policies, id)
  if (policy === undefined) return []
  const names = policy.groups.map(group => groupName(reader, group))
  const groups = names.length === 0 ? 'ports without security groups' : `ports of security groups ${named(names)}`
  const bearing = portsAt(chassis, reader).filter(port => port.policy === policy.key)
  return [`for ${groups}: on this chassis ${portsInWords(bearing)}`]
}

function memberMeaning(
  sources: readonly SourceView[],
  { page, bits }: NonNullable<ExplanationView['remoteGroups']>,
  reader: Reader,
): readonly string[] {
  const members = sources.flatMap(({ kind, id }) => {
    if (kind === ports.name) return [`port ${nameOf(reader.get(ports, id), id)}`]
    return kind === addressGroups.name ? [`address group ${nameOf(reader.get(addressGroups, id), id)}`] : []
  })
  const held = [...reader.by(remoteGroupBits, 'page', String(page))]
  const meant = bits.map(bit =>
    bitInWords(
      bit,
      held.find(of => of.bit === bit),
      reader,
    ),
  )
  const project = held[0]?.projectId ? `, as rules of project ${held[0].projectId} name them` : ''
  return [`an address of ${named(members)}: a member of ${named(meant)}${project}`]
}

function bitInWords(bit: number, of: RemoteGroupBit | undefined, reader: Reader): string {
  if (of === undefined) return `what bit ${bit} stands for`
  const group = reader.get(securityGroups, of.remote)
  const name = group
    ? `group ${nameOf(group, group.id)}`
    : `address group ${nameOf(reader.get(addressGroups, of.remote), of.remote)}`
  return `${name} (bit ${bit})`
}
