/**
 * Asks the firewall group of the sender: its egress policy for what the port opens, its ingress policy for what it answers.
 *
 * In:   tracked packets of local ports, with the firewall group of the port.
 * Out:  egress_firewall_verdict, with what the group says.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'
import { askDrops, askGroup } from '../guarding.ts'
import { egressFirewallVerdict } from './29-egress-firewall-verdict.ts'
import { firewallGroup } from './116-firewall-group.ts'

export const egressFirewallRules = table('egress_firewall_rules', {
  bridge: 'br-int',
  number: 28,
  match: ['ct_state'],
  next: [egressFirewallVerdict, firewallGroup],
  fixed: askGroup(true, egressFirewallVerdict),
  miss: drop(),
  drops: askDrops,
})
