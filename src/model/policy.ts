// What the data plane knows security groups by: distinct sets of groups, and bits that stand for remote groups. Derived
// from ports and rules in the transactions that change them (rules/policy.ts); see docs/decisions/0010.
import { type Kind, kind, type Pool } from './kind.ts'

/** A distinct set of security groups that ports bear; the empty set too: such a port sends and receives nothing. */
export interface Policy {
  /** The key, as text. */
  readonly id: string
  readonly key: number
  /** Ids of the groups, sorted. */
  readonly groups: readonly string[]
  readonly stateful: boolean
}

/** All policies that some port bears. */
export const policies: Kind<Policy, 'group'> = kind<Policy>()('policy', {
  unique: p => [`key ${p.key}`, `groups ${p.groups.join(' ')}`],
  index: { group: p => p.groups },
})

/** Policy keys; 0 stands for a port without port security, and what follows the last for one with a firewall group. */
export const policyKeys: Pool = { name: 'policy_key', first: 1, last: 0x7ffffffe }

/** Bits of a page. */
export const PAGE_BITS = 128

/** The bit that stands for a security group or address group which rules of a project name as the other end. */
export interface RemoteGroupBit {
  /** `<project id>/<group id>` */
  readonly id: string
  /** The project that owns the rules. */
  readonly projectId: string
  /** The security group or address group. */
  readonly remote: string
  /** Key of the page, one project's; unique over all. */
  readonly page: number
  /** 0 to PAGE_BITS - 1, unique in the page. */
  readonly bit: number
}

/** All bits: one while any rule of the project names the group. */
export const remoteGroupBits: Kind<RemoteGroupBit, 'project' | 'remote' | 'page'> = kind<RemoteGroupBit>()(
  'remote_group_bit',
  {
    unique: b => [`${b.page} ${b.bit}`],
    index: { project: b => [b.projectId], remote: b => [b.remote], page: b => [String(b.page)] },
  },
)

/** Keys of pages. */
export const remoteGroupPages: Pool = { name: 'remote_group_page', first: 1, last: 0x7fffffff }

/** Bits, a pool per page. */
export const remoteGroupPageBits: Pool = { name: 'remote_group_page_bit', first: 0, last: PAGE_BITS - 1 }
