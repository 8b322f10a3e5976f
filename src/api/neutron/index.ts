// Everything below /v2.0; a new resource is a line here.
import type { FastifyInstance } from 'fastify'
import type { NetworkSettings } from '#model'
import { serveDiscovery } from '../engine/discovery.ts'
import { serveResource } from '../engine/routes.ts'
import type { Serve } from '../engine/serve.ts'
import type { FabricView } from '../fabric-view.ts'
import { addressGroupResource } from './address-group.ts'
import { addressScopeResource } from './address-scope.ts'
import { agentResource } from './agent.ts'
import { availabilityZoneResource } from './availability-zone.ts'
import { extensions } from './extensions.ts'
import { firewallResources, serveFirewalls } from './firewall-group.ts'
import { floatingIpPoolResource, floatingIpResource } from './floating-ip.ts'
import { networkResource } from './network.ts'
import { networkIpAvailabilityResource } from './network-ip-availability.ts'
import { portResource } from './port.ts'
import { servePortBindings } from './port-binding.ts'
import { portForwardingResource } from './port-forwarding.ts'
import { serveQuotas } from './quota.ts'
import { rbacPolicyResource } from './rbac-policy.ts'
import { routerResource } from './router.ts'
import { securityGroupResources, serveSecurityGroups } from './security-group.ts'
import { serviceProviderResource } from './service-provider.ts'
import { subnetResource } from './subnet.ts'
import { subnetPoolResource } from './subnet-pool.ts'

/** What Neutron's resources need beside the store. */
export interface NeutronOptions {
  readonly networkSettings: NetworkSettings
  readonly fabric: FabricView
  /** Milliseconds since the epoch. */
  readonly clock: () => number
}

/** Serves Neutron v2.0. */
export function serveNeutron(app: FastifyInstance, serve: Serve, options: NeutronOptions): void {
  const resources = [
    networkResource(options.networkSettings),
    subnetResource,
    portResource,
    subnetPoolResource,
    routerResource,
    floatingIpResource,
    portForwardingResource,
    floatingIpPoolResource,
    addressScopeResource,
    addressGroupResource,
    rbacPolicyResource,
    networkIpAvailabilityResource,
    availabilityZoneResource,
    serviceProviderResource,
    agentResource(options.fabric, options.clock),
  ]
  serveDiscovery(app, [...resources, ...securityGroupResources, ...firewallResources], extensions)
  for (const resource of resources) serveResource(app, resource, serve)
  serveQuotas(app, serve)
  servePortBindings(app, serve)
  serveSecurityGroups(app, serve)
  serveFirewalls(app, serve)
}
