#!/usr/bin/python3
"""How long traffic to the outside stops when the active gateway dies, with the controller running and stopped.

    vm1 (VXLAN)                                            server 198.51.100.2
        |                                                       |
    chassis1        chassis2          chassis3                 isp
               gateway, priority 20  gateway, priority 10       |
                       |_________________|______________________|  outside, 203.0.113.0/24

vm1 pings the server every 10 ms, through SNAT on the active gateway, chassis2. In each run ovs-vswitchd of chassis2 is
killed (kill -9), and later started again: it comes back without a single flow. Measured is the longest time without a
reply each time, in milliseconds (so 10 ms is none):

- failover: from the kill until traffic goes by chassis3;
- return: from the new start until traffic goes by chassis2 again, which is when the controller has programmed it.

With the controller stopped (kill -9 too, before the gateway is) there is a third: chassis2 starts without flows and
without anybody to program it, and must not get any traffic (unprogrammed). Then the controller starts: return.

Which gateway is active shows in the switch of the physical network: behind which link it has learned the gateway's MAC.
A run counts only if that moved as it should.

Prints a table, and writes results/gateway_failover.csv and .png beside this folder.
"""
import argparse
import csv
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.topo import Topo

from flowright import VM, Chassis, Flowright, ForeignHost, ForeignRouter, Underlay, UntaggedNetwork
from flowright.runs import wait_for

RESULTS = Path(__file__).resolve().parents[1] / 'results'
SERVER, ISP_INSIDE, ISP = '198.51.100.2', '198.51.100.1', '203.0.113.1'
INTERVAL = 0.01
#: Seconds before each run: datapaths forget by then what they cached while the other gateway was active.
PAUSE = 12
REPLY = re.compile(r'\[(\d+\.\d+)\] \d+ bytes from .*icmp_seq=(\d+)')


class NoResult(Exception):
    """Something did not behave as it must; the message says what."""


class Site(Topo):
    """A compute chassis, two gateways, a foreign router and a server behind it."""

    def build(self):
        self.addSwitch('underlay', cls=Underlay)
        self.addSwitch('outside', cls=UntaggedNetwork)
        for name, gateway in (('chassis1', None), ('chassis2', 20), ('chassis3', 10)):
            self.addSwitch(name, cls=Chassis, **({} if gateway is None else {'gateway': gateway}))
            self.addLink(name, 'underlay')
            if gateway is not None:
                self.addLink(name, 'outside')
        self.addHost('isp', cls=ForeignRouter, addresses=[f'{ISP}/24', f'{ISP_INSIDE}/24'])
        self.addHost('server', cls=ForeignHost, ip=f'{SERVER}/24', gateway=ISP_INSIDE)
        self.addLink('isp', 'outside')
        self.addLink('isp', 'server')
        self.addHost('vm1', cls=VM)


class Pings:
    """A ping every 10 ms, from the start until `stop()`."""

    def __init__(self, vm, address):
        self.out = tempfile.TemporaryFile('w+')
        self.process = vm.popen(['ping', '-n', '-D', '-i', str(INTERVAL), address], stdout=self.out)

    def replies(self):
        """The times (seconds since the epoch) of the replies so far, by sequence number."""
        self.out.seek(0)
        return {int(seq): float(at) for at, seq in REPLY.findall(self.out.read())}

    def longest_gap(self, since):
        """The longest time without a reply since a time, in ms."""
        times = sorted(self.replies().values())
        # The last reply before that time begins the first gap.
        first = max((i for i, at in enumerate(times) if at <= since), default=0)
        times = times[first:] + [time.time()]
        return 1000 * max(b - a for a, b in zip(times, times[1:]))

    def stop(self):
        """Ends it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        self.out.close()


class World:
    """vm1 behind a router whose gateway is on chassis2 or chassis3."""

    def __init__(self, net):
        self.net, self.controller, self.rest = net, net['c0'], net['c0'].rest
        inside = self.rest.create('network', name='inside')
        subnet = self.rest.create('subnet', network_id=inside['id'], ip_version=4, cidr='10.0.0.0/24')
        outside = self.rest.create('network', name='outside', **{
            'router:external': True, 'provider:network_type': 'flat', 'provider:physical_network': 'outside'})
        self.rest.create('subnet', network_id=outside['id'], ip_version=4, cidr='203.0.113.0/24', gateway_ip=ISP,
                         enable_dhcp=False)
        router = self.rest.create('router', name='r1', external_gateway_info={'network_id': outside['id']})
        self.rest.call('PUT', f"/v2.0/routers/{router['id']}/add_router_interface", {'subnet_id': subnet['id']})
        gateway = self.rest.list('port', device_id=router['id'], network_id=outside['id'])[0]
        self.mac = gateway['mac_address']
        self.port = self.rest.create('port', name='vm1', network_id=inside['id'])['id']
        net['vm1'].plug(net['chassis1'], self.port)
        self.rest.wait_active(self.port)
        wait_for('answers from the server by chassis2', lambda: net['vm1'].ping(SERVER) and self.active() == 'chassis2', 30)

    def active(self):
        """The chassis behind whose link the physical network has learned the gateway's MAC."""
        return self.net['outside'].link_of(self.mac)

    def expect(self, chassis, seconds=30):
        """Waits until a chassis is the active gateway."""
        wait_for(f'traffic by {chassis}', lambda: self.active() == chassis, seconds, 0.02)

    def kill(self):
        """Kills ovs-vswitchd of chassis2."""
        os.kill(int((self.net['chassis2'].dir / 'ovs-vswitchd.pid').read_text()), signal.SIGKILL)


def one_run(world, is_stopped, pause):
    """Kills and restarts the active gateway; returns what was measured."""
    world.expect('chassis2')
    time.sleep(pause)
    row = {'controller': 'stopped' if is_stopped else 'running'}
    pings = Pings(world.net['vm1'], SERVER)
    try:
        time.sleep(0.5)
        if is_stopped:
            world.controller.stop_process(signal.SIGKILL)
            time.sleep(0.5)
        since = time.time()
        world.kill()
        world.expect('chassis3')
        time.sleep(1)
        row['failover_ms'] = pings.longest_gap(since)
        since = time.time()
        world.net['chassis2'].start_switch()
        if is_stopped:
            time.sleep(3)
            if world.active() != 'chassis3':
                raise NoResult(f'traffic goes by {world.active()}, which nobody has programmed')
            row['unprogrammed_ms'] = pings.longest_gap(since)
            since = time.time()
            world.controller.start_process()
        world.expect('chassis2')
        time.sleep(2)
        row['return_ms'] = pings.longest_gap(since)
        if world.active() != 'chassis2':
            raise NoResult(f'traffic did not stay on chassis2: it goes by {world.active()}')
        replies = pings.replies()
        row['lost'] = max(replies) - len(replies)
    finally:
        pings.stop()
    return row


def measure(runs, pause):
    """Yields a row for each run: with the controller running, then stopped, in turn."""
    net = Mininet(topo=Site(), controller=Flowright, build=False)
    try:
        net.start()
        world = World(net)
        for run in range(1, runs + 1):
            for is_stopped in (False, True):
                yield {'run': run, **one_run(world, is_stopped, pause)}
    finally:
        net.stop()


MEASURED = (('failover_ms', 'failover', '#b2453c'), ('return_ms', 'return', '#2f6f9f'), ('unprogrammed_ms', 'unprogrammed', '#b98a2f'))


def values_of(rows, controller, key):
    """What was measured with the controller running or stopped."""
    return [row[key] for row in rows if row['controller'] == controller and key in row]


def plot(rows, path):
    """Draws every run, and the medians."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(7.2, 4), layout='constrained')
    labels = []
    for controller in ('running', 'stopped'):
        for key, label, color in MEASURED:
            values = values_of(rows, controller, key)
            if not values:
                continue
            x = len(labels)
            back = controller == 'stopped' and key == 'return_ms'
            labels.append(f"{label},\ncontroller {'started again' if back else controller}")
            spread = [x + 0.24 * (i / max(len(values) - 1, 1) - 0.5) for i in range(len(values))]
            axes.plot(spread, values, 'o', color=color, alpha=0.6, markersize=5)
            median = statistics.median(values)
            axes.plot([x - 0.25, x + 0.25], [median, median], color=color)
            axes.annotate(f'{median:.0f}', (x + 0.28, median), fontsize=8, color=color, va='center')
    axes.axhline(1000, color='#999999', linewidth=0.8, linestyle='--')
    axes.set_xticks(range(len(labels)), labels, fontsize=7)
    axes.set(ylabel='longest time without a reply, ms', ylim=(0, None))
    axes.margins(x=0.1)
    axes.spines[['top', 'right']].set_visible(False)
    figure.savefig(path, dpi=100)


COLUMNS = (('run', 4), ('controller', 11), ('failover_ms', 12), ('unprogrammed_ms', 16), ('return_ms', 10), ('lost', 5))


def main():
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=10, help='default: %(default)s')
    parser.add_argument('--pause', type=float, default=PAUSE, help='seconds before each run (default: %(default)s)')
    parser.add_argument('--results', type=Path, default=RESULTS, help='where the CSV and the plot go (default: %(default)s)')
    options = parser.parse_args()
    setLogLevel('error')
    rows = []
    print(''.join(name.rjust(width) for name, width in COLUMNS), flush=True)
    try:
        for row in measure(options.runs, options.pause):
            row = {key: round(value) if isinstance(value, float) else value for key, value in row.items()}
            rows.append(row)
            print(''.join(str(row.get(name, '')).rjust(width) for name, width in COLUMNS), flush=True)
    except (NoResult, TimeoutError) as error:
        print(f'{error}: no result', file=sys.stderr)
        return 1
    for controller in ('running', 'stopped'):
        for key, label, _ in MEASURED:
            values = values_of(rows, controller, key)
            if values:
                print(f'{label}, controller {controller}: {min(values)} to {max(values)} ms, median '
                      f'{statistics.median(values):.0f} ms')
    options.results.mkdir(parents=True, exist_ok=True)
    with open(options.results / 'gateway_failover.csv', 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, [name for name, _ in COLUMNS], lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, options.results / 'gateway_failover.png')
    print(f"written: {options.results / 'gateway_failover.csv'} and .png")
    return 0


if __name__ == '__main__':
    sys.exit(main())
