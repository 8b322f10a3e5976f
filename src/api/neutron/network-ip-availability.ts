// How many addresses a network has, and how many are in use.
import { type Network, networks, parseIp, ports, type Reader, type Subnet, subnets } from '#model'
import { owned } from '../engine/common.ts'
import { attributesOf, type Resource, recordsOf, resource } from '../engine/resource.ts'
import { anyObject, count, list, text, uuid } from '../engine/value.ts'

/** All addresses that the subnet hands out: beyond what a JavaScript number holds in IPv6. */
const totalOf = (subnet: Subnet): bigint =>
  subnet.allocationPools.reduce((sum, p) => sum + parseIp(p.end)!.value - parseIp(p.start)!.value + 1n, 0n)

function usedOf(subnet: Subnet, reader: Reader): number {
  let used = 0
  for (const port of reader.by(ports, 'subnet', subnet.id))
    for (const ip of port.fixedIps) if (ip.subnetId === subnet.id) used++
  return used
}

const subnetsOf = (network: Network, reader: Reader) => [...reader.by(subnets, 'network', network.id)]

/** A number of any size in JSON. */
const exact = (n: bigint): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(n))

const attributes = attributesOf<Network>()({
  ...owned,
  network_id: { type: uuid, show: n => n.id },
  network_name: { type: text(), show: n => n.name },
  total_ips: {
    type: count,
    filter: false,
    sort: false,
    show: (n, { reader }) => exact(subnetsOf(n, reader).reduce((sum, s) => sum + totalOf(s), 0n)),
  },
  used_ips: {
    type: count,
    filter: false,
    show: (n, { reader }) => subnetsOf(n, reader).reduce((sum, s) => sum + usedOf(s, reader), 0),
  },
  subnet_ip_availability: {
    type: list(anyObject),
    show: (n, { reader }) =>
      subnetsOf(n, reader).map(s => ({
        subnet_id: s.id,
        subnet_name: s.name,
        cidr: s.cidr,
        ip_version: s.ipVersion,
        total_ips: exact(totalOf(s)),
        used_ips: usedOf(s, reader),
      })),
  },
})

/** The resource `network_ip_availability`. */
export const networkIpAvailabilityResource: Resource = resource<Network, typeof attributes>({
  name: 'network_ip_availability',
  plural: 'network_ip_availabilities',
  path: 'network-ip-availabilities',
  attributes,
  source: recordsOf(networks),
  absent: 'NetworkNotFound',
  standard: false,
  filters: {
    ip_version: (network, values, { reader }) =>
      subnetsOf(network as Network, reader).some(s => values.includes(String(s.ipVersion))),
  },
})
