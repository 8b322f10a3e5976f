#!/usr/bin/python3
"""Walks through routers, floating IPs and firewalls with openstacksdk: PORT. Prints `ok` when all is as its users expect."""
import sys

import openstack
from openstack import exceptions

net = openstack.connection.Connection(auth_type='none', endpoint=f'http://127.0.0.1:{sys.argv[1]}').network


def refused(kind, call, *args, **more):
    try:
        call(*args, **more)
    except kind:
        return True
    return False


public = net.create_network(name='public', is_router_external=True)
outer = net.create_subnet(network_id=public.id, cidr='203.0.113.0/24', ip_version=4)
inner = net.create_network(name='inner')
s4 = net.create_subnet(network_id=inner.id, cidr='10.0.0.0/24', ip_version=4)
s6 = net.create_subnet(network_id=inner.id, cidr='fd00::/64', ip_version=6, ipv6_address_mode='slaac', ipv6_ra_mode='slaac')

r = net.create_router(name='r', external_gateway_info={'network_id': public.id, 'enable_snat': False,
                                                       'external_fixed_ips': [{'ip_address': '203.0.113.10'}]})
assert r.external_gateway_info == {'network_id': public.id, 'enable_snat': False,
                                   'external_fixed_ips': [{'subnet_id': outer.id, 'ip_address': '203.0.113.10'}]}, r
assert r.is_distributed and r.is_ha and r.status == 'ACTIVE'
assert net.add_interface_to_router(r, subnet_id=s4.id)['subnet_ids'] == [s4.id]
net.add_interface_to_router(r, subnet_id=s6.id)
assert {ip['ip_address'] for p in net.ports(device_id=r.id, network_id=inner.id) for ip in p.fixed_ips} == {'10.0.0.1', 'fd00::'}
assert refused(exceptions.BadRequestException, net.add_interface_to_router, r, subnet_id=s4.id)
net.update_router(r, routes=[{'destination': '10.9.0.0/16', 'nexthop': '10.0.0.9'}])
assert len(net.add_extra_routes_to_router(r, {'router': {'routes': [{'destination': '10.8.0.0/16', 'nexthop': '10.0.0.9'}]}}).routes) == 2
assert refused(exceptions.ConflictException, net.remove_interface_from_router, r, subnet_id=s4.id)
net.update_router(r, routes=[])
assert [x.id for x in net.routers(name='r')] == [r.id]

vm = net.create_port(network_id=inner.id, device_owner='compute:nova', fixed_ips=[{'subnet_id': s4.id}])
f = net.create_ip(floating_network_id=public.id, port_id=vm.id)
assert (f.router_id, f.fixed_ip_address, f.status) == (r.id, '10.0.0.2', 'ACTIVE'), f
assert f.port_details['mac_address'] == vm.mac_address
assert net.find_ip(f.floating_ip_address).id == f.id
assert refused(exceptions.ConflictException, net.update_router, r, external_gateway_info={})
assert refused(exceptions.ConflictException, net.delete_port, list(net.ports(device_id=r.id))[0])
f = net.update_ip(f, port_id=None)
assert f.router_id is None and f.status == 'DOWN', f
forwarding = net.create_port_forwarding(floatingip_id=f.id, internal_port_id=vm.id, internal_ip_address='10.0.0.2',
                                        internal_port=22, external_port=2222, protocol='tcp')
assert [x.external_port for x in net.floating_ip_port_forwardings(f.id)] == [2222]
assert net.get_port_forwarding(forwarding.id, f.id).internal_port == 22
assert net.update_port_forwarding(forwarding, f.id, internal_port=80).internal_port == 80
assert refused(exceptions.ConflictException, net.delete_ip, f)
net.delete_port_forwarding(forwarding, f.id)
net.delete_ip(f)

web = net.create_firewall_rule(name='web', action='allow', protocol='tcp', destination_port='80:443')
rest = net.create_firewall_rule(action='reject')
policy = net.create_firewall_policy(name='p', firewall_rules=[rest.id])
net.insert_rule_into_policy(policy.id, firewall_rule_id=web.id, insert_before=rest.id)
assert net.get_firewall_policy(policy.id).firewall_rules == [web.id, rest.id]
group = net.create_firewall_group(name='g', ingress_firewall_policy_id=policy.id, ports=[vm.id])
assert group.status == 'ACTIVE' and group.ports == [vm.id], group
assert refused(exceptions.ConflictException, net.delete_firewall_policy, policy)
assert {x.name for x in net.firewall_groups()} == {'default', 'g'}
net.update_firewall_group(group, ports=[])
net.delete_firewall_group(group)
net.remove_rule_from_policy(policy.id, firewall_rule_id=web.id)
net.delete_firewall_policy(policy)
net.delete_firewall_rule(web)

net.delete_port(vm)
for subnet in (s4, s6):
    net.remove_interface_from_router(r, subnet_id=subnet.id)
net.delete_router(r)
net.delete_network(public)
net.delete_network(inner)
assert not [p for p in net.ports() if p.network_id in (inner.id, public.id)]
print('ok')
