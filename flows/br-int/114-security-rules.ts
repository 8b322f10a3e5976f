/**
 * The rules of security groups, one flow each, more where a range of ports needs several masks. The same flows on every
 * chassis, whatever ports bear the group.
 *
 * In:   by resubmit, a packet and the group that is asked; which rules count (direction); the page and bits of remote
 *       groups. Rules of stateful groups match the connection's original tuple, so that one rule serves the packets of
 *       both directions and related errors; those of stateless groups match the packet. Later fragments have no ports
 *       (on the userspace datapath not even in the tuple), those of IPv6 no protocol outside of it: rules let them pass
 *       by what is left, the addresses at least, as they are worth nothing without the first.
 * Out:  back, with allowed set if a rule fits. What another group allowed is not asked again.
 *
 * Open vSwitch knows the ports of TCP, UDP and SCTP only: rules with ports of other protocols match nothing. Its
 * userspace conntrack (3.1) knows none of SCTP, and takes all of it between two hosts for one connection: rules with
 * ports of SCTP match the packet's, its destination on the way out and its source on the way back.
 *
 *   table=114, priority=10,ct_state=-inv+trk,ct_nw_src=192.0.2.0/24,ct_nw_proto=6,ct_tp_dst=80,ip,reg2=0x100/0x100,
 *   reg13=0x1 actions=set_field:0x200/0x200->reg2
 */
import { drop } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { securityGroupRules } from '#model'
import { bitOf, groupFacts } from '../policies.ts'
import { allowed } from '../registers.ts'
import { type RuleRow, ruleMatch, ruleRows } from '../rule-match.ts'

const ALLOWED = 20
const RULE = 10

const example: RuleRow = {
  ...{ in: 'web', group: 1, stateful: true, ingress: true, v6: false, protocol: 6 },
  ...{ part: { port: { value: 80, mask: 0xffff } }, remote: '192.0.2.0/24' },
}

export const securityRules = table('security_rules', {
  bridge: 'br-int',
  number: 114,
  match: [
    ...['reg2', 'reg13', 'reg14', 'xxreg2', 'eth_type'],
    ...['ct_state', 'ct_nw_proto', 'ct_nw_src', 'ct_nw_dst', 'ct_ipv6_src', 'ct_ipv6_dst', 'ct_tp_src', 'ct_tp_dst'],
    ...['nw_proto', 'ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'ip_frag'],
    ...['tcp_dst', 'udp_dst', 'sctp_src', 'sctp_dst', 'icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code'],
  ],
  fixed: [{ priority: ALLOWED, match: allowed.is(1), actions: drop() }],
  miss: drop(),
  rules: [
    each(securityGroupRules, {
      scope: 'security_group',
      merge: 'same',
      rows: (rule, view): readonly RuleRow[] => {
        const of = view.value(groupFacts, rule.groupId)
        const bit = of && bitOf(rule, of.projectId, view)
        return of === undefined || bit === undefined ? [] : ruleRows(rule, of, bit)
      },
      example,
      flow: row => ({ priority: RULE, match: ruleMatch(row), actions: [allowed.set(1)] }),
    }),
  ],
})
