/**
 * Judges a packet by a firewall group: asks the rules of its policy for the direction that counts.
 *
 * In:   by resubmit, a packet that is allowed so far, the key of the group, and the direction.
 * Out:  back, with allowed set or not. A group that is down, or that has no policy for the direction, lets nothing pass.
 *
 *   table=116, priority=10,reg2=0/0x100,reg12=0x3
 *   actions=set_field:0/0x200->reg2,set_field:0x4->reg12,resubmit(,117),set_field:0x3->reg12
 */
import { resubmit } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { firewallGroups } from '#model'
import { guardFacts } from '../firewalls.ts'
import { allowed, direction, EGRESS, firewall, INGRESS } from '../registers.ts'
import { firewallRulesTable } from './117-firewall-rules.ts'

const GROUP = 10

export const firewallGroup = table('firewall_group', {
  bridge: 'br-int',
  number: 116,
  match: ['reg2', 'reg12'],
  next: [firewallRulesTable],
  miss: [allowed.set(0)],
  rules: [
    each(firewallGroups, {
      scope: 'firewall_group',
      rows: ({ id }, view) => {
        const facts = view.value(guardFacts, id)
        if (facts === undefined) return []
        const { key: group, egress, ingress } = facts
        return [
          { in: id, group, direction: EGRESS, policy: egress },
          { in: id, group, direction: INGRESS, policy: ingress },
        ].flatMap(({ policy, ...row }) => (policy === undefined ? [] : [{ ...row, policy }]))
      },
      example: { in: 'g', group: 3, direction: EGRESS, policy: 4 },
      flow: row => ({
        priority: GROUP,
        match: { ...firewall.is(row.group), ...direction.is(row.direction) },
        actions: [
          ...[allowed.set(0), firewall.set(row.policy), resubmit({ table: firewallRulesTable })],
          firewall.set(row.group),
        ],
      }),
    }),
  ],
})
