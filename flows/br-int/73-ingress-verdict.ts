/**
 * Drops what the receiver's security groups do not allow.
 *
 * In:   judged packets for local ports.
 * Out:  ingress_firewall, what is allowed. What was given back by conntrack with a policy that is gone, to receiver once
 *       more.
 *
 *   table=73, priority=10,reg12=0x7 actions=drop
 */
import { drop, goto } from 'node-openflow/flow'
import { table } from '#compiler'
import { dropTheRest, judgeAnew, passAllowed, verdictDrops } from '../judging.ts'
import { receiverAnew } from '../registers.ts'
import { RECEIVER } from '../restart.ts'
import { ingressFirewall } from './74-ingress-firewall.ts'

export const ingressVerdict = table('ingress_verdict', {
  bridge: 'br-int',
  number: 73,
  match: ['reg2', 'reg12', 'eth_type'],
  next: [ingressFirewall],
  fixed: [...passAllowed([goto(ingressFirewall)]), ...judgeAnew(receiverAnew, RECEIVER)],
  miss: drop(),
  drops: verdictDrops('no_ingress_rule'),
  rules: [dropTheRest],
})
