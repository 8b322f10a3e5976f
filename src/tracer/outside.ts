// Packets from hosts that are not ours, on external networks: their frames, and at which chassis they come in.
import { isIPv6 } from 'node:net'
import type { Match } from 'node-openflow/flow'
import {
  attachments,
  chassis,
  floatingIps,
  type Network,
  networks,
  type Port,
  ports,
  type Reader,
  routerPorts,
  segmentAt,
  subnets,
} from '#model'
import { CannotTrace } from './cannot-trace.ts'
import type { Trace } from './steps.ts'
import type { TraceStart } from './trace.ts'

/** MACs for documentation (RFC 7042), for hosts of which none is known. */
const FOREIGN_MAC = '00:00:5e:00:53:01'
const TAG_PRESENT = 0x1000

/** What a host outside sends to one of ours: where on the wire, to which MAC and address. */
export interface Inbound {
  readonly network: Network
  readonly mac: string
  readonly address: string
}

/**
 * Whom a host outside addresses to reach a port or an address: a floating IP, the gateway of a router, or, where nothing is
 * translated, the port's own address by the gateway of its router. Throws CannotTrace.
 */
export const inboundTo = (model: Reader, to: Port | string, isV6: boolean): Inbound => {
  if (typeof to === 'string') {
    for (const port of model.by(ports, 'address', to)) {
      const network = model.get(networks, port.networkId)
      if (network?.external) return { network, mac: port.macAddress, address: to }
    }
    throw new CannotTrace(`no port on an external network has the address ${to}, so nothing from outside gets there`)
  }
  const floating = isV6 ? undefined : Array.from(model.by(floatingIps, 'port', to.id)).find(f => f.routerId !== null)
  if (floating) return inboundTo(model, floating.floatingIpAddress, false)
  const address = to.fixedIps.find(ip => isIPv6(ip.ipAddress) === isV6)?.ipAddress
  const routers = Array.from(model.by(routerPorts, 'network', to.networkId), port => port.routerId)
  for (const routerId of routers) {
    const by = model.holder(routerPorts, `gateway ${routerId}`)
    const [gateway, network] = [by && model.get(ports, by.id), by && model.get(networks, by.networkId)]
    if (gateway && network && address !== undefined) return { network, mac: gateway.macAddress, address }
  }
  throw new CannotTrace(
    `${to.name || to.id} has neither a floating IP nor a router with a gateway, so nothing from outside gets there`,
  )
}

/** The chassis that have the wire of a network, with the port by which its frames come in, and its tag there. */
export const entriesOf = (model: Reader, network: Network): readonly Omit<TraceStart, 'size'>[] =>
  Array.from(model.by(attachments, 'network', network.id)).flatMap(({ chassis: id }) => {
    const at = model.get(chassis, id)
    const segment = at && segmentAt(network.segments, at)
    const port = at?.providerPorts[segment?.physicalNetwork ?? '']
    if (port === undefined) return []
    const vlan = segment?.segmentationId ?? 0
    return [
      {
        ...{ chassis: id, bridge: 'br-int' },
        packet: { in_port: port, ...(vlan === 0 ? {} : { vlan_vid: TAG_PRESENT | vlan }) },
      },
    ]
  })

/** Who has an address: asked by ARP or by neighbour discovery, from an address on the same link. */
const question = (model: Reader, { network, address }: Inbound): Match => {
  const isV6 = isIPv6(address)
  const onLink = Array.from(model.by(subnets, 'network', network.id)).find(s => (s.ipVersion === 6) === isV6)?.gatewayIp
  if (!isV6) {
    const ask = { arp_op: 1, arp_sha: FOREIGN_MAC, arp_spa: onLink ?? '0.0.0.0', arp_tpa: address }
    return {
      eth_src: FOREIGN_MAC,
      eth_dst: 'ff:ff:ff:ff:ff:ff',
      eth_type: 0x0806,
      ...ask,
      arp_tha: '00:00:00:00:00:00',
    }
  }
  const ip = { eth_type: 0x86dd, ipv6_src: onLink ?? 'fe80::1', ipv6_dst: 'ff02::1', nw_proto: 58, nw_ttl: 255 }
  const ask = { icmpv6_type: 135, icmpv6_code: 0, nd_target: address, nd_sll: FOREIGN_MAC }
  return { eth_src: FOREIGN_MAC, eth_dst: '33:33:00:00:00:01', ...ip, ...ask }
}

/**
 * Where the frames of a host outside come in: switches bring them to the chassis that answers for the address. Where none
 * does, the first that has the wire. Throws CannotTrace.
 */
export const arrivalOf = (
  model: Reader,
  inbound: Inbound,
  follow: (start: TraceStart) => Trace,
  frame: Match,
): TraceStart => {
  const entries = entriesOf(model, inbound.network)
  const ask = question(model, inbound)
  const answers = ({ outcomes }: Trace, { chassis: id, packet }: TraceStart) =>
    outcomes.some(o => o.type === 'left' && o.chassis === id && o.port === packet.in_port)
  const owner = entries.find(at => answers(follow({ ...at, packet: { ...ask, ...at.packet } }), at)) ?? entries[0]
  if (owner === undefined)
    throw new CannotTrace(`no chassis has the physical network of ${inbound.network.name || inbound.network.id}`)
  const eth = { eth_src: FOREIGN_MAC, eth_dst: inbound.mac }
  return { ...owner, packet: { ...eth, ...frame, ...owner.packet } }
}
