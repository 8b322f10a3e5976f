// Whether the outside knows an address behind a router by another: what hosts there are told has to fit what they know.
import ipaddr from 'ipaddr.js'
import {
  floatingIpOf,
  floatingIps,
  gatewayOf,
  interfacesOf,
  portForwardings,
  ports,
  type Reader,
  type Router,
  scopeOfPool,
  subnets,
} from '#model'

/** Whether an IPv4 address leaves a router, or is reached through it, as one of the router's external addresses. */
export const isHidden = (reader: Reader, router: Router, ip: string): boolean =>
  hasFloatingIp(reader, router, ip) || (router.enableSnat && !sharesScope(reader, router, ip))

const hasFloatingIp = (reader: Reader, { id }: Router, ip: string): boolean =>
  [...reader.by(ports, 'address', ip)].some(
    port =>
      [...reader.by(floatingIps, 'port', port.id)].some(f => f.routerId === id && f.fixedIpAddress === ip) ||
      [...reader.by(portForwardings, 'port', port.id)].some(
        f => f.internalIpAddress === ip && floatingIpOf(reader, f.floatingIpId).routerId === id,
      ),
  )

/** Whether an address is in an address scope of the external network: such are not translated. */
const sharesScope = (reader: Reader, { id }: Router, ip: string): boolean => {
  const near = interfacesOf(reader, id)
    .flatMap(({ fixedIps }) => fixedIps.flatMap(({ subnetId }) => reader.get(subnets, subnetId) ?? []))
    .find(({ cidr }) => !cidr.includes(':') && ipaddr.parse(ip).match(ipaddr.parseCIDR(cidr)))
  const scope = near && scopeOfPool(reader, near.subnetPoolId)
  const network = gatewayOf(reader, id)?.networkId
  if (scope == null || network === undefined) return false
  return [...reader.by(subnets, 'network', network)].some(
    ({ ipVersion, subnetPoolId }) => ipVersion === 4 && scopeOfPool(reader, subnetPoolId) === scope,
  )
}
