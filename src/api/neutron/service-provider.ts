// Service providers: who provides routers. There is one.
import { attributesOf, type Resource, resource } from '../engine/resource.ts'
import { flag, text } from '../engine/value.ts'

interface Provider {
  readonly id: string
  readonly serviceType: string
}

const providers: readonly Provider[] = [{ id: 'flowright', serviceType: 'L3_ROUTER_NAT' }]

const attributes = attributesOf<Provider>()({
  service_type: { type: text(), show: p => p.serviceType },
  name: { type: text(), show: p => p.id },
  default: { type: flag, show: () => true },
})

/** The resource `service_provider`. */
export const serviceProviderResource: Resource = resource<Provider, typeof attributes>({
  name: 'service_provider',
  plural: 'service_providers',
  path: 'service-providers',
  attributes,
  source: { all: () => providers, get: (_reader, id) => providers.find(p => p.id === id), owner: () => undefined },
  absent: 'HTTPNotFound',
  standard: false,
})
