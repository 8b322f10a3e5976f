// The tables of both bridges in packet order, and which chassis holds which flow sets.
import { PIPELINE_SET, type Pipeline, subscribe, type View } from '#compiler'
import { attachments, bindings, chassis, isProgrammed, routerPorts } from '#model'
import { classify } from './br-int/00-classify.ts'
import { portSecurity } from './br-int/10-port-security.ts'
import { addressSecurity } from './br-int/11-address-security.ts'
import { ndSecurity } from './br-int/12-nd-security.ts'
import { egressConntrack } from './br-int/20-egress-conntrack.ts'
import { egressConnection } from './br-int/21-egress-connection.ts'
import { egressPolicy } from './br-int/22-egress-policy.ts'
import { egressVerdict } from './br-int/23-egress-verdict.ts'
import { egressFirewall } from './br-int/24-egress-firewall.ts'
import { externalLearn } from './br-int/25-external-learn.ts'
import { externalInput } from './br-int/26-external-input.ts'
import { externalResponder } from './br-int/27-external-responder.ts'
import { egressFirewallRules } from './br-int/28-egress-firewall-rules.ts'
import { egressFirewallVerdict } from './br-int/29-egress-firewall-verdict.ts'
import { addressQuestion } from './br-int/30-address-question.ts'
import { arpResponder } from './br-int/31-arp-responder.ts'
import { ndResponder } from './br-int/32-nd-responder.ts'
import { ndReply } from './br-int/33-nd-reply.ts'
import { routerAdmission } from './br-int/40-router-admission.ts'
import { gatewayAdmission } from './br-int/41-gateway-admission.ts'
import { routerUnnat } from './br-int/42-router-unnat.ts'
import { routerUnnatted } from './br-int/43-router-unnatted.ts'
import { routerInput } from './br-int/44-router-input.ts'
import { routerRoute } from './br-int/45-router-route.ts'
import { routerFirewall } from './br-int/46-router-firewall.ts'
import { routerFirewallVerdict } from './br-int/47-router-firewall-verdict.ts'
import { routerGateway } from './br-int/48-router-gateway.ts'
import { routerTransit } from './br-int/49-router-transit.ts'
import { routerSnat } from './br-int/50-router-snat.ts'
import { routerSnatted } from './br-int/51-router-snatted.ts'
import { networkZone } from './br-int/52-network-zone.ts'
import { routerNeighbor } from './br-int/53-router-neighbor.ts'
import { l2Lookup } from './br-int/60-l2-lookup.ts'
import { l2Learned } from './br-int/61-l2-learned.ts'
import { l2Unknown } from './br-int/62-l2-unknown.ts'
import { floodConntrack } from './br-int/63-flood-conntrack.ts'
import { flood } from './br-int/64-flood.ts'
import { receiver } from './br-int/65-receiver.ts'
import { floodOutput } from './br-int/66-flood-output.ts'
import { floodGuarded } from './br-int/67-flood-guarded.ts'
import { ingressConntrack } from './br-int/70-ingress-conntrack.ts'
import { ingressConnection } from './br-int/71-ingress-connection.ts'
import { ingressPolicy } from './br-int/72-ingress-policy.ts'
import { ingressVerdict } from './br-int/73-ingress-verdict.ts'
import { ingressFirewall } from './br-int/74-ingress-firewall.ts'
import { ingressFirewallRules } from './br-int/75-ingress-firewall-rules.ts'
import { ingressFirewallVerdict } from './br-int/76-ingress-firewall-verdict.ts'
import { outputTable } from './br-int/90-output.ts'
import { answer } from './br-int/91-answer.ts'
import { connectionOwner } from './br-int/100-connection-owner.ts'
import { commitTable } from './br-int/101-commit.ts'
import { neighbor } from './br-int/102-neighbor.ts'
import { learnedNeighbor } from './br-int/103-learned-neighbor.ts'
import { virtualNeighbor } from './br-int/104-virtual-neighbor.ts'
import { policyTable } from './br-int/110-policy.ts'
import { remoteAddressTable } from './br-int/111-remote-address.ts'
import { remoteMembers } from './br-int/112-remote-members.ts'
import { remotePrefixes } from './br-int/113-remote-prefixes.ts'
import { securityRules } from './br-int/114-security-rules.ts'
import { routerGuard } from './br-int/115-router-guard.ts'
import { firewallGroup } from './br-int/116-firewall-group.ts'
import { firewallRulesTable } from './br-int/117-firewall-rules.ts'
import { routerCommit } from './br-int/118-router-commit.ts'
import { routedArrival } from './br-int/119-routed-arrival.ts'
import { tunnelClassify } from './br-tun/00-tunnel-classify.ts'
import { watch } from './br-tun/05-watch.ts'
import { localVlan } from './br-tun/10-local-vlan.ts'
import { tunnelType } from './br-tun/15-tunnel-type.ts'
import { unicast } from './br-tun/20-unicast.ts'
import { tunnelFlood } from './br-tun/21-tunnel-flood.ts'
import { vtep } from './br-tun/22-vtep.ts'
import { admit } from './br-tun/30-admit.ts'
import { toLocal } from './br-tun/40-to-local.ts'
import { portFacts } from './facts.ts'
import { firewallFlowSets, routerGuards } from './firewalls.ts'
import { candidatesOf } from './gateways.ts'
import { isGatewayChassis } from './peers.ts'
import { policyFlowSets, policyId } from './policies.ts'
import { interfacePortsOn } from './routers.ts'

/** The flow sets that a chassis needs which routes for a router: the router's, and those of its firewall groups. */
const routerSets = (routerId: string, view: View): readonly string[] => [
  `router/${routerId}`,
  ...(view.value(routerGuards, routerId) ?? []).flatMap(group => view.value(firewallFlowSets, group) ?? []),
]

/** What Flowright programs. */
export const pipeline: Pipeline = {
  tables: [
    ...[classify, portSecurity, addressSecurity, ndSecurity],
    ...[egressConntrack, egressConnection, egressPolicy, egressVerdict],
    ...[egressFirewall, egressFirewallRules, egressFirewallVerdict],
    ...[externalLearn, externalInput, externalResponder],
    ...[addressQuestion, arpResponder, ndResponder, ndReply],
    ...[routerAdmission, gatewayAdmission, routerUnnat, routerUnnatted, routerInput, routerRoute],
    ...[routerFirewall, routerFirewallVerdict],
    ...[routerGateway, routerTransit, routerSnat, routerSnatted, networkZone, routerNeighbor],
    ...[l2Lookup, l2Learned, l2Unknown, floodConntrack, flood, receiver, floodOutput, floodGuarded],
    ...[ingressConntrack, ingressConnection, ingressPolicy, ingressVerdict],
    ...[ingressFirewall, ingressFirewallRules, ingressFirewallVerdict, outputTable, answer],
    ...[connectionOwner, commitTable, neighbor, learnedNeighbor, virtualNeighbor],
    ...[policyTable, remoteAddressTable, remoteMembers, remotePrefixes, securityRules],
    ...[routerGuard, firewallGroup, firewallRulesTable, routerCommit, routedArrival],
    ...[tunnelClassify, watch, localVlan, tunnelType, unicast, tunnelFlood, vtep, admit, toLocal],
  ],
  subscriptions: [
    subscribe(chassis, c => {
      const sets = [PIPELINE_SET, 'fabric', `chassis/${c.id}`, ...(isGatewayChassis(c) ? ['gateways'] : [])]
      return isProgrammed(c) ? sets.map(flowSet => ({ chassis: c.id, flowSet })) : []
    }),
    subscribe(attachments, ({ chassis: id, network, isMember }, view) => [
      { chassis: id, flowSet: `network/${network}` },
      ...(isMember ? [{ chassis: id, flowSet: `member/${network}` }] : []),
      ...interfacePortsOn(network, view).flatMap(({ routerId }) =>
        routerSets(routerId, view).map(flowSet => ({ chassis: id, flowSet })),
      ),
    ]),
    subscribe(routerPorts, ({ id, routerId, role }, view) =>
      role === 'gateway'
        ? candidatesOf(id, view).flatMap(({ chassis: at }) =>
            routerSets(routerId, view).map(flowSet => ({ chassis: at, flowSet })),
          )
        : [],
    ),
    subscribe(bindings, ({ chassis: id, port }, view) => {
      const facts = view.value(portFacts, port)
      const sets = [
        ...(facts?.policy ? (view.value(policyFlowSets, policyId(facts.policy)) ?? []) : []),
        ...(facts?.firewall ? (view.value(firewallFlowSets, facts.firewall.id) ?? []) : []),
      ]
      return sets.map(flowSet => ({ chassis: id, flowSet }))
    }),
  ],
}
