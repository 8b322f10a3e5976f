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
  PortInUse: [
    'conflict',
    'Unable to complete operation on port {id} for network {network}. Port already has an attached device {device}.',
  ],
  ServicePortInUse: ['conflict', 'Port {id} cannot be deleted directly via the port API: {reason}.'],
  SubnetMismatchForPort: ['malformed', 'Subnet on port {port} does not match the requested subnet {subnet}.'],

  // routers
  RouterNotFound: ['absent', 'Router {id} could not be found'],
  RouterInUse: ['conflict', 'Router {id} {reason}'],
  RouterInterfaceNotFound: ['absent', 'Router {router} does not have an interface with id {port}'],
  RouterInterfaceNotFoundForSubnet: ['absent', 'Router {router} has no interface on subnet {subnet}'],
  RouterInterfaceInUseByFloatingIP: [
    'conflict',
    'Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more floating IPs.',
  ],
  RouterInterfaceInUseByRoute: [
    'conflict',
    'Router interface for subnet {subnet} on router {router} cannot be deleted, as it is required by one or more routes.',
  ],
  RouterExternalGatewayInUseByFloatingIp: [
    'conflict',
    'Gateway cannot be updated for router {router}, since a gateway to external network {network} is required by one or more floating IPs.',
  ],
  InvalidRoutes: ['malformed', 'Invalid format for routes: {routes}, {reason}'],
  RoutesExhausted: [
    'malformed',
    'Unable to complete operation for {router}. The number of routes exceeds the maximum {limit}.',
  ],
  ExternalIpAddressExhausted: ['malformed', 'Unable to find any IP address on external network {network}.'],
  ExternalGatewayForFloatingIPNotFound: [
    'absent',
    'External network {network} is not reachable from subnet {subnet}.  Therefore, cannot associate Port {port} with a Floating IP.',
  ],
  FloatingIPPortAlreadyAssociated: [
    'conflict',
    'Cannot associate floating IP {address} ({id}) with port {port} using fixed IP {fixedIp}, as that fixed IP already has a floating IP on external network {network}.',
  ],
  FipInUseByPortForwarding: ['conflict', 'Floating IP {id} in use by Port Forwarding resources.'],
  PortHasPortForwarding: [
    'malformed',
    'Cannot associate floating IP to port {port} because it already has a Port Forwarding binding.',
  ],
  PortHasBindingFloatingIP: [
    'conflict',
    'Cannot create port forwarding to floating IP {address} ({id}) with port {port} using fixed IP {fixedIp}, as that port already has a binding floating IP.',
  ],
  FloatingIPNotFound: ['absent', 'Floating IP {id} could not be found'],
  PortForwardingNotFound: ['absent', 'Port Forwarding {id} could not be found.'],
  ExternalNetworkInUse: [
    'conflict',
    'External network {network} cannot be updated to be made non-external, since it has existing gateway ports.',
  ],

  // firewalls
  FirewallGroupNotFound: ['absent', 'Firewall group {id} could not be found.'],
  FirewallGroupInUse: ['conflict', 'Firewall group {id} is still active.'],
  FirewallGroupPortInvalid: ['conflict', 'Port {port} of firewall group is invalid.'],
  FirewallGroupPortInUse: ['conflict', 'Port(s) {ports} provided already associated with other firewall group(s).'],
  FirewallGroupCannotRemoveDefault: ['conflict', 'Deleting default firewall group not allowed.'],
  FirewallDefaultParameterExists: [
    'conflict',
    "Operation cannot be performed since '{name}' is a reserved name for {resource}.",
  ],
  FirewallDefaultObjectUpdateRestricted: [
    'conflict',
    "Operation cannot be performed on default object '{id}' of type {resource}.",
  ],
  FirewallPolicyNotFound: ['absent', 'Firewall policy {id} could not be found.'],
  FirewallPolicyInUse: ['conflict', 'Firewall policy {id} is being used.'],
  FirewallPolicyConflict: [
    'absent',
    'Operation cannot be performed since firewall policy {id} for your project could not be found. Please confirm if the firewall policy exists and is shared.',
  ],
  FirewallPolicySharingConflict: [
    'conflict',
    'Operation cannot be performed. Before sharing firewall policy {policy}, share associated firewall rule {rule}.',
  ],
  FirewallRuleNotFound: ['absent', 'Firewall rule {id} could not be found.'],
  FirewallRuleInUse: ['conflict', 'Firewall rule {id} is being used.'],
  FirewallRuleConflict: [
    'conflict',
    'Operation cannot be performed since firewall rule {rule} is not shared and belongs to another project {project}.',
  ],
  FirewallRuleSharingConflict: [
    'absent',
    'Operation cannot be performed since firewall policy {policy} could not find the firewall rule {rule}. Please confirm if the firewall rule exists and is shared.',
  ],
  FirewallRuleAlreadyAssociated: [
    'conflict',
    'Operation cannot be performed since firewall rule {rule} is already associated with firewall policy {policy}.',
  ],
  FirewallRuleNotAssociatedWithPolicy: [
    'malformed',
    'Firewall rule {rule} is not associated with firewall policy {policy}.',
  ],
  FirewallRuleInfoMissing: ['malformed', 'Missing rule info argument for insert/remove rule operation.'],
  FirewallRuleInvalidICMPParameter: ['malformed', '{parameter} are not allowed when protocol is set to ICMP.'],
  FirewallRuleWithPortWithoutProtocolInvalid: ['malformed', 'Source/destination port requires a protocol.'],
  FirewallIpAddressConflict: ['malformed', 'Invalid input - IP addresses do not agree with IP Version.'],

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
  IllegalSubnetPoolIpVersionAssociationToAddressScope: [
    'malformed',
    'Illegal subnetpool association: subnetpool {pool} cannot associate with address scope {scope} because subnetpool ip_version is not {version}.',
  ],
  AddressScopeNotFound: ['absent', 'Address scope {id} could not be found.'],
  AddressScopeInUse: [
    'conflict',
    'Unable to complete operation on address scope {id}. There are one or more subnet pools in use on the address scope.',
  ],
  AddressScopeUpdateError: ['malformed', 'Unable to update address scope {id} : {reason}.'],

  // sharing and quotas
  RbacPolicyNotFound: ['absent', 'RBAC policy with ID {id} not found'],
  RbacPolicyInUse: [
    'conflict',
    'RBAC policy on object {id} cannot be removed because other objects depend on it.\nDetails: {details}',
  ],
  DuplicateRbacPolicy: ['conflict', 'An RBAC policy already exists with those values.'],
  RbacPolicyInitError: ['malformed', 'Failed to create RBAC policy on object {id} because {reason}.'],
  InvalidActionForType: [
    'malformed',
    "Invalid action '{action}' for object type '{objectType}'. Valid actions: {valid}",
  ],
  OverQuota: ['conflict', 'Quota exceeded for resources: {overs}.'],
  TenantQuotaNotFound: ['absent', 'Quota for tenant {id} could not be found.'],

  // security groups and address groups
  SecurityGroupNotFound: ['absent', 'Security group {id} does not exist'],
  SecurityGroupInUse: ['conflict', 'Security Group {id} in use.'],
  SecurityGroupDefaultAlreadyExists: ['conflict', 'Default security group already exists.'],
  SecurityGroupCannotRemoveDefault: ['conflict', 'Insufficient rights for removing default security group.'],
  SecurityGroupCannotUpdateDefault: ['conflict', 'Updating default security group not allowed.'],
  SecurityGroupConflict: ['conflict', 'Error {reason} while attempting the operation.'],
  SecurityGroupRuleNotFound: ['absent', 'Security group rule {id} does not exist'],
  SecurityGroupRuleExists: ['conflict', 'Security group rule already exists. Rule id is {id}.'],
  DuplicateSecurityGroupRuleInPost: ['conflict', 'Duplicate Security Group Rule in POST.'],
  SecurityGroupNotSingleGroupRules: ['malformed', 'Only allowed to update rules for one security profile at a time'],
  SecurityGroupRulesNotSingleProject: [
    'malformed',
    'Multiple project_ids in bulk security group rule create not allowed',
  ],
  SecurityGroupRuleInvalidProtocol: [
    'malformed',
    'Security group rule protocol {protocol} not supported. Only protocol values {values} and integer representations [0 to 255] are supported.',
  ],
  SecurityGroupRuleInvalidEtherType: [
    'malformed',
    "Security group rule for ethertype '{ethertype}' not supported. Allowed values are IPv4, IPv6.",
  ],
  SecurityGroupEthertypeConflictWithProtocol: ['malformed', 'Invalid ethertype {ethertype} for protocol {protocol}.'],
  SecurityGroupRuleParameterConflict: ['malformed', 'Conflicting value ethertype {ethertype} for CIDR {cidr}'],
  SecurityGroupProtocolRequiredWithPorts: ['malformed', 'Must also specify protocol if port range is given.'],
  SecurityGroupInvalidProtocolForPort: [
    'malformed',
    'Ports cannot be specified for protocol {protocol}. Ports are only supported for {protocols}.',
  ],
  SecurityGroupInvalidPortValue: ['malformed', 'Invalid value for port {port}'],
  SecurityGroupInvalidPortRange: ['malformed', 'For TCP/UDP protocols, port_range_min must be <= port_range_max'],
  SecurityGroupInvalidIcmpValue: [
    'malformed',
    'Invalid value for ICMP {field} ({attribute}) {value}. It must be 0 to 255.',
  ],
  SecurityGroupMissingIcmpType: [
    'malformed',
    'ICMP code (port-range-max) {value} is provided but ICMP type (port-range-min) is missing.',
  ],
  SecurityGroupMultipleRemoteEntites: [
    'malformed',
    'Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
  ],
  InvalidCIDR: ['malformed', 'Invalid CIDR {input} given as IP prefix.'],
  PortSecurityPortHasSecurityGroup: [
    'conflict',
    'Port has security group associated. Cannot disable port security or IP address until security group is removed.',
  ],
  PortSecurityAndIPRequiredForSecurityGroups: [
    'malformed',
    'Port security must be enabled and port must have an IP address in order to use security groups.',
  ],
  AddressGroupNotFound: ['absent', 'Address group {id} could not be found.'],
  AddressGroupInUse: ['conflict', 'Address group {id} is in use on one or more security group rules.'],
  AddressesNotFound: ['absent', 'Addresses {addresses} not found in the address group {id}.'],
  AddressesAlreadyExist: ['malformed', 'Addresses {addresses} already exist in the address group {id}.'],

  // chassis
  ChassisNotFound: ['absent', 'Chassis {id} could not be found.'],
  ChassisInUse: ['conflict', 'Chassis {id} still has bound ports ({ports}): drain it, or remove it by force.'],
  CookieNotFound: ['absent', 'No flow of chassis {chassis} has the cookie {cookie}.'],
  AgentNotFound: ['absent', 'Agent {id} could not be found.'],
} as const satisfies Record<string, readonly [Reason, string]>

/** The names that clients see. */
export type RefusalName = keyof typeof refusals

type Facts<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Facts<Rest>
  : never

/** The refusals that say that something is not there, and tell no more of it than its id. */
export type AbsentName = {
  [N in RefusalName]: (typeof refusals)[N] extends readonly ['absent', infer M extends string]
    ? [Facts<M>] extends ['id']
      ? N
      : never
    : never
}[RefusalName]

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
