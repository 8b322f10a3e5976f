// Address management: hands out the addresses of a subnet, next after the last one handed out, so that an address just
// given up rests the longest, and a port on a large network costs no scan. Uniqueness is the ports' own keys'.
import { contains, eui64, formatIp, type Ip, parseIp, parsePrefix } from '../ip.ts'
import { type Kind, kind } from '../kind.ts'
import { type FixedIp, isRouterPort, type Port, ports } from '../port.ts'
import { refuse } from '../refusal.ts'
import { isAutoAddress, type Subnet, subnetOf, subnets } from '../subnet.ts'
import type { Reader, Transaction } from '../transaction.ts'

/** Where the search for a free address of a subnet (the record's id) goes on. */
interface AddressCursor {
  readonly id: string
  readonly last: string
}

/** The cursors of all subnets that gave an address. */
export const addressCursors: Kind<AddressCursor> = kind<AddressCursor>()('address_cursor')

/** An address as asked for: on a subnet, or a given one, or both. */
export interface FixedIpRequest {
  readonly subnetId?: string | undefined
  readonly ipAddress?: string | undefined
}

/** The port that addresses are for. */
export type Addressee = Pick<Port, 'networkId' | 'macAddress' | 'deviceOwner'>

/** The port that has an address on a network. */
export const addressHolder = (reader: Reader, networkId: string, ip: string): Port | undefined =>
  reader.holder(ports, `ip ${networkId} ${ip}`)

/**
 * The addresses of a port. `asked` undefined: one of each family that has a subnet; in any case those that a host of
 * this MAC makes itself. `kept` are addresses that the port has and may keep. Throws the refusals of Neutron.
 */
export function chooseAddresses(
  tx: Transaction,
  port: Addressee,
  asked: readonly FixedIpRequest[] | undefined,
  kept: readonly FixedIp[] = [],
): FixedIp[] {
  const all = [...tx.by(subnets, 'network', port.networkId)]
  const usable = all.filter(s => s.serviceTypes.length === 0 || s.serviceTypes.includes(port.deviceOwner))
  // subnets made for this kind of port come first
  usable.sort((a, b) => Number(b.serviceTypes.length > 0) - Number(a.serviceTypes.length > 0))
  if (asked !== undefined && asked.length > 0 && all.length === 0)
    throw refuse('InvalidInput', { message: 'IP allocation requires subnets for network' })
  if (asked === undefined && all.length > 0 && usable.length === 0)
    throw refuse('IpAddressGenerationFailureNoMatchingSubnet', {
      network: port.networkId,
      serviceType: port.deviceOwner,
    })

  const chosen: FixedIp[] = []
  const taken = new Set<string>()
  const add = (subnet: Subnet, ipAddress: string) => {
    if (taken.has(ipAddress)) return
    taken.add(ipAddress)
    chosen.push({ subnetId: subnet.id, ipAddress })
  }
  const isKept = (ip: string) => kept.some(k => k.ipAddress === ip)

  // given addresses first, so that none of them is chosen for another subnet entry
  for (const request of asked ?? []) {
    if (request.ipAddress === undefined) continue
    if (taken.has(request.ipAddress))
      throw refuse('HTTPBadRequest', {
        message: `Invalid input for fixed_ips. Reason: Duplicate IP address '${request.ipAddress}'.`,
      })
    const subnet = subnetFor(tx, port, all, request)
    if (!isKept(request.ipAddress) && addressHolder(tx, port.networkId, request.ipAddress))
      throw refuse('IpAddressAlreadyAllocated', { ip: request.ipAddress, subnet: subnet.id })
    add(subnet, request.ipAddress)
  }
  const spare = kept.filter(k => !taken.has(k.ipAddress))
  for (const request of asked ?? []) {
    if (request.ipAddress !== undefined) continue
    const subnet = subnetFor(tx, port, all, request)
    if (isAutoAddress(subnet) && !isRouterPort(port)) {
      add(subnet, ownAddress(subnet, port))
      continue
    }
    const again = spare.findIndex(k => k.subnetId === subnet.id)
    add(subnet, again >= 0 ? spare.splice(again, 1)[0]!.ipAddress : nextAddress(tx, subnet, taken))
  }
  if (asked === undefined) {
    for (const version of [4, 6]) {
      const candidates = usable.filter(s => s.ipVersion === version && !isAutoAddress(s))
      if (candidates.length > 0) addFromAny(tx, port, candidates, taken, add)
    }
  }
  if (!isRouterPort(port))
    for (const subnet of usable)
      if (isAutoAddress(subnet) && !chosen.some(ip => ip.subnetId === subnet.id)) add(subnet, ownAddress(subnet, port))
  for (const { ipAddress, subnetId } of chosen)
    if (!isKept(ipAddress) && addressHolder(tx, port.networkId, ipAddress))
      throw refuse('IpAddressAlreadyAllocated', { ip: ipAddress, subnet: subnetId })
  return chosen
}

/** The address that a host of this MAC makes for itself on a SLAAC subnet. */
export const ownAddress = (subnet: Subnet, port: Pick<Port, 'macAddress'>): string =>
  formatIp(eui64(parsePrefix(subnet.cidr)!, port.macAddress))

/** The subnet that a requested address belongs to, once it is one that a port may have. */
function subnetFor(reader: Reader, port: Addressee, all: readonly Subnet[], request: FixedIpRequest): Subnet {
  const { subnetId, ipAddress } = request
  const ip = ipAddress === undefined ? undefined : parseIp(ipAddress)
  if (subnetId !== undefined) {
    const subnet = all.find(s => s.id === subnetId)
    if (!subnet) {
      subnetOf(reader, subnetId)
      throw refuse('InvalidInput', {
        message: `Failed to create port on network ${port.networkId}, because fixed_ips included invalid subnet ${subnetId}`,
      })
    }
    if (ip && !isHostAddress(subnet, ip, port)) throw refuse('InvalidIpForSubnet', { ip: ipAddress! })
    if (ip && isAutoAddress(subnet) && !isRouterPort(port) && ownAddress(subnet, port) !== ipAddress)
      throw refuse('InvalidInput', {
        message: `IPv6 address ${ipAddress} can not be directly assigned to a port on subnet ${subnetId} since the subnet is configured for automatic addresses`,
      })
    return subnet
  }
  if (!ip) throw refuse('InvalidInput', { message: 'IP allocation requires subnet_id or ip_address' })
  const subnet = all.find(s => isHostAddress(s, ip, port))
  if (!subnet) throw refuse('InvalidIpForNetwork', { ip: ipAddress! })
  return subnet
}

/**
 * Whether an address of the subnet's prefix can be a port's: not the broadcast address, and not the network address,
 * which in IPv6 is the routers' (RFC 4291, section 2.6.1).
 */
function isHostAddress(subnet: Subnet, ip: Ip, port: Addressee): boolean {
  const prefix = parsePrefix(subnet.cidr)!
  if (!contains(prefix, ip)) return false
  if (ip.version === 6) return prefix.length >= 127 || ip.value !== prefix.first || isRouterPort(port)
  return prefix.length >= 31 || (ip.value !== prefix.first && ip.value !== prefix.last)
}

function addFromAny(
  tx: Transaction,
  port: Addressee,
  candidates: readonly Subnet[],
  taken: ReadonlySet<string>,
  add: (subnet: Subnet, ip: string) => void,
): void {
  for (const subnet of candidates) {
    const ip = freeAddress(tx, subnet, taken)
    if (ip === undefined) continue
    add(subnet, ip)
    return
  }
  throw refuse('IpAddressGenerationFailure', { network: port.networkId })
}

function nextAddress(tx: Transaction, subnet: Subnet, taken: ReadonlySet<string>): string {
  const ip = freeAddress(tx, subnet, taken)
  if (ip === undefined) throw refuse('IpAddressGenerationFailure', { network: subnet.networkId })
  return ip
}

/** The next free address of a subnet's pools after the last one handed out; undefined when all are in use. */
function freeAddress(tx: Transaction, subnet: Subnet, taken: ReadonlySet<string>): string | undefined {
  const cursor = tx.get(addressCursors, subnet.id)
  const version = subnet.ipVersion
  const ranges = subnet.allocationPools.map(p => [parseIp(p.start)!.value, parseIp(p.end)!.value] as const)
  const last = cursor && parseIp(cursor.last)!.value
  const at = last === undefined ? -1 : ranges.findIndex(([start, end]) => start <= last && last < end)
  // from the cursor to the end of its range, the following ranges, and round again up to the cursor
  const stretches =
    at < 0
      ? startingAfter(ranges, last)
      : [
          [last! + 1n, ranges[at]![1]] as const,
          ...ranges.slice(at + 1),
          ...ranges.slice(0, at),
          [ranges[at]![0], last!] as const,
        ]
  for (const [start, end] of stretches)
    for (let value = start; value <= end; value++) {
      const ip = formatIp({ version, value })
      if (taken.has(ip) || addressHolder(tx, subnet.networkId, ip)) continue
      if (cursor) tx.replace(addressCursors, { id: subnet.id, last: ip })
      else tx.insert(addressCursors, { id: subnet.id, last: ip })
      return ip
    }
  return undefined
}

/** The ranges in order, beginning with the first that starts after `last`. */
function startingAfter(ranges: readonly (readonly [bigint, bigint])[], last: bigint | undefined) {
  const at =
    last === undefined
      ? 0
      : Math.max(
          0,
          ranges.findIndex(([start]) => start > last),
        )
  return [...ranges.slice(at), ...ranges.slice(0, at)]
}

/** Forgets a subnet that is removed. */
export function forgetAddresses(tx: Transaction, subnetId: string): void {
  if (tx.get(addressCursors, subnetId)) tx.remove(addressCursors, subnetId)
}
