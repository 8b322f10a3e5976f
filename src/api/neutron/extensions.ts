// The extensions of the Neutron API that work here. Clients and test suites skip what is not listed.
const extension = (alias: string, name: string, description: string) => ({
  alias,
  name,
  description,
  updated: '2026-01-01T00:00:00-00:00',
  links: [],
})

/** All of them, by Neutron's aliases. */
export const extensions = [
  extension('address-scope', 'Address scope', 'Address scopes extension.'),
  extension('agent', 'agent', 'The agent management extension: chassis as agents.'),
  extension('allowed-address-pairs', 'Allowed Address Pairs', 'Provides allowed address pairs'),
  extension('availability_zone', 'Availability Zone', 'The availability zone extension.'),
  extension('binding', 'Port Binding', 'Expose port bindings of a virtual port to external application'),
  extension(
    'binding-extended',
    'Port Bindings Extended',
    'Expose port bindings of a virtual port to external application',
  ),
  extension(
    'default-subnetpools',
    'Default Subnetpools',
    'Provides ability to mark and use a subnetpool as the default.',
  ),
  extension('dns-integration', 'DNS Integration', 'Provides integration with DNS.'),
  extension('dvr', 'Distributed Virtual Router', 'Enables configuration of Distributed Virtual Routers.'),
  extension(
    'empty-string-filtering',
    'Empty String Filtering Extension',
    'Allow filtering by attributes with empty string value',
  ),
  extension(
    'ext-gw-mode',
    'Neutron L3 Configurable external gateway mode',
    'Whether SNAT occurs on the external gateway.',
  ),
  extension('external-net', 'Neutron external network', 'Adds external network attribute to network resource.'),
  extension('extra_dhcp_opt', 'Neutron Extra DHCP options', 'Extra options configuration for DHCP.'),
  extension('extraroute', 'Neutron Extra Route', 'Extra routes configuration for L3 router'),
  extension(
    'extraroute-atomic',
    'Atomically add/remove extra routes',
    'Edit extra routes of a router on server side by atomically adding/removing extra routes',
  ),
  extension('filter-validation', 'Filter parameters validation', 'Provides validation on filter parameters.'),
  extension(
    'ip-substring-filtering',
    'IP address substring filtering',
    'Provides IP address substring filtering when listing ports',
  ),
  extension('l3-ha', 'HA Router extension', 'Adds HA capability to routers.'),
  extension(
    'multi-provider',
    'Multi Provider Network',
    'Expose mapping of virtual networks to multiple physical networks',
  ),
  extension('net-mtu', 'Network MTU', 'Provides MTU attribute for a network resource.'),
  extension('net-mtu-writable', 'Network MTU (writable)', 'Provides a writable MTU attribute for a network resource.'),
  extension(
    'network-ip-availability',
    'Network IP Availability',
    'Provides IP availability data for each network and subnet.',
  ),
  extension('network_availability_zone', 'Network Availability Zone', 'Availability zone support for network.'),
  extension('pagination', 'Pagination support', 'Extension that indicates that pagination is enabled.'),
  extension(
    'port-mac-address-regenerate',
    'Neutron Port MAC address regenerate',
    'Network port MAC address regenerate',
  ),
  extension('port-security', 'Port Security', 'Provides port security'),
  extension('project-id', 'project_id field enabled', 'Extension that indicates that project_id field is enabled.'),
  extension('provider', 'Provider Network', 'Expose mapping of virtual networks to physical networks'),
  extension('rbac-address-scope', 'Add address_scope type to RBAC', 'Add address_scope type to RBAC'),
  extension(
    'rbac-policies',
    'RBAC Policies',
    'Allows creation and modification of policies that control project access to resources.',
  ),
  extension('rbac-subnetpool', 'Add subnetpool type to RBAC', 'Add subnetpool type to RBAC'),
  extension(
    'revision-if-match',
    'If-Match constraints based on revision_number',
    'Extension indicating that If-Match based on revision_number is supported.',
  ),
  extension(
    'router',
    'Neutron L3 Router',
    'Router abstraction for L3 forwarding between networks and to external networks.',
  ),
  extension(
    'router-admin-state-down-before-update',
    "Enforce Router's Admin State Down Before Update Extension",
    'Ensure that the admin state of a router is DOWN before updating the distributed attribute',
  ),
  extension('router_availability_zone', 'Router Availability Zone', 'Availability zone support for router.'),
  extension('sorting', 'Sorting support', 'Extension that indicates that sorting is enabled.'),
  extension(
    'standard-attr-description',
    'standard-attr-description',
    'Extension to add descriptions to standard attributes',
  ),
  extension(
    'standard-attr-revisions',
    'Resource revision numbers',
    'This extension will display the revision number of neutron resources.',
  ),
  extension(
    'standard-attr-tag',
    'Tag support for resources with standard attribute',
    'Enables to set tag on resources with standard attribute.',
  ),
  extension(
    'standard-attr-timestamp',
    'Resource timestamps',
    'Adds created_at and updated_at fields to all Neutron resources that have Neutron standard attributes.',
  ),
  extension('subnet-service-types', 'Subnet service types', 'Provides ability to set the subnet service_types field'),
  extension('subnet_allocation', 'Subnet Allocation', 'Enables allocation of subnets from a subnet pool'),
  extension(
    'subnetpool-prefix-ops',
    'Subnet Pool Prefix Operations',
    'Provides support for adjusting the prefix list of subnet pools',
  ),
] as const
