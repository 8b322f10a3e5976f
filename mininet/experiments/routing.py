#!/usr/bin/python3
"""The classic three of routing, each packet's path shown hop by hop and proved: VLAN to VLAN, SNAT, floating IP.

    vm1 (VLAN 101)   vm2 (VLAN 102)                         server 198.51.100.2
         |                |                                      |
     chassis1         chassis2         chassis3                 isp
         |________________|________________|  datacenter         |
                          |________________|_____________________|  outside, 203.0.113.0/24

Both VLANs and the outside are networks of one router. chassis3 is its gateway; chassis2 has the outside too, so vm2's
floating IP lives there. `isp` is a foreign router and `server` a foreign host, both with their kernels' routing; neither
has a route to the VMs' addresses.

1. vlan: vm1 pings vm2. Routed on chassis1, so the frame is on VLAN 102 from there on.
2. snat: vm1 pings the server. chassis1 routes it and passes it to chassis3, which translates the source address.
3. floating-ip: the server pings vm2's floating IP. chassis2 translates the destination address.

Each ping is of a connection of its own. For each case three things are printed, and must agree:

- the frames of a request and its reply as tcpdump saw them at each place of the way;
- the path that the controller's trace foretells, each bridge and table with the resource whose flow the packet meets;
- beside each table how much the counter of that flow rose in the switch, which is at least the number of pings.

Last, where a VM sends, the controller sends such a packet itself (flowright trace --live) and tells which flows counted it.

Prints all that, and writes it to results/routing.txt beside this folder.
"""
import argparse
import re
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.topo import Topo

from flowright import VM, Chassis, Flowright, ForeignHost, ForeignRouter, PhysicalNetwork, Recorder, Underlay, run
from flowright.runs import wait_for

RESULTS = Path(__file__).resolve().parents[1] / 'results'
SERVER, ISP_INSIDE, ISP = '198.51.100.2', '198.51.100.1', '203.0.113.1'
PINGS = 3


class NoResult(Exception):
    """Something did not behave as it must; the message says what."""


class Site(Topo):
    """Two compute chassis and a gateway, two physical networks, a foreign router and a server behind it."""

    def build(self):
        self.addSwitch('underlay', cls=Underlay)
        for name in ('datacenter', 'outside'):
            self.addSwitch(name, cls=PhysicalNetwork)
        for name, more, links in (('chassis1', {}, ['datacenter']), ('chassis2', {}, ['datacenter', 'outside']),
                                  ('chassis3', {'gateway': 10}, ['datacenter', 'outside'])):
            self.addSwitch(name, cls=Chassis, **more)
            for link in ('underlay', *links):
                self.addLink(name, link)
        self.addHost('isp', cls=ForeignRouter, addresses=[f'{ISP}/24', f'{ISP_INSIDE}/24'])
        self.addHost('server', cls=ForeignHost, ip=f'{SERVER}/24', gateway=ISP_INSIDE)
        self.addLink('isp', 'outside')
        self.addLink('isp', 'server')
        for name in ('vm1', 'vm2'):
            self.addHost(name, cls=VM)


class World:
    """The site with a router between two VLANs, and two VMs."""

    def __init__(self, net):
        self.net, self.rest = net, net['c0'].rest
        self.router = self.rest.create('router', name='r1')
        group = self.rest.create('security_group', name='any')['id']
        self.rest.create('security_group_rule', security_group_id=group, direction='ingress')
        #: The router's MAC on each network.
        self.macs = {}
        self.ports = {}
        for vm, name, vlan, chassis in (('vm1', 'red', 101, 'chassis1'), ('vm2', 'green', 102, 'chassis2')):
            network = self.rest.create('network', name=name, **{
                'provider:network_type': 'vlan', 'provider:physical_network': 'datacenter', 'provider:segmentation_id': vlan})
            subnet = self.rest.create('subnet', network_id=network['id'], ip_version=4, cidr=f'10.{vlan - 100}.0.0/24')
            added = self.rest.call('PUT', f"/v2.0/routers/{self.router['id']}/add_router_interface", {'subnet_id': subnet['id']})
            self.macs[name] = self.rest.show('port', added['port_id'])['mac_address']
            self.ports[vm] = self.rest.create('port', name=vm, network_id=network['id'], security_groups=[group])['id']
            net[vm].plug(net[chassis], self.ports[vm])
        self.rest.wait_active(*self.ports.values())

    def open(self):
        """Gives the router a gateway, and vm2 a floating IP."""
        network = self.rest.create('network', name='outside', **{
            'router:external': True, 'provider:network_type': 'flat', 'provider:physical_network': 'outside'})
        self.rest.create('subnet', network_id=network['id'], ip_version=4, cidr='203.0.113.0/24', gateway_ip=ISP,
                         enable_dhcp=False)
        router = self.rest.update('router', self.router['id'], external_gateway_info={'network_id': network['id']})
        self.gateway = router['external_gateway_info']['external_fixed_ips'][0]['ip_address']
        made = self.rest.create('floatingip', floating_network_id=network['id'], port_id=self.ports['vm2'])
        self.floating_ip = made['floating_ip_address']

    def intf(self, here, there):
        """The interface of a node that leads to another."""
        return self.net[here].connectionsTo(self.net[there])[0][0].name


def vlan_to_vlan(world):
    """Routed on the sender's chassis; the wire has VLAN 102 and a MAC of that chassis, the VM the router's MAC."""
    vm1, vm2 = world.net['vm1'], world.net['vm2']
    return {
        'title': 'VLAN to VLAN through a router: vm1 pings vm2',
        'sender': vm1, 'address': vm2.IP(), 'asked': {'from': 'vm1', 'to': 'vm2'},
        'places': [
            ('vm1, eth0', vm1, 'eth0',
             lambda f: f.eth_dst == world.macs['red'] and f.ttl == 64),
            ('datacenter, into chassis2', world.net['datacenter'], world.intf('datacenter', 'chassis2'),
             lambda f: f.vlan == 102 and f.eth_src.startswith('0a:') and f.ttl == 63),
            ('vm2, eth0', vm2, 'eth0',
             lambda f: f.eth_src == world.macs['green'] and f.ttl == 63),
        ],
    }


def out_by_snat(world):
    """In a tunnel to the gateway's chassis, which sends it on from the router's address."""
    vm1, server = world.net['vm1'], world.net['server']
    return {
        'title': f'Out by SNAT: vm1 pings {SERVER}',
        'sender': vm1, 'address': SERVER, 'asked': {'from': 'vm1', 'to': SERVER},
        'places': [
            ('vm1, eth0', vm1, 'eth0', lambda f: f.src == vm1.IP() and f.ttl == 64),
            ('underlay, into chassis3', world.net['underlay'], world.intf('underlay', 'chassis3'),
             lambda f: f.vni is not None and f.src == vm1.IP()),
            ('datacenter, into chassis1', world.net['datacenter'], world.intf('datacenter', 'chassis1'), None),
            ('outside, into isp', world.net['outside'], world.intf('outside', 'isp'),
             lambda f: f.src == world.gateway and f.ttl == 63),
            ('server', server, server.defaultIntf().name, lambda f: f.src == world.gateway and f.ttl == 62),
        ],
    }


def in_by_floating_ip(world):
    """Translated on the VM's own chassis, which has the outside itself."""
    vm2, server = world.net['vm2'], world.net['server']
    return {
        'title': f'In by floating IP: {SERVER} pings {world.floating_ip}',
        'sender': server, 'address': world.floating_ip, 'asked': {'from': SERVER, 'to': world.floating_ip},
        'places': [
            ('server', server, server.defaultIntf().name, lambda f: f.dst == world.floating_ip and f.ttl == 64),
            ('outside, into chassis2', world.net['outside'], world.intf('outside', 'chassis2'),
             lambda f: f.dst == world.floating_ip and f.ttl == 63),
            ('vm2, eth0', vm2, 'eth0', lambda f: f.dst == vm2.IP() and f.eth_src == world.macs['green'] and f.ttl == 62),
        ],
    }


CASES = {'vlan': vlan_to_vlan, 'snat': out_by_snat, 'floating-ip': in_by_floating_ip}


def ping(case, count=1):
    """Pings of a connection each; returns how many were answered."""
    out = [run(case['sender'], 'sh', '-c', f"ping -n -c 1 -W 1 {case['address']} || true") for _ in range(count)]
    return sum('1 received' in printed for printed in out)


def trace(world, case, method='GET'):
    """The path that the controller foretells for the first packet; with POST it sends one, too."""
    query = urllib.parse.urlencode({**case['asked'], 'protocol': 'icmp'})
    found = world.rest.call(method, f'/flowright/v1/trace?{query}')['trace']
    if not found['delivered']:
        raise NoResult(f"{case['title']}: {found['sentence']}")
    return found


def steps(found):
    """The visits of a trace in order: tuples of arrival, visit, and what left the bridge there."""
    def walk(arrival, visit):
        yield arrival, visit
        for effect in visit['effects']:
            if 'visit' in effect:
                yield from walk(arrival, effect['visit'])
            if effect.get('arrival'):
                yield from walk(effect['arrival'], effect['arrival']['visit'])
    # What comes back from connection tracking goes on where it was; copies that went elsewhere are in between.
    ordered = []
    for arrival in found['arrivals']:
        places = [i for i, a in enumerate(ordered, 1) if a['chassis'] == arrival['chassis']] if arrival['by'] == 'ct' else []
        ordered.insert(max(places, default=len(ordered)), arrival)
    for arrival in ordered:
        yield from walk(arrival, arrival['visit'])


FLOW = re.compile(r'cookie=(0x[0-9a-f]+), .*?table=(\d+), n_packets=(\d+),')


def counters(world, path):
    """What the switches on a path have counted, by chassis, bridge, table and cookie."""
    counted = {}
    for chassis, bridge in {(arrival['chassis'], arrival['bridge']) for arrival, _ in path}:
        for cookie, table, packets in FLOW.findall(world.net[chassis].ofctl('dump-flows', bridge)):
            key = chassis, bridge, int(table), cookie
            counted[key] = counted.get(key, 0) + int(packets)
    return counted


def key_of(arrival, visit):
    """Under what `counters` has the flow of a visit."""
    return arrival['chassis'], arrival['bridge'], visit['table'], visit['flow']['cookie']


def prove(world, case, say):
    """Traces, pings, records and counts; raises NoResult where they disagree."""
    # The first ping asks for MAC addresses too.
    wait_for(f"an answer: {case['title']}", lambda: ping(case), 20)
    found = trace(world, case)
    path = list(steps(found))
    before = counters(world, path)
    recorders = [Recorder(node, intf, 'icmp or udp port 4789 or (vlan and icmp)') for _, node, intf, _ in case['places']]
    answered = ping(case, PINGS)
    frames = [recorder.stop() for recorder in recorders]
    if answered != PINGS:
        raise NoResult(f"{case['title']}: {answered} of {PINGS} pings were answered")
    say(f"== {case['title']}\n\n{found['sentence']}\n\nOn the wire, of {PINGS} pings the last:\n")
    seen_at = list(zip(case['places'], frames))
    for direction, kind, places in (('request', 8, seen_at), ('reply', 0, seen_at[::-1])):
        for (place, _, _, is_right), seen in places:
            matching = [frame for frame in seen if frame.icmp_type == kind]
            right = matching if kind == 0 or is_right is None else [frame for frame in matching if is_right(frame)]
            # The way back need not be the same: it is shown where it passes, and so are places on it alone.
            if kind == 8 and is_right is not None and len(right) != PINGS:
                wrong = f', such as {matching[-1]}' if matching else ''
                raise NoResult(f"{case['title']}: at {place} were {len(right)} of {PINGS} requests as expected{wrong}")
            if right:
                say(f'  {direction:8}{place:27}{right[-1]}')
    say('\nTables, the packets that the flow counted meanwhile, and whose flow it is:\n')
    rises = {}

    def all_counted():
        # Switches tell their counters up to a second late.
        after = counters(world, path)
        rises.update({key: after[key] - before.get(key, 0) for key in after})
        return all(rises.get(key_of(*step), 0) >= PINGS for step in path)
    try:
        wait_for('the counters', all_counted, 5, 0.3)
    except TimeoutError:
        silent = [f"{v['name']} on {a['chassis']}" for a, v in path if rises.get(key_of(a, v), 0) < PINGS]
        raise NoResult(f"{case['title']}: counted too little: {', '.join(silent)}") from None
    show(path, rises, say)
    say('')
    if isinstance(case['sender'], VM):
        live = trace(world, case, 'POST')['live']
        say(f"{live['sentence']}\n")
        if not live['as_traced']:
            raise NoResult(f"{case['title']}: {live['sentence']}")
    return len({(a['chassis'], a['bridge'], v['table']) for a, v in path})


CAME = {'start': '', 'patch': '', 'tunnel': ', out of a tunnel', 'physical': ', from the physical network',
        'ct': ', after connection tracking'}


def show(path, rises, say):
    """Prints the tables of a path, bridge by bridge, and by which port the packet left each."""
    last = None
    for arrival, visit in path:
        if arrival is not last:
            say(f"  {arrival['chassis']} {arrival['bridge']}, port {arrival['port']}{CAME[arrival['by']]}")
        last = arrival
        owners = list(dict.fromkeys(r['words'] for r in visit['flow']['resources'] if r['kind'] != 'pipeline'))
        whose = ', '.join(owners[:2]) + (', ...' if len(owners) > 2 else '')
        say(f"    {visit['table']:3} {visit['name']:22} +{rises[key_of(arrival, visit)]:<4} {whose}".rstrip())
        for effect in visit['effects']:
            if effect['type'] == 'output':
                say(f"        -> port {effect['port']}: {effect['to']}")


def experiment(cases, say):
    """Runs the cases; yields for each its name, the seconds that it took and the tables of its path."""
    net = Mininet(topo=Site(), controller=Flowright, build=False)
    try:
        net.start()
        world = World(net)
        if set(cases) - {'vlan'}:
            world.open()
        for name in cases:
            start = time.monotonic()
            tables = prove(world, CASES[name](world), say)
            yield name, time.monotonic() - start, tables
    finally:
        net.stop()


def main():
    """Runs, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', default=','.join(CASES), help='which, and in which order (default: %(default)s)')
    parser.add_argument('--results', type=Path, default=RESULTS, help='where the text goes (default: %(default)s)')
    options = parser.parse_args()
    cases = options.cases.split(',')
    if not set(cases) <= set(CASES):
        parser.error(f"cases are {', '.join(CASES)}")
    setLogLevel('error')
    said = []

    def say(text):
        print(text, flush=True)
        said.append(text)
    try:
        for name, seconds, tables in experiment(cases, say):
            print(f'{name}: as foretold, through {tables} tables  ({seconds:.0f} s)\n', flush=True)
    except (NoResult, TimeoutError) as error:
        print(f'{error}: no result', file=sys.stderr)
        return 1
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / 'routing.txt').write_text('\n'.join(said), encoding='utf-8')
    print(f"written: {options.results / 'routing.txt'}")
    return 0


if __name__ == '__main__':
    sys.exit(main())
