// What switches remember of connections for as long as a floating IP, a forwarded port or a gateway stands for what it stands
// for now: from the same facts that the flows are made of.
import type { Remembered } from '#fabric/forgotten'
import { FLOATING_IP, GATEWAY as GATEWAY_OF, type Translation } from '#fabric/translations'
import { floatingFacts, GATEWAY, gatewayOf } from '#flows/gateways'
import { routerZone } from '#flows/routers'
import { floatingIps, gatewayCandidates, gatewayChassis, networks, portForwardings } from '#model'
import type { Store } from '#store'
import { viewOf } from './view.ts'

const PROTOCOLS = { tcp: 6, udp: 17 } as const

/** What switches remember by way of each translation, and where. */
export const remembered = (store: Store) => {
  const view = viewOf(store)
  const candidates = (network: string, key: number) =>
    gatewayCandidates(gatewayChassis(store), store.get(networks, network)?.segments ?? [], key)

  function* ofFloatingIp(id: string): Iterable<Remembered> {
    const [record, facts] = [view.get(floatingIps, id), view.value(floatingFacts, id)]
    if (record === undefined || facts === undefined) return
    const { place, ip, fixedIp, router } = facts
    const zone = routerZone(router)
    const at = place === GATEWAY ? () => candidates(record.floatingNetworkId, router) : () => [place]
    if (fixedIp !== null) {
      const why = `${place} ${record.portId}`
      yield { why, at, connections: { zone, original: { dst: ip }, reply: { src: fixedIp } } }
      yield { why, at, connections: { zone, original: { src: fixedIp }, reply: { dst: ip } } }
    }
    for (const one of view.by(portForwardings, 'floatingIp', id)) {
      const { externalPorts: from, internalPorts: to, internalPortId, internalIpAddress, protocol } = one
      // Of a range all are named at once: by the address that they lead to.
      const dst = { dst: ip, ...(from.first === from.last ? { dstPort: from.first } : {}) }
      const why = `${internalPortId} ${from.first}-${from.last} ${to.first}-${to.last}`
      const protocolNumber = PROTOCOLS[protocol]
      yield {
        why,
        at,
        connections: { zone, protocol: protocolNumber, original: dst, reply: { src: internalIpAddress } },
      }
    }
  }

  function* ofGateway(routerId: string): Iterable<Remembered> {
    const facts = gatewayOf(routerId, view)
    if (!facts?.up || facts.snat === undefined) return
    const { networkId, router, snat } = facts
    const at = () => candidates(networkId, router)
    yield { why: '', at, connections: { zone: routerZone(router), reply: { dst: snat } } }
  }

  return (of: Translation): readonly Remembered[] =>
    of.startsWith(FLOATING_IP)
      ? [...ofFloatingIp(of.slice(FLOATING_IP.length))]
      : [...ofGateway(of.slice(GATEWAY_OF.length))]
}
