// Neutron's security groups in words of one syllable: what the compiled tables must come to, written without them.
import {
  type AddressGroup,
  contains,
  type Direction,
  type Port,
  parseIp,
  parsePrefix,
  type SecurityGroup,
  type SecurityGroupRule,
} from '#model'

/** What there is to judge by. */
export interface Cloud {
  readonly ports: readonly Port[]
  readonly groups: readonly SecurityGroup[]
  readonly rules: readonly SecurityGroupRule[]
  readonly addressGroups: readonly AddressGroup[]
}

/** The first packet of a connection. For ICMP `first` and `second` are type and code, else `second` is the destination port. */
export interface Probe {
  readonly ipVersion: 4 | 6
  readonly from: string
  readonly to: string
  readonly protocol: number
  readonly first: number
  readonly second: number
}

const ICMP = new Set([1, 58])
const WITH_PORTS = new Set([6, 17, 132])

/** Whether an address is, or lies in, another or a prefix. */
const within = (address: string, where: string) => {
  const [ip, prefix] = [parseIp(address), parsePrefix(where)]
  return where === address || (ip !== undefined && prefix !== undefined && contains(prefix, ip))
}

const isBetween = (n: number, min: number | null, max: number | null) => n >= (min ?? 0) && n <= (max ?? 65535)

const fitsPorts = (rule: SecurityGroupRule, { protocol, first, second }: Probe) => {
  const { portRangeMin: min, portRangeMax: max } = rule
  if (ICMP.has(protocol)) return (min === null || first === min) && (max === null || second === max)
  return !WITH_PORTS.has(protocol) || isBetween(second, min, max)
}

const addressesOf = (cloud: Cloud, group: string) =>
  cloud.ports
    .filter(port => port.securityGroups.includes(group))
    .flatMap(port => [...port.fixedIps, ...port.allowedAddressPairs].map(({ ipAddress }) => ipAddress))

const fitsRemote = (cloud: Cloud, rule: SecurityGroupRule, address: string) => {
  const named = cloud.addressGroups.find(group => group.id === rule.remoteAddressGroupId)?.addresses
  const members = rule.remoteGroupId === null ? undefined : addressesOf(cloud, rule.remoteGroupId)
  const prefix = rule.remoteIpPrefix === null ? undefined : [rule.remoteIpPrefix]
  const allowed = prefix ?? members ?? named
  return allowed === undefined || allowed.some(one => within(address, one))
}

/** Whether a port's groups allow a connection in one direction. */
export const allows = (cloud: Cloud, port: Port, direction: Direction, probe: Probe): boolean =>
  !port.portSecurityEnabled ||
  cloud.rules.some(
    rule =>
      port.securityGroups.includes(rule.groupId) &&
      rule.direction === direction &&
      rule.ipVersion === probe.ipVersion &&
      (rule.protocolNumber ?? probe.protocol) === probe.protocol &&
      fitsPorts(rule, probe) &&
      fitsRemote(cloud, rule, direction === 'egress' ? probe.to : probe.from),
  )
