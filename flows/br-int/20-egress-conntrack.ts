/**
 * Has what a port sends tracked, so that security groups know its connection.
 *
 * In:   IP of local ports from addresses of theirs; policy is the sender's.
 * Out:  egress_connection, with the state of the connection, in the zone of the network. Stateless policies judge the
 *       packet here and go on with egress_verdict. What a port may always send, and what no policy judges, to
 *       address_question; what asks for neighbours and what is no IP, too, from ports without port security that a firewall
 *       group alone judges.
 */
import { drop, goto, icmp6 } from 'node-openflow/flow'
import { table } from '#compiler'
import { alwaysSent } from '../always-allowed.ts'
import { eachFamily, state, track } from '../conntrack.ts'
import { judgePacket } from '../judging.ts'
import { NEIGHBOR_ADVERTISEMENT, NEIGHBOR_SOLICITATION } from '../neighbor-discovery.ts'
import { OPEN_POLICY, policy, STATELESS } from '../registers.ts'
import { egressConnection } from './21-egress-connection.ts'
import { egressVerdict } from './23-egress-verdict.ts'
import { addressQuestion } from './30-address-question.ts'
import { policyTable } from './110-policy.ts'

const ALWAYS = 50
const UNJUDGED = 40
const STATELESS_POLICY = 30
const TRACKED = 20
const UNTRACKED = 10
const OPEN = 5

export const egressConntrack = table('egress_conntrack', {
  bridge: 'br-int',
  number: 20,
  match: ['reg12', 'ct_state', 'eth_type', 'nw_proto', 'udp_src', 'udp_dst', 'icmpv6_type'],
  next: [egressConnection, egressVerdict, addressQuestion, policyTable],
  fixed: [
    ...alwaysSent.map(match => ({ priority: ALWAYS, match, actions: [goto(addressQuestion)] })),
    { priority: UNJUDGED, match: policy.is(0), actions: [goto(addressQuestion)] },
    ...[NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT].map(type => ({
      priority: UNJUDGED,
      match: icmp6({ ...policy.is(OPEN_POLICY), icmpv6_type: type }),
      actions: [goto(addressQuestion)],
    })),
    {
      priority: STATELESS_POLICY,
      match: policy.is(STATELESS, STATELESS),
      actions: judgePacket(true, egressVerdict),
    },
    { priority: TRACKED, match: state({ trk: true }), actions: [goto(egressConnection)] },
    ...eachFamily().map(match => ({ priority: UNTRACKED, match, actions: [track(egressConnection)] })),
    { priority: OPEN, match: policy.is(OPEN_POLICY), actions: [goto(addressQuestion)] },
  ],
  miss: drop(),
  drops: { 0: 'unjudged_protocol' },
})
