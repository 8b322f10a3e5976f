/**
 * The rules of firewall policies, in order: the first that fits decides. The same flows on every chassis, whatever ports the policy
 * judges; one for the packets of each direction of connections, more where ranges of ports need several masks.
 *
 * In:   by resubmit, a packet that is not allowed yet, the key of the policy that is asked, and what conntrack knows of the packet
 *       (way). Rules match the packet's own header, where a reply has the rule's source as its destination: that of the
 *       connection may hold addresses that routers translate. An error about a connection passes, as it does in Neutron.
 * Out:  back, with allowed or rejected set if the rule says so. What no rule fits is not allowed.
 *
 *   table=117, priority=30010,tcp,reg2=0x100000/0x300000,reg12=0x4,nw_src=10.0.0.0/24,tp_dst=80
 *   actions=set_field:0x200/0x200->reg2
 */
import { drop } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { firewallPolicies, firewallRules } from '#model'
import { type FirewallRow, firewallMatch, firewallRows } from '../firewall-match.ts'
import { allowed, rejected, related } from '../registers.ts'

/** Above all places. */
const RELATED = 0xffff
/** And the place of the rule. */
const RULE = 10

const VERDICT = { allow: [allowed.set(1)], deny: drop(), reject: [rejected.set(1)] } as const

const example: FirewallRow = {
  ...{ in: 'web', policy: 4, place: 30000, action: 'allow', reply: false, v6: false, protocol: 6 },
  ...{ source: '10.0.0.0/24', destination: null, ports: { source: null, destination: { value: 80, mask: 0xffff } } },
  isLater: false,
}

export const firewallRulesTable = table('firewall_rules', {
  bridge: 'br-int',
  number: 117,
  match: [
    ...['reg2', 'reg12', 'eth_type', 'nw_proto', 'ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'ip_frag'],
    ...['tcp_src', 'tcp_dst', 'udp_src', 'udp_dst'],
  ],
  fixed: [{ priority: RELATED, match: related.is(1), actions: [allowed.set(1)] }],
  miss: drop(),
  rules: [
    each(firewallRules, {
      scope: 'firewall_policy',
      rows: (rule, view): readonly FirewallRow[] => {
        if (!rule.enabled) return []
        return view
          .by(firewallPolicies, 'rule', rule.id)
          .flatMap(({ id, key: policy, rules, places }) =>
            firewallRows(rule, { in: id, policy, place: places[rules.indexOf(rule.id)]! }),
          )
      },
      example,
      flow: row => ({ priority: RULE + row.place, match: firewallMatch(row), actions: VERDICT[row.action] }),
    }),
  ],
})
