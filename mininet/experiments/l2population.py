#!/usr/bin/python3
"""How many broadcast packets cross the underlay, with l2population and without, for N hosts.

Each of N chassis has one VM on one VXLAN network; then every VM pings every other once, with empty ARP caches.

Without: plain flood and learn, as a switch does: broadcast goes to all other VTEPs, addresses are learned from what
arrives (flows by hand, no controller). With: Flowright, which knows every address and answers ARP on the chassis of
the VM that asks. Counted are VXLAN packets whose inner frame is broadcast or multicast, as they leave the chassis;
the VMs speak IPv4 only, so that the count is ARP's.

Prints a table, and writes results/l2population.csv and .png beside this folder.
"""
import argparse
import csv
import ipaddress
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mininet.log import setLogLevel
from mininet.net import Mininet

from flowright import VXLAN_BROADCAST, Cloud, Counter, Flowright, Nic, run

RESULTS = Path(__file__).resolve().parents[1] / 'results'
SUBNET = ipaddress.ip_network('10.0.0.0/24')
VNI = 100


def flood_and_learn(chassis, others, tap):
    """Makes br-int forward like a switch whose ports are a VM and a tunnel to each other VTEP."""
    vm, tunnel = (chassis.vsctl('get', 'Interface', name, 'ofport').strip() for name in (tap, 'vxlan'))
    to_all = ''.join(f',set_field:{other.vtep}->tun_dst,output:{tunnel}' for other in others)
    # Table 10: where an address is; a frame from the tunnel never goes back into it.
    chassis.ofctl('add-flows', 'br-int', '-', stdin='\n'.join([
        f'table=0,in_port={vm},actions=set_field:{VNI}->tun_id,'
        'learn(table=10,idle_timeout=300,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),goto_table:10',
        f'table=0,in_port={tunnel},tun_id={VNI},actions='
        'learn(table=10,idle_timeout=300,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],'
        f'load:NXM_NX_TUN_IPV4_SRC[]->NXM_NX_TUN_IPV4_DST[],output:NXM_OF_IN_PORT[]),output:{vm}',
        f'table=10,priority=0,in_port={vm},actions=set_field:{VNI}->tun_id{to_all}',
    ]) + '\n')


def plug_by_hand(net, n):
    """The baseline: flows by hand on every chassis, a VM on each."""
    everyone = [net[f'chassis{i}'] for i in range(1, n + 1)]
    for i, chassis in enumerate(everyone, 1):
        nic = Nic(f'{i:08x}-0000', f'fa:16:3e:00:00:{i:02x}', [f'{SUBNET[i + 1]}/{SUBNET.prefixlen}'])
        chassis.vsctl('add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev', 'fail_mode=secure',
                      '--', 'add-port', 'br-int', 'vxlan', '--', 'set', 'Interface', 'vxlan', 'type=vxlan',
                      'options:remote_ip=flow', 'options:key=flow')
        net[f'vm{i}'].plug(chassis, nic)
        flood_and_learn(chassis, [c for c in everyone if c is not chassis], nic.tap)


def plug_by_api(net, n):
    """The same through Flowright."""
    rest = net['c0'].rest
    network = rest.create('network', name='l2population')
    rest.create('subnet', network_id=network['id'], ip_version=4, cidr=str(SUBNET), enable_dhcp=False)
    ports = rest.create_all('port', [{'network_id': network['id']} for _ in range(n)])
    for i, port in enumerate(ports, 1):
        net[f'vm{i}'].plug(net[f'chassis{i}'], port['id'])
    rest.wait_active(*(port['id'] for port in ports))


def ping_all(net, n):
    """Every VM pings every other once; returns how many replies came."""
    vms = [net[f'vm{i}'] for i in range(1, n + 1)]
    return sum(a.ping(b.IP(), wait=2) for a in vms for b in vms if a is not b)


def measure(n, l2population):
    """One run with N hosts; returns broadcast packets on the underlay and replies."""
    net = Mininet(topo=Cloud(chassis=n, vms=n), controller=Flowright if l2population else None, build=False)
    try:
        net.start()
        for i in range(1, n + 1):
            run(net[f'vm{i}'], 'sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1')
        (plug_by_api if l2population else plug_by_hand)(net, n)
        counter = Counter(net['underlay'], VXLAN_BROADCAST)
        replies = ping_all(net, n)
        return counter.stop(), replies
    finally:
        net.stop()


def plot(rows, path):
    """Draws both curves."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(6.4, 4), layout='constrained')
    hosts = [row['hosts'] for row in rows]
    for key, label, color, above in (('without', 'flood and learn', '#b2453c', 6),
                                     ('with', 'l2population (Flowright)', '#2f6f9f', -13)):
        counts = [row[key] for row in rows]
        axes.plot(hosts, counts, 'o-', color=color, label=label)
        for x, y in zip(hosts, counts):
            axes.annotate(str(y), (x, y), textcoords='offset points', xytext=(0, above), ha='center',
                          fontsize=8, color=color)
    axes.set(xlabel='hosts, one VM each; every VM pings every other', ylabel='broadcast packets on the underlay',
             xticks=hosts)
    axes.margins(y=0.12)
    axes.spines[['top', 'right']].set_visible(False)
    axes.legend(frameon=False, loc='upper left')
    figure.savefig(path, dpi=100)


def main():
    """Runs both for each number of hosts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--hosts', default='2,4,6,8,10', help='numbers of hosts (default: %(default)s)')
    parser.add_argument('--results', type=Path, default=RESULTS, help='where the CSV and the plot go (default: %(default)s)')
    options = parser.parse_args()
    setLogLevel('error')
    rows = []
    print('hosts  pings  without  with', flush=True)
    for n in map(int, options.hosts.split(',')):
        start = time.monotonic()
        (without, replies), (with_it, also) = measure(n, False), measure(n, True)
        expected = n * (n - 1)
        if (replies, also) != (expected, expected):
            print(f'{n} hosts: {replies} and {also} of {expected} pings were answered: no result', file=sys.stderr)
            return 1
        rows.append({'hosts': n, 'pings': expected, 'without': without, 'with': with_it})
        print(f'{n:5}  {expected:5}  {without:7}  {with_it:4}   ({time.monotonic() - start:.0f} s)', flush=True)
    options.results.mkdir(parents=True, exist_ok=True)
    with open(options.results / 'l2population.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, options.results / 'l2population.png')
    print(f"written: {options.results / 'l2population.csv'} and .png")
    return 0


if __name__ == '__main__':
    sys.exit(main())
