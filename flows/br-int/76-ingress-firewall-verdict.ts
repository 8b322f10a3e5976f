/**
 * Drops what the firewall group of the receiver does not allow.
 *
 * In:   judged packets for local ports.
 * Out:  output, what is allowed; its connection is committed if it is new. What is rejected, to the controller, which tells the
 *       sender.
 *
 *   table=76, priority=10,reg12=0x3 actions=drop
 */
import { controller, drop, goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { dropByGroup, guardDrops, guardVerdict } from '../guarding.ts'
import { portRejectedUserdata } from '../packet-in.ts'
import { outputTable } from './90-output.ts'
import { commitTable } from './101-commit.ts'

export const ingressFirewallVerdict = table('ingress_firewall_verdict', {
  bridge: 'br-int',
  number: 76,
  match: ['reg2', 'reg12'],
  next: [outputTable, commitTable],
  fixed: guardVerdict(
    [resubmit({ table: commitTable }), goto(outputTable)],
    controller({ userdata: portRejectedUserdata }),
  ),
  miss: drop(),
  drops: guardDrops('ingress_firewall'),
  rules: [dropByGroup],
})
