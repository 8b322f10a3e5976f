// What rules of security groups match: each rule as rows, of which each becomes one flow of security_rules.
import { ip, ipv6, type Masked, type Match } from 'node-openflow/flow'
import { ICMP, ICMPV6, ipProtocols, type RemoteGroupBit, type SecurityGroupRule } from '#model'
import { onWire } from './addresses.ts'
import { state, VALID } from './conntrack.ts'
import { LATER_FRAGMENTS, laterProtocol } from './fragments.ts'
import { portMasks } from './port-masks.ts'
import { direction, EGRESS, group, INGRESS, page, remoteGroups } from './registers.ts'

/** Packets of an SCTP connection. */
type Way = 'original' | 'reply' | 'error'

/** Part of what a rule allows: all of its protocol, a masked port, an ICMP type and code, or the fragments without ports. */
type Part =
  | 'all'
  | 'later fragments'
  | { readonly port: Masked<number>; readonly way?: Way }
  | { readonly type: number; readonly code: number | null }

/** A rule, or a part of it. */
export interface RuleRow {
  /** Id of the group. */
  readonly in: string
  /** Key of the group. */
  readonly group: number
  readonly stateful: boolean
  readonly ingress: boolean
  readonly v6: boolean
  readonly protocol: number | null
  readonly part: Part
  /** A prefix, or a bit of a page; null for any. */
  readonly remote: string | { readonly page: number; readonly bit: number } | null
}

const { tcp: TCP, udp: UDP, sctp: SCTP } = ipProtocols
const PORT_FIELD: Readonly<Record<number, string>> = { [TCP]: 'tcp_dst', [UDP]: 'udp_dst', [SCTP]: 'sctp_dst' }
const ICMP_FIELD: Readonly<Record<number, string>> = { [ICMP]: 'icmp', [ICMPV6]: 'icmpv6' }

const partsOf = (rule: SecurityGroupRule, stateful: boolean): readonly Part[] => {
  const { protocolNumber: protocol, portRangeMin: min, portRangeMax: max } = rule
  if (protocol === null) return ['all']
  if (min === null) return stateful || rule.ipVersion === 4 ? ['all'] : ['all', 'later fragments']
  if (protocol in ICMP_FIELD) return [{ type: min, code: max }, 'later fragments']
  if (!(protocol in PORT_FIELD)) return []
  const ways = stateful && protocol === SCTP ? (['original', 'reply', 'error'] as const) : [undefined]
  const ports = portMasks(min, max ?? min).flatMap(port =>
    ways.map(way => (way === undefined ? { port } : { port, way })),
  )
  return [...ports, 'later fragments']
}

/** The rows of a rule of a group, with the bit that it needs if it names a group. */
export const ruleRows = (
  rule: SecurityGroupRule,
  of: { readonly key: number; readonly stateful: boolean },
  bit: RemoteGroupBit | null,
): readonly RuleRow[] =>
  partsOf(rule, of.stateful).map(part => ({
    in: rule.groupId,
    group: of.key,
    stateful: of.stateful,
    ingress: rule.direction === 'ingress',
    v6: rule.ipVersion === 6,
    protocol: rule.protocolNumber,
    part,
    remote: bit === null ? rule.remoteIpPrefix : { page: bit.page, bit: bit.bit },
  }))

const remoteMatch = ({ remote, stateful, v6, ingress }: RuleRow): Match => {
  if (remote === null) return {}
  if (typeof remote !== 'string') {
    const bit = 1n << BigInt(remote.bit)
    return { ...page.is(remote.page), ...remoteGroups.is(bit, bit) }
  }
  const [field, end] = [stateful ? (v6 ? 'ct_ipv6' : 'ct_nw') : v6 ? 'ipv6' : 'ip', ingress ? 'src' : 'dst']
  return { [`${field}_${end}`]: onWire(remote) }
}

const WAYS: Readonly<Record<Way, (port: Masked<number>) => Match>> = {
  original: port => ({ ...state({ ...VALID, rpl: false }), nw_proto: SCTP, sctp_dst: port }),
  reply: port => ({ ...state({ ...VALID, rpl: true }), nw_proto: SCTP, sctp_src: port }),
  error: port => ({ ...state({ ...VALID, rel: true }), ct_tp_dst: port }),
}

const connectionMatch = ({ protocol, part }: RuleRow): Match => {
  const all = { ...state(VALID), ...(protocol === null ? {} : { ct_nw_proto: protocol }) }
  if (part === 'all') return all
  if (part === 'later fragments') return { ...all, ...LATER_FRAGMENTS }
  if ('type' in part) return { ...all, ct_tp_src: part.type, ...(part.code === null ? {} : { ct_tp_dst: part.code }) }
  return { ...all, ...(part.way === undefined ? { ct_tp_dst: part.port } : WAYS[part.way](part.port)) }
}

const packetMatch = ({ protocol, part, v6 }: RuleRow): Match => {
  if (protocol === null) return {}
  if (part === 'later fragments') return { nw_proto: laterProtocol(protocol, v6), ...LATER_FRAGMENTS }
  if (part === 'all') return { nw_proto: protocol }
  if ('port' in part) return { nw_proto: protocol, [PORT_FIELD[protocol] ?? '']: part.port }
  const name = ICMP_FIELD[protocol]
  return {
    nw_proto: protocol,
    [`${name}_type`]: part.type,
    ...(part.code === null ? {} : { [`${name}_code`]: part.code }),
  }
}

/** What the flow of a row matches. */
export const ruleMatch = (row: RuleRow): Match =>
  (row.v6 ? ipv6 : ip)({
    ...group.is(row.group),
    ...direction.is(row.ingress ? INGRESS : EGRESS),
    ...remoteMatch(row),
    ...(row.stateful ? connectionMatch(row) : packetMatch(row)),
  })
