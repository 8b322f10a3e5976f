// Security groups and their rules: what may reach the ports that bear them, and what these may send.
import { finder } from './finder.ts'
import type { IpVersion } from './ip.ts'
import { type Kind, kind, type Pool } from './kind.ts'

/** A security group. */
export interface SecurityGroup {
  readonly id: string
  /** Stands for the group in the data plane. */
  readonly key: number
  readonly projectId: string
  readonly name: string
  /** Whether replies of allowed connections pass; a port bears groups of one sort only. */
  readonly stateful: boolean
  /** The group of ports for which none is named; one a project. */
  readonly isDefault: boolean
}

/** All security groups. */
export const securityGroups: Kind<SecurityGroup, 'project'> = kind<SecurityGroup>()('security_group', {
  unique: g => [`key ${g.key}`, ...(g.isDefault ? [`default ${g.projectId}`] : [])],
  index: { project: g => [g.projectId] },
})

/** Security group keys. */
export const securityGroupKeys: Pool = { name: 'security_group_key', first: 1, last: 0x7fffffff }

/** The security group of an id. Throws SecurityGroupNotFound. */
export const securityGroupOf = finder(securityGroups, 'SecurityGroupNotFound')

/** A direction as seen from the port. */
export type Direction = 'egress' | 'ingress'

/** A rule of a security group: what it describes is allowed. */
export interface SecurityGroupRule {
  readonly id: string
  readonly projectId: string
  readonly groupId: string
  readonly direction: Direction
  readonly ipVersion: IpVersion
  /** As asked for, a name or a number; '' for any. Only shown: `protocolNumber` counts. */
  readonly protocol: string
  /** IANA's number; null for any, for which Neutron takes 0 too. ICMP of IPv6 is 58 whatever name it was asked by. */
  readonly protocolNumber: number | null
  /** First and last destination port; for ICMP the type and the code; null for any. */
  readonly portRangeMin: number | null
  readonly portRangeMax: number | null
  /** The other end: a prefix in canonical text, or members of a group; at most one of the three, none for any. */
  readonly remoteIpPrefix: string | null
  /** The prefix as asked for, with host bits; '' for none. Only shown: `remoteIpPrefix` counts, null for `0.0.0.0/0`. */
  readonly remoteIpPrefixAsked: string
  readonly remoteGroupId: string | null
  readonly remoteAddressGroupId: string | null
}

/** Everything of a rule that decides what it allows, its group included. */
export const meaningOf = (rule: SecurityGroupRule): string =>
  [
    ...[rule.groupId, rule.direction, rule.ipVersion, rule.protocolNumber, rule.portRangeMin, rule.portRangeMax],
    ...[rule.remoteIpPrefix, rule.remoteGroupId, rule.remoteAddressGroupId],
  ].join(' ')

/** All rules. `remote` is the id of the security group or address group named. */
export const securityGroupRules: Kind<SecurityGroupRule, 'group' | 'project' | 'remote' | 'meaning'> =
  kind<SecurityGroupRule>()('security_group_rule', {
    index: {
      group: r => [r.groupId],
      project: r => [r.projectId],
      meaning: r => [meaningOf(r)],
      remote: r => {
        const remote = remoteOf(r)
        return remote === null ? [] : [remote]
      },
    },
  })

/** The id of the security group or address group that a rule names as the other end. */
export const remoteOf = (rule: SecurityGroupRule): string | null => rule.remoteGroupId ?? rule.remoteAddressGroupId

/** The rule of an id. Throws SecurityGroupRuleNotFound. */
export const securityGroupRuleOf = finder(securityGroupRules, 'SecurityGroupRuleNotFound')
