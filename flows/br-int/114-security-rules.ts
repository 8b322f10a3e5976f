/**
 * The rules of security groups, one flow each, more where a range of ports needs several masks. The same flows on every
 * chassis, whatever ports bear the group.
 *
 * In:   by resubmit, a packet and the group that is asked; which rules count (direction); the page and bits of remote
 *       groups. Rules of stateful groups match the connection's original tuple, so that one rule serves the packets of
 *       both directions and related errors; those of stateless groups match the packet. Later fragments have no ports
 *       (on the userspace datapath not even in the tuple): rules with ports let them pass by protocol and addresses
 *       alone, as they are worth nothing without the first.
 * Out:  back, with allowed set if a rule fits. What another group allowed is not asked again.
 *
 * Open vSwitch knows the ports of TCP, UDP and SCTP only: rules with ports of other protocols match nothing. Its
 * userspace conntrack (3.1) knows none of SCTP, and takes all of it between two hosts for one connection: rules with
 * ports of SCTP match the packet's, its destination on the way out and its source on the way back.
 *
 *   table=114, priority=10,ct_state=-inv+trk,ct_nw_src=192.0.2.0/24,ct_nw_proto=6,ct_tp_dst=80,ip,reg2=0x100/0x100,
 *   reg13=0x1 actions=set_field:0x200/0x200->reg2
 */
import { drop, ip, ipv6, type Masked, type Match, masked } from 'node-openflow/flow'
import { each, table } from '#compiler'
import { type SecurityGroupRule, securityGroupRules } from '#model'
import { onWire } from '../addresses.ts'
import { state, VALID } from '../conntrack.ts'
import { bitOf, groupFacts } from '../policies.ts'
import { portMasks } from '../port-masks.ts'
import { allowed, direction, EGRESS, group, INGRESS, page, remoteGroups } from '../registers.ts'

const ALLOWED = 20
const RULE = 10

const ICMP = [1, 58]
const SCTP = 132
const PORT_FIELD: Readonly<Record<number, string>> = { 6: 'tcp_dst', 17: 'udp_dst', [SCTP]: 'sctp_dst' }
const LATER_FRAGMENT = { ip_frag: masked(2, 2) }

/** What a rule asks of ports: a masked port, type and code of ICMP, nothing; or that there are none. */
type Ports = Masked<number> | readonly [type: number, code: number | null] | 'any' | 'later fragment'

/** Packets of an SCTP connection. */
type Way = 'original' | 'reply' | 'error'

interface Row {
  readonly in: string
  readonly group: number
  readonly stateful: boolean
  readonly ingress: boolean
  readonly v6: boolean
  readonly protocol: number | null
  readonly ports: Ports
  readonly way?: Way
  readonly remote: string | { readonly page: number; readonly bit: number } | null
}

const portsOf = (rule: SecurityGroupRule): readonly Ports[] => {
  const { protocolNumber: protocol, portRangeMin: min, portRangeMax: max } = rule
  if (protocol === null || min === null) return ['any']
  if (ICMP.includes(protocol)) return [[min, max], 'later fragment']
  return protocol in PORT_FIELD ? [...portMasks(min, max ?? min), 'later fragment'] : []
}

const WAYS: Readonly<Record<Way, (port: Masked<number>) => Match>> = {
  original: port => ({ ...state({ ...VALID, rpl: false }), nw_proto: SCTP, sctp_dst: port }),
  reply: port => ({ ...state({ ...VALID, rpl: true }), nw_proto: SCTP, sctp_src: port }),
  error: port => ({ ...state({ ...VALID, rel: true }), ct_tp_dst: port }),
}

const connectionPorts = ({ ports, way }: Row): Match => {
  if (ports === 'any') return {}
  if (ports === 'later fragment') return LATER_FRAGMENT
  if ('mask' in ports) return way === undefined ? { ct_tp_dst: ports } : WAYS[way](ports)
  const [type, code] = ports
  return { ct_tp_src: type, ...(code === null ? {} : { ct_tp_dst: code }) }
}

const packetPorts = (protocol: number | null, ports: Ports): Match => {
  if (ports === 'any') return {}
  if (ports === 'later fragment') return LATER_FRAGMENT
  if ('mask' in ports) return { [PORT_FIELD[protocol ?? 0] ?? '']: ports }
  const [type, code] = ports
  const name = protocol === 58 ? 'icmpv6' : 'icmp'
  return { [`${name}_type`]: type, ...(code === null ? {} : { [`${name}_code`]: code }) }
}

const remoteMatch = ({ remote, stateful, v6, ingress }: Row): Match => {
  if (remote === null) return {}
  if (typeof remote !== 'string')
    return { ...page.is(remote.page), ...remoteGroups.is(1n << BigInt(remote.bit), 1n << BigInt(remote.bit)) }
  const end = ingress ? 'src' : 'dst'
  const name = stateful ? (v6 ? `ct_ipv6_${end}` : `ct_nw_${end}`) : v6 ? `ipv6_${end}` : `ip_${end}`
  return { [name]: onWire(remote) }
}

const matchOf = (row: Row): Match => {
  const { stateful, protocol, ports } = row
  const family = row.v6 ? ipv6 : ip
  return family({
    ...group.is(row.group),
    ...direction.is(row.ingress ? INGRESS : EGRESS),
    ...remoteMatch(row),
    ...(stateful ? state(VALID) : {}),
    ...(protocol === null ? {} : { [stateful ? 'ct_nw_proto' : 'nw_proto']: protocol }),
    ...(stateful ? connectionPorts(row) : packetPorts(protocol, ports)),
  })
}

export const securityRules = table('security_rules', {
  bridge: 'br-int',
  number: 114,
  match: [
    ...['reg2', 'reg13', 'reg14', 'xxreg2', 'eth_type'],
    ...['ct_state', 'ct_nw_proto', 'ct_nw_src', 'ct_nw_dst', 'ct_ipv6_src', 'ct_ipv6_dst', 'ct_tp_src', 'ct_tp_dst'],
    ...[
      'nw_proto',
      'ip_src',
      'ip_dst',
      'ipv6_src',
      'ipv6_dst',
      'ip_frag',
      'tcp_dst',
      'udp_dst',
      'sctp_src',
      'sctp_dst',
    ],
    ...['icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code'],
  ],
  fixed: [{ priority: ALLOWED, match: allowed.is(1), actions: drop() }],
  miss: drop(),
  rules: [
    each(securityGroupRules, {
      scope: 'security_group',
      merge: 'same',
      rows: (rule, view): readonly Row[] => {
        const of = view.value(groupFacts, rule.groupId)
        const bit = of && bitOf(rule, of.projectId, view)
        if (of === undefined || bit === undefined) return []
        const row = {
          in: rule.groupId,
          group: of.key,
          stateful: of.stateful,
          ingress: rule.direction === 'ingress',
          v6: rule.ipVersion === 6,
          protocol: rule.protocolNumber,
          remote: bit === null ? rule.remoteIpPrefix : { page: bit.page, bit: bit.bit },
        }
        const hasWays = of.stateful && rule.protocolNumber === SCTP
        return portsOf(rule).flatMap((ports): readonly Row[] =>
          hasWays && typeof ports === 'object'
            ? (['original', 'reply', 'error'] as const).map(way => ({ ...row, ports, way }))
            : [{ ...row, ports }],
        )
      },
      example: {
        in: 'web',
        group: 1,
        stateful: true,
        ingress: true,
        v6: false,
        protocol: 6,
        ports: { value: 80, mask: 0xffff },
        remote: '192.0.2.0/24',
      },
      flow: row => ({ priority: RULE, match: matchOf(row), actions: [allowed.set(1)] }),
    }),
  ],
})
