/**
 * Finds the address of the other end, and loads the bits of the remote groups that it belongs to.
 *
 * In:   by resubmit, a packet, the page, and which rules count (direction). The other end of what comes in is the
 *       connection's originator, of what goes out its responder, whichever way this packet goes; stateless policies
 *       know the packet alone.
 * Out:  back, by way of remote_members and remote_prefixes.
 */
import { goto, ip, ipv6, type Match, move, resubmit } from 'node-openflow/flow'
import { table } from '#compiler'
import { state, VALID } from '../conntrack.ts'
import {
  direction,
  EGRESS,
  INGRESS,
  IPV4_ADDRESS,
  policy,
  remoteAddress,
  remoteGroups,
  STATELESS,
} from '../registers.ts'
import { remoteMembers } from './112-remote-members.ts'
import { remotePrefixes } from './113-remote-prefixes.ts'

const STATELESS_POLICY = 30
const FORWARD_ERROR = 20
const CONNECTION = 10

const lookUp = [resubmit({ table: remoteMembers }), goto(remotePrefixes)] as const

/** Takes the address of the other end from a pair of fields, of each family: the source of what comes in. */
const from = (priority: number, match: Match, v4: 'ip' | 'ct_nw', v6: 'ipv6' | 'ct_ipv6') =>
  [
    { family: ip, fields: v4, to: IPV4_ADDRESS },
    { family: ipv6, fields: v6, to: remoteAddress.part },
  ].flatMap(({ family, fields, to }) =>
    ([INGRESS, EGRESS] as const).map(by => ({
      priority,
      match: family({ ...match, ...direction.is(by) }),
      actions: [remoteGroups.set(0), move(`${fields}_${by === INGRESS ? 'src' : 'dst'}`, to), ...lookUp],
    })),
  )

/**
 * An error about a reply. Open vSwitch copies no original tuple of a packet that is neither new nor established nor a
 * reply (`is_ct_valid` of its lib/flow.h), so the packet's own addresses have to do.
 */
const forwardError = state({ ...VALID, rel: true, rpl: false })

export const remoteAddressTable = table('remote_address', {
  bridge: 'br-int',
  number: 111,
  match: ['reg2', 'reg12', 'eth_type', 'ct_state'],
  next: [remoteMembers, remotePrefixes],
  fixed: [
    ...from(STATELESS_POLICY, policy.is(STATELESS, STATELESS), 'ip', 'ipv6'),
    ...from(FORWARD_ERROR, forwardError, 'ip', 'ipv6'),
    ...from(CONNECTION, state(VALID), 'ct_nw', 'ct_ipv6'),
  ],
  miss: [remoteGroups.set(0)],
})
