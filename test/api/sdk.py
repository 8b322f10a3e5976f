#!/usr/bin/python3
"""Walks through the API with openstacksdk: PORT. Prints `ok` when everything is as an SDK user expects."""
import sys

import openstack
from openstack import exceptions

net = openstack.connection.Connection(auth_type='none', endpoint=f'http://127.0.0.1:{sys.argv[1]}').network

n = net.create_network(name='sdk', provider_network_type='vlan', provider_physical_network='physnet1', provider_segmentation_id=42)
assert n.provider_segmentation_id == 42 and n.mtu == 1500, n
s4 = net.create_subnet(network_id=n.id, cidr='10.0.0.0/24', ip_version=4, dns_nameservers=['8.8.8.8'],
                       host_routes=[{'destination': '10.9.0.0/16', 'nexthop': '10.0.0.9'}])
s6 = net.create_subnet(network_id=n.id, cidr='fd00::/64', ip_version=6, ipv6_address_mode='slaac', ipv6_ra_mode='slaac')
p = net.create_port(network_id=n.id, fixed_ips=[{'subnet_id': s4.id, 'ip_address': '10.0.0.20'}],
                    allowed_address_pairs=[{'ip_address': '10.0.0.99'}], extra_dhcp_opts=[{'opt_name': 'mtu', 'opt_value': '1400'}])
assert [ip['ip_address'] for ip in p.fixed_ips][0] == '10.0.0.20' and len(p.fixed_ips) == 2, p
assert net.get_network(n.id).subnet_ids == [s4.id, s6.id]

many = list(net.create_ports([{'network_id': n.id, 'name': f'p{i}'} for i in range(25)]))
assert len(many) == 25
assert [x.name for x in net.ports(limit=10, network_id=n.id, name='p7')] == ['p7']
assert len(list(net.ports(limit=10, network_id=n.id))) == 26
assert [x.id for x in net.ports(fixed_ips='ip_address=10.0.0.20')] == [p.id]

p = net.update_port(p, name='renamed', description='a port', admin_state_up=False)
assert (p.name, p.description, p.is_admin_state_up) == ('renamed', 'a port', False)
net.set_tags(p, ['red', 'blue'])
assert [x.id for x in net.ports(tags='red,blue')] == [p.id]
try:
    net.update_port(p, name='late', if_revision=0)
    raise AssertionError('an update of an old revision went through')
except exceptions.HttpException as error:
    assert error.status_code == 412, error
try:
    net.delete_network(n)
    raise AssertionError('a network in use was deleted')
except exceptions.ConflictException:
    pass

scope = net.create_address_scope(name='scope', ip_version=4)
pool = net.create_subnet_pool(name='pool', prefixes=['10.64.0.0/16'], default_prefixlen=24, address_scope_id=scope.id)
other = net.create_network(name='other')
cut = net.create_subnet(network_id=other.id, subnet_pool_id=pool.id, ip_version=4)
assert cut.cidr == '10.64.0.0/24', cut
assert net.get_network_ip_availability(n.id).used_ips == 26 * 2
assert list(net.agents()) == []
assert net.find_extension('port-security') and not net.find_extension('trunk')
assert [z.name for z in net.availability_zones()]
assert [p.service_type for p in net.service_providers()] == ['L3_ROUTER_NAT']

policy = net.create_rbac_policy(object_type='network', object_id=n.id, action='access_as_shared', target_project_id='q')
assert [x.target_project_id for x in net.rbac_policies(object_id=n.id)] == ['q'], policy
net.update_rbac_policy(policy, target_project_id='*')
assert net.get_network(n.id).is_shared
net.delete_rbac_policy(policy)
assert not net.get_network(n.id).is_shared

assert net.update_quota('q', networks=1, ports=7).ports == 7
net.create_network(name='theirs', project_id='q')
try:
    net.create_network(name='theirs too', project_id='q')
    raise AssertionError('a project got more than its quota')
except exceptions.ConflictException as error:
    assert 'Quota exceeded' in str(error), error
details = net.get_quota('q', details=True)
assert (details.networks['used'], details.networks['limit'], details.ports['used']) == (1, 1, 0), details
assert [x.project_id for x in net.quotas()] == ['q']
net.delete_quota('q')
assert net.get_quota('q').networks == net.get_quota_default('q').networks == -1

usual = net.find_security_group('default')
assert p.security_group_ids == [usual.id] and len(usual.security_group_rules) == 4, usual
web = net.create_security_group(name='web', description='the web')
offices = net.create_address_group(name='offices', addresses=['192.0.2.0/24'])
net.add_addresses_to_address_group(offices, ['198.51.100.7/32'])
assert net.get_address_group(offices.id).addresses == ['192.0.2.0/24', '198.51.100.7/32']
tcp = dict(security_group_id=web.id, direction='ingress', protocol='tcp', port_range_min=80, port_range_max=443)
rule = net.create_security_group_rule(**tcp, remote_address_group_id=offices.id)
net.create_security_group_rule(**tcp, remote_group_id=usual.id)
assert [x.remote_group_id for x in net.security_group_rules(security_group_id=web.id, protocol='tcp')] == [None, usual.id]
try:
    net.create_security_group_rule(**{**tcp, 'protocol': '6'}, remote_address_group_id=offices.id)
    raise AssertionError('a rule was made twice')
except exceptions.ConflictException as error:
    assert rule.id in str(error), error
p = net.update_port(p, security_group_ids=[web.id])
assert p.security_group_ids == [web.id], p
for used, delete in (web, net.delete_security_group), (offices, net.delete_address_group):
    try:
        delete(used)
        raise AssertionError(f'{used.name} was deleted while in use')
    except exceptions.ConflictException:
        pass
net.update_port(p, security_group_ids=[])
net.delete_security_group(web)
net.delete_address_group(offices)

for x in net.ports(network_id=n.id):
    net.delete_port(x)
net.delete_network(n)
assert net.find_network('sdk') is None
try:
    net.get_network(n.id)
    raise AssertionError('a deleted network is there')
except exceptions.NotFoundException as error:
    assert 'could not be found' in str(error), error
print('ok')
