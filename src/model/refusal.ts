// Everything the controller refuses a user, by Neutron's names: clients get the name as `NeutronError.type`. Rules of
// the model throw them with the facts; the API turns the reason into an HTTP status.

/** Why something is refused, in terms that a caller can react to. */
export type Reason = 'malformed' | 'forbidden' | 'absent' | 'conflict' | 'precondition' | 'unacceptable' | 'unavailable'

const refusals = {
  // requests as such
  HTTPBadRequest: ['malformed', '{message}'],
  BadRequest: ['malformed', 'Bad {resource} request: {message}.'],
  InvalidInput: ['malformed', 'Invalid input for operation: {message}.'],
  HTTPNotAcceptable: ['unacceptable', 'The resource is only available as application/json.'],
  HTTPNotFound: ['absent', 'The resource could not be found.'],
  HTTPForbidden: ['forbidden', '{message}'],
  PolicyNotAuthorized: ['forbidden', '{action} is disallowed by policy'],
  RevisionNumberConstraintFailed: ['precondition', 'Constrained to {expected}, but current revision is {current}'],
  TagNotFound: ['absent', 'Tag {tag} could not be found.'],
  ExtensionNotFound: ['absent', 'Extension with alias {alias} does not exist'],

  // networks and segments
  NetworkNotFound: ['absent', 'Network {id} could not be found.'],
  NetworkInUse: ['conflict', 'Unable to complete operation on network {id}. {reason}.'],
  InvalidSharedSetting: [
    'conflict',
    'Unable to reconfigure sharing settings for network {id}. Multiple projects are using it.',
  ],
  VlanIdInUse: [
    'conflict',
    'Unable to create the network. The VLAN {vlan} on physical network {physicalNetwork} is in use.',
  ],
  TunnelIdInUse: ['conflict', 'Unable to create the network. The tunnel ID {id} is in use.'],
  FlatNetworkInUse: ['conflict', 'Unable to create the flat network. Physical network {physicalNetwork} is in use.'],
  NoNetworkAvailable: ['unavailable', 'Unable to create the network. No project network is available for allocation.'],
  SegmentsSetInConjunctionWithProviders: ['malformed', 'Segments and provider values cannot both be set.'],
  SegmentsContainDuplicateEntry: ['malformed', 'Duplicate segment entry in request.'],
  NetworkMTUSubnetConflict: ['conflict', 'MTU of {id} is not valid, subnet requires a minimum of {mtu}'],
  AvailabilityZoneNotFound: ['absent', 'AvailabilityZone {id} could not be found.'],

  // subnets
  SubnetNotFound: ['absent', 'Subnet {id} could not be found.'],
  SubnetInUse: ['conflict', 'Unable to complete operation on subnet {id}: {reason}.'],
  InvalidAllocationPool: ['malformed', 'The allocation pool {pool} is not valid.'],
  OutOfBoundsAllocationPool: ['malformed', 'The allocation pool {pool} spans beyond the subnet cidr {cidr}.'],
  OverlappingAllocationPools: ['conflict', 'Found overlapping allocation pools: {first} {second} for subnet {cidr}.'],
  GatewayConflictWithAllocationPools: ['conflict', 'Gateway ip {ip} conflicts with allocation pool {pool}.'],
  GatewayIpInUse: ['conflict', 'Current gateway ip {ip} already in use by port {port}. Unable to update.'],
  HostRoutesExhausted: [
    'malformed',
    'Unable to complete operation for {id}. The number of host routes exceeds the limit {limit}.',
  ],
  DNSNameServersExhausted: [
    'malformed',
    'Unable to complete operation for {id}. The number of DNS nameservers exceeds the limit {limit}.',
  ],
  InvalidSubnetServiceType: [
    'malformed',
    'Subnet service type {serviceType} does not correspond to a valid device owner.',
  ],
  NetworkSubnetPoolAffinityError: [
    'malformed',
    'Subnets hosted on the same network must be allocated from the same subnet pool.',
  ],
  NetworkAddressScopeAffinityError: [
    'malformed',
    'Subnets of the same network must be allocated from subnet pools of the same address scope.',
  ],

  // ports and addresses
  PortNotFound: ['absent', 'Port {id} could not be found.'],
  PortBound: [
    'conflict',
    'Unable to complete operation on port {id}, port is already bound, port type: {vifType}, old_mac {oldMac}, new_mac {newMac}.',
  ],
  MacAddressInUse: ['conflict', 'Unable to complete operation for network {network}. The mac address {mac} is in use.'],
  MacAddressGenerationFailure: ['unavailable', 'Unable to generate unique mac on network {network}.'],
  IpAddressInUse: ['conflict', 'Unable to complete operation for network {network}. The IP address {ip} is in use.'],
  IpAddressAlreadyAllocated: ['conflict', 'IP address {ip} already allocated in subnet {subnet}'],
  IpAddressGenerationFailure: ['conflict', 'No more IP addresses available on network {network}.'],
  IpAddressGenerationFailureNoMatchingSubnet: [
    'conflict',
    "No valid service subnet for the given device owner, network_id {network}, service type '{serviceType}'.",
  ],
  InvalidIpForNetwork: [
    'malformed',
    'IP address {ip} is not a valid IP for any of the subnets on the specified network.',
  ],
  InvalidIpForSubnet: ['malformed', 'IP address {ip} is not a valid IP for the specified subnet.'],
  InvalidAddressRequest: ['malformed', 'The address allocation request could not be satisfied because: {reason}'],
  AddressPairAndPortSecurityRequired: [
    'conflict',
    'Port Security must be enabled in order to have allowed address pairs on a port.',
  ],
  AllowedAddressPairExhausted: ['malformed', 'The number of allowed address pair exceeds the maximum {limit}.'],
  DuplicateAddressPairInRequest: [
    'malformed',
    'Request contains duplicate address pair: mac_address {mac} ip_address {ip}.',
  ],
  PortBindingNotFound: ['absent', 'Binding for port {port} for host {host} could not be found.'],
  PortBindingAlreadyActive: ['conflict', 'Binding for port {port} on host {host} is already active.'],
  PortBindingAlreadyExists: ['conflict', 'Binding for port {port} on host {host} already exists.'],
  PortBindingError: ['conflict', 'Binding for port {port} on host {host} could not be created or updated.'],

  // subnet pools and address scopes
  SubnetPoolNotFound: ['absent', 'Subnet pool {id} could not be found.'],
  SubnetPoolDeleteError: ['malformed', 'Unable to delete subnet pool: {reason}.'],
  SubnetPoolQuotaExceeded: ['conflict', 'Per-project subnet pool prefix quota exceeded.'],
  SubnetAllocationError: ['conflict', 'Failed to allocate subnet: {reason}.'],
  EmptySubnetPoolPrefixList: ['malformed', 'Empty subnet pool prefix list.'],
  PrefixVersionMismatch: ['malformed', 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.'],
  UnsupportedMinSubnetPoolPrefix: ['malformed', "Prefix '{prefix}' not supported in IPv{version} pool."],
  IllegalSubnetPoolPrefixBounds: ['malformed', 'Illegal prefix bounds: {type}={length}, {baseType}={baseLength}.'],
  IllegalSubnetPoolPrefixUpdate: ['malformed', 'Illegal update to prefixes: {message}.'],
  IllegalSubnetPoolUpdate: ['malformed', 'Illegal subnetpool update : {reason}.'],
  MinPrefixSubnetAllocationError: [
    'malformed',
    'Unable to allocate subnet with prefix length {length}, minimum allowed prefix is {limit}.',
  ],
  MaxPrefixSubnetAllocationError: [
    'malformed',
    'Unable to allocate subnet with prefix length {length}, maximum allowed prefix is {limit}.',
  ],
  AddressScopePrefixConflict: [
    'conflict',
    'Failed to associate address scope: subnetpools within an address scope must have unique prefixes.',
  ],
  IllegalSubnetPoolAssociationToAddressScope: [
    'malformed',
    'Illegal subnetpool association: subnetpool {pool} cannot be associated with address scope {scope}.',
  ],
  IllegalSubnetPoolIpVersionAssociationToAddressScope: [
    'malformed',
    'Illegal subnetpool association: subnetpool {pool} cannot associate with address scope {scope} because subnetpool ip_version is not {version}.',
  ],
  AddressGroupNotFound: ['absent', 'Address group {id} could not be found.'],
  SecurityGroupNotFound: ['absent', 'Security group {id} does not exist'],
  AddressScopeNotFound: ['absent', 'Address scope {id} could not be found.'],
  AddressScopeInUse: [
    'conflict',
    'Unable to complete operation on address scope {id}. There are one or more subnet pools in use on the address scope.',
  ],
  AddressScopeUpdateError: ['malformed', 'Unable to update address scope {id} : {reason}.'],

  // chassis
  ChassisNotFound: ['absent', 'Chassis {id} could not be found.'],
  ChassisInUse: ['conflict', '{message}'],
  CookieNotFound: ['absent', 'No flow of chassis {chassis} has the cookie {cookie}.'],
  AgentNotFound: ['absent', 'Agent {id} could not be found.'],
  AgentInUse: ['conflict', 'Unable to complete operation on agent {id}: {reason}.'],
} as const satisfies Record<string, readonly [Reason, string]>

/** The names that clients see. */
export type RefusalName = keyof typeof refusals

type Facts<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Facts<Rest>
  : never

/** A request that cannot be granted: nothing changed, and the message says what to do about it. */
export class Refusal extends Error {
  override readonly name: RefusalName
  readonly reason: Reason
  constructor(name: RefusalName, message: string) {
    super(message)
    this.name = name
    this.reason = refusals[name][0]
  }
}

/** Makes the error that refuses: `throw refuse('NetworkNotFound', { id })`. */
export function refuse<N extends RefusalName>(
  name: N,
  facts: Record<Facts<(typeof refusals)[N][1]>, string | number>,
): Refusal {
  const given = facts as Record<string, string | number>
  return new Refusal(
    name,
    refusals[name][1].replaceAll(/\{(\w+)\}/g, (_, fact: string) => String(given[fact])),
  )
}

/** All names with their reasons, for the documentation. */
export const refusalReasons: Readonly<Record<RefusalName, Reason>> = Object.fromEntries(
  Object.entries(refusals).map(([name, [reason]]) => [name, reason]),
) as Record<RefusalName, Reason>
