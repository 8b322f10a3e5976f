/**
 * Drops what the receiver's security groups do not allow.
 *
 * In:   judged packets for local ports.
 * Out:  output, what is allowed; its connection is committed if it is new. What was given back by conntrack with a policy
 *       that is gone, to receiver once more.
 *
 *   table=73, priority=10,reg12=0x7 actions=drop
 */
import { drop, goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { dropTheRest, judgeAnew, passAllowed, verdictDrops } from '../judging.ts'
import { receiverAnew } from '../registers.ts'
import { RECEIVER } from '../restart.ts'
import { outputTable } from './90-output.ts'
import { commitTable } from './101-commit.ts'

export const ingressVerdict = table('ingress_verdict', {
  bridge: 'br-int',
  number: 73,
  match: ['reg2', 'reg12', 'eth_type'],
  next: [outputTable, commitTable],
  fixed: [...passAllowed([resubmit({ table: commitTable }), goto(outputTable)]), ...judgeAnew(receiverAnew, RECEIVER)],
  miss: drop(),
  drops: verdictDrops('no_ingress_rule'),
  rules: [dropTheRest],
})
