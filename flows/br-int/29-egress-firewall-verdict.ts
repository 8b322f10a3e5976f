/**
 * Drops what the firewall group of the sender does not allow.
 *
 * In:   judged packets of local ports.
 * Out:  router_admission, what is allowed. What is rejected, to the controller, which tells the sender.
 *
 *   table=29, priority=10,reg12=0x3 actions=drop
 */
import { controller, drop, goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { dropByGroup, guardDrops, guardVerdict } from '../guarding.ts'
import { portRejectedUserdata } from '../packet-in.ts'
import { routerAdmission } from './40-router-admission.ts'

export const egressFirewallVerdict = table('egress_firewall_verdict', {
  bridge: 'br-int',
  number: 29,
  match: ['reg2', 'reg12'],
  next: [routerAdmission],
  fixed: guardVerdict([goto(routerAdmission)], controller({ userdata: portRejectedUserdata })),
  miss: drop(),
  drops: guardDrops('egress_firewall'),
  rules: [dropByGroup],
})
