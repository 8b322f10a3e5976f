/**
 * Judges a packet by a policy: asks the rules of its groups one after the other, those that name remote groups once the
 * bits of their page are loaded.
 *
 * In:   by resubmit, a packet, the policy, and which rules count (direction).
 * Out:  back, with allowed set or not. A port without policy is allowed all, and so is one that a firewall group alone judges.
 *
 *   table=110, priority=10,reg12=0x7
 *   actions=set_field:0/0x200->reg2,set_field:0x1->reg13,resubmit(,114),set_field:0x2->reg14,resubmit(,111),
 *   set_field:0x3->reg13,resubmit(,114)
 */
import { resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { policies } from '#model'
import { type Ask, policyFacts, policyMark } from '../policies.ts'
import { allowed, group, OPEN_POLICY, page, policy } from '../registers.ts'
import { remoteAddressTable } from './111-remote-address.ts'
import { securityRules } from './114-security-rules.ts'

const UNJUDGED = 20
const POLICY = 10

const ask = ({ page: key, groups }: Ask) => [
  ...(key === undefined ? [] : [page.set(key), resubmit({ table: remoteAddressTable })]),
  ...groups.flatMap(g => [group.set(g), resubmit({ table: securityRules })]),
]

const asks: readonly Ask[] = [
  { page: undefined, groups: [1] },
  { page: 2, groups: [3] },
]

export const policyTable = table('policy', {
  bridge: 'br-int',
  number: 110,
  match: ['reg12'],
  next: [remoteAddressTable, securityRules],
  fixed: [0, OPEN_POLICY].map(open => ({ priority: UNJUDGED, match: policy.is(open), actions: [allowed.set(1)] })),
  miss: [allowed.set(0)],
  rules: [
    each(policies, {
      scope: 'policy',
      rows: ({ id }, view) => {
        const [mark, facts] = [view.value(policyMark, id), view.value(policyFacts, id)]
        return mark === undefined || facts === undefined ? [] : [{ in: id, policy: mark, asks: facts.asks }]
      },
      example: { in: '7', policy: 7, asks },
      flow: row => ({
        priority: POLICY,
        match: policy.is(row.policy),
        actions: [allowed.set(0), ...row.asks.flatMap(ask)],
      }),
    }),
  ],
})
