// What external networks are told of the addresses that routers have there, from the same facts that the flows are made of.
import type { Derived, View } from '#compiler'
import type { Announced } from '#fabric/announcements'
import { floatingFacts, GATEWAY, gatewayOf } from '#flows/gateways'
import { type Doc, floatingIps, type Kind } from '#model'
import type { Store } from '#store'

/** The model as flows see it, as it is now. What is derived is computed once for all that is asked in one go. */
const viewOf = (store: Store): View => {
  const values = new Map<Derived<never, unknown>, Map<string, unknown>>()
  const valuesOf = (derived: Derived<never, unknown>): Map<string, unknown> => {
    if (values.size === 0) queueMicrotask(() => values.clear())
    const known = values.get(derived) ?? new Map<string, unknown>()
    values.set(derived, known)
    return known
  }
  const view: View = {
    get: (kind, id) => store.get(kind, id),
    value: <S extends Doc, T>(derived: Derived<S, T>, id: string) => {
      const known = valuesOf(derived as unknown as Derived<never, unknown>)
      if (known.has(id)) return known.get(id) as T | undefined
      const doc = store.get(derived.kind, id)
      const value = doc && derived.compute(doc, view)
      known.set(id, value)
      return value
    },
    by: <T extends Doc, I extends string>(kind: Kind<T, I>, index: NoInfer<I>, value: string) => [
      ...store.by(kind, index, value),
    ],
  }
  return view
}

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
