/**
 * Drops what the sender's security groups do not allow.
 *
 * In:   judged packets of local ports.
 * Out:  egress_firewall, what is allowed. What conntrack gave back with a policy that is gone, to classify once more.
 *
 *   table=23, priority=10,reg12=0x7 actions=drop
 */
import { drop, goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { dropTheRest, judgeAnew, passAllowed, verdictDrops } from '../judging.ts'
import { senderAnew } from '../registers.ts'
import { CLASSIFY } from '../restart.ts'
import { egressFirewall } from './24-egress-firewall.ts'

export const egressVerdict = table('egress_verdict', {
  bridge: 'br-int',
  number: 23,
  match: ['reg2', 'reg12', 'eth_type'],
  next: [egressFirewall],
  fixed: [...passAllowed([goto(egressFirewall)]), ...judgeAnew(senderAnew, CLASSIFY)],
  miss: drop(),
  drops: verdictDrops('no_egress_rule'),
  rules: [dropTheRest],
})
