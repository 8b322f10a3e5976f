/**
 * Judges what a port receives: by its ingress rules what belongs to a connection that was opened to it, by its egress
 * rules what answers one that it opened.
 *
 * In:   tracked packets for local ports, and whether their connection is the port's own (known).
 * Out:  ingress_verdict. A reply in the connection of another starts a connection, and is judged anew: from classify on,
 *       as its sender's egress too, or from l2_lookup on when it came from outside or was routed.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'
import { judgeConnection, policyDrops } from '../judging.ts'
import { ingressVerdict } from './73-ingress-verdict.ts'
import { policyTable } from './110-policy.ts'

export const ingressPolicy = table('ingress_policy', {
  bridge: 'br-int',
  number: 72,
  match: ['reg2', 'ct_state', 'eth_type'],
  next: [ingressVerdict, policyTable],
  fixed: judgeConnection(false, ingressVerdict),
  miss: drop(),
  drops: policyDrops,
})
