// What tables need to know of security groups, computed once: see docs/decisions/0010.
import { derive, type View } from '#compiler'
import {
  addressGroups,
  type Policy,
  policies,
  ports,
  type RemoteGroupBit,
  remoteGroupBits,
  remoteOf,
  type SecurityGroup,
  type SecurityGroupRule,
  securityGroupRules,
  securityGroups,
} from '#model'
import { isHost, lengthOf, supernet } from './addresses.ts'
import { STATELESS } from './registers.ts'

/** What the register `policy` holds for a policy: its key, and whether it is stateless. */
export const policyMark = derive('policy_mark', policies, (p: Policy) => (p.stateful ? p.key : p.key + STATELESS))

/** Whether a policy as the register holds it lets connections be tracked; 0 judges nothing. */
export const isStateful = (mark: number): boolean => mark !== 0 && mark < STATELESS

/** Id of the policy that the register holds. */
export const policyId = (mark: number): string => String(mark % STATELESS)

const ascending = (numbers: Iterable<number>) => [...new Set(numbers)].sort((a, b) => a - b)

/** The bit that a rule needs; null when it names no group, undefined when the group that it names has no bit. */
export const bitOf = (rule: SecurityGroupRule, projectId: string, view: View): RemoteGroupBit | null | undefined => {
  const remote = remoteOf(rule)
  return remote === null ? null : view.get(remoteGroupBits, `${projectId}/${remote}`)
}

/** What of a security group matters to flows. */
export const groupFacts = derive('security_group', securityGroups, (group: SecurityGroup, view: View) => ({
  key: group.key,
  projectId: group.projectId,
  stateful: group.stateful,
  /** The pages of remote groups that its rules need. */
  pages: ascending(
    view.by(securityGroupRules, 'group', group.id).flatMap(rule => bitOf(rule, group.projectId, view)?.page ?? []),
  ),
}))

/** Groups that are asked one after the other, with one page of remote groups or with none. */
export interface Ask {
  readonly page: number | undefined
  readonly groups: readonly number[]
}

/** How a policy is judged: its groups that need no page, then page by page those that need it. */
export const policyFacts = derive('policy', policies, (p: Policy, view: View) => {
  const groups = p.groups.flatMap(id => view.value(groupFacts, id) ?? [])
  const pages = ascending(groups.flatMap(group => group.pages))
  const keys = (some: typeof groups) => ascending(some.map(group => group.key))
  const asks: readonly Ask[] = [
    { page: undefined, groups: keys(groups.filter(group => group.pages.length === 0)) },
    ...pages.map(page => ({ page, groups: keys(groups.filter(group => group.pages.includes(page))) })),
  ].filter(ask => ask.groups.length > 0)
  return {
    asks,
    pages,
    /** How many tables Open vSwitch looks into to judge by it. */
    lookups: asks.reduce((sum, { page, groups: { length } }) => sum + length + (page === undefined ? 0 : 3), 1),
  }
})

/** How many tables Open vSwitch looks into to judge by the policy that the register holds. */
export const lookupsOf = (mark: number, view: View): number =>
  mark === 0 ? 1 : (view.value(policyFacts, policyId(mark))?.lookups ?? 1)

/** The flow sets that a chassis with a port of a policy needs: the policy's, its groups' and their pages'. */
export const policyFlowSets = derive('policy_flow_sets', policies, (p: Policy, view: View): readonly string[] => [
  `policy/${p.id}`,
  ...p.groups.map(id => `security_group/${id}`),
  ...(view.value(policyFacts, p.id)?.pages ?? []).map(page => `remote_group_page/${page}`),
])

/** The bits that stand for a group, in the pages of the projects whose rules name it. */
export const bitsOfGroup = (remote: string, view: View): readonly RemoteGroupBit[] =>
  view.by(remoteGroupBits, 'remote', remote)

/** Prefixes of more than one address that belong to what a bit stands for; ports have them as allowed address pairs. */
const wideMembers = derive('wide_members', remoteGroupBits, ({ remote }: RemoteGroupBit, view: View) =>
  [
    ...(view.get(addressGroups, remote)?.addresses ?? []),
    ...view.by(ports, 'prefixMember', remote).flatMap(port => port.allowedAddressPairs.map(pair => pair.ipAddress)),
  ].flatMap(prefix => (isHost(prefix) ? [] : supernet(prefix, lengthOf(prefix)))),
)

/** The prefixes of more than one address of all that the bits of a page stand for: those bits by prefix, and their lengths. */
export const widePrefixes = derive('wide_prefixes', remoteGroupBits, ({ page }: RemoteGroupBit, view: View) => {
  const bits: Record<string, readonly number[]> = {}
  for (const { id, bit } of view.by(remoteGroupBits, 'page', String(page)))
    for (const prefix of view.value(wideMembers, id) ?? []) bits[prefix] = [...(bits[prefix] ?? []), bit]
  return { bits, lengths: ascending(Object.keys(bits).map(lengthOf)) }
})

/** The bits of a page that a prefix belongs to by itself and by the shorter prefixes that it lies in. */
export const coveringBits = (prefix: string, of: RemoteGroupBit, view: View): readonly number[] => {
  const { bits, lengths } = view.value(widePrefixes, of.id) ?? { bits: {}, lengths: [] }
  const shorter = lengths.filter(length => length <= lengthOf(prefix))
  return ascending([of.bit, ...shorter.flatMap(length => bits[supernet(prefix, length)] ?? [])])
}
