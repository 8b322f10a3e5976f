/**
 * Finds the address of the other end, and loads the bits of the remote groups that it belongs to.
 *
 * In:   by resubmit, a packet, the page, and which rules count (direction). The other end of what comes in is the
 *       connection's originator, of what goes out its responder, whichever way this packet goes; stateless policies
 *       know the packet alone.
 * Out:  back, by way of remote_members and remote_prefixes.
 */
import { goto, ip, ipv6, type Match, move, resubmit, type Subfield } from 'node-openflow/flow'
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

const from = (priority: number, match: Match, address: Subfield) => ({
  priority,
  match,
  actions: [
    remoteGroups.set(0),
    move(address, address.includes('ipv6') ? remoteAddress.part : IPV4_ADDRESS),
    ...lookUp,
  ],
})

const stateless = policy.is(STATELESS, STATELESS)

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
    from(STATELESS_POLICY, ip({ ...stateless, ...direction.is(INGRESS) }), 'ip_src'),
    from(STATELESS_POLICY, ip({ ...stateless, ...direction.is(EGRESS) }), 'ip_dst'),
    from(STATELESS_POLICY, ipv6({ ...stateless, ...direction.is(INGRESS) }), 'ipv6_src'),
    from(STATELESS_POLICY, ipv6({ ...stateless, ...direction.is(EGRESS) }), 'ipv6_dst'),
    from(FORWARD_ERROR, ip({ ...forwardError, ...direction.is(INGRESS) }), 'ip_src'),
    from(FORWARD_ERROR, ip({ ...forwardError, ...direction.is(EGRESS) }), 'ip_dst'),
    from(FORWARD_ERROR, ipv6({ ...forwardError, ...direction.is(INGRESS) }), 'ipv6_src'),
    from(FORWARD_ERROR, ipv6({ ...forwardError, ...direction.is(EGRESS) }), 'ipv6_dst'),
    from(CONNECTION, ip({ ...state(VALID), ...direction.is(INGRESS) }), 'ct_nw_src'),
    from(CONNECTION, ip({ ...state(VALID), ...direction.is(EGRESS) }), 'ct_nw_dst'),
    from(CONNECTION, ipv6({ ...state(VALID), ...direction.is(INGRESS) }), 'ct_ipv6_src'),
    from(CONNECTION, ipv6({ ...state(VALID), ...direction.is(EGRESS) }), 'ct_ipv6_dst'),
  ],
  miss: [remoteGroups.set(0)],
})
