/**
 * Has what a port receives tracked, so that security groups know its connection. What was tracked when a port of this
 * chassis sent it is not tracked again.
 *
 * In:   frames for local ports; policy is the receiver's.
 * Out:  ingress_connection, with the state of the connection, in the zone of the network. Stateless policies judge the
 *       packet here and go on with ingress_verdict. What every port receives, and ports without policy, to output; what is no
 *       IP, too, to ports without port security that a firewall group alone judges. To others it is dropped: no rule of a
 *       security group can allow it.
 */
import { drop, goto, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { alwaysReceived } from '../always-allowed.ts'
import { eachFamily, state, track } from '../conntrack.ts'
import { judgePacket } from '../judging.ts'
import { OPEN_POLICY, policy, STATELESS } from '../registers.ts'
import { ingressConnection } from './71-ingress-connection.ts'
import { ingressVerdict } from './73-ingress-verdict.ts'
import { outputTable } from './90-output.ts'
import { commitTable } from './101-commit.ts'
import { policyTable } from './110-policy.ts'

const UNJUDGED = 50
const ALWAYS = 40
const STATELESS_POLICY = 30
const TRACKED = 20
const UNTRACKED = 10
const OPEN = 5

export const ingressConntrack = table('ingress_conntrack', {
  bridge: 'br-int',
  number: 70,
  match: ['reg12', 'ct_state', 'eth_type', 'nw_proto', 'udp_src', 'udp_dst', 'icmpv6_type'],
  next: [ingressConnection, ingressVerdict, outputTable, commitTable, policyTable],
  fixed: [
    { priority: UNJUDGED, match: policy.is(0), actions: [resubmit({ table: commitTable }), goto(outputTable)] },
    ...alwaysReceived.map(match => ({ priority: ALWAYS, match, actions: [goto(outputTable)] })),
    {
      priority: STATELESS_POLICY,
      match: policy.is(STATELESS, STATELESS),
      actions: judgePacket(false, ingressVerdict),
    },
    { priority: TRACKED, match: state({ trk: true }), actions: [goto(ingressConnection)] },
    ...eachFamily().map(match => ({ priority: UNTRACKED, match, actions: [track(ingressConnection)] })),
    { priority: OPEN, match: policy.is(OPEN_POLICY), actions: [goto(outputTable)] },
  ],
  miss: drop(),
  drops: { 0: 'unjudged_protocol' },
})
