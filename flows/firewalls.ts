// What tables need to know of firewall groups, computed once: see docs/decisions/0016.
import { derive, type View } from '#compiler'
import {
  type FirewallGroup,
  type FirewallPolicy,
  firewallGroups,
  firewallPolicies,
  type Router,
  routerPorts,
  routers,
} from '#model'

const policyKey = derive('firewall_policy_key', firewallPolicies, (p: FirewallPolicy) => p.key)

/** What of a firewall group matters to flows. */
export const guardFacts = derive('firewall_group', firewallGroups, (group: FirewallGroup, view: View) => {
  const of = (id: string | null) => (id === null || !group.adminStateUp ? undefined : view.value(policyKey, id))
  return {
    id: group.id,
    key: group.key,
    /** Keys of the policies that judge; undefined: nothing passes. */
    ingress: of(group.ingressPolicyId),
    egress: of(group.egressPolicyId),
  }
})

/** The key and the id of the firewall group that a port is in. */
export const guardOf = (port: string, view: View): { readonly id: string; readonly key: number } | undefined => {
  const [group] = view.by(firewallGroups, 'port', port)
  const facts = group && view.value(guardFacts, group.id)
  return facts && { id: facts.id, key: facts.key }
}

/** The flow sets that a chassis needs where a firewall group judges: the group's and those of its policies. */
export const firewallFlowSets = derive(
  'firewall_flow_sets',
  firewallGroups,
  (group: FirewallGroup): readonly string[] => [
    `firewall_group/${group.id}`,
    ...[...new Set([group.ingressPolicyId, group.egressPolicyId])].flatMap(id =>
      id === null ? [] : `firewall_policy/${id}`,
    ),
  ],
)

/** The firewall groups of a router's interfaces; undefined where there are none. */
export const routerGuards = derive('router_guards', routers, ({ id }: Router, view: View) => {
  const groups = new Set(view.by(routerPorts, 'router', id).flatMap(port => guardOf(port.id, view)?.id ?? []))
  return groups.size === 0 ? undefined : [...groups].sort()
})

/** Whether a router on a network has firewall groups, so that what it sends there is tracked where it arrives. */
export const isGuarded = (network: string, view: View): boolean =>
  view.by(routerPorts, 'connected', network).some(({ routerId }) => view.value(routerGuards, routerId) !== undefined)
