// What rules of firewall policies match: each rule as rows, of which each becomes one flow of firewall_rules.
import { ip, ipv6, type Masked, type Match } from 'node-openflow/flow'
import { type FirewallAction, type FirewallRule, ipProtocols, type PortRange } from '#model'
import { onWire } from './addresses.ts'
import { LATER_FRAGMENTS, laterProtocol } from './fragments.ts'
import { portMasks } from './port-masks.ts'
import { firewall, WAY, way } from './registers.ts'

/** A rule, or a part of it, for the packets of connections in one direction. */
export interface FirewallRow {
  /** Id of the policy. */
  readonly in: string
  /** Key of the policy. */
  readonly policy: number
  /** Where it stands in the policy: the highest that matches decides. */
  readonly place: number
  readonly action: FirewallAction
  /** For what answers: the rule's source is where the packet goes. */
  readonly reply: boolean
  readonly v6: boolean
  readonly protocol: number | null
  readonly source: string | null
  readonly destination: string | null
  /** null: all ports of the protocol. */
  readonly ports: { readonly source: Masked<number> | null; readonly destination: Masked<number> | null } | null
  /** The fragments after the first, which have no ports; those of IPv6 no protocol but that of their header. */
  readonly isLater: boolean
}

const FIELD: Readonly<Record<number, string>> = { [ipProtocols.tcp]: 'tcp', [ipProtocols.udp]: 'udp' }

const masksOf = (range: PortRange | null) => (range === null ? [null] : portMasks(range.first, range.last))

/**
 * The rows of a rule at its place in a policy. Later fragments are worth nothing without the first, so what allows some ports lets
 * them pass by what is left of the rule, and what forbids some leaves them to the rules that follow.
 */
export const firewallRows = (
  rule: FirewallRule,
  of: { readonly in: string; readonly policy: number; readonly place: number },
): readonly FirewallRow[] => {
  const { action, ipVersion, protocolNumber: protocol, sourceIp, destinationIp, sourcePorts, destinationPorts } = rule
  const v6 = ipVersion === 6
  const hasPorts = sourcePorts !== null || destinationPorts !== null
  const common = { ...of, action, v6, protocol, source: sourceIp, destination: destinationIp }
  const whole = hasPorts
    ? masksOf(sourcePorts).flatMap(source =>
        masksOf(destinationPorts).map(destination => ({ ports: { source, destination }, isLater: false })),
      )
    : [{ ports: null, isLater: false }]
  const needsLater = action === 'allow' && (hasPorts || (v6 && protocol !== null))
  const parts = [...whole, ...(needsLater ? [{ ports: null, isLater: true }] : [])]
  return [false, true].flatMap(reply => parts.map(part => ({ ...common, reply, ...part })))
}

/** What the flow of a row matches: the packet's own header, as ports and addresses of the connection may be translated. */
export const firewallMatch = (row: FirewallRow): Match => {
  const { v6, reply, protocol, ports, isLater } = row
  const ends = (source: string, destination: string) => (reply ? [destination, source] : [source, destination])
  const [from, to] = ends('src', 'dst')
  const field = protocol === null ? '' : (FIELD[protocol] ?? '')
  const number = isLater && protocol !== null ? laterProtocol(protocol, v6) : protocol
  return (v6 ? ipv6 : ip)({
    ...firewall.is(row.policy),
    ...way.is(reply ? WAY.reply : WAY.original),
    ...(number === null ? {} : { nw_proto: number }),
    ...(row.source === null ? {} : { [`${v6 ? 'ipv6' : 'ip'}_${from}`]: onWire(row.source) }),
    ...(row.destination === null ? {} : { [`${v6 ? 'ipv6' : 'ip'}_${to}`]: onWire(row.destination) }),
    ...(ports?.source ? { [`${field}_${from}`]: ports.source } : {}),
    ...(ports?.destination ? { [`${field}_${to}`]: ports.destination } : {}),
    ...(isLater ? LATER_FRAGMENTS : {}),
  })
}
