/**
 * Finds what a port sends that is in a firewall group.
 *
 * In:   IP packets that the sender's security groups allow.
 * Out:  egress_firewall_rules, with the sender's firewall group; the rest to router_admission.
 *
 *   table=24, priority=20,ct_state=+trk,reg0=0x5 actions=set_field:0x3->reg12,goto_table:28
 */
import { goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { guardedPorts } from '../guarding.ts'
import { sourcePort } from '../registers.ts'
import { egressFirewallRules } from './28-egress-firewall-rules.ts'
import { routerAdmission } from './40-router-admission.ts'

export const egressFirewall = table('egress_firewall', {
  bridge: 'br-int',
  number: 24,
  match: ['reg0', 'ct_state', 'eth_type'],
  next: [egressFirewallRules, routerAdmission],
  miss: [goto(routerAdmission)],
  rules: [guardedPorts(sourcePort, egressFirewallRules)],
})
