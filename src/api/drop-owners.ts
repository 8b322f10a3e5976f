// Whose drops they are: the security groups, the firewall groups and the ports behind a flow that drops.
import { bindings, firewallGroups, type Port, policies, ports, type Reader } from '#model'
import type { SourceView } from './fabric-view.ts'
import { groupName, nameOf, portsAt } from './security-words.ts'

/** A record by id and name. */
interface Named {
  readonly id: string
  readonly name: string
}

/** What a flow that drops was made for. */
export interface Owners {
  /** The security groups that do not allow what was dropped; none: the flow is no group's. */
  readonly security_groups: readonly Named[]
  /** The firewall groups that do not. */
  readonly firewall_groups: readonly Named[]
  /** The ports of the chassis that the flow judges; none: it is no port's. */
  readonly ports: readonly Named[]
}

/** Tells the owners of flows of one chassis. */
export const ownersAt = (chassis: string, reader: Reader): ((sources: readonly SourceView[]) => Owners) => {
  const byPolicy = Map.groupBy(portsAt(chassis, reader), port => String(port.policy))
  const show = (port: Port): Named => ({ id: port.id, name: nameOf(port, port.id) })
  const portOf = ({ kind, id }: SourceView): Port | undefined =>
    reader.get(ports, kind === bindings.name ? (reader.get(bindings, id)?.port ?? '') : kind === ports.name ? id : '')
  return sources => {
    const policyIds = sources.filter(source => source.kind === policies.name).map(({ id }) => id)
    const groups = new Set(policyIds.flatMap(id => reader.get(policies, id)?.groups ?? []))
    const guards = sources.flatMap(({ kind, id }) =>
      kind === firewallGroups.name ? (reader.get(firewallGroups, id) ?? []) : [],
    )
    const guarded = guards.flatMap(group => group.ports.flatMap(id => reader.get(ports, id) ?? []))
    const own = sources.map(portOf).filter(port => port !== undefined)
    return {
      security_groups: [...groups].map(id => ({ id, name: groupName(reader, id) })),
      firewall_groups: guards.map(group => ({ id: group.id, name: nameOf(group, group.id) })),
      ports: [...own, ...guarded, ...policyIds.flatMap(id => byPolicy.get(id) ?? [])].map(show),
    }
  }
}
