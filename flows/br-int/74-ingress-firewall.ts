/**
 * Finds what a port receives that is in a firewall group.
 *
 * In:   IP packets for local ports that the receiver's security groups allow.
 * Out:  ingress_firewall_rules, with the receiver's firewall group; the rest to output, its connection committed if it is new.
 *
 *   table=74, priority=20,ct_state=+trk,reg1=0x5 actions=set_field:0x3->reg12,goto_table:75
 */
import { goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { guardedPorts } from '../guarding.ts'
import { destinationPort } from '../registers.ts'
import { ingressFirewallRules } from './75-ingress-firewall-rules.ts'
import { outputTable } from './90-output.ts'
import { commitTable } from './101-commit.ts'

export const ingressFirewall = table('ingress_firewall', {
  bridge: 'br-int',
  number: 74,
  match: ['reg1', 'ct_state', 'eth_type'],
  next: [ingressFirewallRules, outputTable, commitTable],
  miss: [resubmit({ table: commitTable }), goto(outputTable)],
  rules: [guardedPorts(destinationPort, ingressFirewallRules)],
})
