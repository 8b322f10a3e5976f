/**
 * Asks the firewall group of the receiver: its ingress policy for what is opened to the port, its egress policy for what
 * answers.
 *
 * In:   tracked packets for local ports, with the firewall group of the port.
 * Out:  ingress_firewall_verdict, with what the group says.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'
import { askDrops, askGroup } from '../guarding.ts'
import { ingressFirewallVerdict } from './76-ingress-firewall-verdict.ts'
import { firewallGroup } from './116-firewall-group.ts'

export const ingressFirewallRules = table('ingress_firewall_rules', {
  bridge: 'br-int',
  number: 75,
  match: ['ct_state'],
  next: [ingressFirewallVerdict, firewallGroup],
  fixed: askGroup(false, ingressFirewallVerdict),
  miss: drop(),
  drops: askDrops,
})
