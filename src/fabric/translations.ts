// Floating IPs and the gateways of routers: which of them a change of the model may have brought elsewhere, or to others.
import { isDeepStrictEqual } from 'node:util'
import {
  type Attachment,
  chassis as allChassis,
  attachments,
  type Binding,
  bindings,
  type Change,
  type Chassis,
  floatingIps,
  ports,
  type RouterPort,
  routerPorts,
  routers,
} from '#model'
import type { Store } from '#store'

/** A floating IP or the gateway of a router, by its id. */
export type Translation = `floating ip ${string}` | `gateway ${string}`

/** What comes before the id of a router. */
export const GATEWAY = 'gateway '
/** What comes before the id of a floating IP. */
export const FLOATING_IP = 'floating ip '

/** The gateway of a router, and the floating IPs that it translates. */
export function* translationsOfRouter(store: Store, routerId: string): Iterable<Translation> {
  yield `gateway ${routerId}`
  for (const { id } of store.by(floatingIps, 'router', routerId)) yield `floating ip ${id}`
}

/** What a change, which is in the store already, may have moved. */
export function* translationsOf(store: Store, { kind, id, before, after }: Change): Iterable<Translation> {
  const docs = [before, after].filter(doc => doc !== undefined)
  switch (kind.name) {
    case floatingIps.name:
      yield `floating ip ${id}`
      break
    case routers.name:
      yield* translationsOfRouter(store, id)
      break
    case routerPorts.name:
      for (const { role, routerId } of docs as unknown as RouterPort[])
        if (role === 'gateway') yield* translationsOfRouter(store, routerId)
      break
    case bindings.name:
      yield* ofPort(store, (docs[0] as unknown as Binding).port)
      break
    case attachments.name: {
      const { chassis, network } = docs[0] as unknown as Attachment
      if (store.countBy(floatingIps, 'network', network) > 0) yield* ofChassis(store, chassis)
      break
    }
    case allChassis.name: {
      const [was, is] = [before, after].map(doc => (doc as Chassis | undefined)?.providerPorts)
      if (!isDeepStrictEqual(was, is)) yield* ofChassis(store, id)
      break
    }
    case ports.name: {
      const gateway = store.get(routerPorts, id)
      if (gateway?.role === 'gateway') yield* translationsOfRouter(store, gateway.routerId)
      break
    }
  }
}

function* ofPort(store: Store, port: string): Iterable<Translation> {
  for (const { id } of store.by(floatingIps, 'port', port)) yield `floating ip ${id}`
}

function* ofChassis(store: Store, chassis: string): Iterable<Translation> {
  for (const { port } of store.by(bindings, 'chassis', chassis)) yield* ofPort(store, port)
}
