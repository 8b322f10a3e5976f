// What external networks are told of the addresses that routers have there, from the same facts that the flows are made of.
import type { Announced } from '#fabric/announcements'
import { floatingFacts, GATEWAY, gatewayOf } from '#flows/gateways'
import { floatingIps } from '#model'
import type { Store } from '#store'
import { viewOf } from './view.ts'

/** What external networks are told of floating IPs and of the gateways of routers: where they are is what the flows say. */
export const announced = (store: Store) => {
  const view = viewOf(store)
  return {
    floatingIp: (id: string): Announced | undefined => {
      const [record, facts] = [view.get(floatingIps, id), view.value(floatingFacts, id)]
      if (record === undefined || facts === undefined) return undefined
      const at = facts.place === GATEWAY ? { gatewayOf: facts.routerId } : { chassis: facts.place }
      return { network: record.floatingNetworkId, mac: facts.mac, ips: [facts.ip], at, isRouter: false }
    },
    gateway: (routerId: string): Announced | undefined => {
      const facts = gatewayOf(routerId, view)
      if (!facts?.up) return undefined
      const ips = facts.addresses.map(({ ip }) => ip)
      return { network: facts.networkId, mac: facts.mac, ips, at: { gatewayOf: routerId }, isRouter: true }
    },
  }
}
