/**
 * Judges what a port sends: by its egress rules what belongs to a connection that it opened, by its ingress rules what
 * answers one that was opened to it.
 *
 * In:   tracked packets of local ports, and whether their connection is the port's own (known).
 * Out:  egress_verdict. A reply in the connection of another starts a connection, and is judged anew from classify on.
 */
import { drop } from 'node-openflow/flow'
import { table } from '#compiler'
import { judgeConnection, policyDrops } from '../judging.ts'
import { egressVerdict } from './23-egress-verdict.ts'
import { policyTable } from './110-policy.ts'

export const egressPolicy = table('egress_policy', {
  bridge: 'br-int',
  number: 22,
  match: ['reg2', 'ct_state', 'eth_type'],
  next: [egressVerdict, policyTable],
  fixed: judgeConnection(true, egressVerdict),
  miss: drop(),
  drops: policyDrops,
})
