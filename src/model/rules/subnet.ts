// How subnets may be made, changed and removed: no overlap on a network, pools inside the CIDR, no address lost.
import { bitsOf, contains, formatIp, formatPrefix, overlap, type Prefix, parseIp, parsePrefix } from '../ip.ts'
import { type Network, networkOf } from '../network.ts'
import { FLOATING_IP_OWNER, isRouterPort, type Port, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { add, change, drop, revise } from '../standard.ts'
import { type AllocationPool, isAutoAddress, type Subnet, subnets } from '../subnet.ts'
import { scopeOfPool, subnetPoolOf } from '../subnet-pool.ts'
import type { Transaction } from '../transaction.ts'
import { forgetAddresses, ownAddress } from './address.ts'
import { type Changes, changed } from './changes.ts'
import { addGatewayAddresses } from './router-gateway.ts'
import { takePrefix } from './subnet-pool.ts'

const maxNameservers = 5
const maxHostRoutes = 20

/** A subnet to be made; the id is the caller's. */
export interface SubnetRequest extends Omit<Subnet, 'ipVersion' | 'cidr' | 'gatewayIp' | 'allocationPools'> {
  readonly description: string
  readonly ipVersion?: Subnet['ipVersion'] | undefined
  /** Absent: cut from the subnet pool. */
  readonly cidr?: string | null | undefined
  /** The length of a prefix cut from the subnet pool. */
  readonly prefixLength?: number | undefined
  /** Absent: the first address (IPv6: the subnet-router anycast address). Null: none. */
  readonly gatewayIp?: string | null | undefined
  /** Absent: all but the gateway. */
  readonly allocationPools?: readonly AllocationPool[] | undefined
}

/** What may change of a subnet. */
export type SubnetChange = Changes<
  Pick<
    SubnetRequest,
    | 'name'
    | 'description'
    | 'enableDhcp'
    | 'gatewayIp'
    | 'allocationPools'
    | 'dnsNameservers'
    | 'hostRoutes'
    | 'serviceTypes'
    | 'dnsPublishFixedIp'
  >
>

const invalid = (message: string) => refuse('InvalidInput', { message })

/** Makes a subnet; on one with automatic addresses the network's ports get theirs. */
export function createSubnet(tx: Transaction, request: SubnetRequest): Subnet {
  const network = networkOf(tx, request.networkId)
  const { description, prefixLength, cidr: asked, gatewayIp, allocationPools, ipVersion, ...rest } = request
  const prefix = choosePrefix(tx, request)
  if (ipVersion !== undefined && ipVersion !== prefix.version)
    throw invalid(`Invalid input for cidr. Reason: '${formatPrefix(prefix)}' is not an IPv${ipVersion} subnet`)
  requireRoom(tx, network, prefix)
  requirePoolAffinity(tx, network, rest.subnetPoolId, prefix)
  const subnet: Subnet = {
    ...rest,
    ipVersion: prefix.version,
    cidr: formatPrefix(prefix),
    gatewayIp: gatewayIp === undefined ? firstGateway(prefix) : gatewayIp,
    allocationPools: [],
  }
  requireModes(subnet, prefix)
  if (subnet.enableDhcp) requireDhcpPossible(prefix)
  requireGateway(subnet, prefix)
  requireLists(subnet, 'new subnet')
  if (prefix.version === 6 && network.mtu < 1280)
    throw refuse('NetworkMTUSubnetConflict', { id: network.id, mtu: 1280 })
  const pools = allocationPools === undefined ? allBut(prefix, subnet.gatewayIp) : checkPools(allocationPools, prefix)
  requireGatewayOutside(pools, subnet.gatewayIp)
  const made = add(tx, subnets, { ...subnet, allocationPools: pools }, description)
  revise(tx, network.id)
  if (isAutoAddress(made)) addAutoAddresses(tx, made)
  else if (network.external) addGatewayAddresses(tx, made)
  return made
}

/** Changes a subnet. */
export function updateSubnet(tx: Transaction, subnet: Subnet, { description, ...rest }: SubnetChange): Subnet {
  const prefix = parsePrefix(subnet.cidr)!
  const after: Subnet = {
    ...changed(subnet, rest),
    allocationPools: rest.allocationPools ? checkPools(rest.allocationPools, prefix) : subnet.allocationPools,
  }
  if (after.gatewayIp !== subnet.gatewayIp) {
    requireGateway(after, prefix)
    const holder =
      subnet.gatewayIp === null ? undefined : tx.holder(ports, `ip ${subnet.networkId} ${subnet.gatewayIp}`)
    if (holder && isRouterPort(holder)) throw refuse('GatewayIpInUse', { ip: subnet.gatewayIp!, port: holder.id })
  }
  if (after.gatewayIp !== subnet.gatewayIp || rest.allocationPools)
    requireGatewayOutside(after.allocationPools, after.gatewayIp)
  if (after.enableDhcp && !subnet.enableDhcp) requireDhcpPossible(prefix)
  if (!after.enableDhcp && subnet.enableDhcp) requireModes(after, prefix)
  requireLists(after, subnet.id)
  revise(tx, subnet.networkId)
  return change(tx, subnets, after, description)
}

/** Removes a subnet, unless ports have addresses of it that they did not make themselves. */
export function deleteSubnet(tx: Transaction, subnet: Subnet): void {
  const users = [...tx.by(ports, 'subnet', subnet.id)]
  const auto = isAutoAddress(subnet)
  if (users.some(port => !auto || isRouterPort(port)))
    throw refuse('SubnetInUse', { id: subnet.id, reason: 'One or more ports have an IP allocation from this subnet' })
  for (const port of users)
    change(tx, ports, { ...port, fixedIps: port.fixedIps.filter(ip => ip.subnetId !== subnet.id) })
  forgetAddresses(tx, subnet.id)
  drop(tx, subnets, subnet.id)
  revise(tx, subnet.networkId)
}

function choosePrefix(tx: Transaction, request: SubnetRequest): Prefix {
  if (request.subnetPoolId !== null) {
    const pool = subnetPoolOf(tx, request.subnetPoolId)
    if (request.ipVersion !== undefined && request.ipVersion !== pool.ipVersion)
      throw refuse('BadRequest', {
        resource: 'subnets',
        message: `Cannot allocate IPv${request.ipVersion} subnet from IPv${pool.ipVersion} subnet pool`,
      })
    if (!request.cidr && request.allocationPools)
      throw refuse('BadRequest', {
        resource: 'subnets',
        message: 'allocation_pools allowed only for specific subnet requests.',
      })
    return takePrefix(tx, pool, request.projectId, request.cidr ?? undefined, request.prefixLength)
  }
  if (request.prefixLength !== undefined && request.cidr)
    throw refuse('BadRequest', { resource: 'subnets', message: 'cidr and prefixlen must not be supplied together' })
  if (!request.cidr)
    throw refuse('BadRequest', {
      resource: 'subnets',
      message: 'a subnetpool must be specified in the absence of a cidr',
    })
  if (request.ipVersion === undefined)
    throw refuse('BadRequest', {
      resource: 'subnets',
      message: 'ip_version must be specified in the absence of cidr and subnetpool_id',
    })
  return parsePrefix(request.cidr)!
}

/** Neutron lets no two subnets of a network overlap, and supports neither a prefix of length 0 nor `::`. */
function requireRoom(tx: Transaction, network: Network, prefix: Prefix): void {
  if (prefix.length === 0) throw invalid('0 is not allowed as CIDR prefix length')
  if (prefix.version === 6 && prefix.first === 0n) throw invalid("IPv6 subnet '::' is not supported")
  for (const other of tx.by(subnets, 'network', network.id))
    if (overlap(parsePrefix(other.cidr)!, prefix))
      throw invalid(
        `Requested subnet with cidr: ${formatPrefix(prefix)} for network: ${network.id} overlaps with another subnet`,
      )
}

/** Subnets of one family on a network come from one pool, or from pools of one address scope. */
function requirePoolAffinity(tx: Transaction, network: Network, poolId: string | null, prefix: Prefix): void {
  for (const other of tx.by(subnets, 'network', network.id)) {
    if (other.ipVersion !== prefix.version || other.subnetPoolId === poolId) continue
    const scope = scopeOfPool(tx, other.subnetPoolId)
    if (scope === null) throw refuse('NetworkSubnetPoolAffinityError', {})
    if (scope !== scopeOfPool(tx, poolId)) throw refuse('NetworkAddressScopeAffinityError', {})
  }
}

function requireModes(subnet: Subnet, prefix: Prefix): void {
  const { ipv6RaMode: ra, ipv6AddressMode: address } = subnet
  if (ra === null && address === null) return
  if (prefix.version === 4) throw invalid('ipv6_ra_mode and ipv6_address_mode are not allowed when ip_version is 4')
  if (!subnet.enableDhcp)
    throw invalid('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False')
  if (ra !== null && address !== null && ra !== address)
    throw invalid(
      `ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${address}' is not valid. If both attributes are set, they must be the same value`,
    )
  if (isAutoAddress(subnet) && prefix.length !== 64)
    throw invalid(
      `Invalid CIDR ${formatPrefix(prefix)} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`,
    )
}

function requireDhcpPossible(prefix: Prefix): void {
  if (prefix.length > bitsOf(prefix.version) - 2)
    throw invalid('Subnet has a prefix length that is incompatible with DHCP service enabled')
  const top = Number(prefix.first >> BigInt(bitsOf(prefix.version) - 8))
  if (prefix.version === 4 ? top >= 224 && top < 240 : top === 0xff)
    throw invalid('Multicast IP subnet is not supported if enable_dhcp is True')
  if (prefix.version === 4 ? top === 127 : prefix.first === 1n)
    throw invalid('Loopback IP subnet is not supported if enable_dhcp is True')
  if (prefix.version === 4 && prefix.first === 0n)
    throw invalid("First IP '0.0.0.0' of network is not supported if enable_dhcp is True.")
}

const firstGateway = (prefix: Prefix): string =>
  formatIp({ version: prefix.version, value: prefix.version === 4 ? prefix.first + 1n : prefix.first })

function requireGateway(subnet: Subnet, prefix: Prefix): void {
  if (subnet.gatewayIp === null) return
  const gateway = parseIp(subnet.gatewayIp)!
  if (gateway.version !== prefix.version)
    throw invalid(`Invalid input for gateway_ip. Reason: '${subnet.gatewayIp}' is not an IPv${prefix.version} address`)
  const isEdge = gateway.value === prefix.first || gateway.value === prefix.last
  if (prefix.version === 4 && prefix.length < 31 && isEdge) throw invalid('Gateway is not valid on subnet')
}

function requireLists(subnet: Subnet, id: string): void {
  if (subnet.dnsNameservers.length > maxNameservers)
    throw refuse('DNSNameServersExhausted', { id, limit: maxNameservers })
  if (subnet.hostRoutes.length > maxHostRoutes) throw refuse('HostRoutesExhausted', { id, limit: maxHostRoutes })
  for (const { destination, nexthop } of subnet.hostRoutes)
    if (parsePrefix(destination)!.version !== subnet.ipVersion || parseIp(nexthop)!.version !== subnet.ipVersion)
      throw invalid(`host_routes: '${destination}' via '${nexthop}' is not of IP version ${subnet.ipVersion}`)
  for (const server of subnet.dnsNameservers)
    if (parseIp(server)!.version !== subnet.ipVersion)
      throw invalid(`dns_nameservers: '${server}' is not of IP version ${subnet.ipVersion}`)
  for (const type of subnet.serviceTypes)
    if (!/^[^:\s]+:/.test(type)) throw refuse('InvalidSubnetServiceType', { serviceType: type })
}

/** First and last address of a prefix that a host may have. */
function hostRange(prefix: Prefix): readonly [bigint, bigint] {
  if (prefix.version === 6) return prefix.length >= 127 ? [prefix.first, prefix.last] : [prefix.first + 1n, prefix.last]
  return prefix.length >= 31 ? [prefix.first, prefix.last] : [prefix.first + 1n, prefix.last - 1n]
}

/** All host addresses of a prefix except the gateway. */
function allBut(prefix: Prefix, gatewayIp: string | null): AllocationPool[] {
  const [first, last] = hostRange(prefix)
  const gateway = gatewayIp === null ? undefined : parseIp(gatewayIp)!.value
  const pool = (start: bigint, end: bigint) => ({
    start: formatIp({ version: prefix.version, value: start }),
    end: formatIp({ version: prefix.version, value: end }),
  })
  if (gateway === undefined || gateway < first || gateway > last) return [pool(first, last)]
  return [
    ...(gateway > first ? [pool(first, gateway - 1n)] : []),
    ...(gateway < last ? [pool(gateway + 1n, last)] : []),
  ]
}

function checkPools(pools: readonly AllocationPool[], prefix: Prefix): AllocationPool[] {
  const text = (p: AllocationPool) => `${p.start}-${p.end}`
  const cidr = formatPrefix(prefix)
  const [first, last] = hostRange(prefix)
  const ranges = pools.map(pool => {
    const start = parseIp(pool.start)!
    const end = parseIp(pool.end)!
    if (start.version !== prefix.version || end.version !== prefix.version || start.value > end.value)
      throw refuse('InvalidAllocationPool', { pool: text(pool) })
    if (start.value < first || end.value > last) throw refuse('OutOfBoundsAllocationPool', { pool: text(pool), cidr })
    return { pool, start: start.value, end: end.value }
  })
  const sorted = ranges.toSorted((a, b) => (a.start < b.start ? -1 : 1))
  sorted.forEach(({ pool, start }, i) => {
    const previous = sorted[i - 1]
    if (previous && previous.end >= start)
      throw refuse('OverlappingAllocationPools', { first: text(previous.pool), second: text(pool), cidr })
  })
  return [...pools]
}

function requireGatewayOutside(pools: readonly AllocationPool[], gatewayIp: string | null): void {
  if (gatewayIp === null) return
  const gateway = parseIp(gatewayIp)!
  for (const { start, end } of pools)
    if (
      contains(
        { version: gateway.version, first: parseIp(start)!.value, last: parseIp(end)!.value, length: 0 },
        gateway,
      )
    )
      throw refuse('GatewayConflictWithAllocationPools', { ip: gatewayIp, pool: `${start}-${end}` })
}

/** Hosts that are there already make themselves an address of the new subnet. */
function addAutoAddresses(tx: Transaction, subnet: Subnet): void {
  const usable = (port: Port) =>
    !isRouterPort(port) &&
    port.deviceOwner !== FLOATING_IP_OWNER &&
    (subnet.serviceTypes.length === 0 || subnet.serviceTypes.includes(port.deviceOwner))
  for (const port of [...tx.by(ports, 'network', subnet.networkId)])
    if (usable(port))
      change(tx, ports, {
        ...port,
        fixedIps: [...port.fixedIps, { subnetId: subnet.id, ipAddress: ownAddress(subnet, port) }],
      })
}
